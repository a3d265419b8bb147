"""Trail: the audit entries as they are read, exported and verified."""

import csv
import hmac
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial import alert_trail
from fluvial.audit import Fact, add, append, canonical, digest, locked_head, seal, sealing_key
from fluvial.people import Person
from fluvial.review import Request, Review
from fluvial.seen import Seen
from fluvial.store import Store, audit_head_table, audit_table, review_table

REFUSED = "review.refused"
"""The event of a review that was not taken; its detail says why."""

PAGE = 1_000
"""Entries read at a time."""

REVIEW = "review"
"""The event of a review that was taken; its detail repeats the review."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet would calculate."""


class Entry(NamedTuple):
    """One entry; ``detail`` is canonical JSON."""

    number: int
    at: float
    event: str
    who: str
    channel: str
    pipeline: str | None
    subject: str | None
    detail: str
    previous: str
    hash: str

    @property
    def told(self) -> dict[str, Any]:
        """What its detail says; as text where somebody made it something else than JSON."""
        try:
            found = json.loads(self.detail)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"text": self.detail}


class Verdict(NamedTuple):
    """What a verification found: ``broken`` is the number of the first bad entry, ``why`` a sentence.

    ``why`` without a number is about the chain as a whole. ``head`` is what to note down elsewhere.
    """

    entries: int
    head: str
    why: str | None = None
    broken: int | None = None

    @property
    def anchor(self) -> str:
        """What to note down elsewhere: the trail can never again be shorter or another one up to there."""
        return f"{self.entries}:{self.head}"


def of_review(taken: Review) -> Fact:
    """A review that was taken, as an entry."""
    detail = review_told(taken._asdict())
    return Fact(REVIEW, taken.who, taken.channel, taken.pipeline, taken.incident, detail)


def refusal(request: Request, channel: str, why: Exception) -> Fact:
    """A review that was refused, as an entry."""
    detail = {"action": request.action, "id": request.id, "reason": request.reason, "why": str(why)}
    return Fact(REFUSED, request.who, channel, request.pipeline, request.incident, detail)


def refused(store: Store, request: Request, channel: str, why: Exception) -> None:
    """Write down that a review was refused, in the name of whoever asked."""
    record(store, refusal(request, channel, why))


def record(store: Store, fact: Fact) -> None:
    """Write an entry in a transaction of its own, in the name of whoever sees the store this way."""
    if isinstance(store, Seen):
        fact, store = by(store.person, fact), store.whole
    with store.write() as db:
        append(db, fact)


def by(person: Person, fact: Fact) -> Fact:
    """A fact under the name that a person has proved; what they called themselves is kept beside it."""
    claimed = fact.who if fact.who != person.name else None
    detail = {"shown": person.how, **fact.detail}
    if not person.name:
        return fact._replace(detail=detail)
    return fact._replace(who=person.name, detail=detail | ({"claimed": claimed} if claimed else {}))


def entries(
    store: Store, *, pipeline: str | None = None, limit: int = 200, before: int | None = None
) -> list[Entry]:
    """Entries, the newest first; who is not admin sees those about pipelines, of theirs."""
    column = audit_table.c
    query = sa.select(audit_table).order_by(column.number.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(column.pipeline == pipeline)
    if before is not None:
        query = query.where(column.number < before)
    if isinstance(store, Seen) and not store.person.reaches("admin"):
        query = query.where(column.pipeline.is_not(None))
    with store.read() as db:
        return [_entry(row) for row in db.execute(query)]


def everything(store: Store) -> Iterator[Entry]:
    """All entries, the oldest first, as they were at one moment."""
    with store.read() as db:
        yield from _all(db)


def _all(db: sa.Connection, event: str | None = None) -> Iterator[Entry]:
    """The entries in their order, all or those of one event."""
    last: int | None = None
    while True:
        query = sa.select(audit_table).order_by(audit_table.c.number).limit(PAGE)
        query = query if event is None else query.where(audit_table.c.event == event)
        page = db.execute(query if last is None else query.where(audit_table.c.number > last)).all()
        yield from map(_entry, page)
        if len(page) < PAGE:
            return
        last = page[-1].number


def _entry(row: Any) -> Entry:
    return Entry(**{name: row._mapping[name] for name in Entry._fields})


def verify(store: Store, anchor: str | None = None) -> Verdict:
    """Check every entry, the head, and that reviews and incidents of alerts are those that were recorded.

    ``anchor`` is one that was noted down before, as ``NUMBER:HASH``.
    """
    key = store.key_for("audit")
    with store.read() as db:
        return verify_within(db, key, anchor)


def verify_within(db: sa.Connection, key: bytes, anchor: str | None = None) -> Verdict:
    """As :func:`verify`, inside a transaction; ``key`` seals the head."""
    head = db.execute(sa.select(audit_head_table)).first()
    return _checked(_all(db), head, key, anchor) or _alerts_checked(db, head) or _reviews_checked(db, head)


def _checked(chain: Iterable[Entry], head: Any, key: bytes, anchor: str | None) -> Verdict | None:
    count, last, anchors = 0, "", {"0:"}
    for entry in chain:
        if (why := _wrong(entry, count, last)) is not None:
            return Verdict(count, last, why, entry.number)
        count, last = entry.number, entry.hash
        anchors |= {f"{count}:{last}"} & {anchor}
    if head is None:
        return Verdict(count, last, "the head is gone")
    if (head.entries, head.hash) != (count, last):
        return Verdict(count, last, f"the head says {head.entries} entries, there are {count}", count + 1)
    if count and not hmac.compare_digest(head.seal, seal(key, count, last)):
        return Verdict(count, last, "the seal of the head does not fit the key of this machine")
    if anchor is not None and anchor not in anchors:
        return Verdict(count, last, f"the trail does not hold {anchor}, which was noted down before")
    return None


def _wrong(entry: Entry, count: int, last: str) -> str | None:
    if entry.number != count + 1:
        return f"entry {count + 1} is missing"
    if entry.previous != last:
        return f"entry {entry.number} does not follow on the one before it"
    if entry.hash != digest(entry._asdict()):
        return f"entry {entry.number} is not what was written"
    return None


def _alerts_checked(db: sa.Connection, head: Any) -> Verdict | None:
    """Whether the incidents that alerts opened are those in the trail."""
    found = alert_trail.wrong(db, _all(db, alert_trail.OPENED))
    return None if found is None else Verdict(head.entries, head.hash, *found)


def _reviews_checked(db: sa.Connection, head: Any) -> Verdict:
    """Whether the reviews that people see are those in the trail; it begins after the oldest of them."""
    shown = {row.id: dict(row._mapping) for row in db.execute(sa.select(review_table))}
    begun: float | None = None
    for entry in _all(db):
        begun = entry.at if begun is None else begun
        if entry.event == REVIEW:
            said = {name: value for name, value in entry.told.items() if name in REVIEWED}
            row = shown.pop(str(said.get("id")), None)
            if row is None or canonical(review_told(row)) != canonical(said):
                why = f"the review {said.get('id')} is not what was recorded"
                return Verdict(head.entries, head.hash, why, entry.number)
    unknown = next((name for name, row in shown.items() if begun is not None and row["at"] > begun), None)
    missing = None if unknown is None else f"nothing in the trail says that the review {unknown} was taken"
    return Verdict(head.entries, head.hash, missing)


REVIEWED = ("id", "action", "incident", "who", "channel", "reason", "effect", "at")
"""What the trail repeats of a review."""


def review_told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A review as the trail repeats it."""
    return {name: row[name] for name in REVIEWED if row[name] is not None}


def reseal(store: Store, fact: Fact) -> None:
    """Go on with a trail that is broken or sealed with another key; the entry says that it was."""
    with store.write() as db:
        head = locked_head(db)
        newest = db.execute(sa.select(audit_table).order_by(audit_table.c.number.desc()).limit(1)).first()
        found = {"entries": head.entries, "hash": head.hash}
        if newest is not None:
            values = {"entries": newest.number, "hash": newest.hash}
            head = db.execute(sa.update(audit_head_table).values(values).returning(audit_head_table)).one()
        add(db, fact._replace(detail={**fact.detail, "found": found}), head, sealing_key(db))


def jsonl(entry: Entry) -> str:
    """An entry in one line of JSON, its detail taken apart."""
    return canonical(entry._asdict() | {"detail": entry.told})


def csv_line(cells: Iterable[Any]) -> str:
    """Cells in one line of CSV that no spreadsheet takes for a formula."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([csv_cell(cell) for cell in cells])
    return written.getvalue()


def csv_cell(cell: Any) -> str:
    """A cell as text; one that a spreadsheet would calculate gets an apostrophe before it.

    >>> csv_cell("=1+1"), csv_cell("ann"), csv_cell(-1.5)
    ("'=1+1", 'ann', '-1.5')
    """
    text = "" if cell is None else str(cell)
    dangerous = isinstance(cell, str) and text.lstrip(" \u00a0\ufeff").startswith(FORMULA)
    return f"'{text}" if dangerous else text
