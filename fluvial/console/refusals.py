"""Refusals: attempts that came to nothing at the console's door, as entries of the audit trail."""

import time
from threading import Lock

import structlog
from starlette.requests import Request

from fluvial import trail
from fluvial.audit import Fact
from fluvial.errors import SnapshotError
from fluvial.people import Person
from fluvial.store import Store, StoreError

logger = structlog.get_logger()

SELDOM = 60.0
"""Seconds between two entries about strangers: they must not be able to fill the disk."""


class Refusals:
    """Writes attempts down; where the store takes nothing they are in the log only."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, Lock()
        self._tries, self._noted = 0, -SELDOM

    def note(self, fact: Fact) -> None:
        """Write a fact down."""
        try:
            trail.record(self._store, fact)
        except (StoreError, SnapshotError) as error:
            logger.warning("not in the audit trail", event_of=fact.event, who=fact.who, why=str(error))

    def person(self, request: Request, person: Person, why: str) -> None:
        """Somebody whom we know tried what they may not."""
        detail = {"why": why, "method": request.method, "from": _address(request)}
        fact = Fact("request.refused", person.name, "console", subject=_path(request), detail=detail)
        self.note(trail.by(person, fact))

    def stranger(self, request: Request, why: str) -> None:
        """Somebody unknown tried to get in; of many in a minute only their number is told."""
        with self._lock:
            self._tries += 1
            now = time.monotonic()
            if now - self._noted < SELDOM:
                return
            tries, self._tries, self._noted = self._tries, 0, now
        detail = {"why": why, "tries": tries, "from": _address(request), "shown": "nothing that is known"}
        self.note(Fact("signin.refused", "", "console", subject=_path(request), detail=detail))


def _path(request: Request) -> str:
    return str(request.scope["path"])[:200]


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
