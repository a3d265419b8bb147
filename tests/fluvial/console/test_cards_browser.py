"""The evidence card in a real browser: it fits, can be read, heard and reached, and runs nothing of an event."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from fluvial.console.server import ConsoleServer
from fluvial.store import Store
from tests.fluvial.console.evidence_cards import INCIDENT, keep_full
from tests.fluvial.console.fleet import decide
from tests.fluvial.console.test_browser import CONTRAST, SIZES, listen


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complains about."""
    heard = listen(page)
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    return heard


def opened(page: Page, server: ConsoleServer) -> None:
    """Show the incident."""
    page.goto(server.url)
    page.goto(f"{server.address}/incidents/{INCIDENT}")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_card_fits_and_can_be_read(
    page: Page, server: ConsoleServer, store: Store, width: int, scheme: str, complaints: list[str]
) -> None:
    keep_full(store)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    opened(page, server)
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    rows = page.locator("#live-card tbody tr")
    shown = rows.evaluate_all("all => all.map((one) => getComputedStyle(one).display)")
    assert set(shown) == {"table-row"}, "figures stay below the heads of their columns"
    heights = page.locator(".histogram rect").evaluate_all("all => all.map((one) => one.getBBox().height)")
    assert max(heights) == 100
    assert complaints == []


def test_everything_that_opens_or_scrolls_can_be_reached_by_keyboard(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    keep_full(store)
    opened(page, server)
    page.evaluate("document.activeElement.blur()")
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).trim()"
            )
        )
    assert {"All 4 fields", "1 segment that changed as all did", "The card as JSON", "Segments"} <= reached
    page.get_by_text("All 4 fields").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="All fields")).to_be_visible()


def test_a_card_that_is_computed_while_people_look_appears_beside_their_half_written_reason(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    opened(page, server)
    expect(page.get_by_text("has not been computed yet")).to_be_visible()
    page.get_by_label("Reason").fill("half a sentence")
    page.evaluate("document.activeElement.blur()")
    keep_full(store)
    decide(store, incident=INCIDENT, action="acknowledge", who="Ana")
    expect(page.get_by_text("Costs more per hour")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("heading", name="Fields that moved")).to_be_visible()
    assert page.get_by_label("Reason").input_value() == "half a sentence"
