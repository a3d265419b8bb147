"""The whole way of an alarm: worker, Prometheus, Alertmanager, console, a person, and back to silence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fluvial.silences import EVERY
from tests.dashboards.queries import RULES, assert_every_query_is_answered, mark_queries
from tests.services.process import Child, free_port, guarded, launch
from tests.services.prometheus import Alertmanager, Prometheus
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
PIPELINE = str(ROOT / "examples" / "flights" / "pipeline.yaml")
PRODUCER = str(Path(__file__).parent / "spoilt_flights.py")
TOKEN, WEBHOOK_TOKEN = "the-token-of-the-console", "the-token-of-the-webhook"
SEEN = 15.0
"""Seconds from an alert to its incident in the console: the promise."""


class Stack:
    """A worker, a console, Prometheus and Alertmanager that know of each other, in a folder."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home, self._stack = home, stack
        self.metrics_port, self.console_port = free_port(), free_port()
        self.client = stack.enter_context(
            httpx.Client(
                base_url=f"http://127.0.0.1:{self.console_port}/api/v1",
                headers={"Authorization": f"Bearer {TOKEN}"},
                trust_env=False,
                timeout=20,
            )
        )
        (home / "token").write_text(TOKEN)
        (home / "webhook-token").write_text(WEBHOOK_TOKEN)

    def start(self, *words: str, **settings: str) -> Child:
        """A command of fluvial in a process of its own, stopped at the end."""
        command = guarded([sys.executable, "-m", "fluvial", *words])
        env = {"FLUVIAL_HOME": str(self.home), "NO_PROXY": "127.0.0.1"} | settings
        child = launch(words[0], command, self.home / f"{words[0]}.log", env)
        self._stack.callback(child.stop)
        return child

    def alertmanager_file(self) -> Path:
        """The deployment's own configuration, with the addresses of this machine."""
        config = yaml.safe_load((ROOT / "deploy" / "alertmanager.yml").read_text())
        (receiver,) = [one for one in config["receivers"] if one["name"] == "console"]
        (webhook,) = receiver["webhook_configs"]
        webhook["url"] = f"http://127.0.0.1:{self.console_port}/api/v1/alerts"
        webhook["http_config"]["authorization"]["credentials_file"] = str(self.home / "webhook-token")
        file = self.home / "alertmanager.yml"
        file.write_text(yaml.safe_dump(config))
        return file

    def rules_file(self) -> Path:
        """The rules, without the quarter of an hour for which most of them have to hold."""
        rules = yaml.safe_load(RULES.read_text())
        for rule in rules["groups"][0]["rules"]:
            if "alert" in rule:
                rule["for"] = "0s"
        file = self.home / "rules.yml"
        file.write_text(yaml.safe_dump(rules))
        return file

    def incidents(self, state: str) -> dict[str, dict[str, Any]]:
        """The console's newest incident of each monitor in a state."""
        try:
            answer = self.client.get("/incidents", params={"state": state})
        except httpx.TransportError:  # it is still starting
            return {}
        assert answer.is_success, answer.text
        return {one["monitor"]: one for one in reversed(answer.json())}

    def drift(self) -> dict[str, Any] | None:
        """The incident of a worker's monitors in which the loss has got worse, whichever spoke first."""
        for monitor, incident in self.incidents("firing").items():
            if not monitor.startswith("alert:"):
                answer = self.client.get(f"/incidents/{incident['id']}")
                assert answer.is_success, answer.text
                if any(one["monitor"] == "loss" for one in answer.json()["evidence"]):
                    return incident
        return None

    def decide(self, incident: str, action: str) -> None:
        """Decide in fluvial."""
        wish = {"action": action, "who": "Ana", "reason": "a test"}
        answer = self.client.post(f"/incidents/{incident}/reviews", json=wish)
        assert answer.is_success, answer.text

    def events(self) -> int:
        """What the worker has learned from."""
        answer = self.client.get("/pipelines/flights")
        assert answer.is_success, answer.text
        return int(answer.json()["events"])


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with ExitStack() as stack:
        yield Stack(tmp_path, stack)


def state_of(people: Alertmanager, **labels: str) -> str:
    """Whether the alert with these labels is active or suppressed; empty where there is none."""
    found = [one for one in people.alerts() if labels.items() <= one["labels"].items()]
    return str(found[0]["status"]["state"]) if found else ""


def silences(people: Alertmanager) -> int:
    """How many silences hold."""
    found: Any = people.get("/api/v2/silences")
    return sum(one["status"]["state"] == "active" for one in found)


@pytest.mark.timeout(400)
def test_a_fault_in_the_flights_calls_a_person_and_is_quiet_once_somebody_has_it(
    prometheus: Callable[..., Prometheus], alertmanager: Callable[..., Alertmanager], stack: Stack
) -> None:
    people = alertmanager(config=stack.alertmanager_file())
    console = stack.start("console", f"--port={stack.console_port}", FLUVIAL_ALERTMANAGER=people.url)
    worker = stack.start("run", PIPELINE, f"--metrics-port={stack.metrics_port}")
    server = prometheus(
        scrape_targets=[f"127.0.0.1:{stack.metrics_port}"],
        rules=stack.rules_file(),
        alertmanager=people.url,
        job="fluvial",
    )
    producer = stack.start("produce", PIPELINE, "--from", PRODUCER)

    # Two alarms arrive in the console: a monitor's through the worker, a feed's through Alertmanager.
    drift = wait_until(stack.drift, "the drift is an incident", 150, 0.5)
    called = {"alertname": "FluvialIncidentOpen", "incident": drift["id"]}
    wait_until(lambda: state_of(people, **called) == "active", "the alert is at Alertmanager", SEEN, 0.2)
    wait_until(lambda: drift["id"] in console.log.read_text(), "its webhook is at the console", SEEN, 0.2)
    name = "alert:FluvialQuarantineShare"
    feed = wait_until(lambda: stack.incidents("firing").get(name), "a call is an incident", 60, 0.5)
    (evidence,) = stack.client.get(f"/incidents/{feed['id']}").json()["evidence"]
    assert 0 <= feed["opened_at"] - evidence["time"] <= SEEN

    # Somebody has them: silence, and only about them.
    for incident in (drift["id"], feed["id"]):
        stack.decide(incident, "acknowledge")
    quarantine = {"alertname": "FluvialQuarantineShare"}
    for alert in (called, quarantine):
        wait_until(lambda a=alert: state_of(people, **a) == "suppressed", f"{alert} is silent", 15, 0.2)
    assert silences(people) == 2

    # Meanwhile every panel of every dashboard, every mark and every variable has had data.
    assert_every_query_is_answered(server, without=["fluvial_estimated_loss"])
    marks = {mark.where: f"max_over_time(({mark.expr})[10m:1s]) == 1" for mark in mark_queries()}
    for where in ("Drift for the worse", "Decisions"):
        wait_until(lambda w=where: server.query(marks[w]), f"{where} is marked", 20, 0.5)

    # It is over: no silence is left behind.
    stack.decide(drift["id"], "resolve")
    wait_until(lambda: silences(people) == 1, "the silence of the drift ended", 15, 0.2)
    stack.decide(feed["id"], "resolve")
    wait_until(lambda: silences(people) == 0, "the silence of the feed ended", 15, 0.2)
    wait_until(lambda: state_of(people, **quarantine) == "active", "what goes on calls again", 15, 0.2)

    # Without Alertmanager the worker goes on, and the console says once what is the matter.
    people.close()
    wait_until(lambda: "silences wait" in console.log.read_text(), "the console says so", 10 * EVERY)
    if producer.alive():
        before = stack.events()
        wait_until(lambda: stack.events() > before, "the worker goes on", 30, 0.5)
    assert worker.alive()
    assert console.alive()
    worker.stop()
    assert worker.process.returncode == 0, worker.tail()
