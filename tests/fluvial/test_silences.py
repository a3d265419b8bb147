"""Silences: what somebody has is silent at Alertmanager, and nothing else; computed again and again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import httpx
import pytest
from structlog.testing import capture_logs

from fluvial.alertmanager import OWNER, Alertmanager, Silence, Unanswered
from fluvial.calls import Call, Calls
from fluvial.incidents import Incident, Incidents
from fluvial.reviews import Action, Request, register, review
from fluvial.silences import LASTS, Silencer, named, plan
from fluvial.store import Store
from monitors.alarm import Alarm
from tests.services.process import free_port
from tests.services.prometheus import Alertmanager as Server
from tests.waiting import wait_until

NOW = 1_700_000_000.0


@pytest.fixture
def desk(store: Store) -> Store:
    """A desk with an incident of a monitor, abc, that ann has."""
    register(store, "coins", 1, {})
    Incidents(store).record("coins", 0, [("abc", Alarm("loss", "worse", NOW, NOW, 9, 0.1, 0.4, 5, 5))])
    decide(store, "acknowledge", "abc")
    return store


def decide(store: Store, action: Action, incident: str) -> None:
    review(store, Request(action=action, incident=incident, who="ann"), "cli")


def held(store: Store) -> list[Incident]:
    return Incidents(store).listing(state="acknowledged")


def test_what_changes_between_two_pages_hides_nobody(desk: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluvial.silences.PAGE", 2)
    names = [f"a{n}" for n in range(7)]
    for n, name in enumerate(names):  # each a drift of its own
        alarm = Alarm(f"loss:{name}", "worse", NOW + 1e6 * n, NOW + 1e6 * n, 9, 0.1, 0.4, 5, 5)
        Incidents(desk).record("coins", 0, [(name, alarm)])
    names = [one.id for one in Incidents(desk).listing() if one.state == "firing"]
    assert len(names) > 4
    for name in names:
        decide(desk, "acknowledge", name)
    having = Silencer(desk, Alertmanager("http://127.0.0.1:9"))._having()
    seen = [next(having).id, next(having).id]
    decide(desk, "resolve", seen[0])  # one page less before what comes
    seen += [one.id for one in having]
    assert sorted(seen) == sorted(names)


# ---- what is to be done


def test_what_somebody_has_is_silenced_once(desk: Store) -> None:
    first = plan(held(desk), {"abc"}, [], NOW)
    (silence,) = first.keep
    assert silence.labels == frozenset({("incident", "abc")})
    assert silence.ends_at == NOW + LASTS
    assert "ann" in silence.comment
    assert first.end == []
    assert plan(held(desk), {"abc"}, [silence._replace(id="s1")], NOW) == ([], [])


def test_a_silence_is_renewed_before_it_ends(desk: Store) -> None:
    ((silence,), _) = plan(held(desk), {"abc"}, [], NOW)
    late = NOW + 0.6 * LASTS
    renewed = plan(held(desk), {"abc"}, [silence._replace(id="s1", starts="then")], late)
    assert renewed.keep == [silence._replace(id="s1", starts="then", ends_at=late + LASTS)]


def test_what_is_resolved_is_not_silent_any_more(desk: Store) -> None:
    ((silence,), _) = plan(held(desk), {"abc"}, [], NOW)
    there = [silence._replace(id="s1")]
    decide(desk, "resolve", "abc")
    assert plan(held(desk), {"abc"}, there, NOW) == ([], there)


def test_of_twins_one_lives_and_two_consoles_choose_the_same(desk: Store) -> None:
    ((silence,), _) = plan(held(desk), {"abc"}, [], NOW)
    twins = [silence._replace(id="s2"), silence._replace(id="s1")]
    assert plan(held(desk), {"abc"}, twins, NOW) == ([], [twins[0]])
    assert plan(held(desk), {"abc"}, twins[::-1], NOW) == ([], [twins[0]])


def test_a_silence_that_asks_for_something_else_is_made_anew(desk: Store) -> None:
    ((silence,), _) = plan(held(desk), {"abc"}, [], NOW)
    wide = silence._replace(id="s1", labels=frozenset({("pipeline", "coins")}))
    assert plan(held(desk), {"abc"}, [wide], NOW) == ([silence], [wide])


def test_silences_of_another_desk_and_of_people_are_left_alone(desk: Store) -> None:
    ((silence,), _) = plan(held(desk), {"abc"}, [], NOW)
    others = [
        silence._replace(id="s1", comment="incident def: bob has it (dice)"),
        silence._replace(id="s2", comment="maintenance"),
    ]
    assert plan(held(desk), {"abc"}, others, NOW) == ([silence], [])


def test_an_alert_s_incident_is_silenced_by_all_its_labels(desk: Store) -> None:
    labels = {"alertname": "FluvialLagGrows", "pipeline": "coins", "severity": "page"}
    Calls(desk).take_in(Call(labels, "It lags.", NOW, over=False))
    (called,) = Calls(desk).waiting()
    (silence,) = plan([called], {called.id}, [], NOW).keep
    assert silence.labels == frozenset(labels.items())
    assert named(silence) == called.id


# ---- at a real Alertmanager


class At:
    """A real Alertmanager, as tests look at it."""

    def __init__(self, server: Server) -> None:
        self.server, self.door = server, Alertmanager(server.url)

    def fire(self, **labels: str) -> None:
        """Let an alert fire that does not end by itself soon."""
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        body = [{"labels": labels, "endsAt": ends}]
        httpx.post(f"{self.server.url}/api/v2/alerts", json=body, trust_env=False).raise_for_status()

    def states(self) -> dict[str, str]:
        """Alert: active or suppressed."""
        return {one["labels"]["alertname"]: one["status"]["state"] for one in self.server.alerts()}

    def all_silences(self) -> list[dict[str, Any]]:
        """Those that ended included."""
        return cast("list[dict[str, Any]]", self.server.get("/api/v2/silences"))


@pytest.fixture
def at(alertmanager: Callable[..., Server]) -> At:
    return At(alertmanager())


def becomes(at: At, alert: str, state: str) -> None:
    wait_until(lambda: at.states().get(alert) == state, f"{alert} is {state}")


def test_acknowledging_silences_and_resolving_ends_the_silence(at: At, desk: Store) -> None:
    at.fire(alertname="FluvialIncidentOpen", incident="abc")
    at.fire(alertname="Other", incident="def")
    silencer = Silencer(desk, at.door)
    for _ in range(3):
        silencer.look()
    becomes(at, "FluvialIncidentOpen", "suppressed")
    assert at.states()["Other"] == "active"
    assert len(at.all_silences()) == 1
    decide(desk, "resolve", "abc")
    for _ in range(3):
        silencer.look()
    becomes(at, "FluvialIncidentOpen", "active")
    assert [one["status"]["state"] for one in at.all_silences()] == ["expired"]


def test_a_silence_that_somebody_ended_comes_back_while_the_incident_is_held(at: At, desk: Store) -> None:
    silencer = Silencer(desk, at.door)
    silencer.look()
    (silence,) = at.door.silences()
    at.door.end(silence)
    wait_until(lambda: not at.door.silences(), "it ended")
    silencer.look()
    assert len(at.door.silences()) == 1


def test_renewing_keeps_the_same_silence(at: At, desk: Store) -> None:
    at.door.keep(Silence(frozenset({("incident", "abc")}), time.time() + 60, "incident abc: ann has it"))
    Silencer(desk, at.door).look()
    (found,) = at.all_silences()
    assert found["createdBy"] == OWNER
    assert at.door.silences()[0].ends_at > time.time() + LASTS / 2


def test_a_person_s_silence_is_not_ours(at: At, desk: Store) -> None:
    starts, ends = datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1)
    matcher = {"name": "incident", "value": "abc", "isRegex": False, "isEqual": True}
    body = {"matchers": [matcher], "createdBy": "ann", "comment": "incident abc: mine"}
    body |= {"startsAt": starts.isoformat(), "endsAt": ends.isoformat()}
    httpx.post(f"{at.server.url}/api/v2/silences", json=body, trust_env=False).raise_for_status()
    decide(desk, "resolve", "abc")
    Silencer(desk, at.door).look()
    assert [one["status"]["state"] for one in at.all_silences()] == ["active"]


def test_an_incident_whose_alert_stays_away_is_over(at: At, desk: Store) -> None:
    # a silenced alert ends without a word to the webhook
    gone = {"alertname": "FluvialLagGrows", "pipeline": "coins"}
    there = {"alertname": "FluvialQuarantineShare", "pipeline": "coins"}
    for labels in (gone, there):
        Calls(desk).take_in(Call(labels, "why", NOW, over=False))
    at.fire(**there)
    patient = Silencer(desk, at.door)
    patient.look()
    patient.look()
    assert len(Calls(desk).waiting()) == 2
    Silencer(desk, at.door, gone=0.0).look()
    (left,) = Calls(desk).waiting()
    assert left.monitor == "alert:FluvialQuarantineShare"


# ---- when it is away


def test_an_alertmanager_that_is_away_is_told_once_and_tried_until_it_is_there(desk: Store) -> None:
    away = Alertmanager(f"http://127.0.0.1:{free_port()}")
    with capture_logs() as logs, Silencer(desk, away) as silencer:
        wait_until(lambda: logs, "it is told")
        with pytest.raises(Unanswered, match="refused"):
            silencer.look()
    assert [(one["log_level"], one["event"]) for one in logs] == [
        ("error", "silences wait until Alertmanager and the store answer")
    ]


@pytest.fixture
def nonsense() -> Iterator[Callable[[int, object], Alertmanager]]:
    """An Alertmanager that says what it is given: status and a JSON value, or bytes."""
    said: list[tuple[int, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = said[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name upstream
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def saying(status: int, value: object) -> Alertmanager:
            said[:] = [(status, value if isinstance(value, bytes) else json.dumps(value).encode())]
            return Alertmanager(f"http://127.0.0.1:{server.server_port}")

        yield saying
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (500, {"error": "no"}),
        (401, b""),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, [{"createdBy": OWNER}]),
        (200, {"createdBy": OWNER}),
        (200, None),
        (200, 7),
    ],
)
def test_what_is_not_understood_is_unanswered(
    nonsense: Callable[[int, object], Alertmanager], status: int, value: object
) -> None:
    with pytest.raises(Unanswered):
        nonsense(status, value).silences()


def test_a_user_is_told_with_the_password(desk: Store) -> None:
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name upstream
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        Alertmanager(f"http://127.0.0.1:{server.server_port}", "ann", "sesame").silences()
        server.shutdown()
        thread.join()
    assert seen == ["Basic YW5uOnNlc2FtZQ=="]
