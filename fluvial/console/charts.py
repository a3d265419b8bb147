"""Charts: quality over event time, with incidents and decisions on the same axis."""

from collections.abc import Sequence

from fluvial.console import cases, reading
from fluvial.console.claims import moved, subject
from fluvial.console.drawing import COLORS, DECIDED, MODEL, Chart, began
from fluvial.console.evidence import Evidence, Signal
from fluvial.console.models import Figure, PointView
from fluvial.console.phrases import DEEDS, metric
from fluvial.console.reading import Span
from fluvial.incidents import Incident, Incidents, is_drift
from fluvial.reviews import Review
from fluvial.store import Store
from learners.scoreboard import Scoreboard

UPPER, LOWER, ONLY = (0.60, 0.93), (0.18, 0.47), (0.18, 0.93)
"""Shares of the height; the gaps hold the titles, and the lane of marks is below."""

MARKED = 40
"""Onsets drawn as lines through the chart; older ones keep their marker only."""

SYMBOLS = {"worse": "triangle-down", "better": "triangle-up", "changed": "diamond-tall"}

BESIDE = {"loss": "estimated_loss", "estimated_loss": "loss"}
"""What the labels say and what is expected before they come are drawn into one chart."""

EVERYTHING = Span()

FOREVER = 1e17
"""An event time after every other (s)."""


def pipeline_figure(store: Store, name: str, span: Span = EVERYTHING) -> Figure:
    """The model's loss beside the baselines', and the metric of the goal. Raises NoSuchPipeline.

    Over a shorter span fewer points are drawn as one: see :data:`fluvial.console.drawing.MOST`.
    """
    goal = reading.detail(store, name).facts.get("success")
    points = reading.points(store, name, span)
    chart = Chart(points)
    chart.panel("y", UPPER if goal else ONLY, f"loss per {Scoreboard.EVERY:,} outcomes")
    chart.losses("y")
    if goal:
        chart.panel("y2", LOWER, f"{metric(goal['metric'])}, last {goal['window']:,}")
        chart.recents("y2", goal["metric"])
        at_least = goal.get("at_least")
        chart.level("y2", goal["at_most"] if at_least is None else at_least, below=at_least is not None)
    _mark(chart, store, name, points, FOREVER if span.until is None else span.until)
    return chart.figure()


def incident_figure(store: Store, incident_id: str) -> Figure:
    """The watched quantity around the onset, and the loss beside it. Raises NoSuchIncident.

    Of a shard that stands still, and of an alert: its loss up to now.
    """
    incident = Incidents(store).get(incident_id)
    if not is_drift(incident.monitor):
        return _until_now(store, incident.pipeline, incident.shard)
    points = _around(store, incident.pipeline, incident.shard, incident.last_time)
    chart = Chart(points)
    _watched(chart, incident, points)
    chart.panel("y2", LOWER, f"loss per {Scoreboard.EVERY:,} outcomes")
    chart.losses("y2")
    _mark(chart, store, incident.pipeline, points, points[-1].time if points else 0.0)
    return chart.figure()


def _watched(chart: Chart, incident: Incident, points: Sequence[PointView]) -> None:
    """The level of what the incident's monitor watches, with its means on the two sides of each onset."""
    monitor = incident.monitor
    title = f"monitored {subject(monitor)}"
    chart.panel("y", UPPER, title)
    beside = BESIDE.get(monitor, "")
    if any(beside in point.estimates for point in points):
        look = {"color": COLORS["changed"], "width": 1.5, "dash": "dash"}
        chart.line(subject(beside), lambda p: p.estimates.get(beside), "y", look)
    look = {"color": MODEL, "width": 2.5}
    chart.line(title, lambda p: p.estimates.get(monitor), "y", look, legend=False)
    for said in incident.evidence:
        if said["monitor"] == monitor:
            evidence = Evidence.model_validate(said)
            chart.step("y", evidence, _began(points, evidence))


def _until_now(store: Store, pipeline: str, shard: int) -> Figure:
    points = reading.points(store, pipeline, Span(shard=shard, limit=120))
    chart = Chart(points)
    chart.panel("y", ONLY, f"loss per {Scoreboard.EVERY:,} outcomes")
    chart.losses("y")
    _mark(chart, store, pipeline, points, FOREVER)
    return chart.figure()


def _mark(chart: Chart, store: Store, pipeline: str, points: Sequence[PointView], until: float) -> None:
    if not points:
        return
    alarms, reviews = cases.marks(store, pipeline, points[0].time, until)
    for direction, color in COLORS.items():
        for called in (True, False):
            some = [one for one in alarms if one.direction == direction and one.called is called]
            look = {"color": color, "symbol": SYMBOLS[direction], "size": 11 if called else 8}
            name = f"{direction} {'alarms' if called else 'signals'}"
            chart.marks(name, [_alarm_mark(one) for one in some], 1, look)
    for one in [one for one in alarms if one.called][:MARKED]:
        chart.onset(one)
    chart.marks(
        "decisions", [_review_mark(one) for one in reviews], 0, {"color": DECIDED, "symbol": "diamond"}
    )


def _alarm_mark(signal: Signal) -> tuple[float, str, str]:
    text = f"{subject(signal.monitor, signal.part)} {moved(signal.model_dump())}"
    return signal.time, text, f"/incidents/{signal.incident}" if signal.incident else ""


def _review_mark(review: Review) -> tuple[float, str, str]:
    text = f"{review.who} {DEEDS.get(review.action, review.action)}"
    text += f": {review.reason}" if review.reason else ""
    return review.time or 0.0, text, f"/incidents/{review.incident}" if review.incident else ""


def _around(store: Store, pipeline: str, shard: int, time: float) -> list[PointView]:
    before = reading.points(store, pipeline, Span(until=time, shard=shard, limit=120))
    width = time - before[0].time if before else 0.0
    after = reading.points(store, pipeline, Span(since=time, until=time + width / 2, shard=shard))
    return before + [point for point in after if point.time > time]


def _began(points: Sequence[PointView], evidence: Evidence) -> float:
    """About when the observations before the onset began: so many outcomes before it."""
    onset = began(evidence)
    earlier = [point.time for point in points if point.time <= onset]
    reach = min(len(earlier), max(1, round(evidence.n_before / Scoreboard.EVERY)))
    return earlier[-reach] if earlier else onset
