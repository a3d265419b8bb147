"""A shard that stands still, and going back to an earlier model, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from fluvial.console.server import ConsoleServer
from fluvial.journal import Journal
from fluvial.store import Store
from tests.fluvial.console.fleet import LOSS, halt, keep_models, run_again, take_up
from tests.fluvial.console.test_browser import CONTRAST, SIZES, fill_in, listen


def test_from_the_fleet_to_an_accepted_gap_to_a_shard_that_runs(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    complaints = listen(page)
    incident = halt(store)
    page.goto(server.url)
    expect(page.get_by_text("1 shard halted")).to_be_visible()
    page.get_by_role("link", name="demand", exact=True).click()
    page.get_by_role("link", name="Decide").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Shard 1 stands still since")
    button = page.get_by_role("button", name="Accept the gap")
    expect(button).to_have_accessible_description(
        "The shard goes on behind what it cannot replay. Forgotten: 4 batches with 1,260 records; the state "
        "after batch 8 comes back. Never read: demand.events:1 from 1,100 to 1,199. This cannot be undone."
    )
    fill_in(page, "Ana", "Nothing will bring them back.")
    button.click()
    expect(page.get_by_role("status").filter(has_text="Recorded")).to_contain_text("Ana accepted the gap")
    expect(page.get_by_text("No worker has tried it yet.")).to_be_visible()
    take_up(store, "demand", shard=1, batch=13, **LOSS)
    run_again(store)
    expect(page.get_by_text("the incident closed by itself")).to_be_visible(timeout=15_000)
    assert page.url.startswith(f"{server.address}/incidents/{incident}")
    assert complaints == []


def test_an_earlier_model_is_brought_back(page: Page, server: ConsoleServer, store: Store) -> None:
    keep_models(store, "flights", 0, 0, 120, 240)
    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    page.get_by_text("Change the model").click()
    page.get_by_label("The model after").select_option(label="batch 0 (nothing learned)")
    page.get_by_label("The model after").select_option("0:120")
    fill_in(page, "Ana", "The spell is over.")
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_role("status").filter(has_text="Recorded")).to_contain_text("batch 120 of shard 0")
    assert [dict(one.args) for one in Journal(store, "flights").pending(0)] == [{"batch": 120}]


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_what_stands_still_fits_every_screen_and_can_be_read(
    page: Page, server: ConsoleServer, store: Store, width: int, scheme: str
) -> None:
    complaints = listen(page)
    long = "demand.events:2 holds offsets 100000000 to 50000000000, not 0 to 90000000 " + "x" * 120
    opened = [halt(store), halt(store, 2, why=long, retried=False), halt(store, 0, loss=None)]
    keep_models(store, "demand", 0, 0, 120)
    run_again(store, 0)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(server.url)
    for path in (*(f"/incidents/{one}" for one in opened), "/incidents", "/pipelines/demand"):
        page.goto(server.address + path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(CONTRAST) == [], path
        cut = "[...document.querySelectorAll('button')].filter((b) => b.scrollWidth > b.clientWidth).length"
        assert page.evaluate(cut) == 0, path
    assert complaints == []
