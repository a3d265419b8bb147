"""The life of incidents in a terminal: many at once, snoozed, expected, approved, and what people were told."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluvial.incidents import Incidents
from fluvial.reviews import Request, history, register, review
from fluvial.secrets import load_key
from fluvial.store import Store
from fluvial.tuning import watching
from monitors.alarm import Alarm
from tests.fluvial.commandline import Commandline
from tests.fluvial.notify.receivers import HttpReceiver, serving
from tests.fluvial.test_rate import draw

NOON = 1_700_000_000.0


@pytest.fixture
def desk(
    command: Commandline, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """The store of a pipeline with three incidents over a month apart, which is where the commands look."""
    monkeypatch.setenv("FLUVIAL_STORE", store_url)
    with closing(Store(store_url, key=lambda: load_key(tmp_path / "key"))) as store:
        register(store, "coins", 1, {"review": {"approve": ["reset"]}})
        for n in range(3):
            at = NOON + n * 31 * 86400.0
            alarm = Alarm("loss", "worse", at, at - 60, 1000, 0.1, 0.4, 500, 500, score=5.5, needed=5.0)
            Incidents(store).record("coins", 0, [(f"a{n}", alarm)])
        yield store


def decide(store: Store, who: str, action: Any, **more: Any) -> None:
    review(store, Request(action=action, who=who, **more), "cli")


def test_a_preview_shows_what_would_be_acknowledged_and_touches_nothing(
    command: Commandline, desk: Store
) -> None:
    decide(desk, "ben", "acknowledge", incident="a1")
    said = command("incidents", "ack", "--pipeline", "coins", "--state", "firing", "--preview")
    assert said.code == 0
    assert [word in said.out for word in ("a0", "a1", "a2")] == [True, False, True]
    assert "2 would be acknowledged; nothing was changed" in said.out
    shown = command("incidents", "ack", "--preview", "--json").json
    assert [(one["id"], one["version"]) for one in shown] == [("a2", 1), ("a0", 1)]
    assert len(history(desk)) == 1


def test_all_that_nobody_has_are_acknowledged_with_one_reason(command: Commandline, desk: Store) -> None:
    said = command("incidents", "ack", "--dry-run", "--who", "ann")
    assert (said.code, "It would do this: Acknowledged 3 of 3" in said.out) == (0, True)
    assert history(desk) == []
    words = ("incidents", "ack", "--who", "ann", "--reason", "one cause", "--id", "b1")
    assert command(*words).out.strip() == "Acknowledged 3 of 3 incidents."
    assert {(one.who, one.reason, one.channel) for one in history(desk)} == {("ann", "one cause", "cli")}
    assert command(*words).out.strip() == "Acknowledged 0 of 0 incidents."
    assert command("incidents").code == 0, "none is firing any more"


def test_listing_goes_on_as_before_beside_the_verb(command: Commandline, desk: Store) -> None:
    assert command("incidents").code == 3
    assert len(command("incidents", "--state", "firing", "--json").json) == 3
    assert command("incidents", "--state", "snoozed", "--json").json == []
    assert command("incidents", "--state", "odd").code == 2


def test_an_incident_is_snoozed_for_a_while(command: Commandline, desk: Store) -> None:
    assert command("snooze", "a0", "--for", "2h", "--dry-run").code == 0
    assert history(desk) == []
    said = command("snooze", "a0", "--for", "2h", "--who", "ann", "--json")
    assert (said.code, said.json["action"], said.json["dry_run"]) == (0, "snooze", False)
    found = Incidents(desk).get("a0")
    assert found.state == "snoozed"
    assert found.snoozed_until == pytest.approx(time.time() + 7200, abs=60)
    assert command("snooze", "a0", "--for", "1h", "--who", "ben").code == 4
    assert command("snooze", "a1", "--for", "soon").code == 2
    assert command("snooze", "a1").code == 2
    assert command("snooze", "a1", "--until", "2100-01-01T00:00", "--for", "2h").code == 2
    assert command("review", "unsnooze", "a0", "--who", "ann").code == 0
    assert command("review", "reopen", "a0", "--who", "ann").code == 1, "it is open"


def test_a_scenario_is_registered_listed_and_removed(command: Commandline, desk: Store) -> None:
    words = (
        "scenarios",
        "add",
        "summer sale",
        "--pipeline",
        "coins",
        "--from",
        "2023-11-01",
        "--until",
        "2023-12-01",
    )
    assert command(*words, "--monitors", "loss", "--who", "eve").code == 0
    assert command(*words, "--monitors", "loss", "--who", "eve").out.startswith("Already so")
    (one,) = command("scenarios", "list", "--json").json
    assert (one["name"], one["monitors"], one["who"]) == ("summer sale", ["loss"], "eve")
    assert "summer sale" in command("scenarios", "list", "--pipeline", "coins").out
    assert command("scenarios", "remove", one["id"], "--who", "ann").code == 0
    assert command("scenarios", "list", "--json").json == []
    assert "removed by ann" in command("scenarios", "list", "--all").out
    assert command("scenarios", "remove", "nothing").code == 2
    assert command(*words[:-2], "--until", "2023-10-01").code == 2


def test_a_proposal_waits_for_somebody_else(command: Commandline, desk: Store) -> None:
    said = command("review", "reset", "--pipeline", "coins", "--who", "ann", "--id", "p1")
    assert (said.code, said.out.startswith("Proposed as p1: Waits until ")) == (0, True)
    assert [one["id"] for one in command("proposals", "--json").json] == ["p1"]
    assert command("approve", "p1", "--who", "ann").code == 1
    assert command("approve", "p1", "--who", "ben", "--dry-run").code == 0
    assert command("decline", "p1", "--who", "eve", "--reason", "not now").code == 0
    assert command("approve", "p1", "--who", "ben").code == 4
    assert command("approve", "nothing").code == 1


def test_after_a_false_alarm_another_budget_is_offered_at_its_price(
    command: Commandline, desk: Store
) -> None:
    decide(desk, "ann", "false_alarm", incident="a2")
    said = command("incident", "a2").out
    assert "Of 1 incident in 30 days 0 would remain. Spared: 1 false alarm." in said
    assert "fluvial set-budget coins --budget 0.002 --reason WHY" in said
    assert "the same before, a1: nobody decided anything" in said
    assert command("set-budget", "coins", "--budget", "0.002", "--who", "ann").code == 0
    assert command("set-budget", "coins", "--who", "ann").code == 2


def test_a_budget_can_be_said_by_the_month(command: Commandline, desk: Store) -> None:
    early = command("set-budget", "coins", "--budget", "2/month", "--who", "ann")
    assert early.code == 2
    assert "fewer than 2,000 outcomes of a pipeline 'coins' are known here" in early.err
    draw(desk, 0, [0.0, 0.5, 1.0])
    said = command("set-budget", "coins", "--budget", "2/month", "--who", "ann")
    assert said.err == "At 2,000 outcomes a day that is 3.3 per 100,000 events.\n"
    assert said.out.startswith("Done: ")
    assert watching(desk, "coins").budget == 3.3
    told = command("set-budget", "coins", "--budget", "1/month", "--who", "ann", "--json").json
    assert told["action"] == "set_budget"
    for wrong in ("often/month", "0/month", "inf/month", "-1/month"):
        refused = command("set-budget", "coins", "--budget", wrong, "--who", "ann")
        assert refused.code == 2
        assert "write how many, above 0, such as 0.5/month" in refused.err
    assert command("set-budget", "coins", "--budget", "often", "--who", "ann").code == 2
    assert watching(desk, "coins").budget == 1.6


def test_notices_are_listed_and_every_channel_can_be_tried(
    command: Commandline, desk: Store, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("notices", "list", "--json").json == []
    assert command("notices", "test").code == 2
    (tmp_path / "key").write_text("a key that is long enough")
    with serving(HttpReceiver()) as receiver:
        monkeypatch.setenv("FLUVIAL_NOTIFY_WEBHOOK", receiver.url)
        monkeypatch.setenv("FLUVIAL_NOTIFY_WEBHOOK_KEY_FILE", str(tmp_path / "key"))
        assert command("notices", "test", "--json").json == {"webhook": {"sent": True, "trouble": ""}}
        receiver.answers = [500]
        assert command("notices", "test").code == 3


def test_what_is_printed_has_no_colour_where_there_is_no_terminal(command: Commandline, desk: Store) -> None:
    for words in (
        ["incidents"],
        ["incidents", "ack", "--preview"],
        ["incident", "a0"],
        ["proposals"],
        ["reviews"],
    ):
        assert "\x1b" not in command(*words).out
