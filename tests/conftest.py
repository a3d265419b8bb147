"""The fixtures every test may ask for; what stands behind them is in `tests/services`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.services.browser import Chromium, chromium
from tests.services.kafka import Broker, Kafka, any_kafka, create_topic, own_broker
from tests.services.kafka_cluster import KafkaCluster, kafka_cluster_in
from tests.services.kafka_jvm import ProxiedKafka, proxied_kafka_in
from tests.services.kafka_secure import SecureKafka, secure_kafka_in
from tests.services.parts import PARTS, Parts
from tests.services.postgres import Postgres, any_postgres, fresh_database
from tests.services.prometheus import Alertmanager, Prometheus, Promtool
from tests.services.proxy import Proxy
from tests.side_by_side import ALONE, prepare

MARKS = {  # fixture → the mark that a test with this fixture gets
    "kafka_bootstrap": "kafka",
    "kafka_topic": "kafka",
    "kafka_broker": "kafka",
    "kafka_cluster": "kafka",
    "kafka_proxied": "kafka",
    "kafka_secure": "kafka",
    "postgres_url": "postgres",
    "prometheus": "prometheus",
    "alertmanager": "prometheus",
    "promtool": "prometheus",
    "page": "browser",
}
_PARTS = pytest.StashKey[Parts]()


def pytest_configure(config: pytest.Config) -> None:
    parts = config.stash[_PARTS] = Parts()
    for mark in sorted(set(MARKS.values())):
        config.addinivalue_line("markers", f"{mark}: needs a real {PARTS[mark]}; set by its fixture")
    config.addinivalue_line("markers", ALONE)
    prepare(config, parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & set(MARKS):
            item.add_marker(MARKS[fixture])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("real parts", sep="-")
    for line in config.stash[_PARTS].summary():
        terminalreporter.line(line)


@pytest.fixture(scope="session")
def parts(pytestconfig: pytest.Config) -> Parts:
    """The record of the real parts of this run."""
    return pytestconfig.stash[_PARTS]


@pytest.fixture(scope="session")
def _kafka(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with contextlib.ExitStack() as stack:
        yield parts.use("kafka", lambda: stack.enter_context(any_kafka(tmp_path_factory.mktemp("kafka"))))


@pytest.fixture(scope="session")
def kafka_bootstrap(_kafka: Kafka) -> str:
    """The address of a Kafka shared by all tests: use topics of your own."""
    return _kafka.bootstrap


@pytest.fixture
def kafka_topic(kafka_bootstrap: str) -> Callable[..., str]:
    """Creates topics: `kafka_topic(partitions=4, retention_ms="1000")` → the name of a new one."""
    return lambda partitions=1, **settings: create_topic(kafka_bootstrap, partitions, **settings)


@pytest.fixture(scope="session")
def _own_broker(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with contextlib.ExitStack() as stack:
        yield parts.use("kafka", lambda: stack.enter_context(own_broker(tmp_path_factory.mktemp("kafka"))))


@pytest.fixture
def kafka_broker(_own_broker: Broker) -> Broker:
    """A running broker that a test may stop, kill and start again; the next test finds it running."""
    _own_broker.start()
    return _own_broker


@pytest.fixture(scope="module")
def _kafka_cluster(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    # for a module, not for the whole run: three brokers take a gigabyte
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("kafka-cluster")
        yield parts.use("kafka", lambda: stack.enter_context(kafka_cluster_in(folder)))


@pytest.fixture
def kafka_cluster(_kafka_cluster: KafkaCluster) -> KafkaCluster:
    """Three running brokers, every record three times; a test may kill one and start it again."""
    _kafka_cluster.start()
    return _kafka_cluster


@pytest.fixture(scope="module")
def _kafka_proxied(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedKafka]:
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("kafka-proxied")
        yield parts.use("kafka", lambda: stack.enter_context(proxied_kafka_in(folder)))


@pytest.fixture
def kafka_proxied(_kafka_proxied: ProxiedKafka) -> ProxiedKafka:
    """A running broker that clients reach only through `kafka_proxied.proxy`."""
    _kafka_proxied.proxy.unblock()
    _kafka_proxied.start()
    return _kafka_proxied


@pytest.fixture(scope="module")
def kafka_secure(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """A running broker that asks who comes: by password, by certificate, or both."""
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("kafka-secure")
        yield parts.use("kafka", lambda: stack.enter_context(secure_kafka_in(folder)))


@pytest.fixture
def proxied() -> Iterator[Callable[[str, int], Proxy]]:
    """Puts a proxy before anything: `proxied(host, port)` listens on `.port`."""
    with contextlib.ExitStack() as stack:
        yield lambda host, port: stack.enter_context(contextlib.closing(Proxy(host, port)))


@pytest.fixture(scope="session")
def _postgres(parts: Parts) -> Iterator[Postgres]:
    with contextlib.ExitStack() as stack:
        yield parts.use("postgres", lambda: stack.enter_context(any_postgres()))


@pytest.fixture
def postgres_url(_postgres: Postgres) -> Iterator[str]:
    """The SQLAlchemy URL of an empty PostgreSQL database of this test."""
    with fresh_database(_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The SQLAlchemy URL of an empty store, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def prometheus(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Prometheus]]:
    """Starts one: `prometheus(scrape_targets=["127.0.0.1:9000"], rules=path, alertmanager=url)`."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Prometheus:
            folder = tmp_path_factory.mktemp("prometheus")
            server = parts.use("prometheus", lambda: Prometheus(folder, **options))
            return stack.enter_context(contextlib.closing(server))

        yield start


@pytest.fixture
def alertmanager(
    parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Alertmanager]]:
    """Starts one: `alertmanager(webhook=url)` or `alertmanager(config=path)`."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Alertmanager:
            folder = tmp_path_factory.mktemp("alertmanager")
            server = parts.use("alertmanager", lambda: Alertmanager(folder, **options))
            return stack.enter_context(contextlib.closing(server))

        yield start


@pytest.fixture
def promtool(parts: Parts) -> Promtool:
    """Prometheus' checker: `promtool("check", "rules", path)` returns what it prints, or fails."""
    return parts.use("promtool", Promtool)


@pytest.fixture(scope="module")
def _browser(parts: Parts) -> Iterator[Chromium]:
    # for a module, not for the whole run: while Playwright is on, the main thread has a running event loop,
    # and no other test could call asyncio.run
    with contextlib.ExitStack() as stack:
        yield parts.use("browser", lambda: stack.enter_context(chromium()))


@pytest.fixture
def page(_browser: Chromium) -> Iterator[Page]:
    """A fresh page in a real browser."""
    with _browser.page() as fresh:
        yield fresh
