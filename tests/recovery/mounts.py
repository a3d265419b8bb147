"""Mounts: small disks of their own, in a namespace of their own, so that none outlives whoever made it."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.parts import UnavailableError

ROOT = Path(__file__).resolve().parents[2]
ALONE = ["unshare", "--mount", "--propagation", "private"]
CHUNK = 1 << 16


def run_alone(module: str, *words: str) -> str:
    """What ``python -m module`` prints, run where its mounts end with it. Raises UnavailableError."""
    probe = [*ALONE, "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]
    try:
        tried = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError as error:
        raise UnavailableError(f"small disks need unshare and mount (util-linux): {error}") from None
    if tried.returncode:
        raise UnavailableError(f"this user may not mount small disks, only root may: {tried.stderr.strip()}")
    command = [*ALONE, sys.executable, "-m", module, *words]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    env = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


class Disk:
    """A small disk at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Take all the room there is."""
        with (self.path / "filler").open("ab", buffering=0) as filler:
            for size in (CHUNK, 1):
                try:
                    while filler.write(bytes(size)):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give the room back."""
        (self.path / "filler").unlink()

    def mount_read_only(self, yes: bool) -> None:
        """Mount it for reading alone, or for writing again; no file on it may be open for writing."""
        _mount("-o", "remount,ro" if yes else "remount,rw", str(self.path))


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Disk]:
    """A disk in memory, for as long as the block lasts; only inside :func:`run_alone`."""
    path.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size},mode=0755", "none", str(path))
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", str(path)], check=True, timeout=30)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, timeout=30)
