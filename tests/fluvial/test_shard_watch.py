"""A shard's monitors: what goes wrong with its records is raised, with who is called and why."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fluvial.decision import Decision
from fluvial.shard import Curve, Raised
from monitors.alarm import Alarm
from tests.fluvial.shards import Feed, towns

MONITOR = {"warmup": 300, "seasons": []}
FIELDS = {
    "id": {"type": "text", "use": "context"},
    "town": {"type": "category", "use": "context", "missing": "omit"},
    "x": {"type": "number"},
    "y": {"type": "number", "missing": {"fill": 0}},
}
AT, N = 8000, 11_000


def run(**fault: Any) -> Feed:
    """Events every ten seconds, each labelled two minutes later by one of three sources."""
    feed = Feed(
        towns(monitor=MONITOR, fields=FIELDS, label={"type": "boolean", "horizon": "1h"}, slices=["town"])
    )
    labels: list[tuple[float, str, bool, str]] = []
    for i in range(N):
        r, now, wrong = random.Random(i), 10.0 * i, fault if i >= AT else {}
        while labels and labels[0][0] <= now:
            at, name, truth, source = labels.pop(0)
            feed.put("labels", {"id": name, "label": truth, "source": source}, at)
        x, source = r.gauss(0.0, 1.0), r.choice("pqr")
        truth = (x > 0) != (r.random() < 0.1) != (wrong.get("flips") == source)
        more = {} if r.random() < wrong.get("missing", 0.01) else {"y": r.random()}
        x = "odd" if r.random() < wrong.get("odd", 0.0) else x * wrong.get("unit", 1.0)
        feed.put("events", {"id": f"e{i}", "x": x, "town": r.choice("AB")} | more, now)
        if not wrong.get("unlabelled"):
            labels.append((now + wrong.get("delay", 120.0), f"e{i}", truth, source))
    return feed


def alarms(feed: Feed) -> list[Alarm]:
    return [one.alarm for one in feed.outputs if isinstance(one, Raised) and one.alarm.direction != "better"]


def test_nothing_goes_wrong_and_nobody_is_called() -> None:
    feed = run()
    said = alarms(feed)
    assert {one.monitor for one in said} <= {"prediction", "confidence"}, "a model that learns gets surer"
    assert {one.severity for one in said} <= {"info"}
    assert {"field:x", "field:y", "field:town", "loss:town"} <= set(feed.status.monitors)
    assert "field:id" not in feed.status.monitors
    level, error = feed.status.estimate or (0.0, 1.0)
    assert abs(level - feed.status.monitors["loss"][1]) < 0.05
    assert error < 0.05
    [*_, curve] = [one for one in feed.outputs if isinstance(one, Curve)]
    assert set(curve.estimates) == set(feed.status.monitors)


@pytest.mark.parametrize(
    ("fault", "monitor", "severity", "cause"),
    [
        ({"flips": "q"}, "labels:source", "page", "source"),
        ({"unlabelled": True}, "feed:silence", "page", "feed"),
        ({"delay": 1200.0}, "labels:delay", "page", "feed"),
        ({"odd": 0.2}, "feed:quarantine", "page", "schema"),
        ({"unit": 3.0}, "field:x", "info", ""),
        ({"missing": 0.4}, "field:y", "info", ""),
    ],
)
def test_what_goes_wrong_is_raised(fault: dict[str, Any], monitor: str, severity: str, cause: str) -> None:
    found = {(one.monitor, one.severity, one.cause) for one in alarms(run(**fault))}
    assert (monitor, severity, cause) in found


def test_a_reset_rearms_what_is_about_the_model_only() -> None:
    feed = run()
    feed.shard.decide(Decision(1, "reset", "r1"))
    states = {name: state for name, (state, _) in feed.status.monitors.items()}
    assert states["loss"] == states["prediction"] == states["estimated_loss"] == "warming"
    assert "warming" not in {states["field:x"], states["feed:silence"], states["labels:delay"]}
