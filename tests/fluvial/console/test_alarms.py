"""What an alarm says reaches people: how sure it is, what is behind it, what else moved, who was called."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import pytest

from fluvial.console import standings
from fluvial.console.charts import incident_figure, pipeline_figure
from fluvial.incidents import Incidents
from fluvial.reviews import register
from fluvial.store import Store, alarm_table, point_table
from monitors.alarm import Alarm
from tests.fluvial.console.fleet import (
    FLIGHTS,
    FLIGHTS_STATUS,
    PART,
    START,
    alarm,
    demand_status,
    report,
    watched,
)
from tests.fluvial.console.test_pages import HOSTILE, Tags, words
from tests.fluvial.console.visitors import Client

INCIDENT = "0f1e2d3c4b5a"


def test_an_incident_says_how_sure_it_is_and_what_is_likely_behind_it(browser: Client, store: Store) -> None:
    watched(store)
    page = words(browser.get(f"/incidents/{INCIDENT}").text)
    for said in (
        "Likely cause: the form of the records. The share of missing values in distance rose 9 h before",
        "loss where carrier is",
        "Change (95 % sure) +0.220 (+0.041 to +0.089)",
        "Seen on 380 labels against 9,600",
        "Standard errors 6.2 4.5 needed",
        "as if only one in 3 observations counted. A rhythm of 0.021 was taken out first.",
        "loss worse than at first",
        "loss eased",
        "1 earlier alarm",
    ):
        assert said in page, said
    assert "It eased since." not in page, "the slice and the expected loss have not"


def test_what_moved_before_stands_beside_the_incident(browser: Client, store: Store) -> None:
    watched(store)
    page = words(browser.get(f"/incidents/{INCIDENT}").text)
    _, _, beside = page.partition("What else moved")
    assert "changed field distance (missing) 9 h before 0.182 0.310 +0.128" in beside
    assert "worse confidence of the model 9 h after" in beside
    assert words(browser.get("/incidents/1a2b3c4d5e6f").text).count("What else moved") == 0


def test_the_list_says_the_cause_and_how_many_monitors_say_so(browser: Client, store: Store) -> None:
    watched(store)
    page = words(browser.get("/incidents").text)
    assert "4 alarms of 3 monitors" in page
    assert "Likely cause: the form of the records." in page


def test_an_incident_that_is_over_everywhere_is_said_to_be(browser: Client, store: Store) -> None:
    over = alarm(260, direction="better")._replace(phase="recovered", severity="info")
    Incidents(store).record("flights", 0, [("over", over)])
    page = words(browser.get(f"/incidents/{INCIDENT}").text)
    assert "firing recovered" in page
    assert "It is back to where it was." in page


def test_thirty_monitors_are_summed_up_those_that_saw_something_first(browser: Client, store: Store) -> None:
    watched(store)
    page = browser.get("/pipelines/flights").text
    text = words(page)
    assert "3 alarm 1 suspected 1 warming 25 quiet" in text
    assert "loss alarm 0.247 2 worse, 1 better" in text
    assert "field distance alarm 0.310 3 changed" in text
    assert text.index("estimated loss suspected") < text.index("26 monitors see nothing unusual")
    assert "share of events that come late warming —" in text
    assert "learning, 3 monitors in alarm, 1 monitor suspicious" in text
    assert page.count("<tr>") < 100


def test_what_is_expected_where_labels_wait_is_said_with_its_track_record(
    browser: Client, client: Client, store: Store
) -> None:
    assert "expected" not in words(browser.get("/pipelines/flights").text)
    watched(store)
    page = words(browser.get("/pipelines/flights").text)
    assert "a loss of 0.238 is expected; so far such estimates were 0.012 off in the mean." in page
    found = client.get("/api/v1/pipelines/flights").json()
    assert found["estimate"] == {"loss": 0.238, "error": 0.012}
    report(store, FLIGHTS_STATUS, estimate=(0.2, nan))
    assert "no label has judged such an estimate yet" in words(browser.get("/pipelines/flights").text)


def test_the_latest_signals_are_told_whether_or_not_they_called(
    browser: Client, client: Client, store: Store
) -> None:
    Incidents(store).record(
        "flights", 0, [("alone", alarm(20)._replace(monitor="feed:rate", severity="info"))]
    )
    watched(store)
    found = client.get("/api/v1/pipelines/flights/signals").json()
    assert [one["monitor"] for one in found][:2] == ["loss", "loss"]
    assert {one["monitor"]: one["incident"] for one in found}["feed:rate"] is None
    assert len(found) == 9
    assert len(client.get("/api/v1/pipelines/flights/signals?limit=3").json()) == 3
    assert client.get("/api/v1/pipelines/nope/signals").status_code == 404
    page = words(browser.get("/pipelines/flights").text)
    _, _, latest = page.partition("Latest signals")
    assert "changed field distance (missing) from 0.182 to 0.310" in latest


def test_programs_are_told_all_that_an_alarm_says(client: Client, store: Store) -> None:
    watched(store)
    found = client.get(f"/api/v1/incidents/{INCIDENT}").json()
    wanted = {"severity": "page", "phase": "worse", "cause": "schema", "eased": False, "alarms": 4}
    assert {name: found[name] for name in wanted} == wanted
    assert found["monitors"] == ["loss", "loss:carrier", "estimated_loss"]
    assert found["because"].startswith("The share of missing values")
    (slice_,) = [one for one in found["evidence"] if one["monitor"] == "loss:carrier"]
    assert slice_["part"] == PART.replace("\u202e", "\ufffd").replace("\x1b", "\ufffd")
    assert (slice_["low"], slice_["high"], slice_["score"], slice_["dependence"]) == (0.041, 0.089, 6.21, 3.0)
    assert [one["severity"] for one in found["evidence"]].count("info") == 3
    plain = next(one for one in found["evidence"] if one["monitor"] == "estimated_loss")
    assert (plain["low"], plain["score"], plain["phase"], plain["cause"]) == (None, None, "first", "")


def test_alarms_that_an_older_version_filed_are_shown(browser: Client, client: Client, store: Store) -> None:
    old = dict(list(alarm(255)._asdict().items())[:9])
    with store.write() as db:
        db.execute(alarm_table.update().where(alarm_table.c.incident == INCIDENT).values(evidence=old))
    found = client.get(f"/api/v1/incidents/{INCIDENT}").json()
    assert (found["evidence"][0]["severity"], found["severity"]) == ("page", "page")
    for path in (f"/incidents/{INCIDENT}", "/incidents", "/pipelines/flights"):
        assert "rose from 0.182 to 0.247" in words(browser.get(path).text)


def test_shards_that_run_older_versions_are_shown(browser: Client, store: Store) -> None:
    old = FLIGHTS_STATUS.as_json() | {"monitors": {"loss": ["settling", 0.2]}}
    del old["estimate"], old["drifts"]
    (row,) = standings.monitors([old])
    assert (row.state, row.alarms) == ("settling", {})
    assert standings.estimate([old]) is None
    report(store, FLIGHTS_STATUS, monitors={"loss": ("settling", 0.2)})
    assert "loss settling 0.200" in words(browser.get("/pipelines/flights").text)


def test_of_several_shards_the_state_that_matters_most_speaks(browser: Client, store: Store) -> None:
    for shard, state in enumerate(("quiet", "alarm", "quiet")):
        status = demand_status(shard, 7.1, "met")
        report(store, status, monitors={"loss": (state, shard / 10)}, estimate=(shard / 10, nan))
    page = words(browser.get("/pipelines/demand").text)
    assert "loss alarm on 1 of 3 0 – 0.200" in page.replace("0–0.200", "0 – 0.200")
    (row,) = standings.monitors([demand_status(n, 7.0, "met").as_json() for n in range(3)])
    assert (row.state, row.shards, row.low) == ("warming", {"warming": 3}, None)


def test_undefined_numbers_break_no_page(browser: Client, client: Client, store: Store) -> None:
    undefined = alarm(256)._replace(before=nan, after=nan, onset=nan, dependence=nan, season=nan, score=5.0)
    Incidents(store).record("flights", 0, [("odd", undefined), ("info", undefined._replace(severity="info"))])
    for path in (f"/incidents/{INCIDENT}", "/incidents", "/pipelines/flights"):
        assert browser.get(path).status_code == 200
        assert client.get(f"/api/v1{path}").status_code == 200
        if path != "/incidents":
            assert client.get(f"/api/v1{path}/chart").status_code == 200


@pytest.mark.parametrize("path", ["/pipelines/flights", "/incidents", "/incidents/hostile"])
def test_hostile_parts_are_shown_and_nothing_more(browser: Client, store: Store, path: str) -> None:
    register(store, "flights", 1, FLIGHTS)
    said: dict[str, Any] = {"part": f"{HOSTILE}={HOSTILE}", "because": HOSTILE, "cause": "source"}
    raised = Alarm("loss:carrier", "worse", 2e9, 2e9, 10, 0.1, 0.2, 5, 5, **said)
    field = raised._replace(monitor="field:x", severity="info")
    Incidents(store).record("flights", 0, [("hostile", raised), ("beside", field)])
    page = browser.get(path).text
    found = Tags()
    found.feed(page)
    assert "&lt;script&gt;" in page
    assert not [tag for tag, _ in found.tags if tag == "img"]
    assert all("src" in attributes for tag, attributes in found.tags if tag == "script")
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "\u202e" not in page
    assert "\x1b" not in page
    for chart in ("pipelines/flights", "incidents/hostile"):
        assert "<script" not in browser.get(f"/api/v1/{chart}/chart").text


def test_a_part_as_long_as_a_book_is_cut_off(browser: Client, store: Store) -> None:
    long = alarm(256)._replace(monitor="loss:carrier", part=f"carrier={'x' * 100_000}")
    Incidents(store).record("flights", 0, [("long", long)])
    assert len(browser.get(f"/incidents/{INCIDENT}").text) < 50_000


def test_signals_are_marked_on_the_axis_and_only_alarms_that_called_draw_a_line(store: Store) -> None:
    watched(store)
    figure = pipeline_figure(store, "flights")
    found = {trace["name"]: trace for trace in figure.data}
    assert len(found["worse alarms"]["x"]) == 5
    assert len(found["changed signals"]["x"]) == 1
    assert len(found["better signals"]["x"]) == 1
    assert found["changed signals"]["customdata"] == [f"/incidents/{INCIDENT}"]
    assert "&lt;script&gt;" in json.dumps(found["worse alarms"]["text"])
    lines = [shape for shape in figure.layout["shapes"] if shape.get("yref") == "paper"]
    assert len(lines) == 5


def test_an_incident_s_chart_draws_the_steps_of_its_own_monitor_only(store: Store) -> None:
    watched(store)
    shapes = incident_figure(store, INCIDENT).layout["shapes"]
    levels = [shape["y0"] for shape in shapes if shape.get("yref") == "y"]
    assert levels == [0.182, 0.247, 0.182, 0.29, 0.29, 0.2]


def test_the_expected_loss_is_drawn_beside_the_true_one(store: Store) -> None:
    data = {"loss": {}, "recent": {}, "waiting": 0, "estimates": {"loss": 0.2, "estimated_loss": 0.3}}
    row = {"pipeline": "demand", "shard": 0, "sequence": 1, "time": START, "data": data}
    with store.write() as db:
        db.execute(point_table.insert(), row)
    raised = Alarm("estimated_loss", "worse", START, START, 9, 0.1, 0.4, 5, 5)
    Incidents(store).record("demand", 0, [("early", raised)])
    drawn = {
        trace["name"]: trace["y"] for trace in incident_figure(store, "early").data if trace["yaxis"] == "y"
    }
    assert drawn == {"loss": [0.2], "monitored estimated loss": [0.3]}
