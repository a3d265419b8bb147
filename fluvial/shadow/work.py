"""Work: computes what was asked for, one job after the other, beside the shards and never in their loop."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from fluvial.card.keep import compute_and_keep
from fluvial.config import with_model
from fluvial.errors import ConfigError, Gap, NoDrift, SnapshotError
from fluvial.history import History, Past
from fluvial.place import Place
from fluvial.shadow.adopting import resolved
from fluvial.shadow.asked import Asked, asked_of
from fluvial.shadow.ceiling import peak
from fluvial.shadow.ceiling import why as why_memory
from fluvial.shadow.jobs import Job, Jobs, Lost
from fluvial.shadow.rebuild import begun, go_on, made
from fluvial.shadow.recipe import recipe_of
from fluvial.shadow.table import FEW, compute
from fluvial.shard import StepFailed
from fluvial.store import Store

logger = structlog.get_logger()

SAID_EVERY = 1.0
"""Seconds between two words of progress."""

ROUNDS, BEHIND = 5, 1_000
"""Times that a model is brought up to a journal that goes on, until it is so many records behind."""

KEPT = 7 * 86_400.0
"""Seconds for which a model is kept that nobody took up."""


class Stopped(Exception):
    """Whoever computes is told to stop; the job is queued again."""


class Bench:
    """Where jobs of one pipeline are computed. ``leaving`` is asked often and ends a job in the middle."""

    def __init__(self, place: Place, store: Store, leaving: Callable[[], bool] = lambda: False) -> None:
        self._place, self._store, self._leaving = place, store, leaving
        self._jobs = Jobs(store)

    def one(self) -> bool:
        """Compute the next job; whether there was one. Raises Stopped, LogError, StoreError."""
        job = self._jobs.claim(self._place.pipeline.pipeline, self._place.worker)
        if job is None:
            return False
        self.compute(job)
        return True

    def compute(self, job: Job, heard: Callable[[int, int], None] = lambda batch, last: None) -> None:
        """Compute a job that is ours; what cannot be done is said in it. ``heard`` is told the progress."""
        started = time.monotonic()
        try:
            result = self._made(job, _Pace(self._jobs, job, self._leaving, heard))
            self._jobs.done(job, result)
        except (Gap, StepFailed, SnapshotError, ConfigError, NoDrift, ValueError, TypeError, KeyError) as why:
            logger.warning("not computed", job=job.name, why=str(why))
            self._fail(job, str(why))
        except MemoryError:
            said = why_memory()
            logger.warning("not computed", job=job.name, why=said)
            self._fail(job, said)
        except Lost as lost:
            logger.info("left to somebody else", why=str(lost))
        except Stopped:
            with suppress(Lost):
                self._jobs.release(job)
            raise
        else:
            seconds = round(time.monotonic() - started, 2)
            logger.info("computed", job=job.name, seconds=seconds, peak_mib=peak())

    def _fail(self, job: Job, why: str) -> None:
        try:
            self._jobs.fail(job, why)
        except Lost as lost:
            logger.info("left to somebody else", why=str(lost))

    def _made(self, job: Job, pace: "_Pace") -> dict[str, object]:
        if job.kind == "model":
            return self._model(job, pace)
        if job.kind == "card":
            pace(0, 0)  # what was told to leave in the meantime begins nothing
            card = compute_and_keep(self._place._replace(heard=pace), self._store, str(job.incident))
            return {"version": card.version}
        asked = asked_of(job.asked)
        _check_candidate(self._place, asked)
        return compute(self._place, job.shard, asked, pace)

    def _model(self, job: Job, pace: "_Pace") -> dict[str, object]:
        """Bring a model close to the end of the journal and keep it for the shard's owner."""
        place, shard = self._place, job.shard
        if place.artefacts is None:
            raise SnapshotError("there is no key here to seal a model with")
        args = resolved(place, shard, job.asked["args"])
        recipe, history = recipe_of(args["recipe"]), History(place, shard)
        last, _ = place.journal.reached(shard)
        past, contender = begun(history, recipe, last, lambda: pace(0, last), artefacts=place.artefacts)
        for _ in range(ROUNDS):
            behind = last - past.batch
            go_on(history, past, last, partial(_tell, pace, past, last), chunk=FEW)
            made(contender)
            place.artefacts.keep(past.shard, contender, past.positions)
            last, _ = place.journal.reached(shard)
            if last - past.batch <= min(behind, BEHIND // place.pipeline.batch + 1):
                break
        place.artefacts.prune(time.time() - KEPT)
        return {"recipe": args["recipe"], "batch": past.batch}


def _tell(pace: "_Pace", past: Past, last: int) -> None:
    pace(past.batch, last)


def _check_candidate(place: Place, asked: Asked) -> None:
    """Try a candidate out before it meets real events. Raises ConfigError."""
    if asked.candidate is not None:
        with_model(place.pipeline, asked.candidate, name="the candidate")


class _Pace:
    """Tells the desk now and then how far a job is, and ends it when it is time to leave."""

    def __init__(
        self, jobs: Jobs, job: Job, leaving: Callable[[], bool], heard: Callable[[int, int], None]
    ) -> None:
        self._jobs, self._job, self._leaving, self._heard = jobs, job, leaving, heard
        self._next = 0.0

    def __call__(self, batch: int, last: int) -> None:
        self._heard(batch, last)
        if self._leaving():
            raise Stopped(self._job.name)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SAID_EVERY
            self._jobs.progress(self._job, batch, last)
