"""However many incidents and shards there are, a page costs few statements, and they read what is shown."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from fluvial.console import inbox
from fluvial.console.app import create
from fluvial.console.inbox import Filter
from fluvial.store import Store
from tests.fluvial.console.counting import statements
from tests.fluvial.console.crowd import crowd
from tests.fluvial.console.visitors import TOKEN, Client, visitor

MOST = {
    "/": 4,
    "/incidents": 6,
    "/incidents?state=firing": 6,
    "/incidents?pipeline=flights-1&monitor=loss&text=0a": 6,
    "/pipelines/flights-1": 20,
    "/pipelines/flights-1/quarantine": 10,
    "/pipelines/flights-1/labels": 12,
    "/pipelines/flights-1/models": 12,
    "/pipelines/flights-1/settings": 10,
    "/settings": 3,
    "/api/v1/stream?once=true": 3,
}
"""Statements that a page may send."""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store with 10,000 incidents and 100 shards."""
    path = tmp_path_factory.mktemp("crowded") / "store.sqlite"
    with contextlib.closing(Store(f"sqlite:///{path}")) as opened:
        crowd(opened)
    return path


@pytest.fixture
def store(crowded: Path, tmp_path: Path) -> Iterator[Store]:
    """The large store."""
    with contextlib.closing(Store(f"sqlite:///{shutil.copy(crowded, tmp_path)}")) as opened:
        yield opened


@pytest.fixture
def app(store: Store) -> FastAPI:
    """Its console."""
    return create(store, token=TOKEN)


@pytest.mark.parametrize("path", MOST)
def test_a_page_sends_few_statements(app: FastAPI, store: Store, path: str) -> None:
    browser = visitor(app)
    with statements(store) as said:
        assert browser.get(path).status_code == 200
    assert len(said) <= MOST[path], "\n\n".join(said)


def test_a_page_of_the_inbox_holds_fifty_of_ten_thousand(app: FastAPI) -> None:
    browser: Client = visitor(app)
    page = browser.get("/incidents").text
    assert page.count('id="row-') == 50
    assert "100 firing" in re.sub(r"\s+", " ", page)
    assert len(page) < 300_000


PLANS = {
    "newest": (Filter(), {}, "incident_in_order"),
    "of a pipeline": (Filter(pipeline="flights-1"), {}, "incident_of_pipeline"),
    "of a monitor": (Filter(monitor="loss"), {}, "incident_by_monitor"),
    "the last page": (Filter(), {"before": "1767000100.0~00000000000"}, "incident_in_order"),
}


@pytest.mark.parametrize("case", PLANS)
def test_a_page_is_read_off_an_index_and_nothing_is_sorted(store: Store, case: str) -> None:
    wanted, turn, index = PLANS[case]
    plan = explained(store, lambda: inbox.page(store, wanted, **turn))[0]
    assert f"USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


def test_what_every_page_counts_is_read_off_an_index_alone(store: Store, app: FastAPI) -> None:
    browser = visitor(app)
    plans = explained(store, lambda: browser.get("/"))
    of_incidents = [plan for plan in plans if "incident" in plan]
    assert of_incidents
    assert all("COVERING INDEX" in plan for plan in of_incidents), of_incidents


def test_the_signals_of_a_pipeline_are_read_off_an_index(store: Store, app: FastAPI) -> None:
    browser = visitor(app)
    plans = explained(store, lambda: browser.get("/pipelines/flights-1"))
    assert any("USING INDEX alarm_in_order" in plan for plan in plans), plans


def explained(store: Store, what: object) -> list[str]:
    """How SQLite answers each statement that is sent meanwhile."""
    sent: list[tuple[str, object]] = []

    def note(_db: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            sent.append((statement, parameters))

    sa.event.listen(store._engine, "before_cursor_execute", note)
    assert callable(what)
    what()
    sa.event.remove(store._engine, "before_cursor_execute", note)
    with store.read() as db:
        return [
            "\n".join(row.detail for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", parameters))  # type: ignore[arg-type]
            for one, parameters in sent
        ]
