"""The jars of Apache Kafka, fetched once per user with Maven."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.services.kafka_settings import POM, kafka_version
from tests.services.parts import UnavailableError

INSTALL = "set FLUVIAL_TEST_KAFKA=host:port, start Docker, or install Java 17 (or later) and Maven"
FETCH = ("mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies")


def jars() -> Path:
    """The folder of the jars, fetched (44 MB) when it is not there yet."""
    _check_java()
    target = _cache() / f"kafka-{kafka_version()}"
    if not target.is_dir():
        _fetch(target)
    return target


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fluvial"


def _check_java() -> None:
    if not shutil.which("java"):
        raise UnavailableError(f"no java on the PATH: {INSTALL}")
    said = subprocess.run(
        ["java", "-version"], capture_output=True, text=True, check=False, timeout=30
    ).stderr
    found = re.search(r'version "(\d+)', said)
    if not found or int(found[1]) < 17:
        raise UnavailableError(f"Kafka needs Java 17 or later, this is {said.splitlines()[:1]}: {INSTALL}")


def _fetch(target: Path) -> None:
    """Fetch next to the target and rename: another run never sees half a folder."""
    if not shutil.which("mvn"):
        raise UnavailableError(f"no mvn on the PATH: {INSTALL}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        complete = Path(scratch) / "jars"
        _run_maven(complete)
        if not target.is_dir():  # another run may have been faster
            complete.rename(target)


def _run_maven(folder: Path, attempts: int = 2) -> None:
    """Let Maven copy the jars into a folder; the second attempt goes on where a broken download stopped."""
    said = ""
    for _ in range(attempts):
        done = subprocess.run(
            [*FETCH, f"-DoutputDirectory={folder}"], capture_output=True, text=True, check=False, timeout=150
        )
        if done.returncode == 0:
            return
        said = (done.stdout + done.stderr).strip()[-500:]
    raise UnavailableError(f"Maven could not fetch Kafka ({said}): {INSTALL}")


if __name__ == "__main__":
    print(f"Kafka's jars are in {jars()}")
