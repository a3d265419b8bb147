"""Reviewers: who decides through the topic follows from the key, and a message counts once or not at all."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial import trail
from fluvial.accounts import Accounts, Scope, Wanted
from fluvial.errors import ConfigError
from fluvial.incidents import Incidents
from fluvial.people import Role
from fluvial.review import Request
from fluvial.review_feed import ReviewFeed
from fluvial.reviews import history
from fluvial.signing import ENVELOPE, of_reviewer, of_store, sign, signed
from fluvial.store import (
    Store,
    cursor_table,
    decision_table,
    incident_table,
    nonce_table,
    pipeline_table,
    review_table,
    token_table,
)
from tests.fluvial.commandline import Commandline
from tests.fluvial.test_review_feed import ALARM, opened, refusals, take_in, taken, write
from tests.fluvial.world import KEY, START, World, coins, embedded_world

LATER = 10_000.0


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[World]:
    with opened(embedded_world(tmp_path, coins(), store_url)) as made:
        Incidents(made.store).record("coins", 0, [("a1", ALARM)])
        yield made


def key_of(store: Store, role: Role = "reviewer", name: str = "ann", **scope: Any) -> str:
    """A signing key of a user in a role."""
    accounts = Accounts(store)
    accounts.add(name, Scope(role))
    return accounts.make(Wanted(name, "topic", Scope(**scope)))


def said(key: str, *, lasts: float = LATER, **message: Any) -> bytes:
    """A message signed with a reviewer's key."""
    message = {"action": "acknowledge", "incident": "a1", "id": "r1"} | message
    return json.dumps(signed(message, of_reviewer(key), lasts=lasts)).encode()


def everything(world: World) -> dict[str, list[Any]]:
    """All that decisions change, and what was refused."""
    tables = (review_table, decision_table, incident_table, pipeline_table, nonce_table)
    with world.store.read() as db:
        found = {table.name: [tuple(row) for row in db.execute(sa.select(table))] for table in tables}
    return found | {"quarantine": refusals(world), "trail": trail.entries(world.store)}


def test_who_decides_follows_from_the_key(world: World) -> None:
    write(world, said(key_of(world.store), reason="I look into it"))
    take_in(world)
    (review,) = history(world.store)
    assert (review.who, review.channel, review.reason) == ("ann", "topic", "I look into it")
    assert trail.entries(world.store, limit=1)[0].told["shown"].startswith("key ")
    assert refusals(world) == []


def test_nobody_signs_in_the_name_of_somebody_else(world: World) -> None:
    key = key_of(world.store)
    write(world, said(key, who="bob"), said(key, who="ann", id="r2"))
    take_in(world)
    assert refusals(world) == ["you are ann: nobody decides in the name of somebody else"]
    assert taken(world) == ["ann acknowledge"]
    refused = next(one for one in trail.entries(world.store) if one.event == "review.refused")
    assert (refused.who, refused.told["claimed"]) == ("ann", "bob")


@pytest.mark.parametrize(
    ("role", "action", "fine"),
    [
        ("viewer", "acknowledge", False),
        ("reviewer", "acknowledge", True),
        ("reviewer", "pause", False),
        ("operator", "pause", True),
        ("admin", "reset", True),
    ],
)
def test_an_action_needs_its_role_in_the_topic_too(world: World, role: Role, action: str, fine: bool) -> None:
    write(world, said(key_of(world.store, role), action=action))
    take_in(world)
    assert taken(world) == ([f"ann {action}"] if fine else [])
    assert ["needs the role" in one or "need the role" in one for one in refusals(world)] == [True] * (
        not fine
    )


def test_a_key_for_another_pipeline_decides_nothing_here(world: World) -> None:
    write(world, said(key_of(world.store, "admin", pipelines=("dice",))))
    take_in(world)
    assert refusals(world) == ["no incident has the id 'a1': see `fluvial incidents`"]
    assert Incidents(world.store).get("a1").state == "firing"


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "for the console", "unknown"])
def test_a_key_that_is_good_no_more_decides_nothing(world: World, how: str) -> None:
    key, accounts = key_of(world.store), Accounts(world.store)
    name = key.split("_")[1]
    if how == "revoked":
        accounts.revoke(name)
    if how == "disabled":
        accounts.disable("ann")
    changes = {"expired": {"expires_at": 1.0}, "for the console": {"use": "console"}, "unknown": {"id": "x"}}
    if how in changes:
        with world.store.write() as db:
            db.execute(sa.update(token_table).values(changes[how]))
    write(world, said(key))
    take_in(world)
    assert refusals(world) == ["its key is unknown, has expired or was revoked"]
    assert taken(world) == []


def changed(value: bytes, **changes: Any) -> bytes:
    """A signed message with something else in it, and the signature of before."""
    return json.dumps(json.loads(value) | changes).encode()


def resigned(value: bytes, by: bytes, **changes: Any) -> bytes:
    """A message with something else in it, signed with a key."""
    message = {name: held for name, held in (json.loads(value) | changes).items() if held is not None}
    return json.dumps(message | {"signature": sign(message, by)}).encode()


OLD = "it names no key or no nonce, as older versions did: sign it again"


def test_whatever_is_wrong_with_a_signed_message_nothing_changes(world: World) -> None:
    key = key_of(world.store, "admin")
    other = of_reviewer(key_of(world.store, "admin", "bob")).key
    mine, good = of_reviewer(key).key, said(key)
    cases = [
        (changed(good, action="reset"), "the signature does not fit the message"),
        (changed(good, nonce="another nonce"), "the signature does not fit the message"),
        (changed(good, good_until=9e9), "the signature does not fit the message"),
        (changed(good, key="store"), "the signature does not fit the message"),
        (resigned(good, other), "the signature does not fit the message"),
        (resigned(good, KEY), "the signature does not fit the message"),
        (
            resigned(good, mine, nonce=None),
            OLD,
        ),
        (resigned(good, mine, nonce=5), OLD),
        (
            resigned(good, mine, nonce="short"),
            OLD,
        ),
        (resigned(good, mine, key=None), OLD),
        (resigned(good, mine, key="\u0000"), "its key is unknown, has expired or was revoked"),
        (resigned(good, mine, good_until=None), "it does not say until when it is good"),
        (resigned(good, mine, good_until="9999999999"), "it does not say until when it is good"),
        (resigned(good, mine, good_until=True), "it does not say until when it is good"),
        (said(key, lasts=-1), "it has expired"),
    ]
    before = everything(world)
    write(world, *[value for value, _ in cases])
    take_in(world)
    after = everything(world)
    assert after.pop("quarantine") == [why for _, why in cases]
    assert len(after.pop("trail")) == len(before["trail"]) + len(cases), "each attempt is written down"
    assert after["nonce"] != before["nonce"], "what was signed and refused is used up"
    assert {name: after[name] for name in ("review", "decision", "incident", "pipeline")} == {
        name: before[name] for name in ("review", "decision", "incident", "pipeline")
    }


def test_a_message_that_is_sent_again_is_refused_whoever_sends_it(world: World) -> None:
    message = said(key_of(world.store, "operator"), action="reset", incident=None, pipeline="coins")
    write(world, message, message)
    take_in(world)
    write(world, message)
    take_in(world)
    assert taken(world) == ["ann reset"]
    assert refusals(world) == ["it was sent before: its nonce is used up"] * 2


def test_a_refused_message_cannot_be_kept_for_a_better_moment(world: World) -> None:
    key = key_of(world.store, "operator")
    early = said(key, action="resume", incident=None, pipeline="coins")
    write(world, early, said(key, action="pause", incident=None, pipeline="coins", id="r2"))
    take_in(world)
    write(world, early)
    take_in(world)
    assert taken(world) == ["ann pause"]
    assert refusals(world)[-1] == "it was sent before: its nonce is used up"


def test_replaying_the_whole_topic_changes_nothing(world: World) -> None:
    key = key_of(world.store, "operator")
    subject = {"incident": None, "pipeline": "coins"}
    messages = [
        said(key, id="r1"),
        said(key, id="r2", action="pause", **subject),
        said(key, id="r3", action="pause", who="bob", **subject),
        said(key, id="r4", action="resume", **subject),
        json.dumps(
            signed({"action": "reset", "pipeline": "coins", "who": "x", "id": "r5"}, of_store(KEY))
        ).encode(),
        said(key, id="r6", lasts=-1),
    ]
    write(world, *messages)
    take_in(world)
    before = everything(world)
    assert (len(before["review"]), len(before["quarantine"])) == (4, 2)
    for _ in range(3):  # the position was lost: everything is read anew from where it stands
        with world.store.write() as db:
            db.execute(sa.delete(cursor_table))
        take_in(world)
    assert everything(world) == before
    write(world, *messages)  # somebody writes all of it into the topic once more
    take_in(world)
    after = everything(world)
    assert after.pop("quarantine")[2:] == ["it was sent before: its nonce is used up"] * 6
    assert len(after.pop("trail")) == len(before["trail"]) + 6
    assert after == {name: before[name] for name in after}


def test_a_key_is_shown_once_and_kept_nowhere(world: World) -> None:
    key = key_of(world.store)
    with world.store.read() as db:
        assert key.split("_")[2] not in str(db.execute(sa.select(token_table)).all())
    with pytest.raises(ConfigError, match="no signing key"):
        of_reviewer("fluvial_ab_nonsense")


def test_without_a_key_of_the_store_nobody_gets_one(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path / 'store.db'}")) as store, pytest.raises(ConfigError):
        key_of(store)


def test_the_command_signs_with_the_reviewers_own_key(
    command: Commandline, tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUVIAL_STORE", store_url)
    (tmp_path / "key").write_bytes(KEY)
    with opened(embedded_world(tmp_path, coins(), store_url)) as world:
        Incidents(world.store).record("coins", 0, [("a1", ALARM)])
        assert command("users", "add", "ann", "--role", "reviewer").code == 0
        made = command("tokens", "create", "ann", "--signing", "--json").json
        (tmp_path / "mine").write_text(made["token"])
        monkeypatch.setenv("FLUVIAL_REVIEWER_KEY_FILE", str(tmp_path / "mine"))
        sent = command("review", "acknowledge", "a1", "--topic", "coins.reviews", "--who", "eve")
        assert sent.code == 0
        ReviewFeed(world.pipeline, world.log, world.store, KEY).take_in()
        assert taken(world) == ["ann acknowledge"]
    assert START > 0


def test_nothing_in_a_review_has_the_name_of_what_it_is_signed_with() -> None:
    assert not set(ENVELOPE) & set(Request.model_fields)
