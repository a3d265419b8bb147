"""What becomes of a stream while the disk of log and store is full, closed to the worker, or read-only.

``python -m tests.recovery.disk N SEED FOLDER`` prints the figures of N episodes, as JSON; it wants a
mount namespace of its own: see :func:`episodes`.
"""

import json
import random
import re
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from fluvial.cli import UNREACHABLE
from tests.fluvial.world import COINS, KEY, World, coins, embedded_world
from tests.recovery.mounts import Disk, run_alone, small_disk
from tests.recovery.oracle import judge
from tests.recovery.process import WorkerProcess
from tests.recovery.supply import Supply
from tests.waiting import wait_until

NOTICED, BACK = 5.0, 30.0
"""Seconds within which a worker must say that it is not ready, and have caught up once the disk is well."""

SIZE = "64m"
FILES = ("log.db", "store.db")
DISK = re.compile("is full|room on it|read-only|may be written to|may not be written|the path and its rights")
"""What a worker says of a disk."""
HELPINGS = 3
"""So many come right before each fault: with small batches the worker is behind when it strikes."""

SMALL = {"batch": 5, "snapshot_every": 300}


def episodes(n: int, seed: int, folder: Path) -> dict[str, Any]:
    """The figures of ``n`` episodes, ``ok`` where all promises held. Raises UnavailableError."""
    said = run_alone(__name__, str(n), str(seed), str(folder))
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


class Scene:
    """A worker on a small disk, and what was seen of it."""

    def __init__(self, folder: Path, disk: Disk, rng: random.Random) -> None:
        self._folder, self._disk, self._rng = folder, disk, rng
        self.world = _opened(disk)
        self.supply = Supply(self.world, rng)
        self.noticed: list[float] = []
        self.back: list[float] = []
        self.full_disks = self.refused = self.in_vain = self.deaths = self.damaged = 0
        self._lives = count()
        self._worker = self._start()
        self._wait(self._caught_up, "the first worker is ready", 60)

    @property
    def kinds(self) -> tuple[Callable[[], None], ...]:
        """What happens to the disk, in the order in which it is drawn."""
        return (
            *(self.full_for_the_log, self.read_only_at_start, self.full_for_both, self.unwritable),
            *(self.full_at_start, self.full_for_the_log, self.unwritable_at_start),
        )

    def full_for_the_log(self) -> None:
        """All room is taken while the worker is at work, and given back; the store has room of its own."""
        self._suffer(lambda: self._fill("log.db"), self._disk.free)
        self.full_disks += 1

    def full_for_both(self) -> None:
        """All room is taken while the worker is at work, and given back."""
        self._suffer(self._fill, self._disk.free)
        self.full_disks += 1

    def unwritable(self) -> None:
        """The folder's rights are taken away while the worker is at work, and given back."""
        self._suffer(self._close_folder, self._open_folder)

    def full_at_start(self) -> None:
        """The worker dies and comes back to a full disk."""
        self._come_back(self._fill, self._disk.free)

    def unwritable_at_start(self) -> None:
        """The worker dies and comes back to a folder that it may not write to."""
        self._come_back(self._close_folder, self._open_folder)

    def read_only_at_start(self) -> None:
        """The worker dies and comes back to a disk that is mounted for reading alone."""
        self._come_back(self._mount_for_reading, self._mount_for_writing)

    def end(self) -> dict[str, Any]:
        """Stop the worker as people do, and compare everything."""
        self.supply.settle()
        self._wait(self._caught_up, "it has caught up", BACK)
        self.deaths += self._worker.stop() != 0
        return judge(self.world, self.supply)

    def close(self) -> None:
        """Leave nothing behind."""
        self._worker.kill9()
        self._close_files()

    def _suffer(self, spoil: Callable[[], None], mend: Callable[[], None]) -> None:
        self._feed()
        before = self._worker.said().count("[error")
        spoil()
        self.noticed.append(self._wait(self._worker.trouble, "it says that it is not ready", NOTICED))
        time.sleep(self._rng.uniform(1.0, 4.0))  # how long it lasts is the experiment
        self.deaths += not self._worker.alive()
        self._look()
        mend()
        self.back.append(self._wait(self._caught_up, "it has caught up", BACK))
        self.refused += self._worker.said().count("[error") > before
        self._look()

    def _come_back(self, spoil: Callable[[], None], mend: Callable[[], None]) -> None:
        self._feed()
        if self._rng.random() < 0.5:
            self._worker.kill9()
        else:
            self.deaths += self._worker.stop() != 0
        if self._rng.random() < 0.5:  # otherwise what SQLite keeps beside an open file is still there
            self._close_files()
        spoil()
        self._worker = self._start()
        self._wait(
            lambda: DISK.search(self._worker.said() + self._worker.trouble()), "it says what is wrong", 60
        )
        self._keep_running(self._rng.uniform(1.0, 4.0))
        mend()
        self._close_files()
        self.world = self.supply.world = _opened(self._disk)
        self.back.append(self._wait(self._caught_up, "it has caught up", BACK))
        self._look()

    def _keep_running(self, seconds: float = 0.0) -> None:
        """Start the worker again where it has ended because it was started in vain, as a supervisor does."""
        until = time.monotonic() + seconds
        while True:
            if not self._worker.alive():
                self.in_vain += 1
                self.deaths += self._worker.stop() != UNREACHABLE
                self._worker = self._start()
            if time.monotonic() >= until:
                return
            time.sleep(0.2)

    def _fill(self, *files: str) -> None:
        # A write-ahead log keeps the room that it had: where it is cut, the next write needs some of the disk's.
        for name in FILES:
            way = "TRUNCATE" if name in (files or FILES) else "RESTART"
            with closing(sqlite3.connect(self._disk.path / name, timeout=10)) as db:
                db.execute(f"PRAGMA wal_checkpoint({way})")
        self._disk.fill()

    def _mount_for_reading(self) -> None:
        self._close_files()  # a disk with a file that is open for writing cannot be mounted so
        self._disk.mount_read_only(True)

    def _mount_for_writing(self) -> None:
        self._disk.mount_read_only(False)

    def _close_folder(self) -> None:
        self._disk.path.chmod(0o555)

    def _open_folder(self) -> None:
        self._disk.path.chmod(0o755)

    def _feed(self) -> None:
        self.supply.decide()
        for _ in range(HELPINGS):
            self.supply.feed()

    def _look(self) -> None:
        self.damaged += sum(not _is_sound(self._disk.path / name) for name in FILES)

    def _caught_up(self) -> bool:
        self._keep_running()
        if self._worker.trouble():
            return False
        status = self.world.status()
        return bool(status["events"] == status["labels"] == self.supply.events)

    def _start(self) -> WorkerProcess:
        return WorkerProcess(self._folder, self._disk.path, f"worker-{next(self._lives)}")

    def _wait(self, check: Callable[[], object], what: str, deadline: float) -> float:
        since = time.monotonic()
        try:
            wait_until(check, what, deadline)
        except AssertionError as late:
            raise AssertionError(f"{late}; the worker says:\n{self._worker.said()[-3000:]}") from None
        return time.monotonic() - since

    def _close_files(self) -> None:
        self.world.log.close()
        self.world.store.close()


def _opened(disk: Disk) -> World:
    return embedded_world(disk.path, coins(**SMALL))


def _is_sound(file: Path) -> bool:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as db:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"


def play(n: int, seed: int, folder: Path) -> dict[str, Any]:
    """The episodes themselves, one kind after the other."""
    rng = random.Random(seed)
    lines = [line for line in COINS.splitlines() if not line.startswith(tuple(SMALL))]
    (folder / "pipeline.yaml").write_text(
        "\n".join([*lines, *(f"{key}: {value}" for key, value in SMALL.items())])
    )
    (folder / "key").write_bytes(KEY)
    (folder / "key").chmod(0o600)
    with small_disk(folder / "disk", SIZE) as disk, closing(Scene(folder, disk, rng)) as scene:
        for number in range(n):
            scene.kinds[number % len(scene.kinds)]()
        judged = scene.end()
        figures = {
            "episodes": n,
            "full_disks": scene.full_disks,
            "of_them_refused_writes": scene.refused,
            "noticed_worst_s": round(max(scene.noticed), 1),
            "caught_up_s": round(statistics.median(scene.back), 1),
            "caught_up_worst_s": round(max(scene.back), 1),
            "started_in_vain": scene.in_vain,
            "deaths": scene.deaths,
            "damaged_files": scene.damaged,
        }
    bitten = scene.refused >= scene.full_disks
    return {**figures, **judged, "ok": judged["ok"] and bitten and not scene.deaths and not scene.damaged}


if __name__ == "__main__":
    print(json.dumps(play(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
