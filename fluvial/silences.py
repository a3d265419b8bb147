"""Silences: Alertmanager is quiet about what somebody has, and about nothing else.

The desk is the truth. What should be silent is computed from it again and again, held beside what
Alertmanager says is silent, and the difference is made good; nothing is stored. So it does not matter
who decided, on which way, whether Alertmanager was away or forgot everything, or how many consoles do
this at once.
"""

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import Event, Thread
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from fluvial.alertmanager import Alertmanager, Labels, Silence, Unanswered
from fluvial.calls import Calls, labels_of
from fluvial.incidents import ALERT, Incident, Incidents, State
from fluvial.store import Store, StoreError, incident_table

logger = structlog.get_logger()

EVERY = 2.0
"""Seconds between two looks."""

LASTS = 4 * 3600.0
"""Seconds after which a silence ends by itself unless it is renewed: a fluvial that died hides nothing."""

GONE = 300.0
"""Seconds without its alert after which an incident is over: Alertmanager may have forgotten it at a restart,
and Prometheus tells it again each minute."""

PAGE = 200
"""Incidents read at a time."""

_NAMED = re.compile(r"incident ([0-9a-f]+): ")


class Plan(NamedTuple):
    """What is to be done at Alertmanager: silences to be made or to be given another end, and to be ended."""

    keep: list[Silence]
    end: list[Silence]


def plan(has: Sequence[Incident], known: Collection[str], there: Sequence[Silence], now: float) -> Plan:
    """Hold what is silent beside what should be: the incidents that somebody ``has``.

    ``known`` are the ids of all incidents on this desk: a silence about another one is another desk's.
    """
    wanted = {incident.id: incident for incident in has}
    held: dict[str, Silence] = {}
    keep, end = [], []
    for silence in sorted(there, key=lambda one: one.id):  # two consoles let the same one of twins live
        name = named(silence)
        if name not in wanted:
            end += [silence] if name in known else []
        elif name in held or silence.labels != silenced(wanted[name]):
            end.append(silence)
        else:
            held[name] = silence
    for name, incident in wanted.items():
        before = held.get(name)
        if before is None:
            keep.append(Silence(silenced(incident), now + LASTS, comment(incident)))
        elif before.ends_at < now + LASTS / 2:
            keep.append(before._replace(ends_at=now + LASTS))
    return Plan(keep, end)


def silenced(incident: Incident) -> Labels:
    """What alerts about an incident have in common."""
    if incident.monitor.startswith(ALERT):
        return frozenset(labels_of(incident).items())
    return frozenset({("incident", incident.id)})


def comment(incident: Incident) -> str:
    """What people read in Alertmanager; it names the incident."""
    return f"incident {incident.id}: {incident.acknowledged_by} has it ({incident.pipeline})"


def named(silence: Silence) -> str:
    """The incident that a silence is about; empty where it names none."""
    found = _NAMED.match(silence.comment)
    return found[1] if found else ""


class Silencer:
    """Keeps Alertmanager's silences and alerts and the desk's incidents together, in a thread of its own."""

    def __init__(self, store: Store, alertmanager: Alertmanager, *, gone: float = GONE) -> None:
        self._store, self._alertmanager, self._gone = store, alertmanager, gone
        self._incidents, self._calls = Incidents(store), Calls(store)
        self._missed: dict[str, float] = {}
        self._trouble = ""
        self._stop = Event()
        self._thread = Thread(target=self._run, name="silences", daemon=True)

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when nothing is under way any more."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> "Silencer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def look(self) -> None:
        """Make good what differs. Raises Unanswered, StoreError."""
        there = self._alertmanager.silences()
        self._close_what_is_over(self._alertmanager.alerts())
        todo = plan(list(self._having()), self._known(there), there, time.time())
        for silence in todo.end:
            self._alertmanager.end(silence)
            logger.info("silence ended", incident=named(silence))
        for silence in todo.keep:
            self._alertmanager.keep(silence)
            if not silence.id:
                logger.info("silenced", incident=named(silence))

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except (Unanswered, StoreError) as error:
                self._say(str(error))
            else:
                self._say("")
            if self._stop.wait(EVERY):
                return

    def _say(self, trouble: str) -> None:
        if trouble and not self._trouble:
            logger.error("silences wait until Alertmanager and the store answer", why=trouble)
        elif self._trouble and not trouble:
            logger.info("silences are kept again")
        self._trouble = trouble

    def _having(self) -> Iterator[Incident]:
        """What is quiet: somebody has it and it did not grow since, snoozed or not."""
        states: tuple[State, ...] = ("acknowledged", "snoozed")
        for state in states:
            after: list[sa.ColumnElement[bool]] = []
            while found := self._incidents.matching(*after, state=state, limit=PAGE, oldest=True):
                yield from (one for one in found if one.quiet)
                # Behind the last one, not at a number: rows that change state meanwhile move nothing.
                last = sa.tuple_(sa.literal(found[-1].opened_at), sa.literal(found[-1].id))
                after = [sa.tuple_(incident_table.c.opened_at, incident_table.c.id) > last]

    def _known(self, there: Sequence[Silence]) -> set[str]:
        column = incident_table.c
        query = sa.select(column.id).where(column.id.in_([named(silence) for silence in there]))
        with self._store.read() as db:
            return set(db.execute(query).scalars())

    def _close_what_is_over(self, alerts: Collection[Labels]) -> None:
        """A silenced alert ends without a word, and a word may be lost: an alert that stays away is over."""
        waiting = [one for one in self._calls.waiting() if not _among(alerts, labels_of(one))]
        now = time.monotonic()
        self._missed = {one.id: self._missed.get(one.id, now) for one in waiting}
        for one in waiting:
            if now - self._missed[one.id] >= self._gone:
                self._calls.over(one)


def _among(alerts: Collection[Labels], labels: Mapping[str, str]) -> bool:
    return frozenset(labels.items()) in alerts
