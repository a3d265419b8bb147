"""Every page of the console with the same data at the same moment, for pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Page, expect
from pydantic_core import to_json

from consumers.embedded import EmbeddedLog
from fluvial import sessions
from fluvial.console import answers, effective, people, phrases
from fluvial.console.effective import of_machine
from fluvial.console.server import ConsoleServer
from fluvial.incidents import Incidents
from fluvial.journal import Journal
from fluvial.settings import Settings
from fluvial.shelf import Shelf, Snapshot
from fluvial.store import (
    Store,
    alarm_table,
    definition_table,
    incident_table,
    review_table,
    shard_table,
    snapshot_table,
)
from tests.fluvial.console.fleet import FLIGHTS, FLIGHTS_STATUS, alarm, decide, draw, fill, halt, report
from tests.fluvial.console.team import let_in
from tests.services.browser import chromium

NOW = 1_767_614_400.0  # 5 January 2026, 12:00 UTC
INCIDENT = "0f1e2d3c4b5a"

PICTURES = {
    "fleet": "/",
    "pipeline": "/pipelines/flights",
    "incidents": "/incidents",
    "incident": f"/incidents/{INCIDENT}",
    "quarantine": "/pipelines/flights/quarantine",
    "labels": "/pipelines/flights/labels",
    "models": "/pipelines/flights/models",
    "pipeline-settings": "/pipelines/flights/settings",
    "settings": "/settings",
    "acknowledge": "/acknowledge",
    "audit": "/audit",
    "people": "/people",
    "person": "/people/one?name=Zo%C3%AB",
}
"""The name of a page's picture, and its address."""

KEY = b"a key for what is shown in pictures"

ON_THE_WAY = ("fleet", "incidents", "incident")
"""Pages that people open on a phone."""

TALLEST = 1_300
"""Pixels of a picture's height; what is below is left out."""

CONFIG = {
    "pipeline": "flights",
    "question": FLIGHTS["question"],
    "owner": FLIGHTS["owner"],
    "task": "binary",
    "source": "carrier",
    "fields": {"carrier": {"type": "category"}, "distance": {"type": "number", "unit": "miles"}},
    "model": FLIGHTS["model"],
    "success": FLIGHTS["success"],
    "slices": ["origin", "carrier"],
}

DELAYS = (
    (1, 10, 60, 600, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000),
    (0, 0, 12, 930, 41_200, 178_400, 88_300, 15_900, 1_210, 80, 10, 0, 0),
    3_184_000_000.0,
)

REFUSED = [
    ("not_json", "The value is no JSON text.", '{"id": "UA-1545", "carrier": "UA", "dist'),
    (
        "out_of_range",
        "distance is -1: at least 0 is asked for.",
        '{"id": "AA-1141", "distance": -1, "tail": "…"}',
    ),
]


def furnish(store: Store, home: Path) -> Settings:
    """Fill a store and a log with everything that pages show."""
    fill(store)
    draw(store, "demand", 60, metric="mae", scale=9.0)
    monitors = {
        "loss": ("alarm", 0.247),
        "labels:truth": ("quiet", 0.236),
        "labels:delay": ("quiet", 9_620.0),
    }
    monitors |= {
        "field:distance": ("suspected", 0.31),
        "confidence": ("quiet", 0.82),
        "feed:rate": ("quiet", 38.1),
    }
    report(store, FLIGHTS_STATUS, monitors=monitors, delays=DELAYS, estimate=(0.238, 0.012))
    Incidents(store).record("flights", 0, [("2b3c4d5e6f70", alarm(310)._replace(monitor="field:distance"))])
    halt(store)
    let_in(store, NOW)
    decide(store, pipeline="demand", action="pause", who="Zoë", reason="The tills were counted twice.")
    journal = Journal(store, "flights")
    journal.define("5f0c2a" * 10, CONFIG, {"fluvial": "0.1.0", "river": "0.26.1", "python": "3.11.7"})
    epoch = journal.acquire(0, "worker-1").epoch
    for batch in (240, 288, 336):
        Shelf(store, "flights").save(
            0, epoch, Snapshot(batch, {}, f"{batch:x}c0ffee" * 8, "5f0c2a" * 10, b"." * 48_211)
        )
    report(store, FLIGHTS_STATUS, monitors=monitors, delays=DELAYS, estimate=(0.238, 0.012))
    freeze(store)
    return quarantined(home)


def quarantined(home: Path) -> Settings:
    """A log whose quarantine topic holds records."""
    here = Settings(home=home)
    with closing(EmbeddedLog(here.log_path)) as log:
        log.create("flights.quarantine", 1)
        for offset, (reason, detail, view) in enumerate(REFUSED):
            shown: dict[str, Any] = {"stream": "events", "reason": reason, "detail": detail, "view": view}
            shown |= {"topic": "flights.events", "partition": 0, "offset": 330_000 + offset}
            shown |= {"timestamp": int(NOW * 1000) - 60_000}
            log.append("flights.quarantine", to_json(shown), timestamp=shown["timestamp"], partition=0)
        log.flush()
    return here


def freeze(store: Store) -> None:
    """Date everything that has a clock time a while before now."""
    with store.write() as db:
        db.execute(sa.update(shard_table).values(status_at=NOW - 3))
        for table, name, back in (
            (incident_table, "opened_at", 5_400),
            (incident_table, "acknowledged_at", 4_000),
            (incident_table, "resolved_at", 1_900),
            (alarm_table, "at", 5_400),
            (review_table, "at", 3_000),
            (snapshot_table, "at", 7_000),
            (definition_table, "at", 90_000),
        ):
            column = table.c[name]
            db.execute(sa.update(table).where(column.is_not(None)).values({name: NOW - back}))
        last = sa.update(incident_table).where(incident_table.c.id == INCIDENT)
        db.execute(last.values(opened_at=NOW - 1_200))


def stop_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pages think that it is the moment of the pictures."""
    stopped = SimpleNamespace(time=lambda: NOW, **{n: getattr(time, n) for n in ("gmtime", "strftime")})
    monkeypatch.setattr(phrases, "time", stopped)
    for module in (answers, people, sessions):
        monkeypatch.setattr(module, "time", stopped)
    # Where the files are differs from run to run, and is nothing that a picture should show.
    monkeypatch.setattr(effective, "of_store", lambda _store: "sqlite:////var/lib/fluvial/store.db")
    monkeypatch.setattr(
        effective, "of_machine", lambda _here: of_machine(Settings(home=Path("/var/lib/fluvial")))
    )


@contextmanager
def served(store: Store, here: Settings) -> Iterator[ConsoleServer]:
    """The console of a store on a port."""
    server = ConsoleServer(store, here=here)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def take(page: Page, server: ConsoleServer, folder: Path) -> list[Path]:
    """Take a picture of every page, wide and light; of those that people open on the way also narrow and dark."""
    taken = []
    for name, path in PICTURES.items():
        taken.append(_picture(page, server, path, folder / f"{name}.png", 1200, "light"))
    for name in ON_THE_WAY:
        path = PICTURES[name]
        taken.append(_picture(page, server, path, folder / f"{name}-narrow.png", 400, "dark"))
    return taken


def _picture(page: Page, server: ConsoleServer, path: str, file: Path, width: int, scheme: Any) -> Path:
    page.set_viewport_size({"width": width, "height": 760})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(server.address + path)
    if page.locator("[data-chart]").count():
        expect(page.locator(".plot .main-svg").first).to_be_visible()
    shot = Image.open(BytesIO(page.screenshot(full_page=True, animations="disabled")))
    shown = shot.convert("RGB").crop((0, 0, width, min(shot.height, TALLEST)))
    shown.quantize(160, dither=Image.Dither.NONE).save(file, optimize=True)
    return file


def main() -> None:
    """``python -m tests.fluvial.console.gallery``: make the pictures of docs/console anew."""
    folder = Path(__file__).parents[3] / "docs" / "console"
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory() as home, pytest.MonkeyPatch.context() as monkeypatch:
        store = Store(f"sqlite:///{home}/store.db", key=lambda: KEY)
        here = furnish(store, Path(home))
        stop_clocks(monkeypatch)
        with closing(store), served(store, here) as server, chromium() as browser, browser.page() as page:
            page.goto(server.url)
            for file in take(page, server, folder):
                print(file.name, file.stat().st_size)


if __name__ == "__main__":
    main()
