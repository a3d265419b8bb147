"""Brokers that die and connections that break while a worker works: it goes on, exactly."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.recovery.kafka_worker import KafkaWorker, kafka_worker
from tests.recovery.site import Site
from tests.services.kafka import Broker, own_broker
from tests.services.kafka_cluster import KafkaCluster, kafka_cluster_in
from tests.services.kafka_jvm import ProxiedKafka, proxied_kafka_in
from tests.services.proxy import Proxy, is_fetch, is_produce

HELPING = 400
"""Events that come before each fault: more than the worker has read when it strikes."""

SWALLOWED = 9.0
"""Seconds for which a black hole lasts: longer than the session of the group."""

IN_TIME = 60.0
"""Seconds within which the worker has to go on."""


class Outages(NamedTuple):
    """What came of one kind of fault. ``seconds`` are those until the first new batch, one for each."""

    what: str
    seconds: tuple[float, ...]
    events: int
    republished: int
    troubles: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the worker went on in time each time, and nothing was lost, doubled or different."""
        return not self.troubles and bool(self.seconds) and max(self.seconds) <= IN_TIME

    @property
    def figure(self) -> str:
        """The result in a line."""
        went_on = (
            f"went on after {_middle(self.seconds):.1f} s (at most {max(self.seconds, default=0):.1f} s)"
        )
        found = "; ".join(self.troubles) or "0 lost, 0 learned twice, 0 contradictory, identical as replayed"
        return (
            f"{len(self.seconds)} × {self.what} over {self.events} events: {went_on}, {found}, "
            f"{self.republished} predictions published again, byte for byte"
        )


class BrokerFaults(NamedTuple):
    """All kinds of faults together."""

    outages: tuple[Outages, ...]

    @property
    def ok(self) -> bool:
        """Whether every kind was survived."""
        return all(outage.ok for outage in self.outages)

    @property
    def figure(self) -> str:
        """The results in a line."""
        return "; ".join(outage.figure for outage in self.outages)


def faults(site: Site, *, kills: int, drops: int) -> BrokerFaults:
    """Every kind of fault so many times, each on brokers of its own."""
    outages = []
    with own_broker(site.folder("kafka")) as broker:
        outages.append(kill_the_only_broker(site.folder("worker"), broker, kills))
    with kafka_cluster_in(site.folder("kafka-cluster")) as cluster:
        outages.append(kill_one_of_three(site.folder("worker"), cluster, kills))
    with proxied_kafka_in(site.folder("kafka-proxied")) as proxied:
        outages.append(drop_connections(site.folder("worker"), proxied, drops))
    return BrokerFaults(tuple(outages))


def kill_the_only_broker(folder: Path, broker: Broker, kills: int) -> Outages:
    """kill -9 and start the broker again; the time counts from when it answers."""

    def strike(_worker: KafkaWorker, _n: int) -> Callable[[], None]:
        broker.kill9()
        broker.start()
        return lambda: None

    return _struck("kill -9 of the only broker", folder, broker.bootstrap, None, kills, strike)


def kill_one_of_three(folder: Path, cluster: KafkaCluster, kills: int) -> Outages:
    """kill -9 one broker after the other; it is started again when the worker has gone on without it."""

    def strike(worker: KafkaWorker, n: int) -> Callable[[], None]:
        victim = cluster.brokers[n % len(cluster.brokers)]
        victim.kill9()

        def mend() -> None:
            victim.start()
            cluster.wait_until_whole(worker.pipeline.input_topics)

        return mend

    return _struck("kill -9 of one broker in three", folder, cluster.bootstrap, None, kills, strike)


def drop_connections(folder: Path, broker: ProxiedKafka, drops: int) -> Outages:
    """Reset all connections in the middle of a request to write or to read, before or after it arrived.

    Every fifth time nothing is reset: everything is swallowed, for longer than the group waits.
    """
    kinds = [(matches, forward) for matches in (is_produce, is_fetch) for forward in (True, False)]

    def strike(_worker: KafkaWorker, n: int) -> Callable[[], None]:
        if n % (len(kinds) + 1) == len(kinds):
            _swallow(broker.proxy)
        else:
            _cut(broker.proxy, *kinds[n % (len(kinds) + 1)])
        return lambda: None

    return _struck("broken connections", folder, broker.bootstrap, broker.direct, drops, strike)


def _cut(proxy: Proxy, matches: Callable[[bytes], bool], forward: bool) -> None:
    trap = proxy.cut_when(matches, forward=forward)
    if not trap.sprung.wait(IN_TIME):
        raise RuntimeError("the worker sent nothing that the trap waited for")


def _swallow(proxy: Proxy) -> None:
    proxy.block()
    threading.Event().wait(SWALLOWED)  # not to wait for something: how long it lasts is the experiment
    proxy.unblock()


Strike = Callable[[KafkaWorker, int], Callable[[], None]]
"""Does the nth harm; what it returns mends it."""


def _struck(
    what: str, folder: Path, bootstrap: str, direct: str | None, times: int, strike: Strike
) -> Outages:
    rng, seconds, troubles = random.Random(7), list[float](), list[str]()
    with kafka_worker(folder, bootstrap, direct) as worker:
        for n in range(times):
            before = worker.batch()
            worker.feed(HELPING)
            if not worker.wait_for_batch(before + rng.randint(1, 20)):
                troubles.append(f"{what}: nothing was learned before fault {n + 1}")
            mend = strike(worker, n)
            before, began = worker.batch(), time.monotonic()
            worker.feed(HELPING)
            # the second row says that the first, which the fault may have met, is published by now
            if not worker.wait_for_batch(before + 2, 2 * IN_TIME):
                troubles.append(f"{what}: the worker did not go on after fault {n + 1}")
            seconds.append(time.monotonic() - began)
            mend()
        troubles += worker.finish()
        return Outages(what, tuple(seconds), worker.events, worker.verdict().republished, tuple(troubles))


def _middle(seconds: Sequence[float]) -> float:
    return sorted(seconds)[len(seconds) // 2] if seconds else 0.0
