"""The page about the console shows every page of it, as it looks today."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from PIL import Image
from playwright.sync_api import Page

from fluvial.console.routes import table
from fluvial.store import Store
from tests.fluvial.console.gallery import KEY, ON_THE_WAY, PICTURES, furnish, served, stop_clocks, take

DOCS = Path(__file__).parents[3] / "docs"
MANUAL = (DOCS / "console.md").read_text()
LARGEST = 160_000


def pages(app: FastAPI) -> set[str]:
    """The addresses of all pages that people open."""
    paths = {one.path for one in table(app) if "GET" in one.methods}
    return {path for path in paths if not path.startswith(("/api/", "/static/", "/healthz"))}


def test_the_manual_has_every_page_of_the_route_table(app: FastAPI) -> None:
    named = set(re.findall(r"`(/[^`?]*)`", MANUAL))
    assert pages(app) - named == set()
    assert {one for one in named - pages(app) if not one.startswith("/api/")} == set()


def test_every_page_has_its_picture() -> None:
    shown = set(re.findall(r"\]\(console/([\w-]+)\.png\)", MANUAL))
    assert shown == {*PICTURES, *(f"{name}-narrow" for name in ON_THE_WAY)}
    assert {file.stem for file in (DOCS / "console").glob("*.png")} == shown


def test_every_picture_is_of_a_page_of_the_route_table(app: FastAPI) -> None:
    for path in PICTURES.values():
        bare = path.partition("?")[0]
        found = [one for one in pages(app) if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), bare)]
        assert found, path


@pytest.mark.parametrize("file", sorted((DOCS / "console").glob("*.png")), ids=lambda file: file.stem)
def test_pictures_are_small(file: Path) -> None:
    assert file.stat().st_size < LARGEST
    with Image.open(file) as picture:
        assert picture.width == (400 if file.stem.endswith("-narrow") else 1200)


def test_the_pictures_can_be_taken_anew(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store(f"sqlite:///{tmp_path / 'store.db'}", key=lambda: KEY)) as store:
        here = furnish(store, tmp_path)
        stop_clocks(monkeypatch)
        with served(store, here) as server:
            page.goto(server.url)
            first = take(page, server, tmp_path)
    assert {file.stem for file in first} == {file.stem for file in (DOCS / "console").glob("*.png")}
    for file in first:
        with Image.open(file) as fresh, Image.open(DOCS / "console" / file.name) as kept:
            assert fresh.width == kept.width
            assert abs(fresh.height - kept.height) <= 0.1 * kept.height, "take them anew: see the manual"
