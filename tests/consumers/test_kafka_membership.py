"""Membership on Kafka: one owner at a time, and somebody always takes over."""

import gc
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from consumers import kafka_membership
from consumers.kafka import KafkaLog
from consumers.kafka_membership import KafkaMembership, Seat
from consumers.record import TopicPartition
from tests.consumers.sockets import leaves_sockets
from tests.services.kafka import KafkaAdminClient
from tests.waiting import wait_until

pytestmark = leaves_sockets

Join = Callable[..., KafkaMembership]


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()  # see leaves_sockets


@pytest.fixture
def join(kafka_bootstrap: str, caplog: pytest.LogCaptureFixture) -> Iterator[Join]:
    """Makes members of the group of some topics: `join(topics, one_model=True, seat=Seat("a"))`."""
    caplog.set_level(logging.INFO, logger="kafka")  # the way to a state that is waited for in vain
    with ExitStack() as stack:

        def made(topics: list[str], one_model: bool = False, **options: Any) -> KafkaMembership:
            group = topics[0]
            member = KafkaMembership(
                kafka_bootstrap, group=group, topics=topics, one_model=one_model, **options
            )
            return stack.enter_context(closing(member))

        yield made


@pytest.fixture
def topics(kafka_bootstrap: str) -> Callable[..., list[str]]:
    """Makes a topic of events and one of labels with as many partitions each."""

    def made(events: int, labels: int | None = None) -> list[str]:
        name = f"m{uuid.uuid4().hex[:10]}"
        with closing(KafkaLog(kafka_bootstrap)) as log:
            for stream, partitions in (("events", events), ("labels", labels or events)):
                log.create(f"{name}.{stream}", partitions)
        return [f"{name}.events", f"{name}.labels"]

    return made


@pytest.fixture
def admin(kafka_bootstrap: str) -> Iterator[Any]:
    with closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap)) as admin:
        yield admin


def told(admin: Any, group: str) -> tuple[str, dict[str, str]]:
    """The state of a group and the id under which it knows each member, by the member's name."""
    found = admin.describe_groups([group])[group]
    return found["group_state"], {m["group_instance_id"] or "": m["member_id"] for m in found["members"]}


def alone(members: list[KafkaMembership]) -> KafkaMembership | None:
    """The one that runs something, where nobody is in trouble.

    Who joins or leaves moves it, and a topic that was just made is not known to all yet: what each member
    says is settled only when it has heard of the last sharing out.
    """
    running = [member for member in members if member.assigned()]
    return running[0] if len(running) == 1 and not any(member.trouble for member in members) else None


def owns(member: KafkaMembership, *shards: int) -> None:
    wait_until(lambda: member.assigned() == set(shards), f"it runs {shards}", 60)


def test_a_one_model_pipeline_runs_on_one_worker_and_the_others_take_over(join: Join, topics: Any) -> None:
    names = topics(3)
    members = [join(names, one_model=True) for _ in range(3)]
    while members:
        owner = wait_until(lambda: alone(members), "one alone runs it, and to stand by is no trouble")
        assert owner.assigned() == {0}
        members.remove(owner)
        owner.close()
        assert owner.assigned() == frozenset()


def test_partitions_are_shared_out_and_handed_over_when_a_worker_leaves(join: Join, topics: Any) -> None:
    names = topics(4)
    first = join(names)
    owns(first, 0, 1, 2, 3)
    second = join(names)
    wait_until(lambda: len(first.assigned()) == len(second.assigned()) == 2, "two run two each")
    assert first.assigned() | second.assigned() == {0, 1, 2, 3}
    second.close()
    owns(first, 0, 1, 2, 3)


def test_a_worker_that_joins_or_leaves_moves_no_shard_that_can_stay(join: Join, topics: Any) -> None:
    names = topics(6)
    first, second = join(names), join(names)
    wait_until(lambda: len(first.assigned()) == len(second.assigned()) == 3, "two run three each")
    before = first.assigned(), second.assigned()
    third = join(names)
    wait_until(lambda: len(third.assigned()) == 2, "the third gets its share")
    wait_until(lambda: len(first.assigned()) == len(second.assigned()) == 2, "two each")
    assert first.assigned() < before[0]
    assert second.assigned() < before[1]
    kept = first.assigned(), second.assigned()
    third.close()
    wait_until(lambda: len(first.assigned()) == len(second.assigned()) == 3, "three each again")
    assert kept[0] < first.assigned()
    assert kept[1] < second.assigned()


def test_topics_with_different_partition_counts_are_given_to_nobody_and_everybody_says_so(
    join: Join, topics: Any
) -> None:
    names = topics(2, 3)
    members = [join(names), join(names)]
    for member in members:
        wait_until(lambda member=member: "different numbers" in member.trouble, "it says why")
        assert "events': 2" in member.trouble
        assert member.assigned() == frozenset()


def test_topics_that_were_mended_are_given_out_without_waiting_for_the_next_notice(
    join: Join, topics: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_membership, "NOTICE", 3600.0)
    names = topics(2, 3)
    member = join(names)
    wait_until(lambda: "different numbers" in member.trouble, "it says why")
    admin.create_partitions({names[0]: 3})
    owns(member, 0, 1, 2)


@pytest.mark.parametrize("one_model", [True, False])
def test_partitions_that_nobody_asked_for_are_nobody_s_and_told_of(
    join: Join, topics: Any, admin: Any, monkeypatch: pytest.MonkeyPatch, one_model: bool
) -> None:
    monkeypatch.setattr(kafka_membership, "NOTICE", 1.0)
    names = topics(2)
    member = join(names, one_model=one_model, partitions=2)
    shards = (0,) if one_model else (0, 1)
    owns(member, *shards)
    assert member.trouble == ""
    admin.create_partitions(dict.fromkeys(names, 3))
    wait_until(lambda: "partitions beyond the 2" in member.trouble, "it is noticed")
    owns(member, *shards)


def test_a_loop_of_kafka_python_that_stumbles_is_set_going_again(
    join: Join, topics: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_membership, "NOTICE", 1.0)
    names = topics(1)
    member = join(names)
    owns(member, 0)
    met: list[str] = []
    cluster = member._consumer._client.cluster

    def stumbles(_: Any) -> None:
        cluster.remove_listener(stumbles)
        met.append("it went over a set that another thread changed")
        raise RuntimeError("Set changed size during iteration")

    cluster.add_listener(stumbles)
    wait_until(lambda: met, "its loop meets the trouble")
    admin.create_partitions(dict.fromkeys(names, 2))
    owns(member, 0, 1)


def test_workers_that_share_in_different_ways_do_not_mix(join: Join, topics: Any) -> None:
    names = topics(2)
    first = join(names, one_model=True)
    owns(first, 0)
    second = join(names, one_model=False)
    wait_until(lambda: "the same `learn`" in second.trouble, "the second says why it gets nothing")
    assert second.assigned() == frozenset()
    assert (first.assigned(), first.trouble) == ({0}, "")
    first.close()
    owns(second, 0, 1)
    wait_until(lambda: not second.trouble, "there is no trouble any more")


def test_a_session_that_the_broker_does_not_allow_is_named(join: Join, topics: Any) -> None:
    member = join(topics(1), seat=Seat(session=3600))
    wait_until(lambda: "no session of 3600 s" in member.trouble, "it says why it gets nothing")


# named workers


def test_a_named_worker_that_restarts_has_its_shards_again_and_the_others_notice_nothing(
    join: Join, topics: Any, admin: Any
) -> None:
    names = topics(4)
    seats = {name: join(names, seat=Seat(name, session=20)) for name in ("left", "right")}
    wait_until(lambda: all(len(m.assigned()) == 2 for m in seats.values()), "two run two each")
    for name, other in (("left", "right"), ("right", "left")):  # one of them is the leader
        kept, undisturbed = seats[name].assigned(), seats[other].assigned()
        generation = seats[other]._assignor._generation
        seats[name].close()
        assert told(admin, names[0])[1].keys() == seats.keys()
        began = time.monotonic()
        seats[name] = join(names, seat=Seat(name, session=20))
        owns(seats[name], *kept)
        assert time.monotonic() - began < 15  # it did not wait for the end of the session
        assert seats[other].assigned() == undisturbed
        assert seats[other]._assignor._generation == generation
    later = join(names)  # what a restarted worker claims counts like any claim
    wait_until(later.assigned, "a third gets its share")
    assert {len(m.assigned()) for m in (*seats.values(), later)} <= {1, 2}


def test_a_named_worker_that_does_not_come_back_is_replaced_after_its_session(
    join: Join, topics: Any
) -> None:
    names = topics(2)
    gone, staying = join(names, seat=Seat("gone")), join(names, seat=Seat("staying"))
    wait_until(lambda: gone.assigned() and staying.assigned(), "one each")
    gone.close()
    owns(staying, 0, 1)


def test_a_named_worker_that_leaves_gives_its_shards_up_at_once(join: Join, topics: Any, admin: Any) -> None:
    names = topics(2)
    going = join(names, seat=Seat("going", leaves=True, session=120))
    staying = join(names, seat=Seat("staying", session=120))
    wait_until(lambda: going.assigned() and staying.assigned(), "one each")
    going.close()
    owns(staying, 0, 1)  # the session is longer than this waits
    assert told(admin, names[0])[1].keys() == {"staying"}


def test_of_two_workers_with_one_name_the_earlier_gives_up_says_so_and_stays_away(
    join: Join, topics: Any, admin: Any
) -> None:
    names = topics(2)
    earlier = join(names, seat=Seat("twin", leaves=True))
    owns(earlier, 0, 1)
    later = join(names, seat=Seat("twin"))
    wait_until(lambda: "another worker joined under the name twin" in earlier.trouble, "it says so")
    assert earlier.assigned() == frozenset()
    assert not earlier._thread.is_alive()
    owns(later, 0, 1)
    earlier.close()
    assert told(admin, names[0]) == ("Stable", {"twin": later._consumer.group_metadata().member_id})


def test_of_two_workers_with_one_name_a_standby_notices_too(join: Join, topics: Any) -> None:
    names = topics(1)
    owner = join(names, one_model=True)
    owns(owner, 0)
    earlier = join(names, one_model=True, seat=Seat("twin"))
    wait_until(lambda: earlier._consumer.group_metadata().member_id, "it stands by")
    join(names, one_model=True, seat=Seat("twin"))
    wait_until(lambda: "another worker joined" in earlier.trouble, "it says so")
    assert owner.assigned() == {0}


# workers that are busy, stuck, or broken


@pytest.mark.parametrize("seat", [Seat(stuck=2), Seat("named", stuck=2)])
def test_a_worker_whose_main_loop_hangs_loses_its_shards_until_it_moves_again(
    join: Join, topics: Any, seat: Seat
) -> None:
    names = topics(2)
    hanging = join(names, seat=seat)
    owns(hanging, 0, 1)
    healthy = join(names)
    owns(healthy, 0, 1)
    assert "has not moved for 2 s" in hanging.trouble
    assert hanging.assigned() == frozenset()

    def shared() -> bool:
        hanging.tick({})
        return len(hanging.assigned()) == len(healthy.assigned()) == 1

    wait_until(shared, "it wakes up, and gets no more than its share", 60)
    wait_until(lambda: not hanging.trouble, "there is no trouble any more")


HELD = 0.6
"""Seconds that one call keeps Python's lock for, whatever the machine: a tenth of a session."""


def hold_the_lock(seconds: float) -> float:
    """Keep Python's lock, again and again, for about HELD seconds each time, in one call of C code; the longest."""
    began = time.process_time()
    sum(range(1_000_000))
    numbers = range(int(1_000_000 * HELD / (time.process_time() - began)))
    longest, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        sum(numbers)
        longest = max(longest, time.monotonic() - began)
    return longest


def compute(seconds: float) -> float:
    """Keep the processor busy with Python code."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(i * i for i in range(1_000))
    return 0.0


@pytest.mark.parametrize("busy", [hold_the_lock, compute])
def test_learning_for_longer_than_the_session_costs_no_shard(
    join: Join, topics: Any, admin: Any, busy: Callable[[float], float]
) -> None:
    names = topics(2)
    member = join(names)
    owns(member, 0, 1)
    before = told(admin, names[0])
    longest = busy(2 * member._seat.session)
    assert longest < member._seat.session, "this machine is too slow for what is tried here"
    assert told(admin, names[0]) == before == ("Stable", {"": before[1][""]})
    assert member.assigned() == {0, 1}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_member_whose_thread_ends_owns_nothing(
    join: Join, topics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = join(topics(1), one_model=True)
    owns(member, 0)

    def broken() -> None:
        raise SystemExit  # ends a thread without a word

    monkeypatch.setattr(member, "_show_positions", broken)
    owns(member)
    wait_until(lambda: "restart the worker" in member.trouble, "it says so")


def test_positions_are_shown_as_the_group_s_offsets(join: Join, topics: Any, admin: Any) -> None:
    names = topics(1)
    member = join(names, one_model=True)
    shown = {TopicPartition(topic, 0): 0 for topic in names}
    owns(member, 0)

    def committed() -> bool:
        member.tick(shown)
        found = admin.list_group_offsets({names[0]: None})[names[0]]
        return {TopicPartition(*tp): at.offset for tp, at in found.items()} == shown

    wait_until(committed, "the offsets are committed", 30)
