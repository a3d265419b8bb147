"""Gaps: records that retention took, topics that are not what they were, a group that forgot.

Nothing is ever left out without a word: a shard whose records are missing stands still and names
them, and one that misses nothing goes on exactly. What the group of workers remembers is of no
importance.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

from consumers.record import TopicPartition
from tests.recovery.kafka_worker import KafkaWorker, kafka_worker
from tests.recovery.site import Site
from tests.services.kafka import KafkaAdminClient, KafkaPartition
from tests.waiting import wait_until

SOME = 100
"""Events that come at a time."""


class Gaps(NamedTuple):
    """How often which gap was made, how often a shard stood still, and what was wrong, in words."""

    tried: dict[str, int]
    halted: int
    went_on: int
    troubles: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was left out silently and nobody stood still without need."""
        return bool(self.tried) and not self.troubles

    @property
    def figure(self) -> str:
        """The result in a line."""
        tried = ", ".join(f"{n} × {what}" for what, n in self.tried.items())
        found = "; ".join(self.troubles) or "0 records left out silently"
        return (
            f"{tried}: {self.halted} shards stood still and named it, {self.went_on} went on exactly, {found}"
        )


class Place:
    """A worker and what an operator can do to its Kafka."""

    def __init__(self, worker: KafkaWorker, admin: Any) -> None:
        self.worker, self._admin = worker, admin
        self.events, self.labels = worker.pipeline.input_topics
        self._group = f"fluvial.{worker.pipeline.pipeline}"

    def learn(self, n: int = SOME) -> None:
        """Feed, and wait until all of it is learned."""
        self.worker.feed(n)
        self.worker.wait_until_done()

    def trim(self, topic: str, before: int, partition: int = 0) -> None:
        """Let retention take everything before an offset."""
        self._admin.delete_records({KafkaPartition(topic, partition): before})

    def delete(self, topic: str) -> None:
        """Delete a topic and wait until it is gone."""
        log = self.worker.world.log
        self._admin.delete_topics([topic])
        wait_until(lambda: not log.describe([topic]), f"{topic} is gone")

    def make_anew(self, topic: str) -> None:
        """Delete a topic and make another of the same name, with other records."""
        self.delete(topic)
        with closing(self.worker.other_log()) as log:
            log.create(topic, self.worker.pipeline.partitions)
            for i in range(10 * SOME):
                log.append(topic, b'{"other": %d}' % i, key=b"%d" % i, timestamp=1)
            log.flush()

    def forget(self) -> None:
        """Delete the group with all its offsets."""
        self._when_empty(lambda: self._admin.delete_groups([self._group]))

    def set_offsets(self, offset: int) -> None:
        """Let the group believe that it has read up to an offset."""
        places = {KafkaPartition(topic, 0): _at(offset) for topic in (self.events, self.labels)}
        self._when_empty(lambda: self._admin.alter_group_offsets(self._group, places))

    def _when_empty(self, act: Callable[[], Any]) -> None:
        def is_empty() -> bool:
            state: str = self._admin.describe_groups([self._group])[self._group]["group_state"]
            return state in ("Empty", "Dead")

        wait_until(is_empty, "the group is empty")
        act()


# Each makes a gap, and yields what the worker should have done and did not. Where something is missing
# there are many records behind it, so that one who went on silently would be found out.

Scenario = Callable[[Place], Iterator[str]]


def overtaken_while_away(place: Place) -> Iterator[str]:
    place.learn()
    yield from place.worker.stop()
    place.worker.feed(3 * SOME)
    place.trim(place.events, 2 * SOME)
    place.worker.start()
    yield from _stands_still(place, f"{place.events}:0", str(2 * SOME))


def overtaken_while_behind(place: Place) -> Iterator[str]:
    place.learn()
    place.worker.signal(signal.SIGSTOP)
    for _ in range(3):  # the first may be on its way already
        place.worker.feed(SOME)
    place.trim(place.labels, 3 * SOME)
    place.worker.signal(signal.SIGCONT)
    yield from _stands_still(place, f"{place.labels}:0")


def learned_from_is_gone(place: Place) -> Iterator[str]:
    place.learn()
    yield from place.worker.stop()
    for topic in (place.events, place.labels):
        place.trim(topic, SOME)
    place.worker.start()
    place.learn()
    yield from _went_on(place)


def deleted_while_read(place: Place) -> Iterator[str]:
    place.learn()
    place.delete(place.labels)
    yield from _stands_still(place, place.labels)


def made_anew_while_read(place: Place) -> Iterator[str]:
    place.learn()
    place.make_anew(place.events)
    yield from _stands_still(place, place.events)


def made_anew_while_away(place: Place) -> Iterator[str]:
    place.learn()
    yield from place.worker.stop()
    place.make_anew(place.events)
    place.worker.start()
    yield from _stands_still(place, place.events, "made anew")


def group_deleted(place: Place) -> Iterator[str]:
    place.learn()
    yield from place.worker.stop()
    place.forget()
    place.worker.feed(SOME)
    place.worker.start()
    place.learn()
    yield from _went_on(place)


def offsets_reset(place: Place) -> Iterator[str]:
    place.learn()
    for offset in (0, 3 * SOME):
        yield from place.worker.stop()
        place.worker.feed(SOME)
        place.set_offsets(offset)
        place.worker.start()
        place.learn()
    yield from _went_on(place)


def one_shard_of_three(place: Place) -> Iterator[str]:
    place.learn()
    yield from place.worker.stop()
    place.worker.feed(6 * SOME)
    lost = TopicPartition(place.events, 1)
    span = place.worker.world.log.spans([lost])[lost]
    place.trim(place.events, span.end - 1, partition=1)
    place.worker.start()
    yield from _stands_still(place, str(lost), shard=1)
    for shard in (0, 2):
        if not place.worker.wait_until_read(shard):
            yield f"shard {shard} did not go on, though nothing of it is missing"
    yield from place.worker.stop()


HALTING: dict[str, Scenario] = {
    "overtaken by retention while away": overtaken_while_away,
    "overtaken by retention while behind": overtaken_while_behind,
    "a topic deleted while it is read": deleted_while_read,
    "a topic made anew while it is read": made_anew_while_read,
    "a topic made anew while nobody reads": made_anew_while_away,
    "retention in one partition of three": one_shard_of_three,
}
GOING_ON: dict[str, Scenario] = {
    "retention of what was learned": learned_from_is_gone,
    "the group deleted": group_deleted,
    "the group's offsets reset": offsets_reset,
}
SCENARIOS = HALTING | GOING_ON


def make_gaps(site: Site, *, each: int, kinds: dict[str, Scenario] = SCENARIOS, at_once: int = 2) -> Gaps:
    """Make every gap so many times."""
    bootstrap = site.bootstrap  # started before there are threads
    names = [name for name in kinds for _ in range(each)]
    with ThreadPoolExecutor(at_once) as pool:
        found = [
            pool.submit(_made, site, bootstrap, kinds[name], name == "retention in one partition of three")
            for name in names
        ]
        told = [one.result() for one in found]
    troubles = [f"{name}: {trouble}" for name, some in zip(names, told, strict=True) for trouble in some]
    fine = [name for name, some in zip(names, told, strict=True) if not some]
    halted = sum(name in HALTING for name in fine)
    return Gaps(dict(Counter(names)), halted, len(fine) - halted, tuple(troubles))


def _made(site: Site, bootstrap: str, scenario: Scenario, split: bool) -> list[str]:
    lines = "\nlearn: per-partition\npartitions: 3\n" if split else ""
    with (
        kafka_worker(site.folder("gap"), bootstrap, lines=lines) as worker,
        closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin,
    ):
        try:
            return list(scenario(Place(worker, admin)))
        except (AssertionError, RuntimeError) as error:  # waited in vain, or the worker is gone
            return [str(error)]


def _stands_still(place: Place, *words: str, shard: int = 0) -> Iterator[str]:
    """The shard is halted, for a reason with these words, and has learned up to the gap and no further."""
    worker = place.worker
    try:
        why = wait_until(lambda: worker.halted(shard), "the shard stands still", 60, every_s=0.1)
    except AssertionError:
        yield f"shard {shard} does not stand still"
        return
    yield from (f"the reason does not name {word}: {why}" for word in words if word not in why)
    yield from worker.holes(shard)


def _went_on(place: Place) -> Iterator[str]:
    yield from place.worker.stop()
    yield from place.worker.verdict().troubles(place.worker.events)


def _at(offset: int) -> Any:
    from kafka.structs import OffsetAndMetadata  # noqa: PLC0415  imported without its warnings by now

    return OffsetAndMetadata(offset, "", -1)
