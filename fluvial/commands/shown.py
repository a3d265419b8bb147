"""How shards, scores and comparisons look in a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, isnan

from fluvial.beside import Beside
from fluvial.commands.common import plain_text, print_table, say
from fluvial.commands.past import moment
from fluvial.console.claims import subject
from learners.scoring import BETTER
from monitors.alarm import Alarm
from monitors.status import ShardStatus

CHIEF = ("rocauc", "logloss", "accuracy", "mae", "cost")
"""The metrics shown of a baseline; JSON has all of them."""

Values = Mapping[str, Mapping[str, float]]
"""Predictor to metric to value."""


def print_status(status: ShardStatus) -> None:
    """A shard at one moment: counts, scores, monitors."""
    say(f"shard {status.shard} after batch {status.batch:,}, stream time {moment(status.watermark)} UTC")
    for line in counts(status):
        say(f"  {line}")
    say(f"  digest {status.digest}")
    say("")
    names = list(status.scores["model"])
    rows = [(name, *(figure(values[metric]) for metric in names)) for name, values in status.scores.items()]
    recent = status.recent_scores
    rows += [(f"{name}, lately", *(figure(recent[name][metric]) for metric in names)) for name in ("model",)]
    print_table(("", *names), rows)


def counts(status: ShardStatus) -> Iterable[str]:
    """What became of events and labels, and how learning and monitors stand, a line each."""
    yield f"{status.events:,} events = {_sum(status.outcomes)} + {status.waiting:,} waiting"
    yield f"{status.labels:,} labels = {_sum(status.fates)} + {status.early:,} early"
    for (stream, reason), n in status.quarantined.items():
        yield f"quarantined {stream}: {n:,} {reason}"
    for name, (state, estimate) in status.monitors.items():
        drifts = ", ".join(f"{n} {way}" for (monitor, way), n in status.drifts.items() if monitor == name)
        yield f"monitor {name}: {state}, level {estimate:.4f}, alarms: {drifts or 'none'}"
    if status.estimate is not None:
        loss, error = status.estimate
        off = f"past estimates were {figure(error)} off in the mean"
        yield f"expected loss where labels wait {figure(loss)}, {off}"
    if status.success is not None:
        goal = status.success
        yield f"success {goal.status}: {goal.metric} {figure(goal.value)}, wanted {goal.goal} {goal.level}"
    learning, cost = "paused" if status.paused else "on", f"{status.cost:,.0f} {status.cost_unit}"
    yield f"learning {learning}, model number {status.model_version}, cost {cost}"


def _sum(parts: Mapping[str, int]) -> str:
    return " + ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in parts.items())


def print_scores(
    titles: Sequence[str], beside: Beside, judged_by: str | None, *, lately: bool = True
) -> None:
    """The scores of two runs over the same labels: of the model all of them, of the baselines the chief ones.

    ``judged_by`` is the metric of the pipeline's goal; ``lately`` adds the last window.
    """
    total, recent = beside.values(recent=False), beside.values(recent=True)
    columns = ["", "", *titles, "change"]
    if lately:
        columns += [f"last {recent[0]['model']['n']:,.0f}: {titles[0]}", titles[1], "change"]
    rows = []
    for name, values in total[0].items():
        metrics = [metric for metric in values if metric != "n"]
        if name != "model":
            metrics = [metric for metric in metrics if metric in (*CHIEF, judged_by)]
        for metric in metrics:
            row = (name if metric == metrics[0] else "", metric, *_pair(metric, name, total))
            rows.append((*row, *_pair(metric, name, recent)) if lately else row)
    print_table(columns, rows)


def _pair(metric: str, name: str, sides: Sequence[Values]) -> tuple[str, str, str]:
    first, second = (side[name][metric] for side in sides)
    return figure(first), figure(second), change(metric, first, second)


def change(metric: str, first: float, second: float) -> str:
    """How much a metric changed, and whether that is for the better.

    >>> change("rocauc", 0.7, 0.75), change("logloss", 0.5, 0.51), change("base_rate", 0.1, 0.1)
    ('+0.0500 better', '+0.0100 worse', '=')
    """
    if isnan(first) or isnan(second) or not isfinite(second - first):
        return ""
    if first == second:
        return "="
    better = (second > first) == (BETTER[metric] == "up") if metric in BETTER else None
    much = f"{second - first:+.4f}" if abs(second - first) >= 5e-5 else f"{second - first:+.0e}"
    return f"{much}{'' if better is None else ' better' if better else ' worse'}"


def figure(value: float) -> str:
    """A metric's value.

    >>> figure(0.51239), figure(float("nan")), figure(12345.678)
    ('0.5124', '-', '12,345.7')
    """
    if not isfinite(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"


def print_differences(beside: Beside, titles: Sequence[str]) -> None:
    """How many predictions of two runs differ, by how much, and those that differ most."""
    share = f" ({beside.differ / beside.pairs:.1%})" if beside.pairs else ""
    say(f"Predictions: {beside.differ:,} of {beside.pairs:,} differ{share}", nl=not beside.differ)
    if not beside.differ:
        return
    say(
        f", by {beside.mean:.4g} in the mean and {beside.largest:.4g} at most; "
        f"{beside.decided_otherwise:,} decide otherwise"
    )
    rows = [
        (one.id, forecast(one.first), forecast(one.second), f"{one.apart:.4g}") for one in beside.examples
    ]
    print_table(("differ most", *titles, "apart"), rows)
    say("")


def print_alarms(titles: Sequence[str], alarms: Sequence[Sequence[Alarm]]) -> None:
    """The alarms of two runs, one line each, in the order of event time."""
    said = ", ".join(f"{title} {len(some)}" for title, some in zip(titles, alarms, strict=True))
    say(f"Alarms: {said}")
    rows = [
        (
            moment(one.time),
            title,
            subject(one.monitor, one.part),
            one.direction if one.phase == "first" else f"{one.direction}, {one.phase}",
            one.severity,
            moment(one.onset),
            f"{one.before:.3f} to {one.after:.3f}",
            one.cause,
        )
        for title, some in zip(titles, alarms, strict=True)
        for one in some
    ]
    if rows:
        columns = ("event time (UTC)", "in", "what", "direction", "severity", "since", "level", "cause")
        print_table(columns, sorted(rows))


def forecast(value: object) -> str:
    """A forecast in a line: a number, or the likeliest classes."""
    if isinstance(value, Mapping):
        likeliest = sorted(value.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        return ", ".join(f"{plain_text(name)} {share:.4f}" for name, share in likeliest) or "no idea"
    return f"{value:.6g}" if isinstance(value, float) else plain_text(value)
