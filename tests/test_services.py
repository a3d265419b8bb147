"""The real parts behind the fixtures do what the fixtures promise."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from playwright.sync_api import Page
from sqlalchemy import NullPool, create_engine, text

from tests.services.kafka import Broker, create_topic
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_jvm import ProxiedKafka
from tests.services.parts import REQUIRE, Parts, UnavailableError
from tests.services.prometheus import Alertmanager, Prometheus, Promtool
from tests.services.proxy import Proxy, is_produce
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
PARENT = """
import sys, time
from pathlib import Path
from tests.services.process import guarded, launch
child = launch("sleeper", guarded(["sleep", "60"]), Path(sys.argv[1]))
print(child.process.pid, flush=True)
time.sleep(60)
"""


def send(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Send records and wait until each is acknowledged."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    try:
        for sent in [producer.send(topic, value) for value in values]:
            sent.get(timeout=30)
    finally:
        producer.close(timeout=10)


def receive(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Read the first `count` records of a topic."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    try:
        return [next(consumer).value for _ in range(count)]
    finally:
        consumer.close()


def query(url: str, statement: str) -> object:
    """The single value that a statement gives."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        return connection.execute(text(statement)).scalar_one()


def test_a_record_goes_through_kafka(kafka_bootstrap: str, kafka_topic: Callable[..., str]) -> None:
    topic = kafka_topic(partitions=2)
    send(kafka_bootstrap, topic, [b"a record"])
    assert receive(kafka_bootstrap, topic, 1) == [b"a record"]


def test_a_killed_broker_comes_back_with_its_data(kafka_broker: Broker) -> None:
    topic = create_topic(kafka_broker.bootstrap)
    values = [str(number).encode() for number in range(100)]
    send(kafka_broker.bootstrap, topic, values)
    kafka_broker.kill9()
    kafka_broker.start()
    assert receive(kafka_broker.bootstrap, topic, 100) == values


def test_a_stopped_broker_comes_back_at_the_same_address(kafka_broker: Broker) -> None:
    before = kafka_broker.bootstrap
    kafka_broker.stop()
    kafka_broker.start()
    assert kafka_broker.bootstrap == before
    assert create_topic(before)


def test_a_cluster_takes_and_gives_records_while_any_one_broker_is_dead(kafka_cluster: KafkaCluster) -> None:
    topic = create_topic(kafka_cluster.bootstrap, replicas=3)
    values = [str(number).encode() for number in range(3)]
    for value, broker in zip(values, kafka_cluster.brokers, strict=True):
        broker.kill9()
        send(kafka_cluster.bootstrap, topic, [value])
        broker.start()
        kafka_cluster.wait_until_whole([topic])
    assert receive(kafka_cluster.bootstrap, topic, 3) == values


def test_clients_reach_a_proxied_kafka_only_through_its_proxy(kafka_proxied: ProxiedKafka) -> None:
    topic = create_topic(kafka_proxied.bootstrap)
    trap = kafka_proxied.proxy.cut_when(is_produce, forward=True)
    send(kafka_proxied.bootstrap, topic, [b"once"])  # the answer is lost; the producer asks again
    assert trap.sprung.is_set()
    assert receive(kafka_proxied.bootstrap, topic, 1) == [b"once"]


@pytest.fixture
def echo(proxied: Callable[[str, int], Proxy]) -> Iterator[Proxy]:
    """A proxy before a server that sends back what it hears."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                while said := self.request.recv(1024):
                    self.server.heard += said  # type: ignore[attr-defined]
                    self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.heard = b""  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        proxy = proxied("127.0.0.1", server.server_address[1])
        proxy.server = server  # type: ignore[attr-defined]
        yield proxy
        proxy.close()
        server.shutdown()
        thread.join()


def client(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def test_a_proxy_forwards_both_ways_and_cuts_with_a_reset(echo: Proxy) -> None:
    with client(echo) as first, client(echo) as second:
        for each in (first, second):
            each.sendall(b"hello")
            assert each.recv(10) == b"hello"
        echo.cut()
        for each in (first, second):
            with pytest.raises(ConnectionResetError):
                each.recv(10)
    with client(echo) as third:
        third.sendall(b"again")
        assert third.recv(10) == b"again"


def test_a_blocked_proxy_swallows_everything_until_it_is_unblocked(echo: Proxy) -> None:
    echo.block()
    with client(echo) as one:
        one.sendall(b"late")
        one.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one.recv(10)
        echo.unblock()
        one.settimeout(10)
        assert one.recv(10) == b"late"


@pytest.mark.parametrize("forward", [True, False])
def test_a_proxy_cuts_when_the_client_says_a_word_after_or_before_the_server_hears_it(
    echo: Proxy, forward: bool
) -> None:
    trap = echo.cut_when(lambda chunk: b"COMMIT" in chunk, forward=forward)
    with client(echo) as one:
        one.sendall(b"BEGIN")
        assert one.recv(10) == b"BEGIN"
        one.sendall(b"COMMIT")
        with pytest.raises(ConnectionResetError):
            one.recv(10)
    assert trap.sprung.wait(10)
    heard = b"BEGINCOMMIT" if forward else b"BEGIN"
    wait_until(lambda: echo.server.heard == heard, "what the server heard")  # type: ignore[attr-defined]
    with client(echo) as another:  # a trap springs once
        another.sendall(b"COMMIT")
        assert another.recv(10) == b"COMMIT"


def test_a_closed_proxy_leaves_no_connection_and_no_thread(echo: Proxy) -> None:
    echo.block()
    with client(echo) as one:
        one.sendall(b"never heard")
        echo.close()
        with pytest.raises(ConnectionResetError):
            one.recv(10)
    assert f"proxy {echo.port}" not in {each.name for each in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        client(echo)


def test_postgres_answers(postgres_url: str) -> None:
    assert query(postgres_url, "SELECT 1") == 1


def test_each_test_has_an_empty_store_of_its_own(store_url: str) -> None:
    with create_engine(store_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE TABLE only_here (n INTEGER)"))  # would fail in a store used before


def test_the_next_test_sees_nothing_of_it(store_url: str) -> None:
    test_each_test_has_an_empty_store_of_its_own(store_url)


def test_prometheus_scrapes_and_its_alert_reaches_alertmanager(
    prometheus: Callable[..., Prometheus], alertmanager: Callable[..., Alertmanager], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, interval: 1s, rules: [{alert: Down, expr: up == 0}]}]")
    receiver = alertmanager()
    server = prometheus(scrape_targets=["127.0.0.1:1"], rules=rules, alertmanager=receiver.url)
    series = wait_until(lambda: server.query("up"), "the first scrape")
    assert series[0]["metric"]["instance"] == "127.0.0.1:1"
    alert = wait_until(receiver.alerts, "the alert at Alertmanager")[0]
    assert alert["labels"]["alertname"] == "Down"


def test_a_wrong_expression_is_an_error(prometheus: Callable[..., Prometheus]) -> None:
    server = prometheus()
    assert server.query("no_such_metric") == []
    with pytest.raises(AssertionError, match="parse error"):
        server.query("rate(")


def test_promtool_tells_right_rules_from_wrong_ones(promtool: Promtool, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]")
    assert "SUCCESS" in promtool("check", "rules", rules)
    rules.write_text("groups: [{name: g, rules: [{alert: Down, expr: up ==}]}]")
    with pytest.raises(AssertionError, match="parse error"):
        promtool("check", "rules", rules)


def test_a_browser_opens_a_page(page: Page) -> None:
    page.goto("data:text/html,<button onclick=\"this.textContent='done'\">do</button>")
    page.get_by_role("button").click()
    assert page.get_by_role("button").inner_text() == "done"


def unavailable() -> Prometheus:
    """A part that no machine has."""
    raise UnavailableError("install it")


def test_a_missing_part_skips_the_test_and_the_summary_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRE, raising=False)
    parts = Parts()
    with pytest.raises(pytest.skip.Exception, match="install it"):
        parts.use("prometheus", unavailable)
    lines = list(parts.summary())
    assert any(line.startswith("Prometheus") and line.endswith("no: install it") for line in lines)
    assert lines[0].endswith("not asked for")


@pytest.mark.parametrize("part", ["prometheus", "alertmanager"])
def test_a_required_part_that_is_missing_fails_the_test(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRE, "kafka, prometheus")
    with pytest.raises(pytest.fail.Exception, match="install it"):
        Parts().use(part, unavailable)


def test_requiring_what_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRE, "kafka,prometeus")
    with pytest.raises(pytest.UsageError, match="prometeus"):
        Parts()


def test_waiting_in_vain_names_what_was_waited_for() -> None:
    with pytest.raises(AssertionError, match="the moon to fall"):
        wait_until(lambda: False, "the moon to fall", deadline_s=0.05)


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv, from util-linux")
def test_a_child_does_not_outlive_a_killed_test_run(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        wait_until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", "setpriv has set it up")
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not running(child), "the end of the child")


def running(pid: int) -> bool:
    """Whether a process runs; one that ended but was not collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
