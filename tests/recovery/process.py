"""WorkerProcess: `fluvial run` as people start it, watched from outside: its words, its /ready, its end."""

import os
import re
import shutil
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.services.process import Child, guarded, launch

ROOT = Path(__file__).resolve().parents[2]

BOUND = "-dac_override,-dac_read_search"
"""What root loses so that the rights of files hold for it as for everybody."""


class WorkerProcess:
    """A worker of ``pipeline.yaml`` in ``folder`` with its log and its store in ``home``."""

    def __init__(self, folder: Path, home: Path, name: str) -> None:
        self._said = folder / f"{name}.txt"
        env = {
            "FLUVIAL_HOME": str(home),
            "FLUVIAL_LOG": "",
            "FLUVIAL_STORE": "",
            "FLUVIAL_KEY_FILE": str(folder / "key"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        run = [sys.executable, "-m", "fluvial", "run", str(folder / "pipeline.yaml"), "--metrics-port", "0"]
        self._child: Child = launch(name, guarded([*_bound(), *run]), self._said, env)

    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._child.alive()

    def said(self) -> str:
        """All that it has written."""
        return self._said.read_text(errors="replace")

    def trouble(self) -> str:
        """Why it is not ready, as it says itself; empty where it is."""
        address = re.search(r"http://127\.0\.0\.1:\d+", self.said())
        if address is None:
            return "it has no address yet"
        try:
            with urllib.request.urlopen(f"{address[0]}/ready", timeout=5):
                return ""
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.read().decode().strip()
        except OSError as error:
            return f"nobody answers: {error}"

    def kill9(self) -> None:
        """Kill it without notice."""
        self._child.kill9()

    def stop(self) -> int:
        """Ask it to end, and wait until it has; its exit code."""
        self._child.stop(signal.SIGTERM)
        return self._child.process.returncode


def _bound() -> list[str]:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return []
    return ["setpriv", f"--bounding-set={BOUND}", f"--inh-caps={BOUND}"]
