"""Outbox: the notices that wait in the store, who sends which, and what became of them.

A notice is claimed before it is sent and ticked off afterwards: whoever is killed in between leaves a
claim that runs out, and the notice is sent again. That is the one case in which it may arrive twice,
and its id says so.
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.notify.notice import Notice
from fluvial.store import Store, notice_table

CLAIM = 60.0
"""Seconds for which nobody else sends what somebody has claimed: longer than any channel may take."""

FIRST, LONGEST = 5.0, 1800.0
"""Seconds until the second try, and between two tries at most; the wait doubles each time."""

GIVEN_UP = 86400.0
"""Seconds after which a notice that could not be sent is given up."""


class Standing(NamedTuple):
    """How a channel does: notices sent, tries that failed, notices given up, the oldest wait (s)."""

    sent: int
    failed: int
    given_up: int
    delay: float


def wait_after(attempts: int) -> float:
    """Seconds to wait after so many tries in vain.

    >>> [wait_after(n) for n in (1, 2, 3, 20)]
    [5.0, 10.0, 20.0, 1800.0]
    """
    return float(min(FIRST * 2.0 ** min(attempts - 1, 30), LONGEST))


class Outbox:
    """The notices of one channel."""

    def __init__(self, store: Store, channel: str) -> None:
        self._store, self._channel = store, channel

    def claimed(self, limit: int = 20) -> Iterator[Notice]:
        """Notices that are due, each once it is ours; of one subject only the oldest. Raises StoreError."""
        subjects: set[str] = set()
        for notice, due in self._waiting(limit):
            if notice.subject in subjects:
                continue  # what came first is told first
            subjects.add(notice.subject)
            if due <= time.time() and self._claim(notice, due):
                yield notice

    def _waiting(self, limit: int) -> list[tuple[Notice, float]]:
        column = notice_table.c
        mine = sa.select(notice_table).where(column.channel == self._channel, column.next_at.is_not(None))
        due = sa.select(column.subject).where(column.channel == self._channel, column.next_at <= time.time())
        first = mine.where(column.subject.in_(due.order_by(column.number).limit(limit)))
        with self._store.read() as db:
            rows = db.execute(first.order_by(column.number).limit(20 * limit)).all()
        return [(_notice(row), row.next_at) for row in rows]

    def _claim(self, notice: Notice, due: float) -> bool:
        column = notice_table.c
        mine = sa.update(notice_table).where(column.number == notice.number, column.next_at == due)
        with self._store.write() as db:
            return db.execute(mine.values(next_at=time.time() + CLAIM)).rowcount == 1

    def sent(self, notice: Notice) -> None:
        """Tick a notice off. Raises StoreError."""
        self._note(notice, sent_at=time.time(), next_at=None, trouble=None)

    def failed(self, notice: Notice, why: str) -> None:
        """Have it tried again later, or give it up. Raises StoreError."""
        now = time.time()
        again = now + wait_after(notice.attempts + 1) if now - notice.at < GIVEN_UP else None
        self._note(notice, next_at=again, trouble=why[:500])

    def _note(self, notice: Notice, **facts: Any) -> None:
        update = sa.update(notice_table).where(notice_table.c.number == notice.number)
        with self._store.write() as db:
            db.execute(update.values(attempts=notice.attempts + 1, **facts))


def _notice(row: Any) -> Notice:
    return Notice(**{name: getattr(row, name) for name in Notice._fields})


def standings(store: Store, pipeline: str) -> dict[str, Standing]:
    """How each channel that has told anything of a pipeline does."""
    column, now = notice_table.c, time.time()
    sent = sa.func.count(column.sent_at)
    waiting = sa.case((column.next_at.is_not(None), column.at))
    given_up = sa.func.sum(sa.case((sa.and_(column.next_at.is_(None), column.sent_at.is_(None)), 1), else_=0))
    query = sa.select(
        column.channel, sent, sa.func.sum(column.attempts), given_up, sa.func.min(waiting)
    ).where(column.pipeline == pipeline)
    with store.read() as db:
        rows = db.execute(query.group_by(column.channel)).all()
    return {
        channel: Standing(int(n), int(tries) - int(n), int(lost), max(0.0, now - oldest) if oldest else 0.0)
        for channel, n, tries, lost, oldest in rows
    }


def listing(store: Store, pipeline: str | None = None, limit: int = 200) -> list[dict[str, Any]]:
    """Notices and what became of them, the newest first."""
    query = sa.select(notice_table).order_by(notice_table.c.number.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(notice_table.c.pipeline == pipeline)
    with store.read() as db:
        return [dict(row._mapping) for row in db.execute(query)]
