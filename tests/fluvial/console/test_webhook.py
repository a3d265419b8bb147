"""The webhook: Alertmanager tells the console, with a token that opens nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from fluvial.console import cases
from fluvial.console.app import create
from fluvial.console.auth import WEBHOOK
from fluvial.incidents import Incidents
from fluvial.store import Store
from tests.fluvial.console.visitors import TOKEN, Client, program, stranger, visitor

HOOK = "a-token-for-the-webhook"
AUTH = {"Authorization": f"Bearer {HOOK}"}


def alert(status: str = "firing", **labels: str) -> dict[str, Any]:
    """An alert as Alertmanager 0.25 tells of it."""
    return {
        "status": status,
        "labels": {"alertname": "FluvialEventFeedSilent", "pipeline": "flights", "severity": "page"} | labels,
        "annotations": {"summary": "flights has had no event for half an hour.", "manual": "docs"},
        "startsAt": "2013-03-01T00:52:56.123456789Z",  # a clock time amid the event times of the fleet
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": "9f3a",
    }


def notification(*alerts: dict[str, Any]) -> dict[str, Any]:
    """What is around them."""
    return {"version": "4", "status": "firing", "receiver": "console", "alerts": list(alerts)}


@pytest.fixture
def app(store: Store) -> FastAPI:
    """The console of the store, with a token for the webhook."""
    return create(store, token=TOKEN, webhook=HOOK)


@pytest.fixture
def manager(app: FastAPI) -> Client:
    """Alertmanager."""
    client = stranger(app)
    client.headers.update(AUTH)
    return client


def test_an_alert_becomes_an_incident_on_its_page(manager: Client, app: FastAPI) -> None:
    answer = manager.post(WEBHOOK, json=notification(alert()))
    assert answer.json() == {"alerts": ["opened"]}
    (found,) = [
        one
        for one in program(app).get("/api/v1/incidents").json()
        if one["monitor"] == "alert:FluvialEventFeedSilent"
    ]
    assert found["state"] == "firing"
    assert found["headline"].startswith("flights has had no event for half an hour. Told by Alertmanager")
    detail = program(app).get(f"/api/v1/incidents/{found['id']}").json()
    assert detail["evidence"][0]["labels"]["severity"] == "page"
    assert {"acknowledge", "resolve"} <= set(detail["actions"])
    for chart in (f"incidents/{found['id']}", "pipelines/flights"):
        assert program(app).get(f"/api/v1/{chart}/chart").status_code == 200
    page = visitor(app).get(f"/incidents/{found['id']}").text
    assert "What Alertmanager told" in page
    assert "FluvialEventFeedSilent" in page


def test_its_end_closes_the_incident(manager: Client, app: FastAPI) -> None:
    manager.post(WEBHOOK, json=notification(alert()))
    answer = manager.post(WEBHOOK, json=notification(alert("resolved"), alert("resolved", shard="3")))
    assert answer.json() == {"alerts": ["closed", "known"]}
    page = visitor(app).get("/incidents?state=resolved").text
    assert "The alert was over" in page


def test_what_the_alert_says_is_shown_as_text(manager: Client, app: FastAPI) -> None:
    manager.post(WEBHOOK, json=notification(alert(evil="<script>alert(1)</script>")))
    (incident,) = [one for one in program(app).get("/api/v1/incidents").json() if "alert:" in one["monitor"]]
    page = visitor(app).get(f"/incidents/{incident['id']}").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


def test_the_console_s_own_token_will_do_as_well(app: FastAPI) -> None:
    assert program(app).post(WEBHOOK, json=notification()).json() == {"alerts": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", WEBHOOK),
        ("GET", "/"),
        ("GET", "/api/v1/incidents"),
        ("POST", "/api/v1/incidents/0f1e2d3c4b5a/reviews"),
        ("POST", f"{WEBHOOK}/"),
    ],
)
def test_the_token_of_the_webhook_opens_nothing_else(manager: Client, method: str, path: str) -> None:
    assert manager.request(method, path, json={"action": "resolve", "who": "Eve"}).status_code == 401
    assert manager.get(f"/?token={HOOK}", headers={"Authorization": ""}).status_code == 401


def test_without_the_token_nothing_is_taken(app: FastAPI, store: Store) -> None:
    before = len(Incidents(store).listing())
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {HOOK}"}):
        answer = stranger(app).post(WEBHOOK, json=notification(alert()), headers=headers)
        assert answer.status_code == 401
    assert len(Incidents(store).listing()) == before


def test_a_console_without_a_webhook_s_token_takes_only_its_own(store: Store) -> None:
    client = stranger(create(store, token=TOKEN))
    for shown in ("", HOOK):
        headers = {"Authorization": f"Bearer {shown}"}
        assert client.post(WEBHOOK, json=notification(), headers=headers).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"alerts": {}},
        notification({"status": "firing"}),
        notification(alert() | {"labels": {"a": 1}}),
        notification(alert() | {"startsAt": "yesterday"}),
        notification(alert() | {"status": "odd"}),
        notification(alert(big="x" * 10_000)),
        notification(*[alert()] * 1_001),
    ],
)
def test_what_is_no_notification_is_refused_and_changes_nothing(
    manager: Client, store: Store, body: dict[str, Any]
) -> None:
    before = len(Incidents(store).listing())
    assert manager.post(WEBHOOK, json=body).status_code == 422
    assert len(Incidents(store).listing()) == before


def test_a_short_token_for_the_webhook_is_not_accepted(store: Store) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        create(store, token=TOKEN, webhook="short")


@pytest.mark.parametrize("severity", ["page", "ticket"])
def test_an_alert_s_incident_is_as_severe_as_the_alert(manager: Client, app: FastAPI, severity: str) -> None:
    manager.post(WEBHOOK, json=notification(alert(severity=severity)))
    found = {one["monitor"]: one for one in program(app).get("/api/v1/incidents").json()}
    told = found["alert:FluvialEventFeedSilent"]
    assert (told["severity"], told["phase"], told["cause"], told["eased"]) == (severity, None, "", False)
    assert f">{severity}</span>" in visitor(app).get("/incidents").text or severity == "page"


def test_what_alertmanager_told_is_no_mark_on_the_axis_of_event_time(manager: Client, store: Store) -> None:
    manager.post(WEBHOOK, json=notification(alert()))
    alarms, _ = cases.marks(store, "flights", 0.0, 2e9)
    assert {signal.monitor for signal in alarms} == {"loss"}
