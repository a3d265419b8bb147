"""A filled store, and the ways to a console of it: a program's, a browser's, a real server's."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from fluvial.console.app import create
from fluvial.console.server import ConsoleServer
from fluvial.store import Store
from tests.fluvial.console.fleet import fill
from tests.fluvial.console.visitors import TOKEN, Client, program, visitor


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store with three pipelines, for copying."""
    path = tmp_path_factory.mktemp("filled") / "store.sqlite"
    with contextlib.closing(Store(f"sqlite:///{path}")) as opened:
        fill(opened)
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with three pipelines, in SQLite; it gives up waiting for a lock soon."""
    path = shutil.copy(filled, tmp_path)
    with contextlib.closing(Store(f"sqlite:///{path}", busy=0.2)) as opened:
        yield opened


@pytest.fixture
def either_store(store_url: str) -> Iterator[Store]:
    """The same store, once in SQLite and once in PostgreSQL."""
    with contextlib.closing(Store(store_url)) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def app(store: Store) -> FastAPI:
    """The console of the store."""
    return create(store, token=TOKEN)


@pytest.fixture
def client(app: FastAPI) -> Client:
    """A program that knows the token."""
    return program(app)


@pytest.fixture
def browser(app: FastAPI) -> Client:
    """A browser that was let in."""
    return visitor(app)


@pytest.fixture
def server(store: Store) -> Iterator[ConsoleServer]:
    """The console on a port."""
    console = ConsoleServer(store)
    console.start()
    yield console
    console.stop()
