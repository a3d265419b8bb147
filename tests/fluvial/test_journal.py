"""Journal: one order for every shard, and only its newest owner writes it."""

from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from math import log2
from typing import Any

import pytest
import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.decision import Decision
from fluvial.journal import Batch, Entry, Fenced, Journal, Range, Tenure
from fluvial.reviews import Request, register, review
from fluvial.shelf import Shelf, Snapshot, crowded
from fluvial.store import Store, decision_table, journal_table, shard_table
from tests.fluvial.racing import race, succeeded

TAKEOVERS = 300
EVENTS = TopicPartition("coins.events", 0)


@pytest.fixture
def journal(store: Store) -> Journal:
    return Journal(store, "coins")


@pytest.fixture
def shelf(store: Store) -> Shelf:
    return Shelf(store, "coins", keep=3)


def batch(number: int, decisions: list[Decision] | None = None) -> Batch:
    ranges = {EVENTS: Range(number * 10, number * 10 + 10, 10, 0xFFFFFFFF)}
    return Batch(number, ranges, decisions or [], number - 1)


def snapshot(number: int) -> Snapshot:
    return Snapshot(number, {EVENTS: number * 10}, f"digest {number}", "made by", bytes([number]) * 100)


def rows(store: Store, table: sa.Table) -> list[Any]:
    with store.read() as db:
        return list(db.execute(sa.select(table).order_by(*table.primary_key.columns)).all())


def pause(store: Store, shards: int = 2) -> None:
    register(store, "coins", shards, {})
    review(store, Request(action="pause", pipeline="coins", who="ann"), "cli")


def test_a_batch_comes_back_as_it_was_written(journal: Journal) -> None:
    epoch = journal.acquire(0, "worker").epoch
    written = batch(1, [Decision(7, "pause", "review-1")])
    assert journal.append([Entry(0, epoch, written)]) == []
    assert journal.batches(0, 0) == [written]


def test_batches_come_in_their_order_and_only_those_asked_for(journal: Journal) -> None:
    epoch = journal.acquire(0, "worker").epoch
    for number in range(1, 13):
        journal.append([Entry(0, epoch, batch(number))])
    assert [found.number for found in journal.batches(0, 0)] == list(range(1, 13))
    assert [found.number for found in journal.batches(0, 8)] == [9, 10, 11, 12]
    assert [found.number for found in journal.batches(0, 8, until=10)] == [9, 10]
    assert journal.batches(1, 0) == []


def test_an_owner_learns_what_was_before_it(journal: Journal) -> None:
    assert journal.acquire(0, "ann") == Tenure(1, 0, {}, "")
    journal.remember_topics(0, 1, {"coins.events": "id-1"})
    journal.append([Entry(0, 1, batch(1))])
    assert journal.acquire(0, "bob") == Tenure(2, 1, {"coins.events": "id-1"}, "ann")
    assert not journal.holds(0, 1)
    assert journal.holds(0, 2)


def test_of_owners_that_take_a_shard_at_once_each_gets_an_epoch_of_its_own(journal: Journal) -> None:
    tenures = race(*[lambda: journal.acquire(0, "worker")] * 8)
    assert sorted(tenure.epoch for tenure in succeeded(tenures)) == list(range(1, 9))


@pytest.mark.parametrize(
    "act",
    [
        lambda journal, epoch: journal.halt(0, epoch, "a gap"),
        lambda journal, epoch: journal.report(0, epoch, {"events": 1}),
        lambda journal, epoch: journal.remember_topics(0, epoch, {"coins.events": "id-2"}),
    ],
    ids=["halt", "status", "topics"],
)
def test_a_former_owner_writes_nothing(
    journal: Journal, store: Store, act: Callable[[Journal, int], None]
) -> None:
    former = journal.acquire(0, "ann").epoch
    journal.acquire(0, "bob")
    before = rows(store, shard_table)
    with pytest.raises(Fenced, match="newer owner than epoch 1"):
        act(journal, former)
    assert rows(store, shard_table) == before


def test_a_former_owner_stores_no_snapshot(journal: Journal, shelf: Shelf) -> None:
    former = journal.acquire(0, "ann").epoch
    journal.acquire(0, "bob")
    with pytest.raises(Fenced, match="newer owner than epoch 1"):
        shelf.save(0, former, snapshot(1))
    assert shelf.listing(0) == []


def test_a_batch_of_a_former_owner_or_out_of_turn_is_fenced(journal: Journal) -> None:
    journal.acquire(0, "ann")
    epoch = journal.acquire(0, "bob").epoch
    assert journal.append([Entry(0, epoch - 1, batch(1))]) == [0]
    assert journal.append([Entry(0, epoch, batch(2))]) == [0], "batch 1 is missing"
    assert journal.append([Entry(0, epoch, batch(1))]) == []
    assert journal.append([Entry(0, epoch, batch(1))]) == [0], "batch 1 is there"
    assert [found.number for found in journal.batches(0, 0)] == [1]


def test_no_row_of_a_former_owner_gets_in_however_close_the_race(journal: Journal, store: Store) -> None:
    owner, newest = journal.acquire(0, "worker"), 0
    inherited = {}
    for _ in range(TAKEOVERS):
        stale = Entry(0, owner.epoch, batch(newest + 1))
        _, heir = race(lambda stale=stale: journal.append([stale]), lambda: journal.acquire(0, "worker"))
        assert isinstance(heir, Tenure)
        inherited[owner.epoch] = heir.last_batch
        owner, newest = heir, heir.last_batch + 1
        assert journal.append([Entry(0, owner.epoch, batch(newest))]) == []
    written = rows(store, journal_table)
    assert [row.batch for row in written] == list(range(1, newest + 1))
    assert all(one.epoch <= other.epoch for one, other in pairwise(written))
    stale_rows = [row for row in written if row.batch > inherited.get(row.epoch, newest)]
    assert stale_rows == [], "written by a former owner after its heir had looked"


def test_hundreds_of_former_owners_that_wake_up_at_once_are_all_fenced(
    journal: Journal, store: Store
) -> None:
    former = [journal.acquire(0, f"worker {n}").epoch for n in range(TAKEOVERS)]
    epoch = journal.acquire(0, "owner").epoch

    def write(epochs: list[int], numbers: range) -> list[list[int]]:
        return [journal.append([Entry(0, one, batch(n))]) for one in epochs for n in numbers]

    groups = [former[start::6] for start in range(6)]
    wake = [lambda group=group: write(group, range(1, 3)) for group in groups]
    *stale, ours = race(*wake, lambda: write([epoch], range(1, 21)))
    assert [answer for answers in succeeded(stale) for answer in answers] == [[0]] * 2 * TAKEOVERS
    assert ours == [[]] * 20
    assert {row.epoch for row in rows(store, journal_table)} == {epoch}


def test_a_fenced_shard_does_not_keep_the_others_from_being_written(journal: Journal, store: Store) -> None:
    epochs = [journal.acquire(shard, "ann").epoch for shard in range(3)]
    journal.acquire(1, "bob")
    entries = [Entry(shard, epochs[shard], batch(1)) for shard in (2, 1, 0)]
    assert journal.append(entries) == [1]
    assert [(row.shard, row.batch) for row in rows(store, journal_table)] == [(0, 1), (2, 1)]


def test_workers_that_hold_the_same_shards_in_another_order_never_wait_for_each_other(
    store_url: str,
) -> None:
    with closing(Store(store_url, busy=5.0)) as store:
        journal = Journal(store, "coins")
        epochs = [journal.acquire(shard, "worker").epoch for shard in range(4)]
        for number in range(1, 31):
            entries = [Entry(shard, epoch, batch(number)) for shard, epoch in enumerate(epochs)]
            one, other = race(lambda e=entries: journal.append(e), lambda e=entries[::-1]: journal.append(e))
            assert sorted([one, other], key=str) == [[0, 1, 2, 3], []]


def test_two_pipelines_do_not_know_of_each_other(store: Store) -> None:
    coins, dice = Journal(store, "coins"), Journal(store, "dice")
    for journal in (coins, dice):
        epoch = journal.acquire(0, "worker").epoch
        assert (epoch, journal.append([Entry(0, epoch, batch(1))])) == (1, [])
    coins.append([Entry(0, 1, batch(2))])
    assert len(coins.batches(0, 0)) == 2
    assert len(dice.batches(0, 0)) == 1


def test_a_decision_waits_until_the_batch_that_takes_it_up_is_written(journal: Journal, store: Store) -> None:
    pause(store)
    epoch = journal.acquire(0, "worker").epoch
    (decision,) = journal.pending(0)
    assert decision.action == "pause"
    journal.append([Entry(0, epoch, batch(1, [decision]))])
    assert journal.pending(0) == []
    assert len(journal.pending(1)) == 1, "the other shard has its own"
    assert journal.batches(0, 0)[0].decisions == [decision]


def test_decisions_wait_in_the_order_in_which_they_were_made(journal: Journal, store: Store) -> None:
    register(store, "coins", 1, {})
    made = ["pause", "resume", "reset", "pause", "resume"]
    for action in made:
        review(store, Request(action=action, pipeline="coins", who="ann"), "cli")  # type: ignore[arg-type]
    assert [decision.action for decision in journal.pending(0)] == made


def test_a_decision_is_taken_up_exactly_once_however_often_the_shard_changes_hands(
    journal: Journal, store: Store
) -> None:
    pause(store, shards=1)
    for _ in range(40):
        stale = journal.acquire(0, "ann")
        entry = Entry(0, stale.epoch, batch(stale.last_batch + 1, journal.pending(0)))
        _, tenure = race(lambda entry=entry: journal.append([entry]), lambda: journal.acquire(0, "bob"))
        assert isinstance(tenure, Tenure)
        journal.append([Entry(0, tenure.epoch, batch(tenure.last_batch + 1, journal.pending(0)))])
    taken = [decision for found in journal.batches(0, 0) for decision in found.decisions]
    assert len(taken) == 1


def test_the_last_few_snapshots_are_kept_and_always_the_first(journal: Journal, shelf: Shelf) -> None:
    epoch = journal.acquire(0, "worker").epoch
    for number in range(8):
        shelf.save(0, epoch, snapshot(number))
    kept = shelf.listing(0)
    assert [one.batch for one in kept] == [7, 6, 5, 4, 2, 0]
    assert kept[0][:6] == (7, epoch, {EVENTS: 70}, "digest 7", "made by", 100)
    assert shelf.body(0, 7) == snapshot(7).body
    assert shelf.body(0, 3) is None


def test_there_is_a_snapshot_before_every_moment_at_most_twice_as_far_back() -> None:
    kept: list[int] = []
    for number in range(3_000):
        kept = [number, *kept]
        gone = crowded(kept, keep=5)
        kept = [batch for batch in kept if batch not in gone]
        assert kept[:5] == [number - n for n in range(5) if number >= n]
        ages = [number - batch for batch in kept]
        assert ages[-1] == number
        assert all(older <= 2 * newer for newer, older in pairwise(ages[4:]) if newer)
        assert len(kept) <= 5 + 2 * log2(number + 1)


def test_a_snapshot_that_people_rolled_back_to_is_kept(journal: Journal, shelf: Shelf, store: Store) -> None:
    epoch = journal.acquire(0, "worker").epoch
    row = {"pipeline": "coins", "shard": 0, "action": "rollback", "review": "r", "args": {"batch": 3}}
    with store.write() as db:
        db.execute(sa.insert(decision_table).values(row))
    other = journal.acquire(1, "worker").epoch
    for number in range(1, 30):
        shelf.save(0, epoch, snapshot(number))
        shelf.save(1, other, snapshot(number))
    kept, of_another = ([one.batch for one in shelf.listing(shard)] for shard in (0, 1))
    assert 3 in kept
    assert 3 not in of_another


def test_a_snapshot_of_the_same_batch_replaces_the_one_before(journal: Journal, shelf: Shelf) -> None:
    epoch = journal.acquire(0, "worker").epoch
    for body in (b"one", b"other"):
        shelf.save(0, epoch, snapshot(3)._replace(body=body))
    assert [one.batch for one in shelf.listing(0)] == [3]
    assert shelf.body(0, 3) == b"other"


def test_whatever_a_model_says_when_it_fails_can_be_stored(journal: Journal, store: Store) -> None:
    epoch = journal.acquire(0, "worker").epoch
    journal.halt(0, epoch, "KeyError: 'a\0b\udc80'")
    journal.report(0, epoch, {"score": float("nan"), "slices": {"a\0b\ud800": float("inf")}})
    (row,) = rows(store, shard_table)
    assert row.halted.startswith("KeyError: 'a")
    assert row.status == {"score": None, "slices": {"a\0b\ud800": None}}
    journal.halt(0, epoch, None)
    assert rows(store, shard_table)[0].halted is None


def test_what_was_refused_is_on_record(journal: Journal) -> None:
    journal.refused(0, "write", 3, "worker", "journal")
    journal.refused(0, "snapshot", 4, "worker", "batch 7: the seal does not hold")
    assert journal.refusals(0) == [
        ("write", 3, "worker", "journal"),
        ("snapshot", 4, "worker", "batch 7: the seal does not hold"),
    ]
    assert journal.refusals(1) == []


def test_what_a_definition_stands_for_is_remembered_once(journal: Journal) -> None:
    journal.define("abc", {"model": "dummy.PriorClassifier()"}, {"river": "1"})
    journal.define("abc", {"model": "another"}, {"river": "2"})
    (found,) = journal.definitions()
    assert (found.name, found.config, found.libraries) == (
        "abc", {"model": "dummy.PriorClassifier()"}, {"river": "1"},
    )  # fmt: skip
