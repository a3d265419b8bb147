"""Audit: what was done is in the trail or was not done, and no change to the trail goes unnoticed."""

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial import trail
from fluvial.audit import BrokenTrail, Fact, digest, seal
from fluvial.incidents import Incidents
from fluvial.people import NotAllowed, Person
from fluvial.reviews import Conflict, Request, history, register, review
from fluvial.seen import Seen
from fluvial.store import Store, audit_head_table, audit_table, review_table
from monitors.alarm import Alarm
from tests.fluvial.commandline import Commandline
from tests.fluvial.racing import race

KEY = b"k" * 32
LENGTH = 40
"""Entries in the trail that is tampered with."""

ALARM = Alarm("loss", "worse", 1_700_000_000.0, 1_699_999_940.0, 1000, 0.1, 0.4, 500, 500)


class Undone(Exception):
    """Takes back what was done to a store."""


@pytest.fixture
def desk(store_url: str) -> Iterator[Store]:
    """A store with a key, a pipeline and an incident."""
    with closing(Store(store_url, key=lambda: KEY)) as store:
        register(store, "coins", 2, {"question": "?", "owner": "ann"})
        Incidents(store).record("coins", 0, [("a1", ALARM)])
        yield store


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with a trail of reviews and other facts."""
    path = tmp_path_factory.mktemp("audit") / "store.db"
    with closing(Store(f"sqlite:///{path}", key=lambda: KEY)) as store:
        register(store, "coins", 2, {"question": "?", "owner": "ann"})
        for number in range(LENGTH // 2):
            decide(store, action="reset", pipeline="coins", id=f"r{number}", reason=f"because {number}")
            trail.record(store, Fact("token.made", "root", "cli", None, f"t{number}", {"days": number}))
        yield store


def decide(store: Store, **wish: Any) -> Any:
    return review(store, Request(**{"who": "ann", **wish}), "cli")


def last(store: Store) -> trail.Entry:
    return trail.entries(store, limit=1)[0]


def test_a_review_is_in_the_trail_with_who_when_why_and_what_it_did(desk: Store) -> None:
    taken = decide(desk, action="acknowledge", incident="a1", reason="on it")
    entry = last(desk)
    assert (entry.event, entry.who, entry.pipeline, entry.subject) == ("review", "ann", "coins", "a1")
    assert entry.told["reason"] == "on it"
    assert entry.told["effect"] == taken.effect
    assert entry.told["shown"] == "the store"
    assert trail.verify(desk) == trail.Verdict(1, entry.hash)


def test_a_repetition_adds_nothing_and_a_refusal_says_why(desk: Store) -> None:
    for _ in range(3):
        decide(desk, action="acknowledge", incident="a1", id="r1")
    with pytest.raises(Conflict):
        decide(desk, action="acknowledge", incident="a1", who="bob")
    first, second = reversed(trail.entries(desk))
    assert (first.event, second.event, second.who) == ("review", "review.refused", "bob")
    assert second.told["why"] == "ann has acknowledged a1"


def test_who_may_not_is_refused_and_that_is_written_down_under_the_proved_name(desk: Store) -> None:
    eve = Seen(desk, Person("eve", "viewer", how="token 12"))
    with pytest.raises(NotAllowed, match="changes need the role reviewer"):
        decide(eve, action="acknowledge", incident="a1", who="ann")
    entry = last(desk)
    assert (entry.event, entry.who, entry.told["claimed"]) == ("review.refused", "eve", "ann")
    assert entry.told["shown"] == "token 12"
    assert history(desk) == []


def test_a_review_that_fails_leaves_no_entry(desk: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise BrokenTrail("no")

    monkeypatch.setattr("fluvial.audit.append", fails)
    with pytest.raises(BrokenTrail):
        decide(desk, action="reset", pipeline="coins")
    assert (history(desk), trail.entries(desk)) == ([], [])


def test_writers_at_once_make_one_chain(desk: Store) -> None:
    def work() -> None:
        with closing(Store(desk.url, key=lambda: KEY)) as mine:
            for _ in range(10):
                trail.record(mine, Fact("test", "ann", "cli"))

    assert race(*[work] * 4) == [None] * 4
    assert trail.verify(desk).why is None
    assert trail.verify(desk).entries == 40


Tampering = Callable[[sa.Connection, random.Random], None]


@contextmanager
def tampered(store: Store, how: Tampering, rng: random.Random) -> Iterator[trail.Verdict]:
    """The verdict on a store after somebody did something to its tables; it is taken back afterwards."""
    try:
        with store.write() as db:
            how(db, rng)
            yield trail.verify_within(db, store.key_for("audit"))
            raise Undone
    except Undone:
        pass


def _entry(db: sa.Connection, number: int) -> dict[str, Any]:
    row = db.execute(sa.select(audit_table).where(audit_table.c.number == number)).one()
    return dict(row._mapping)


def _rehashed(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"hash": digest(entry)}


def _write(db: sa.Connection, entry: dict[str, Any]) -> None:
    db.execute(sa.update(audit_table).where(audit_table.c.number == entry["number"]).values(entry))


def edit(db: sa.Connection, rng: random.Random) -> None:
    """One column of one entry, with or without a hash that fits."""
    entry = _entry(db, rng.randint(1, LENGTH))
    column = rng.choice(
        ["at", "event", "who", "channel", "pipeline", "subject", "detail", "previous", "hash"]
    )
    entry[column] = entry["at"] + rng.choice([-1, 1e-6, 1]) if column == "at" else f"{entry[column]}x"
    _write(db, _rehashed(entry) if column != "hash" and rng.random() < 0.5 else entry)


def delete(db: sa.Connection, rng: random.Random) -> None:
    """Some entries; those behind them keep their numbers or move up, and hashes are made to fit or not."""
    number, many = rng.randint(1, LENGTH), rng.choice([1, 1, 2, 5])
    gone = audit_table.c.number.between(number, number + many - 1)
    db.execute(sa.delete(audit_table).where(gone))
    if rng.random() < 0.5:
        _shift(db, number + many, -min(many, LENGTH + 1 - number))
    if rng.random() < 0.3:
        _rechain(db)
    if rng.random() < 0.3:  # and the head is made to look right, but for its seal
        _behead(db)


def insert(db: sa.Connection, rng: random.Random) -> None:
    """A forged entry, in its place or at the end, chained properly or not."""
    number = rng.randint(1, LENGTH + 1)
    forged = _entry(db, min(number, LENGTH)) | {"number": number, "who": "eve"}
    _shift(db, number, 1)
    db.execute(sa.insert(audit_table).values(_rehashed(forged)))
    if rng.random() < 0.5:
        _rechain(db)
        _behead(db)


def swap(db: sa.Connection, rng: random.Random) -> None:
    """Two entries change places, hashes included or made anew."""
    one, other = rng.sample(range(1, LENGTH + 1), 2)
    first, second = _entry(db, one), _entry(db, other)
    anew = rng.random() < 0.5
    for entry, number in ((first, other), (second, one)):
        moved = entry | {"number": number}
        _write(db, _rehashed(moved) if anew else moved)
    if rng.random() < 0.3:
        _rechain(db)
        _behead(db)


def _shift(db: sa.Connection, start: int, by: int) -> None:
    rows = db.execute(sa.select(audit_table).where(audit_table.c.number >= start)).all()
    db.execute(sa.delete(audit_table).where(audit_table.c.number >= start))
    for row in rows:
        db.execute(sa.insert(audit_table).values({**row._mapping, "number": row.number + by}))


def _rechain(db: sa.Connection) -> None:
    """Write the whole chain anew, as somebody would who knows how it is made but has not the key."""
    previous = ""
    for row in db.execute(sa.select(audit_table).order_by(audit_table.c.number)).all():
        entry = _rehashed({**row._mapping, "previous": previous})
        _write(db, entry)
        previous = entry["hash"]


def _behead(db: sa.Connection) -> None:
    """Let the head say what is there, sealed with another key, or with what it was sealed before."""
    newest = db.execute(sa.select(audit_table).order_by(audit_table.c.number.desc()).limit(1)).one()
    facts = {"entries": newest.number, "hash": newest.hash}
    db.execute(sa.update(audit_head_table).values(**facts, seal=seal(b"another", **facts)))


@pytest.mark.parametrize("how", [edit, delete, insert, swap])
def test_verify_finds_every_one_of_a_thousand_changes(written: Store, how: Tampering) -> None:
    rng = random.Random(how.__name__)
    assert trail.verify(written).why is None
    missed = []
    for number in range(250):
        with tampered(written, how, rng) as verdict:
            if verdict.why is None:
                missed.append(number)
    assert missed == []
    assert trail.verify(written).entries == LENGTH


def test_verify_names_the_first_entry_that_is_wrong(written: Store) -> None:
    def two(db: sa.Connection, _rng: random.Random) -> None:
        for number in (31, 17):
            _write(db, _entry(db, number) | {"who": "eve"})

    with tampered(written, two, random.Random(1)) as verdict:
        assert (verdict.broken, verdict.why) == (17, "entry 17 is not what was written")


def test_the_end_cannot_be_cut_off(written: Store) -> None:
    def cut(db: sa.Connection, _rng: random.Random) -> None:
        db.execute(sa.delete(audit_table).where(audit_table.c.number > LENGTH - 3))

    with tampered(written, cut, random.Random(1)) as verdict:
        assert verdict.why == f"the head says {LENGTH} entries, there are {LENGTH - 3}"
        assert verdict.broken == LENGTH - 2


def test_all_of_it_written_anew_lacks_the_seal(written: Store) -> None:
    def anew(db: sa.Connection, _rng: random.Random) -> None:
        _write(db, _entry(db, 2) | {"who": "eve"})
        _rechain(db)
        _behead(db)

    with tampered(written, anew, random.Random(1)) as verdict:
        assert verdict.why == "the seal of the head does not fit the key of this machine"


def test_an_anchor_that_was_noted_down_finds_an_older_store_that_was_put_back(desk: Store) -> None:
    trail.record(desk, Fact("test", "ann", "cli"))
    with desk.read() as db:
        backup = db.execute(sa.select(audit_head_table)).one()
    trail.record(desk, Fact("test", "bob", "cli"))
    anchor = trail.verify(desk).anchor
    with desk.write() as db:
        db.execute(sa.delete(audit_table).where(audit_table.c.number == 2))
        db.execute(sa.update(audit_head_table).values(dict(backup._mapping)))
    assert trail.verify(desk).why is None, "the store is as it was once"
    assert "which was noted down before" in str(trail.verify(desk, anchor).why)
    assert "which was noted down before" in str(trail.verify(desk, "nonsense").why)


@pytest.mark.parametrize("column", ["who", "reason", "action", "at"])
def test_a_review_that_was_changed_where_people_see_it_is_found(desk: Store, column: str) -> None:
    decide(desk, action="acknowledge", incident="a1", reason="on it")
    with desk.write() as db:
        db.execute(sa.update(review_table).values({column: 5.0 if column == "at" else "eve"}))
    assert "is not what was recorded" in str(trail.verify(desk).why)


def test_a_review_that_nobody_took_is_found_and_one_that_is_gone(desk: Store) -> None:
    decide(desk, action="reset", pipeline="coins", id="r1")
    with desk.write() as db:
        row = dict(db.execute(sa.select(review_table)).one()._mapping)
        db.execute(sa.insert(review_table).values(row | {"number": 99, "id": "forged", "at": row["at"] + 1}))
    assert "the review forged" in str(trail.verify(desk).why)
    with desk.write() as db:
        db.execute(sa.delete(review_table))
    assert "the review r1 is not what was recorded" in str(trail.verify(desk).why)


def test_who_has_another_key_can_add_nothing_until_somebody_seals_it_anew(
    desk: Store, store_url: str
) -> None:
    decide(desk, action="reset", pipeline="coins")
    for key in (b"another" * 5, b""):
        with closing(Store(store_url, key=lambda key=key: key)) as other:  # type: ignore[misc]
            with pytest.raises(BrokenTrail, match="set FLUVIAL_KEY_FILE"):
                decide(other, action="reset", pipeline="coins")
            assert "does not fit the key" in str(trail.verify(other).why)
    with closing(Store(store_url, key=lambda: b"another" * 5)) as other:
        trail.reseal(other, Fact("audit.sealed", "ann", "cli", detail={"reason": "a new key"}))
        assert trail.verify(other).why is None
        assert last(other).told["found"]["entries"] == 1
        decide(other, action="reset", pipeline="coins")
        assert trail.verify(other).entries == 3


def test_a_head_that_is_gone_is_found_and_nothing_is_added(desk: Store) -> None:
    decide(desk, action="reset", pipeline="coins")
    with desk.write() as db:
        db.execute(sa.delete(audit_head_table))
    assert trail.verify(desk).why == "the head is gone"
    with pytest.raises(BrokenTrail, match="restore the store from a backup"):
        decide(desk, action="reset", pipeline="coins")


HOSTILE = '=HYPERLINK("http://x")\n\x1b[31m,"'


def test_no_cell_of_an_export_is_a_formula_or_a_command(
    command: Commandline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(KEY)
    with closing(Store(f"sqlite:///{tmp_path / 'store.db'}", key=lambda: KEY)) as store:
        for who in (HOSTILE, "+1", "-1", "@x", "\t=1", " =1", "ann"):
            trail.record(store, Fact("test", who, "cli", None, who, {"said": who}))
    said = command("audit", "export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert (said.code, [row["number"] for row in rows]) == (0, [str(n) for n in range(1, 8)])
    assert [row["who"][0] for row in rows] == ["'"] * 6 + ["a"]
    assert "\x1b" not in said.out
    lines = command("audit", "export").out.splitlines()
    assert json.loads(lines[0])["detail"]["said"] == HOSTILE
    assert [json.loads(line)["number"] for line in lines] == list(range(1, 8))
    assert "\x1b" not in command("audit", "list").out


def test_the_command_says_by_its_code_whether_the_trail_holds(command: Commandline, tmp_path: Path) -> None:
    assert command("users", "add", "ann", "--role", "viewer").code == 0
    fine = command("audit", "verify")
    assert (fine.code, "all as they were written" in fine.out) == (0, True)
    anchor = command("audit", "verify", "--json").json["anchor"]
    assert command("audit", "verify", "--anchor", anchor).code == 0
    assert command("audit", "list", "--json").json[0]["event"] == "user.added"
    with closing(Store(f"sqlite:///{tmp_path / 'store.db'}")) as store, store.write() as db:
        db.execute(sa.update(audit_table).values(who="eve"))
    broken = command("audit", "verify")
    assert (broken.code, "entry 1 is not what was written" in broken.out) == (3, True)
    assert command("audit", "verify", "--json").json["broken"] == 1
    (tmp_path / "key").write_bytes(b"z" * 32)
    assert command("users", "add", "bob").code == 1
    assert command("audit", "seal", "--reason", "a new key").code == 0
    assert command("users", "add", "bob").code == 0
    assert command("audit", "verify").code == 3, "what was changed stays visible"
