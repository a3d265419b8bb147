"""The inbox in a real browser: keys, few steps, and two people at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from fluvial.console.server import ConsoleServer
from fluvial.incidents import Incidents
from fluvial.reviews import history
from fluvial.store import Store
from tests.fluvial.console.fleet import FLIGHTS_STATUS, alarm, decide, report
from tests.fluvial.console.test_browser import INCIDENT, listen, other_browser
from tests.waiting import wait_until


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser complains about; nothing at the end of every test."""
    heard = listen(page)
    yield heard
    assert heard == []


def several(store: Store, count: int = 3) -> None:
    """Open some more incidents, each newer than the one before."""
    for n in range(count):
        Incidents(store).record("demand", 0, [(f"{n:012x}", alarm(400 + 100 * n))])


def until(page: Page, condition: str) -> None:
    """Wait until an expression holds on the page; its policy does not let Playwright wait there."""
    wait_until(lambda: page.evaluate(condition) or page.wait_for_timeout(50), condition, 15)


CLOSED_AND_J = """
    const keys = document.getElementById("keys");
    keys.showModal();
    const within = document.activeElement;
    keys.close();
    within.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
"""


def focused(page: Page) -> str:
    """The id of the row that the focus is in."""
    return str(page.evaluate("document.activeElement.closest('li')?.id || ''"))


def test_from_the_fleet_to_an_acknowledged_incident_in_four_steps(
    page: Page, server: ConsoleServer, store: Store, complaints: list[str]
) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="1 incident").click()  # 1
    expect(page.get_by_role("button", name="Keyboard")).to_be_visible()
    page.keyboard.press("a")  # 2: the reason stands there already, the name is asked for
    page.keyboard.type("Ana")  # 3
    page.keyboard.press("Enter")  # 4
    expect(page.get_by_role("status").filter(has_text="Recorded")).to_contain_text("Ana acknowledged it")
    (taken,) = history(store, incident=INCIDENT)
    assert (taken.action, taken.who, taken.reason) == ("acknowledge", "Ana", "I am looking at it.")


def test_whoever_is_known_types_why_and_nothing_else(
    page: Page, server: ConsoleServer, store: Store, complaints: list[str]
) -> None:
    several(store, 1)
    page.goto(server.url)
    page.goto(f"{server.address}/incidents")
    page.keyboard.press("a")
    page.keyboard.type("Ana")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Recorded")).to_be_visible()
    page.goto(f"{server.address}/incidents?state=firing")
    page.keyboard.press("a")
    page.keyboard.type("It snows.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No incident fits the filter.")).to_be_visible()
    assert [(one.who, one.reason) for one in history(store, incident=INCIDENT)] == [("Ana", "It snows.")]


def test_the_keys_move_open_search_and_help(
    page: Page, server: ConsoleServer, store: Store, complaints: list[str]
) -> None:
    several(store)
    page.goto(server.url)
    page.goto(f"{server.address}/incidents")
    rows = [f"row-{n:012x}" for n in (2, 1, 0)]
    for key, row in (
        ("j", rows[0]),
        ("j", rows[1]),
        ("j", rows[2]),
        ("k", rows[1]),
        ("k", rows[0]),
        ("k", rows[0]),
    ):
        page.keyboard.press(key)
        assert focused(page) == row
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.name") == "who"
    page.keyboard.type("jka?")
    assert page.evaluate("document.activeElement.value") == "jka?", "in a field keys are letters"
    page.keyboard.press("Escape")
    assert focused(page) == rows[0]
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keys of this page")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.evaluate("document.activeElement.blur()")
    page.evaluate(CLOSED_AND_J)  # before the next frame, in which the focus leaves the dialog
    assert focused(page) == rows[0]
    page.keyboard.press("o")
    page.wait_for_url(f"**/incidents/{2:012x}")


def test_the_keys_can_be_turned_off(page: Page, server: ConsoleServer, complaints: list[str]) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/incidents")
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_label("Turn these keys off").check()
    page.get_by_role("button", name="Close").click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    assert focused(page) == ""
    page.reload()
    page.keyboard.press("j")
    assert focused(page) == "", "this browser remembers"


def test_the_list_follows_while_the_visitor_is_in_it_and_takes_nothing_away(
    page: Page, server: ConsoleServer, store: Store, complaints: list[str]
) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/incidents")
    page.keyboard.press("a")
    page.keyboard.type("Ana")
    several(store, 1)
    expect(page.locator(f"#row-{0:012x}")).to_be_visible(timeout=15_000)
    assert focused(page) == f"row-{INCIDENT}"
    assert page.evaluate("document.activeElement.value") == "Ana"
    assert page.evaluate(f"document.querySelector('.incidents > li').id === 'row-{0:012x}'"), (
        "the newest first"
    )


def test_two_people_in_the_inbox_at_once(page: Page, server: ConsoleServer, store: Store) -> None:
    with other_browser(page) as other:
        for one, who in ((page, "Ana"), (other, "Ben")):
            one.goto(server.url)
            one.goto(f"{server.address}/incidents")
            one.keyboard.press("a")
            one.keyboard.type(who)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="Recorded")).to_be_visible()
        other.keyboard.press("Enter")
        expect(other.get_by_role("alert")).to_contain_text("Ana was first")
    assert [taken.who for taken in history(store, incident=INCIDENT)] == ["Ana"]


def test_without_script_filtering_turning_and_acknowledging_work(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    several(store, 60)
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(server.url)
        plain.get_by_role("link", name="61 incidents").click()
        plain.get_by_role("link", name="Older").click()
        expect(plain.get_by_role("button", name="Keyboard")).to_be_hidden()
        plain.get_by_role("searchbox").fill(INCIDENT)
        plain.get_by_role("button", name="Show").click()
        plain.locator("summary", has_text="Acknowledge").click()
        plain.get_by_label("Your name").fill("Ana")
        plain.get_by_role("button", name="Acknowledge").click()
        expect(plain.get_by_role("status").filter(has_text="Recorded")).to_be_visible()
    assert [taken.who for taken in history(store, incident=INCIDENT)] == ["Ana"]


def test_paused_learned_labels_stand_still_and_go_on_after_resuming(
    page: Page, server: ConsoleServer, store: Store, complaints: list[str]
) -> None:
    learned = page.locator("#live-events tr", has_text="Learned").locator("td.n")
    predicted = page.locator("#live-events tr", has_text="Predicted only").locator("td.n")
    outcomes = dict(FLIGHTS_STATUS.outcomes)
    events = FLIGHTS_STATUS.events

    def go_on(name: str, paused: bool) -> None:
        nonlocal events
        outcomes[name] += 1_000
        events += 1_000
        report(store, FLIGHTS_STATUS, outcomes=dict(outcomes), events=events, paused=paused)

    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    go_on("learned", paused=False)
    expect(learned).to_have_text("326,940", timeout=15_000)
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("Reason").fill("The labels look wrong.")
    page.get_by_role("button", name="Pause learning").click()
    go_on("predict_only", paused=True)
    expect(predicted).to_have_text("5,312", timeout=15_000)
    expect(page.locator("h1")).to_contain_text("paused by Ana")
    expect(learned).to_have_text("326,940")
    page.get_by_label("Reason").fill("They are right again.")
    page.get_by_role("button", name="Resume learning").click()
    go_on("learned", paused=False)
    expect(learned).to_have_text("327,940", timeout=15_000)


def test_while_nobody_says_what_changed_the_page_looks_itself(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    page.route("**/api/v1/stream", lambda route: route.fulfill(status=503, body="full"))
    page.goto(server.url)
    decide(store, incident=INCIDENT, action="acknowledge", who="Ana")
    expect(page.locator("#live-pipelines")).to_contain_text("nothing waits for a person", timeout=25_000)


def test_a_page_that_nobody_sees_holds_no_connection(page: Page, server: ConsoleServer) -> None:
    page.goto(server.url)
    beat = server._server._pulse
    wait_until(lambda: beat.listeners or page.wait_for_timeout(50), "the page listens", 15)
    page.evaluate(HIDE)
    wait_until(lambda: not beat.listeners or page.wait_for_timeout(50), "the page has hung up", 15)


HIDE = """() => {
  Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What happens when another tab is chosen."""


def test_the_chart_zooms_by_buttons_and_shows_more_detail(
    page: Page, server: ConsoleServer, complaints: list[str]
) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    button = page.get_by_role("button", name="7 days")
    with page.expect_response("**/chart?since=*") as answer:
        button.click()
    assert answer.value.status == 200
    expect(button).to_have_attribute("aria-pressed", "true")
    until(page, "document.querySelector('.plot').figure.data[0].x.length < 30")
    page.get_by_role("button", name="Everything").click()
    until(page, "document.querySelector('.plot').figure.data[0].x.length > 300")
