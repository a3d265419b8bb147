"""LateSaver: stores snapshots some time after they were packed, as the thread of a real worker does."""

from __future__ import annotations

import random

from fluvial.saver import Job, Saved, store
from fluvial.shelf import Shelf
from tests.simulation.faults import Faults


class LateSaver:
    """Does each job at one of the next looks; the loop has then gone on, or lost the shard."""

    def __init__(self, shelf: Shelf, key: bytes, rng: random.Random, faults: Faults) -> None:
        self._shelf, self._key, self._rng, self._faults = shelf, key, rng, faults
        self._jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def finished(self) -> list[Saved]:
        done = []
        while self._jobs and (self._faults.healed or self._rng.random() < 0.4):
            done.append(store(self._shelf, self._key, self._jobs.pop(0)))
        return done

    def wait(self) -> list[Saved]:
        jobs, self._jobs = self._jobs, []
        return [store(self._shelf, self._key, job) for job in jobs]

    def close(self) -> None:
        self.wait()
