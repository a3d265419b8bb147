"""The API says what the store holds and takes decisions once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from fluvial.console.app import create
from fluvial.incidents import STATES, Incidents
from fluvial.reviews import history
from fluvial.store import Store, audit_head_table
from tests.fluvial.console.fleet import START, alarm, decide, locked, take_up
from tests.fluvial.console.visitors import TOKEN, Client, program

FIRING, RESOLVED = "/api/v1/incidents/0f1e2d3c4b5a", "/api/v1/incidents/1a2b3c4d5e6f"


def test_pipelines_with_their_success_and_incidents(client: Client) -> None:
    found = {one["name"]: one for one in client.get("/api/v1/pipelines").json()}
    assert list(found) == ["demand", "flights", "intent"]
    assert found["flights"]["success"] == {
        "metric": "rocauc",
        "goal": "at least",
        "level": 0.7,
        "value": 0.7132,
        "status": "met",
        "met_on": 1,
        "shards": 1,
    }
    assert found["flights"]["incidents"] == dict.fromkeys(STATES, 0) | {"firing": 1, "resolved": 1}
    assert found["flights"]["events"] == 336_776
    assert found["demand"]["success"]["status"] == "missed"
    assert (found["demand"]["events"], found["demand"]["shards"]) == (6_150, 3)
    assert found["intent"]["success"] is None
    assert not found["intent"]["has_goal"]


def test_one_pipeline_adds_up(either_store: Store) -> None:
    found = program(create(either_store, token=TOKEN)).get("/api/v1/pipelines/flights").json()
    parts = ("learned", "predict_only", "waiting", "expired", "quarantined", "duplicates")
    assert sum(found["accounting"][part] for part in parts) == found["accounting"]["events"] == 336_776
    assert found["accounting"]["balanced"]
    assert found["quarantine"][0] == {"stream": "events", "reason": "out_of_range", "count": 350}
    row = found["recent"][0]
    assert (row["metric"], row["best"], row["verdict"]) == ("rocauc", "rolling_rate", "better")
    assert found["shard_rows"][0]["owner"] == "worker-1"
    assert found["facts"]["topics"]["labels"] == "flights.labels"


def test_points_in_a_span_the_oldest_first(either_store: Store) -> None:
    client = program(create(either_store, token=TOKEN))
    found = client.get("/api/v1/pipelines/flights/points", params={"limit": 3}).json()
    assert [point["sequence"] for point in found] == [338, 339, 340]
    assert found[0]["loss"].keys() == {"model", "base_rate", "rolling_rate"}
    span = {"since": START + 9 * 3600 * 10, "until": START + 9 * 3600 * 12, "shard": 0}
    found = client.get("/api/v1/pipelines/flights/points", params=span).json()
    assert [point["sequence"] for point in found] == [10, 11, 12]
    assert client.get("/api/v1/pipelines/flights/points", params={"shard": 1}).json() == []


def test_incidents_by_state_and_pipeline(either_store: Store) -> None:
    client = program(create(either_store, token=TOKEN))
    everything = client.get("/api/v1/incidents").json()
    assert [one["state"] for one in everything] == ["firing", "resolved"]
    assert "rose from 0.182 to 0.247 (+36\xa0%) since 6 Apr 2013, 20:00 UTC" in everything[0]["headline"]
    assert "4,800 labels" in everything[0]["headline"]
    assert [one["id"] for one in client.get("/api/v1/incidents?state=resolved").json()] == ["1a2b3c4d5e6f"]
    assert client.get("/api/v1/incidents?pipeline=demand").json() == []
    assert len(client.get("/api/v1/incidents?limit=1&offset=1").json()) == 1


def test_one_incident_with_its_evidence_and_what_can_be_decided(client: Client) -> None:
    found = client.get(FIRING).json()
    assert found["evidence"][0]["n_after"] == 4_800
    assert list(found["actions"]) == [
        "acknowledge",
        "keep_learning",
        "pause",
        "reset",
        "reset_part",
        "retrain",
        "exclude_source",
        "resolve",
        "false_alarm",
        "snooze",
        "comment",
    ]
    closed = client.get(RESOLVED).json()
    assert list(closed["actions"]) == ["reopen", "comment"]
    assert [review["action"] for review in closed["reviews"]] == ["resolve", "acknowledge"]


def test_a_decision_shows_how_far_it_has_reached_the_learner(client: Client, store: Store) -> None:
    taken = client.post("/api/v1/pipelines/demand/reviews", json={"action": "pause", "who": "Ana"}).json()
    assert taken["channel"] == "api"
    assert taken["time"] == START + 30 * 9 * 3600
    (shown,) = client.get("/api/v1/reviews?pipeline=demand").json()
    assert shown["progress"] == {"shards": 3, "taken_up": 0, "batch": None, "notes": []}
    take_up(store, "demand", shard=1, batch=13)
    (shown,) = client.get("/api/v1/reviews?pipeline=demand").json()
    assert shown["progress"] == {"shards": 3, "taken_up": 1, "batch": 13, "notes": []}


def test_the_loser_of_two_learns_who_was_first(either_store: Store) -> None:
    client = program(create(either_store, token=TOKEN))
    version = client.get(FIRING).json()["version"]
    wishes = [{"action": "acknowledge", "who": who, "version": version} for who in ("Ana", "Ben")]
    first, second = (client.post(f"{FIRING}/reviews", json=wish) for wish in wishes)
    assert first.status_code == 200
    assert second.status_code == 409
    assert second.json()["who"] == "Ana"
    assert "Ana" in second.json()["detail"]
    assert Incidents(either_store).get("0f1e2d3c4b5a").acknowledged_by == "Ana"


def test_repeating_a_review_changes_nothing(either_store: Store) -> None:
    client = program(create(either_store, token=TOKEN))
    wish = {"action": "acknowledge", "who": "Ana", "reason": "mine", "id": "review-1"}
    answers = [client.post(f"{FIRING}/reviews", json=wish).json() for _ in range(5)]
    assert [answer["repeated"] for answer in answers] == [False] + [True] * 4
    assert len({answer["at"] for answer in answers}) == 1
    assert len(history(either_store, incident="0f1e2d3c4b5a")) == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (FIRING, {"action": "acknowledge"}, 422, "every decision has a name"),
        (FIRING, {"action": "acknowledge", "who": ""}, 422, "every decision has a name"),
        (FIRING, {"action": "acknowledge", "who": "  "}, 422, "every decision has a name"),
        (FIRING, {"action": "dance", "who": "Ana"}, 422, "action: Input should be 'acknowledge'"),
        (FIRING, {"action": "pause", "who": "Ana", "reason": "x" * 2001}, 422, "2,000 characters"),
        (FIRING, {"action": "pause", "who": "A\0na"}, 422, "who: a NUL character cannot be stored"),
        (FIRING, {"action": "pause", "who": "Ana", "pipeline": "flights"}, 422, "pipeline: Extra"),
        ("/api/v1/pipelines/flights", {"action": "resolve", "who": "Ana"}, 422, "is about an incident"),
        ("/api/v1/pipelines/flights", {"action": "resume", "who": "Ana"}, 422, "there is nothing to resume"),
        (RESOLVED, {"action": "pause", "who": "Ben"}, 409, "Ana has resolved"),
        ("/api/v1/incidents/nope", {"action": "pause", "who": "Ana"}, 404, "no incident has the id 'nope'"),
        ("/api/v1/pipelines/nope", {"action": "pause", "who": "Ana"}, 404, "no pipeline is called 'nope'"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_a_sentence(
    client: Client, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    answer = client.post(f"{path}/reviews", json=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/pipelines/nope", "/pipelines/nope/points", "/pipelines/nope/chart", "/incidents/nope", "/nope"]
)
def test_what_does_not_exist_is_404(client: Client, path: str) -> None:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "/incidents?state=odd",
        "/incidents?limit=0",
        "/incidents?offset=-1",
        "/pipelines/flights/points?since=inf",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/api/v1{query}")
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


def test_a_locked_store_is_503_and_says_what_to_do(client: Client, store: Store) -> None:
    with locked(store):
        answer = client.post(f"{FIRING}/reviews", json={"action": "acknowledge", "who": "Ana"})
        assert client.get(FIRING).status_code == 200, "reading goes on"
    assert answer.status_code == 503
    assert "another process holds the lock" in answer.json()["detail"]
    assert answer.headers["retry-after"]
    assert Incidents(store).get("0f1e2d3c4b5a").state == "firing"


def test_a_broken_audit_trail_is_503_and_says_what_to_do(client: Client, store: Store) -> None:
    decide(store, pipeline="demand", action="pause", who="Zoë", reason="So that there is a trail.")
    with store.write() as db:
        db.execute(sa.delete(audit_head_table))
    answer = client.post("/api/v1/pipelines/flights/reviews", json={"action": "pause", "who": "Bo"})
    assert answer.status_code == 503
    assert "restore the store from a backup" in answer.json()["detail"]


def test_health_needs_no_token_and_tells_when_the_store_is_away(
    app: FastAPI, store: Store, tmp_path: Path
) -> None:
    probe = Client(app, base_url="http://127.0.0.1")
    assert probe.get("/healthz").json() == {"status": "ok"}
    store.close()
    (tmp_path / "store.sqlite").rename(tmp_path / "moved")
    (tmp_path / "store.sqlite").mkdir()
    answer = probe.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "The store does not answer."}, "and not where it is"


def test_the_api_describes_itself(client: Client) -> None:
    found = client.get("/api/v1/openapi.json").json()
    documented = {path for path in found["paths"] if path.startswith("/api/v1/")}
    assert "/api/v1/incidents/{incident_id}/reviews" in documented
    answers = found["paths"]["/api/v1/incidents/{incident_id}/reviews"]["post"]["responses"]
    assert set(answers) == {"200", "401", "403", "404", "409", "422", "503"}
    conflict = answers["409"]["content"]["application/json"]["schema"]["$ref"]
    assert conflict.endswith("/ConflictProblem")


def test_an_eased_incident_says_so(client: Client, store: Store) -> None:
    Incidents(store).record(
        "flights", 0, [("eased", alarm(268, before=0.247, after=0.181, direction="better"))]
    )
    assert client.get(FIRING).json()["eased"]


def test_what_is_possible_is_what_is_not_refused(client: Client, store: Store) -> None:
    decide(store, incident="0f1e2d3c4b5a", action="pause", who="Ana")
    found = client.get(FIRING).json()
    assert found["paused"]
    assert list(found["actions"]) == [
        *("resume", "reset", "reset_part", "retrain", "exclude_source"),
        *("resolve", "false_alarm", "snooze", "comment"),
    ]
    for action in ("resume", "reset"):
        answer = client.post(f"{FIRING}/reviews", json={"action": action, "who": "Ben"})
        assert answer.status_code == 200, answer.text
