"""Shards that stand still, and rollbacks, in a terminal."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumers.embedded import EmbeddedLog
from fluvial.incidents import Incidents
from fluvial.journal import Journal
from fluvial.review_feed import ReviewFeed
from fluvial.reviews import history, register
from fluvial.secrets import load_key
from fluvial.shelf import Shelf, Snapshot
from fluvial.store import Store
from fluvial.wiring import create_topics, facts
from tests.fluvial.commandline import Commandline
from tests.fluvial.test_desk_cli import HOSTILE, assert_harmless
from tests.fluvial.world import coins

WHY = "coins.events:1 holds offsets 100 to 500, not 0 to 90"
LOSS = {"after": 3, "batches": 2, "records": 90, "positions": {}, "skipped": {"coins.events:1": [90, 100]}}


@pytest.fixture
def desk(
    command: Commandline, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """The store of a pipeline with two shards, which is where the commands look."""
    monkeypatch.setenv("FLUVIAL_STORE", store_url)
    with closing(Store(store_url, key=lambda: load_key(tmp_path / "key"))) as store:
        register(store, "coins", 2, facts(coins()))
        for shard in range(2):
            Journal(store, "coins").acquire(shard, "worker")
        yield store


def halt(store: Store, why: str = WHY) -> str:
    journal = Journal(store, "coins")
    journal.halt(1, journal.acquire(1, f"worker {HOSTILE}").epoch, why)
    Incidents(store).stands_still("coins", 1, why, gives_up=LOSS, retried=True)
    return Incidents(store).listing(limit=1)[0].id


def test_the_list_says_which_shard_stands_still_since_when_and_why(command: Commandline, desk: Store) -> None:
    said = command("shard", "list", "coins")
    assert (said.code, len(said.out.splitlines())) == (0, 3)
    incident = halt(desk)
    said = command("shard", "list", "coins")
    assert said.code == 3
    assert said.out.splitlines()[2].rstrip().endswith(WHY)
    assert_harmless(said)
    shown = command("shard", "list", "coins", "--json")
    assert shown.code == 3
    assert [one["halted"] for one in shown.json] == [None, WHY]
    assert shown.json[1]["incident"] == incident
    assert shown.json[1]["halted_since"] == Incidents(desk).get(incident).opened_at


def test_trying_again_says_what_will_happen_and_what_it_would_cost_to_go_on(
    command: Commandline, desk: Store
) -> None:
    incident = halt(desk)
    said = command("shard", "resume", "coins", "1", "--who", "ann", "--reason", "the disk is back")
    assert said.code == 0
    assert said.out.splitlines() == [
        "Done: Shard 1 is tried again within seconds, or as soon as a worker has it. Where it can go on "
        "nothing is lost; else it stands still as before.",
        f"It stands still because: {WHY}",
        "With --accept-gap would be given up: Forgotten: 2 batches with 90 records; the state after batch 3 "
        "comes back. Never read: coins.events:1 from 90 to 99.",
        f"What came of it: fluvial incident {incident}",
    ]
    (taken,) = history(desk)
    assert (taken.action, taken.who, taken.reason, taken.incident) == (
        "resume_shard", "ann", "the disk is back", incident,
    )  # fmt: skip


def test_accepting_the_gap_twice_says_so_and_for_somebody_else_ends_with_four(
    command: Commandline, desk: Store
) -> None:
    halt(desk)
    words = ("shard", "resume", "coins", "1", "--accept-gap")
    first, second = (command(*words, "--who", "ann") for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    assert (first.out.split(":")[0], second.out.split(":")[0]) == ("Done", "Already so")
    assert "Given up: Forgotten: 2 batches" in first.out
    other = command(*words, "--who", "bob")
    assert (other.code, other.err) == (4, "fluvial: ann has accepted the gap of shard 1\n")
    assert command(*words, "--who", "ann", "--json").json["repeated"] is True
    assert [one.action for one in Journal(desk, "coins").pending(1)] == ["accept_gap"]


def test_an_incident_of_a_shard_that_stands_still_is_told_in_a_sentence(
    command: Commandline, desk: Store
) -> None:
    incident = halt(desk, why=f"batch 3, at coins.events:1:9: ValueError: {HOSTILE}")
    said = command("incident", incident)
    assert said.code == 0
    assert "Shard 1 stands still since" in said.out
    assert "accepting the gap: Forgotten: 2 batches with 90 records" in said.out
    assert "it is tried again every minute" in said.out
    assert "accept_gap" in said.out
    assert "false_alarm" not in said.out
    assert_harmless(said)
    assert command("incident", incident, "--json").json["evidence"][0]["gives_up"] == LOSS
    assert "(clock)" in command("incidents").out
    journal = Journal(desk, "coins")
    journal.halt(1, journal.acquire(1, "worker").epoch, None)
    Incidents(desk).went_on("coins", 1)
    said = command("incident", incident)
    assert "Shard 1 stood still from" in said.out
    assert "shard 1 went on; the incident closed by itself" in said.out
    assert command("incidents").code == 0


def test_a_rollback_says_what_it_does(command: Commandline, desk: Store) -> None:
    keep(desk, 0, 12, 20)
    said = command("rollback", "coins", "--batch", "12", "--shard", "0", "--who", "ann", "--reason", "better")
    assert (said.code, said.out) == (
        0,
        "Done: Rolled back to the model of batch 12 of shard 0; the offset stays; what came since is not "
        "learned again.\n",
    )
    assert [dict(one.args) for one in Journal(desk, "coins").pending(0)] == [{"batch": 12}]


def keep(store: Store, shard: int, *batches: int) -> None:
    epoch = Journal(store, "coins").acquire(shard, "worker").epoch
    for batch in batches:
        Shelf(store, "coins").save(shard, epoch, Snapshot(batch, {}, "", "", b""))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("shard", "resume", "coins", "0"), 1, "shard 0 of coins does not stand still"),
        (("shard", "resume", "coins", "7"), 1, "coins has shards 0 to 1 and no shard 7"),
        (("shard", "resume", "cards", "0"), 1, "no pipeline is called 'cards'"),
        (("shard", "resume", "coins", "0", "--accept-gap"), 1, "does not stand still"),
        (("shard", "resume", "coins"), 2, "Missing argument"),
        (("shard", "resume", "coins", "-1"), 2, "No such option"),
        (("shard", "list", "cards"), 1, "no pipeline 'cards' has run here"),
        (("rollback", "coins"), 2, "Missing option '--batch'"),
        (("rollback", "coins", "--batch", "12"), 1, "each shard of coins has batches of its own: name one"),
        (("rollback", "coins", "--batch", "12", "--shard", "0"), 1, "of batch 12: there are 20, 0"),
        (("rollback", "coins", "--batch", "-1", "--shard", "0"), 2, "batch: Input should be greater than"),
        (("rollback", "cards", "--batch", "12", "--shard", "0"), 1, "no pipeline is called 'cards'"),
        (("review", "rollback", "--pipeline", "coins"), 2, "a rollback needs the batch"),
        (("review", "resume_shard", "--pipeline", "coins"), 2, "concerns one shard: name it"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    command: Commandline, desk: Store, words: tuple[str, ...], code: int, said: str
) -> None:
    keep(desk, 0, 0, 20)
    found = command(*words)
    assert (found.code, found.out) == (code, "")
    assert said in " ".join(found.err.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())
    assert history(desk) == []


def test_a_rollback_goes_through_the_signed_topic_as_well(
    command: Commandline, desk: Store, tmp_path: Path
) -> None:
    keep(desk, 1, 12)
    key = load_key(tmp_path / "key")
    words = ("rollback", "coins", "--batch", "12", "--shard", "1", "--who", "ann", "--topic", "coins.reviews")
    with closing(EmbeddedLog(tmp_path / "log.db")) as log:
        create_topics(coins(), log)
        assert command(*words, "--id", "r1").out == "sent to coins.reviews as r1\n"
        halt(desk)
        incident = Incidents(desk).listing()[0].id
        assert command("review", "accept_gap", incident, "--who", "ann", "--topic", "coins.reviews").code == 0
        ReviewFeed(coins(), log, desk, key).take_in()
    assert [taken.action for taken in history(desk)] == ["accept_gap", "rollback"]
    told = [(one.action, json.dumps(dict(one.args))) for one in Journal(desk, "coins").pending(1)]
    assert told == [("rollback", '{"batch": 12}'), ("accept_gap", "{}")]
