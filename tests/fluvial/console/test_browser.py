"""A real browser: what people see, do, and are protected from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from fluvial.console.server import ConsoleServer
from fluvial.incidents import Incidents
from fluvial.reviews import history
from fluvial.store import Store
from tests.fluvial.console.fleet import FLIGHTS_STATUS, PART, alarm, decide, report, watched

INCIDENT = "0f1e2d3c4b5a"
SIZES = [(1440, "light"), (1440, "dark"), (400, "light"), (400, "dark")]
PAGES = [
    "/",
    "/pipelines/flights",
    "/pipelines/intent",
    "/incidents",
    f"/incidents/{INCIDENT}",
    "/settings",
    "/audit",
    "/signin",
]
PAGES += [f"/pipelines/flights/{room}" for room in ("quarantine", "labels", "models", "settings")]


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complains about: errors, and violations of the pages' security policy."""
    return listen(page)


def listen(page: Page) -> list[str]:
    """Collect a page's errors and warnings."""
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


@contextlib.contextmanager
def other_browser(page: Page) -> Iterator[Page]:
    """A page that shares no cookies with the first."""
    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as context:
        yield context.new_page()


def fill_in(page: Page, who: str, reason: str) -> None:
    """Fill in the form of a decision."""
    page.get_by_label("Your name").fill(who)
    page.get_by_label("Reason").fill(reason)


def test_from_the_address_to_an_acknowledged_incident(
    page: Page, server: ConsoleServer, store: Store, complaints: list[str]
) -> None:
    page.goto(server.url)
    assert page.url == f"{server.address}/"
    expect(page.get_by_role("heading", name="flights")).to_be_visible()
    page.get_by_role("link", name="Incidents").click()
    page.get_by_role("link", name="rose from 0.182 to 0.247").click()
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    fill_in(page, "Ana", "Looking at it.")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Ana has it")).to_be_visible()
    expect(page.locator("#live-head .badge").first).to_have_text("acknowledged")
    (taken,) = history(store, incident=INCIDENT)
    assert (taken.action, taken.who, taken.reason) == ("acknowledge", "Ana", "Looking at it.")
    assert complaints == []


def test_the_chart_is_drawn_and_the_page_breaks_none_of_its_own_rules(
    page: Page, server: ConsoleServer, complaints: list[str]
) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    lines = page.locator(".plot .scatterlayer .trace path.js-line")
    expect(lines.first).to_be_visible()
    assert lines.count() == 6
    page.locator(".plot .nsewdrag").first.hover()
    assert complaints == []


def test_a_mark_in_the_chart_leads_to_its_incident(page: Page, server: ConsoleServer) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    mark = page.locator(".plot .scatterlayer .points path.point").first
    mark.scroll_into_view_if_needed()
    spot = mark.bounding_box()
    assert spot is not None
    middle = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.mouse.move(*middle)
    expect(page.locator(".plot .hoverlayer .hovertext")).to_be_visible()
    page.mouse.click(*middle)
    page.wait_for_url("**/incidents/*")


def test_of_two_browsers_the_loser_sees_who_won(page: Page, server: ConsoleServer, store: Store) -> None:
    with other_browser(page) as other:
        for one, who in ((page, "Ana"), (other, "Ben")):
            one.goto(server.url)
            one.goto(f"{server.address}/incidents/{INCIDENT}")
            fill_in(one, who, "mine")
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_role("status").filter(has_text="Recorded")).to_be_visible()
        other.get_by_role("button", name="Pause learning").click()
        expect(other.get_by_role("alert")).to_contain_text("Ana was first")
        expect(other.get_by_text("Ana has it")).to_be_visible()
    assert [taken.who for taken in history(store, incident=INCIDENT)] == ["Ana"]


def test_pause_then_resume(page: Page, server: ConsoleServer, store: Store) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    fill_in(page, "Ana", "The labels look wrong.")
    page.get_by_role("button", name="Pause learning").click()
    expect(page.locator("h1")).to_contain_text("pausing by Ana")
    report(store, FLIGHTS_STATUS, paused=True)
    expect(page.locator("h1")).to_contain_text("paused by Ana", timeout=15_000)
    assert page.get_by_label("Your name").input_value() == "Ana"
    page.get_by_label("Reason").fill("They are right again.")
    page.get_by_role("button", name="Resume learning").click()
    expect(page.get_by_role("button", name="Pause learning")).to_be_visible()
    assert [taken.action for taken in history(store, pipeline="flights")][:2] == ["resume", "pause"]


def test_the_page_follows_what_happens_but_a_form_stays_what_it_was(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/incidents/{INCIDENT}")
    fill_in(page, "Ben", "half a sentence")
    decide(store, incident=INCIDENT, action="acknowledge", who="Ana")
    expect(page.get_by_text("Ana has it")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("The incident has changed since you opened it.")).to_be_visible()
    assert page.get_by_label("Reason").input_value() == "half a sentence"
    page.get_by_text("Change the model").click()
    page.get_by_role("button", name="Reset the model").click()
    expect(page.get_by_role("alert")).to_contain_text("Ana was first")


def test_what_is_unfolded_stays_unfolded_when_the_page_is_renewed(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    page.get_by_text("Since the beginning").click()
    page.get_by_role("heading", level=1).click()
    page.evaluate("document.activeElement.blur()")
    scores = {name: dict(metrics) | {"rocauc": 0.4321} for name, metrics in FLIGHTS_STATUS.scores.items()}
    report(store, FLIGHTS_STATUS, scores=scores)
    expect(page.locator("#all-time")).to_contain_text("0.432", timeout=15_000)
    expect(page.locator("#all-time")).to_have_attribute("open", "")


def test_an_incident_that_opens_while_people_look_is_shown(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    page.goto(server.url)
    Incidents(store).record("demand", 0, [("new", alarm(300))])
    expect(page.locator("#live-nav")).to_contain_text("2 firing", timeout=15_000)


def test_a_console_that_went_away_is_told(page: Page, server: ConsoleServer) -> None:
    page.goto(server.url)
    server.stop()
    expect(page.get_by_text("No connection")).to_be_visible(timeout=15_000)


def test_it_works_without_script(page: Page, server: ConsoleServer, store: Store) -> None:
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(server.url)
        plain.goto(f"{server.address}/incidents/{INCIDENT}")
        fill_in(plain, "Ana", "No script here.")
        plain.get_by_role("button", name="False alarm").click()
        expect(plain.get_by_text("The incident is closed.", exact=False).first).to_be_visible()
    assert Incidents(store).get(INCIDENT).verdict == "false_alarm"


def test_a_link_on_another_site_leads_in_who_was_let_in(page: Page, server: ConsoleServer) -> None:
    address = server.address.replace("127.0.0.1", "localhost")  # another site than the one below
    link = f"<a href='{address}/incidents/{INCIDENT}'>the incident</a>"
    page.route("http://127.0.0.1/mail", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto(server.url.replace("127.0.0.1", "localhost"))
    page.goto("http://127.0.0.1/mail")
    page.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("rose from 0.182")


def test_a_link_on_another_site_leads_nobody_else_in(page: Page, server: ConsoleServer) -> None:
    link = f"<a href='{server.address}/'>the console</a>"
    page.route("http://localhost/mail", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto("http://localhost/mail")
    visits: list[str] = []
    page.on(
        "request", lambda request: visits.append(request.url) if request.is_navigation_request() else None
    )
    page.get_by_role("link").click()
    expect(page.get_by_text("printed where the console was started")).to_be_visible()
    page.wait_for_timeout(500)
    assert len(visits) <= 2, "it does not go round in circles"


def test_another_site_s_form_changes_nothing(page: Page, server: ConsoleServer, store: Store) -> None:
    form = (
        f"<form method=post action='{server.address}/incidents/{INCIDENT}/reviews'>"
        "<input name=who value=Eve><input name=action value=resolve><button>A prize</button></form>"
    )
    page.route("http://localhost/trap", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(server.url)
    page.goto("http://localhost/trap")
    page.get_by_role("button").click()
    page.wait_for_url(f"{server.address}/**")
    assert history(store, incident=INCIDENT) == []


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_can_be_read(
    page: Page, server: ConsoleServer, store: Store, width: int, scheme: str, complaints: list[str]
) -> None:
    watched(store)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(server.url)
    for path in PAGES:
        page.goto(server.address + path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(CONTRAST) == [], path
    assert complaints == []


def test_on_a_phone_the_decision_is_one_step_from_the_headline(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    watched(store)
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(server.url)
    page.goto(f"{server.address}/incidents/{INCIDENT}")
    expect(page.get_by_role("button", name="Acknowledge")).not_to_be_in_viewport()
    page.get_by_role("link", name="Decide").click()
    expect(page.get_by_label("Your name")).to_be_in_viewport()


def test_what_an_event_held_does_nothing_on_the_pages_that_show_it(
    page: Page, server: ConsoleServer, store: Store, complaints: list[str]
) -> None:
    watched(store)
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(server.url)
    shown = PART.replace("\u202e", "\ufffd").replace("\x1b", "\ufffd").partition("=")[2]
    for path in ("/pipelines/flights", f"/incidents/{INCIDENT}"):
        page.goto(server.address + path)
        expect(page.locator(".plot .main-svg").first).to_be_visible()
        expect(page.get_by_text(f"loss where carrier is {shown}").first).to_be_visible()
    assert complaints == []


def test_monitors_that_are_quiet_are_unfolded_by_whoever_wants_them(
    page: Page, server: ConsoleServer, store: Store
) -> None:
    watched(store)
    page.goto(server.url)
    page.goto(f"{server.address}/pipelines/flights")
    expect(page.get_by_text("field q", exact=True)).to_be_hidden()
    page.get_by_text("26 monitors see nothing unusual").click()
    expect(page.get_by_text("field q", exact=True)).to_be_visible()


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *:not(svg *)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${element.tagName}.${element.className}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
"""Text whose contrast against what is behind it is less than WCAG's AA asks for."""


def test_everything_can_be_reached_by_keyboard(page: Page, server: ConsoleServer) -> None:
    page.goto(server.url)
    page.goto(f"{server.address}/incidents/{INCIDENT}")
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("(document.activeElement.name || document.activeElement.textContent).trim()")
        )
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        on_page = page.evaluate("document.activeElement !== document.body")
        assert not on_page or width >= 2, "focus is seen"
    assert {"Skip to the content", "Pipelines", "who", "reason", "action"} <= reached
