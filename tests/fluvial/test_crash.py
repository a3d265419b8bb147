"""kill -9 at random moments: the same journal gives the same model, whatever happens."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 100


@pytest.mark.timeout(420)
def test_a_hundred_kills_leave_the_model_the_journal_gives(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fluvial.crash", str(tmp_path), str(KILLS), "7"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        env=os.environ | {"PYTHONHASHSEED": "random"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills_at_work"] >= 0.7 * KILLS, found
    assert found["difference"] is None
    assert found["digest"] == found["replayed"]
    assert found["events_with_two_predictions"] == 0
    assert found["predicted_events"] == found["events"] == KILLS * 300
    assert found["learned"] == found["used"] == found["labels"]
    assert found["duplicate_labels"] == 0
