"""The picture of the flights' year: the loss, what the monitor said about it, and which incident it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from monitors.alarm import Alarm
from tests.bars.contenders import NAMED, OURS
from tests.bars.flights import NEW_YORK, ROOT, year
from tests.bars.said import listen
from tests.bars.streams import Stream
from tests.services.browser import chromium

PATH = ROOT / "docs" / "flights-2013.png"
WIDTH, HEIGHT = 1400, 620
DAY = 86_400.0
TOP, CLOSE = 0.55, 15 * DAY
"""Where the numbers stand, and within what time one has to make room for the next."""
COLOURS = {"worse": "#b3261e", "better": "#2e7d32", "changed": "#5f6368"}
INK, LINE, PALE = "#1f2933", "#2f5d8a", "rgba(47, 93, 138, 0.28)"


def draw(path: Path = PATH) -> None:
    """Play the year, draw it and write a PNG. Raises UnavailableError without a browser."""
    stream = year()
    alarms = [one.alarm for one in listen(NAMED[OURS].loss(), stream).said if one.alarm is not None]
    page = figure(stream, alarms).to_html(include_plotlyjs=True, config={"staticPlot": True})
    with chromium() as browser, browser.page() as shown:
        shown.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        shown.set_content(page)
        shown.wait_for_selector(".main-svg .legend")
        shown.screenshot(path=str(path))


def figure(stream: Stream, alarms: Sequence[Alarm]) -> Any:
    """The loss by day and by week, a numbered mark for each alarm, a bar for each incident."""
    drawn = go.Figure()
    curves = (
        (1, "mean loss of a day", {"color": PALE, "width": 1.2}),
        (7, "mean loss of a week", {"color": LINE, "width": 2.4}),
    )
    for days, name, style in curves:
        times, means = averages(stream, days)
        drawn.add_scatter(x=times, y=means, name=name, mode="lines", line=style)
    _incidents(drawn, alarms, stream.times[-1])
    _alarms(drawn, alarms)
    drawn.update_layout(
        title={
            "text": "<b>Flights from New York, 2013: loss of the learner, and what its monitor said</b>"
            "<br><span style='font-size:14px'>nothing is planted; the numbers are explained in docs/monitors.md</span>",
            "x": 0.045,
            "y": 0.94,
        },
        width=WIDTH,
        height=HEIGHT,
        template="simple_white",
        font={"family": "DejaVu Sans, Arial, sans-serif", "size": 14, "color": INK},
        legend={"orientation": "h", "x": 0.0, "y": -0.12, "yanchor": "top"},
        margin={"l": 80, "r": 30, "t": 90, "b": 90},
    )
    drawn.update_xaxes(
        range=[moment(stream.times[0] - 2 * DAY), moment(stream.times[-1] + 2 * DAY)],
        dtick="M1",
        tickformat="%b",
        ticklabelmode="period",
        showgrid=True,
        gridcolor="#e6e9ec",
    )
    drawn.update_yaxes(
        title="bounded loss of a prediction (0 to 1)", range=[0.0, 0.74], showgrid=True, gridcolor="#e6e9ec"
    )
    return drawn


def averages(stream: Stream, days: int) -> tuple[list[str], list[float]]:
    """The mean over so many whole days, at their middle."""
    width = days * DAY
    sums: dict[int, list[float]] = {}
    for value, time in zip(stream.values, stream.times, strict=True):
        held = sums.setdefault(int((time - stream.times[0]) // width), [0.0, 0.0])
        held[0] += 1
        held[1] += value
    middles = [moment(stream.times[0] + (at + 0.5) * width) for at in sorted(sums)]
    return middles, [sums[at][1] / sums[at][0] for at in sorted(sums)]


def _alarms(drawn: Any, alarms: Sequence[Alarm]) -> None:
    """Each alarm: the levels before and after, from onset to when it was said, and its number above."""
    shown: set[str] = set()
    for number, alarm in enumerate(alarms, start=1):
        colour, said = COLOURS[alarm.direction], moment(alarm.time)
        near = sum(alarm.time - CLOSE <= other.time < alarm.time for other in alarms)
        above = TOP + 0.04 * near
        drawn.add_scatter(
            x=[moment(alarm.onset), moment(alarm.onset), said, said],
            y=[alarm.before, alarm.after, alarm.after, above],
            mode="lines",
            line={"color": colour, "width": 1.8, "dash": "dot"},
            name=f"{alarm.direction}: level before and after, from onset to alarm",
            legendgroup=alarm.direction,
            showlegend=alarm.direction not in shown,
        )
        shown.add(alarm.direction)
        drawn.add_scatter(
            x=[said],
            y=[above],
            mode="markers+text",
            marker={"color": colour, "size": 23, "line": {"color": "white", "width": 1.5}},
            text=[f"<b>{number}</b>"],
            textfont={"color": "white", "size": 13},
            showlegend=False,
        )


def _incidents(drawn: Any, alarms: Sequence[Alarm], end: float) -> None:
    """A bar at the foot for each incident, from its first alarm to its recovery."""
    for number, (begun, over) in enumerate(incidents(alarms, end), start=1):
        drawn.add_scatter(
            x=[moment(begun), moment(over)],
            y=[0.0, 0.0],
            mode="lines",
            line={"color": "#e08a00", "width": 9},
            name="incident, from its first alarm to its recovery",
            showlegend=number == 1,
        )


def incidents(alarms: Sequence[Alarm], end: float) -> list[tuple[float, float]]:
    """When each incident of degradation began and was over; one that never recovered lasts to the end."""
    found: list[tuple[float, float]] = []
    begun: float | None = None
    for alarm in alarms:
        if begun is not None and alarm.phase in ("recovered", "first"):
            found.append((begun, alarm.time))
            begun = None
        if alarm.phase == "first" and alarm.direction == "worse":
            begun = alarm.time
    return found if begun is None else [*found, (begun, end)]


def moment(time: float) -> str:
    """A time on New York's clocks, as the chart wants it."""
    return datetime.fromtimestamp(time, UTC).astimezone(NEW_YORK).replace(tzinfo=None).isoformat()
