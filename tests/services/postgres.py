"""Where the tests' PostgreSQL comes from: a URL, Docker, or local binaries; and databases in it."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from typing import Protocol

from sqlalchemy import NullPool, create_engine, make_url, text
from testcontainers.community.postgres import PostgresContainer

from tests.services.containers import docker_answers
from tests.services.postgres_server import LocalPostgres

ADDRESS = "FLUVIAL_TEST_POSTGRES"
VERSION = "17"  # of the container


class Postgres(Protocol):
    """A server: `url` is a SQLAlchemy URL of a user who may create databases."""

    url: str
    description: str


class GivenPostgres:
    """The server whose URL the environment names; it is used, never started or stopped."""

    def __init__(self, address: str) -> None:
        url = make_url(address)
        if url.drivername in {"postgres", "postgresql"}:  # the bare name would mean psycopg2
            url = url.set(drivername="postgresql+psycopg")
        self.url = url.render_as_string(hide_password=False)
        self.description = f"PostgreSQL at {url.host or 'a socket'} ({ADDRESS})"


class DockerPostgres:
    """The server in a container."""

    def __init__(self, container: PostgresContainer) -> None:
        self.url = container.get_connection_url(driver="psycopg")
        self.description = f"PostgreSQL {VERSION} (Docker)"


@contextlib.contextmanager
def any_postgres() -> Iterator[Postgres]:
    """The server that is cheapest to have; raises `UnavailableError`."""
    if address := os.environ.get(ADDRESS):
        yield GivenPostgres(address)
    elif docker_answers():
        with PostgresContainer(f"postgres:{VERSION}") as container:
            yield DockerPostgres(container)
    else:
        server = LocalPostgres()
        try:
            yield server
        finally:
            server.close()


@contextlib.contextmanager
def fresh_database(server: Postgres) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database, dropped at the end whoever is still connected."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield make_url(server.url).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _administer(server: Postgres, statement: str) -> None:
    engine = create_engine(server.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
