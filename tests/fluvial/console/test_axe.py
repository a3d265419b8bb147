"""Every page, in light and in dark, wide and narrow, is held against WCAG 2.2 AA by axe-core."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from fluvial.console.server import ConsoleServer
from fluvial.store import Store
from tests.fluvial.console.fleet import watched
from tests.fluvial.console.gallery import KEY, PICTURES, furnish, served
from tests.fluvial.console.team import let_in

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    """A console that has everything to show."""
    home = tmp_path_factory.mktemp("home")
    store = Store(f"sqlite:///{home / 'store.db'}", key=lambda: KEY)
    here = furnish(store, home)
    watched(store)
    let_in(store, time.time())  # those of the pictures have long expired
    with served(store, here) as server:
        yield server
    store.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    """A console that has nothing to show yet."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('empty') / 'store.db'}")
    server = ConsoleServer(store)
    server.start()
    yield server
    server.stop()
    store.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds, one line each; whatever is folded up is unfolded first."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    found: dict[str, Any] = Axe().run(page, options=RULES).response
    return [
        f"{one['impact']}: {one['id']} at {node['target']}: {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_every_page_is_accessible(page: Page, console: ConsoleServer, scheme: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(console.url)
    found = {}
    for path in PICTURES.values():
        page.goto(console.address + path)
        if page.locator("[data-chart]").count():
            expect(page.locator(".plot .main-svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        found[path] = violations(page)
    assert {path: some for path, some in found.items() if some} == {}


def test_the_help_and_the_messages_are_accessible(page: Page, console: ConsoleServer) -> None:
    page.goto(console.url)
    page.goto(f"{console.address}/incidents")
    page.keyboard.press("?")
    assert violations(page) == []
    for path in ("/incidents/none", "/pipelines/none", "/incidents?text=nothing"):
        page.goto(console.address + path)
        assert violations(page) == [], path


@pytest.mark.parametrize("path", ["/", "/incidents", "/settings", "/people", "/account"])
def test_a_console_with_nothing_to_show_is_accessible(page: Page, empty: ConsoleServer, path: str) -> None:
    page.goto(empty.url)
    page.goto(empty.address + path)
    assert violations(page) == []


def test_the_check_finds_what_is_wrong(page: Page, console: ConsoleServer) -> None:
    page.goto(console.url)
    page.evaluate("document.querySelector('main').style.cssText = 'color: #999; background: #fff'")
    page.evaluate("document.querySelector('.question').style.color = '#bbb'")
    assert any("color-contrast" in one for one in violations(page))


def test_the_skip_link_leads_past_the_navigation(page: Page, console: ConsoleServer) -> None:
    page.goto(console.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
