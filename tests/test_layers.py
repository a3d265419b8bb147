"""Imports go the way the data goes: consumers ← learners ← monitors ← fluvial."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def test_no_package_imports_one_that_comes_after_it() -> None:
    # a process of its own: it reads the files as they are and keeps its cache out of this run
    done = subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
