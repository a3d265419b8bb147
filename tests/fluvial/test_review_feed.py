"""ReviewFeed: signed reviews from a topic are taken once; nothing that is written there stops the stream."""

import hmac
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.incidents import Incidents
from fluvial.review_feed import AT_ONCE, ReviewFeed
from fluvial.reviews import history
from fluvial.signing import of_store, sign
from fluvial.signing import signed as sealed
from fluvial.store import cursor_table
from monitors.alarm import Alarm
from tests.fluvial.racing import race
from tests.fluvial.world import KEY, START, World, coins, embedded_world

ALARM = Alarm("loss", "worse", START / 1000, START / 1000 - 60, 1000, 0.1, 0.4, 500, 500)


@contextmanager
def opened(world: World) -> Iterator[World]:
    """A world, closed at the end."""
    with closing(world.log), closing(world.store):
        yield world


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[World]:
    with opened(embedded_world(tmp_path, coins(), store_url)) as made:
        Incidents(made.store).record("coins", 0, [("a1", ALARM)])
        yield made


def signed(key: bytes = KEY, **message: Any) -> bytes:
    """A review of ann's as another tool writes it."""
    message = {"action": "acknowledge", "incident": "a1", "who": "ann", "id": "r1"} | message
    return json.dumps(sealed(message, of_store(key))).encode()


def write(world: World, *values: bytes | None) -> None:
    for value in values:
        world.log.append(world.pipeline.topic("reviews"), value, key=b"k", timestamp=START, partition=0)
    world.log.flush()


def take_in(world: World) -> None:
    """Let a worker that has just started take in what is new."""
    ReviewFeed(world.pipeline, world.log, world.store, KEY).take_in()


def taken(world: World) -> list[str]:
    return [f"{one.who} {one.action}" for one in reversed(history(world.store))]


def refusals(world: World) -> list[str]:
    found = [json.loads(record.value or b"") for record in world.records("quarantine")]
    assert all((one["stream"], one["reason"]) == ("reviews", "review_refused") for one in found)
    assert [one["offset"] for one in found] == sorted({one["offset"] for one in found})
    return [one["detail"] for one in found]


def test_a_signed_review_is_taken_as_if_it_was_said_at_the_desk(world: World) -> None:
    write(world, signed(reason="I look into it"))
    take_in(world)
    (review,) = history(world.store)
    assert (review.id, review.who, review.channel, review.reason) == ("r1", "ann", "topic", "I look into it")
    assert Incidents(world.store).get("a1").acknowledged_by == "ann"
    assert refusals(world) == []


def test_nothing_is_taken_twice_however_often_the_feed_starts(world: World) -> None:
    write(world, signed(), signed(id="r2", action="reset"))
    for _ in range(5):
        take_in(world)
    assert taken(world) == ["ann acknowledge", "ann reset"]


def test_nothing_is_taken_twice_even_if_the_feed_is_read_from_the_start(world: World) -> None:
    write(world, signed(), signed(id="r2", action="reset"), signed())
    for _ in range(3):
        take_in(world)
        with world.store.write() as db:
            db.execute(sa.delete(cursor_table))
    assert taken(world) == ["ann acknowledge", "ann reset"]
    assert world.journal.pending(0)[0].review == "r2"
    assert refusals(world) == []


def test_a_topic_made_anew_is_read_from_its_start(world: World, tmp_path: Path, store_url: str) -> None:
    write(world, signed(), signed(id="r2", action="reset"))
    take_in(world)
    world.log.delete(world.pipeline.topic("reviews"))  # type: ignore[attr-defined]
    with opened(embedded_world(tmp_path, coins(), store_url)) as anew:
        write(anew, signed(id="r3", action="resolve"))
        take_in(anew)
        assert taken(anew) == ["ann acknowledge", "ann reset", "ann resolve"]


def test_a_backlog_is_taken_in_turns(world: World) -> None:
    write(
        world,
        *[signed(id=f"r{n}", action="reset", incident=None, pipeline="coins") for n in range(AT_ONCE + 5)],
    )
    take_in(world)
    assert len(world.journal.pending(0)) == AT_ONCE
    take_in(world)
    assert len(world.journal.pending(0)) == AT_ONCE + 5


def test_retention_that_took_old_reviews_does_not_stop_the_feed(world: World) -> None:
    write(world, signed(), signed(id="r2", action="reset"))
    world.log.trim(TopicPartition(world.pipeline.topic("reviews"), 0), 1)  # type: ignore[attr-defined]
    take_in(world)
    assert taken(world) == ["ann reset"]


UNSIGNED = {
    "action": "acknowledge",
    "incident": "a1",
    "who": "eve",
    "id": "r9",
    "key": "store",
    "nonce": "n" * 8,
}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "no JSON object"),
        (b"", "no JSON object"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"not json", "no JSON"),
        (b"[1, 2]", "no JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "holds more than text or a number"),
        (b'{"version": ' + b"9" * 5000 + b"}", "no JSON"),
        (json.dumps(UNSIGNED).encode(), "not signed"),
        (json.dumps(UNSIGNED | {"signature": 5}).encode(), "not signed"),
        (json.dumps(UNSIGNED | {"signature": ["x"]}).encode(), "holds more than text or a number"),
        (json.dumps(UNSIGNED | {"signature": "0" * 64}).encode(), "signature does not fit"),
        (json.dumps(UNSIGNED | {"signature": "\ud800"}).encode(), "signature does not fit"),
        (json.dumps(UNSIGNED | {"signature": "\N{SNOWMAN}"}).encode(), "signature does not fit"),
        (
            json.dumps(UNSIGNED | {"signature": sign(UNSIGNED | {"who": "ann"}, of_store(KEY).key)}).encode(),
            "does not fit",
        ),
        (signed(key=b"x" * 32), "signature does not fit"),
        (signed(id=None), "needs an id"),
        (signed(id=""), "at least 1 character"),
        (signed(who="\ud800"), "unicode"),
        (signed(who="a\0n"), "NUL"),
        (signed(action="promote"), "Input should be"),
        (signed(sudo="yes"), "Extra inputs are not permitted"),
        (signed(**{"\ud800": 1}), "unicode"),
        (signed(version=1e400), "finite"),
        (signed(version=10**4000), "less than"),
        (signed(incident="nothing"), "no incident has the id 'nothing'"),
        (signed(incident=None, pipeline="cards"), "no pipeline is called 'cards'"),
        (signed(incident=None, pipeline="coins"), "is about an incident"),
        (signed(pipeline="coins"), "either an incident or a pipeline"),
    ],
)
def test_what_is_no_review_is_set_aside_with_the_reason_and_the_feed_goes_on(
    world: World, value: bytes | None, why: str
) -> None:
    write(world, value, signed(action="reset"))
    take_in(world)
    take_in(world)
    (said,) = refusals(world)
    assert why in said
    assert taken(world) == ["ann reset"]


def test_a_review_that_conflicts_is_set_aside_and_says_who_was_first(world: World) -> None:
    write(world, signed(), signed(id="r2", who="bob"), signed(id="r1", who="eve"))
    take_in(world)
    assert taken(world) == ["ann acknowledge"]
    first, second = refusals(world)
    assert first == "ann has acknowledged a1"
    assert "was used by ann for something else" in second


def test_a_signature_fits_whatever_the_order_of_the_keys(world: World) -> None:
    message = json.loads(signed(who="J\N{LATIN SMALL LETTER O WITH DIAERESIS}rg"))
    write(world, json.dumps(dict(reversed(message.items())), ensure_ascii=False, indent=2).encode())
    take_in(world)
    assert taken(world) == ["J\N{LATIN SMALL LETTER O WITH DIAERESIS}rg acknowledge"]


def test_another_tool_signs_with_a_few_lines() -> None:
    text = b'{"action":"reset","id":"r1","who":"J\\u00f6rg"}'
    message = {"who": "J\u00f6rg", "id": "r1", "action": "reset", "signature": "is left out"}
    assert sign(message, KEY) == hmac.digest(KEY, text, "sha256").hex()


def test_two_workers_on_one_feed_take_each_review_once_and_never_turn_back(
    world: World, tmp_path: Path, store_url: str
) -> None:
    write(world, *[signed(id=f"r{n}", action="reset", incident=None, pipeline="coins") for n in range(100)])

    def work() -> None:
        with opened(embedded_world(tmp_path, coins(), store_url)) as other:
            take_in(other)

    assert race(work, work) == [None, None]
    take_in(world)
    assert len(world.journal.pending(0)) == 100
    assert refusals(world) == []


def test_a_worker_that_lags_behind_decides_nothing_that_was_decided_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = {"action": "pause", "incident": None, "pipeline": "coins"}
    write(world, signed(**pause), signed(**pause, id="r2", who="bob"))
    take_in(world)
    assert refusals(world) == ["ann has paused coins: resume it first"]
    write(world, signed(**pause | {"action": "resume"}, id="r3"))
    take_in(world)
    monkeypatch.setattr(ReviewFeed, "_position", lambda *_: 0)
    take_in(world)
    monkeypatch.undo()
    take_in(world)
    assert taken(world) == ["ann pause", "ann resume"]
    assert len(refusals(world)) == 1
