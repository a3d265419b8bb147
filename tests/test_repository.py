"""What is in the repository works on any machine and fetches only what is pinned."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")
# written in pieces, so that this file is not its own first finding
MACHINE_PATHS = re.compile(r"(?<![\w.$}~-])/(?:work|root|home/\w+|Users/\w+|tmp/bash" + r"_jobs)/")
REGISTRIES = re.compile(
    "|".join(
        [
            r"py" + r"pi\.(?:org|python\.org)",
            r"pythonhosted" + r"\.org",
            r"repo1?\.maven" + r"(?:\.apache)?\.org",
            r"registry\.npmjs" + r"\.(?:org|com)",
            r"proxy\.golang" + r"\.org",
            r"--(?:extra-)?index" + r"-url",
            r"--find" + r"-links",
        ]
    )
)


@cache
def tracked() -> list[Path]:
    """Every text file that git tracks and that is still there."""
    # the checkout may belong to another user than the one who tests
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=30)
    if listing.returncode:
        pytest.skip("this is not a git checkout")
    names = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in names if path.is_file() and b"\0" not in path.read_bytes()[:8_000]]


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs, as `file:line: text`."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def pins(lock: str) -> dict[str, str]:
    """Package with its marker → version, as a lock file has them."""
    lines = re.findall(r"^([a-z0-9._-]+)==(\S+)(.*?)\\$", (ROOT / lock).read_text(), re.MULTILINE)
    return {f"{name}{marker.rstrip()}": version for name, version, marker in lines}


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert found(MACHINE_PATHS) == []


def test_no_file_names_a_package_registry() -> None:
    assert found(REGISTRIES) == []


def test_every_folder_of_tests_is_a_package() -> None:
    # without __init__.py, tests/consumers would shadow the package consumers
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_a_hash(lock: str) -> None:
    requirements = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    loose = [line for line in requirements if "--hash=sha256:" not in line or "==" not in line]
    assert [line for line in loose if line.strip() and not line.startswith("#")] == []


def test_the_locks_agree_on_every_version() -> None:
    runtime, development, build = map(pins, LOCKS)
    assert runtime
    assert build
    assert {name: pin for name, pin in runtime.items() if development.get(name) != pin} == {}
    assert {name: pin for name, pin in build.items() if development.get(name, pin) != pin} == {}
