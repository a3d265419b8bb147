"""Drawing: lines, levels and marks become Plotly JSON, on one axis of event time.

The colours can be read on light and on dark; text and grid get theirs from the page's script.
Plotly takes text for markup, so text is escaped here.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from fluvial.console.evidence import Evidence
from fluvial.console.models import Figure, PointView
from fluvial.console.phrases import number, visible
from learners.scoreboard import CHAMPION

MOST = 400
"""Points drawn for one line; more than a screen shows are averaged."""

MODEL, WORSE, BETTER, DECIDED = "#2f7fe0", "#e0483e", "#2b9a5b", "#9a63e0"
COLORS = {"worse": WORSE, "better": BETTER, "changed": "#c98a1b"}
"""Colours of directions."""

BASELINES = (("#8a8f98", "dash"), ("#b07c1f", "dot"), ("#4f9a94", "dashdot"))

LANE = (0.0, 0.1)
"""Share of the height for the marks of alarms and decisions."""

Value = Callable[[PointView], float | None]


class Chart:
    """A figure in the making: panels above each other, one axis of event time below."""

    def __init__(self, points: Sequence[PointView]) -> None:
        self._groups = _groups(points)
        self._times = [_ms(group[-1].time) for group in self._groups]
        self._names = list(points[-1].loss) if points else []
        self._data: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []
        self._texts: list[dict[str, Any]] = []
        self._layout: dict[str, Any] = {
            "xaxis": {"type": "date", "anchor": "y3", "hoverformat": "%-d %b %Y, %H:%M UTC"},
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "traceorder": "reversed"},
            "margin": {"l": 48, "r": 8, "t": 8, "b": 32},
            "hovermode": "closest",
        }

    def panel(self, axis: str, domain: tuple[float, float], title: str) -> None:
        """Add a chart; its title stands above it, where a narrow screen has room for it."""
        self._layout[_axis_key(axis)] = {"domain": domain, "anchor": "x", "zeroline": False, "nticks": 6}
        place = {
            "xref": "paper",
            "x": 0,
            "xanchor": "left",
            "yref": "paper",
            "y": domain[1],
            "yanchor": "bottom",
        }
        self._texts.append(place | {"text": escape(title), "showarrow": False})

    def line(self, name: str, value: Value, axis: str, look: dict[str, Any], *, legend: bool = True) -> None:
        """Add a line; groups of points are drawn as their mean."""
        self._data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": escape(name),
                "legendgroup": escape(name),
                "showlegend": legend,
                "x": self._times,
                "y": [_mean([value(point) for point in group]) for group in self._groups],
                "yaxis": axis,
                "line": look,
                "hovertemplate": "%{x|%-d %b %Y, %H:%M}: %{y:.4g}",
            }
        )

    def losses(self, axis: str) -> None:
        """Add the mean loss of the model and of every baseline."""
        for name in reversed(self._names):  # the model comes first and is drawn last, on top
            self.line(_title(name), lambda p, name=name: p.loss.get(name), axis, self._look(name))  # type: ignore[misc]

    def recents(self, axis: str, of: str) -> None:
        """Add a metric over the recent window, of the model and of every baseline."""
        for name in reversed(self._names):
            value: Value = lambda p, name=name: p.recent.get(name, {}).get(of)  # type: ignore[misc]  # noqa: E731
            self.line(_title(name), value, axis, self._look(name), legend=False)

    def level(self, axis: str, at: float, *, below: bool) -> None:
        """Draw the level that the goal asks for, its name on the side where the goal is missed."""
        span = {"x0": 0, "x1": 1, "xref": "x domain", "y0": at, "y1": at, "yref": axis}
        self._shapes.append({"type": "line", **span, "line": {"color": BETTER, "width": 1.5, "dash": "dash"}})
        place = {
            "xref": "paper",
            "x": 1,
            "xanchor": "right",
            "yref": axis,
            "y": at,
            "yanchor": "top" if below else "bottom",
        }
        text = {"text": f"goal {number(at)}", "showarrow": False, "font": {"color": BETTER}}
        self._texts.append(place | text)

    def step(self, axis: str, evidence: Evidence, start: float) -> None:
        """Draw the two means of an alarm, on the two sides of its onset."""
        color, onset = COLORS[evidence.direction], began(evidence)
        for x0, x1, y in ((start, onset, evidence.before), (onset, evidence.time, evidence.after)):
            if y is None:
                continue
            place = {"x0": _ms(x0), "x1": _ms(x1), "xref": "x", "y0": y, "y1": y, "yref": axis}
            self._shapes.append(
                {"type": "line", **place, "line": {"color": color, "width": 2, "dash": "dot"}}
            )

    def marks(
        self, name: str, marks: Sequence[tuple[float, str, str]], row: int, look: dict[str, Any]
    ) -> None:
        """Add markers (event time, text, address) to the lane below the charts."""
        self._data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "showlegend": False,
                "x": [_ms(time) for time, _, _ in marks],
                "y": [row] * len(marks),
                "yaxis": "y3",
                "text": [escape(str(visible(text))[:160], quote=False) for _, text, _ in marks],
                "customdata": [address for _, _, address in marks],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"size": 11, **look},
            }
        )

    def onset(self, evidence: Evidence) -> None:
        """Draw a line through all charts where a change began."""
        color, onset = COLORS[evidence.direction], _ms(began(evidence))
        span = {"x0": onset, "x1": onset, "y0": 0, "y1": 1, "yref": "paper"}
        line = {"color": color, "width": 1, "dash": "dot"}
        self._shapes.append({"type": "line", **span, "line": line, "layer": "below"})

    def figure(self) -> Figure:
        """The finished chart."""
        lane: dict[str, Any] = {"domain": LANE, "range": [-0.6, 1.6], "fixedrange": True, "zeroline": False}
        lane |= {"tickvals": [0, 1], "ticktext": ["decided", "alarms"], "showgrid": False}
        drawn = {"yaxis3": lane, "shapes": self._shapes, "annotations": self._texts}
        return Figure(data=self._data, layout=self._layout | drawn)

    def _look(self, name: str) -> dict[str, Any]:
        if name == CHAMPION:
            return {"color": MODEL, "width": 2.5}
        color, dash = BASELINES[self._names.index(name) % len(BASELINES)]
        return {"color": color, "dash": dash, "width": 1.5}


def began(evidence: Evidence) -> float:
    """When a change began (s); when it was seen where the onset is unknown."""
    return evidence.time if evidence.onset is None else evidence.onset


def _groups(points: Sequence[PointView]) -> list[Sequence[PointView]]:
    """Neighbours in time that are drawn as one; all stand for equally many outcomes."""
    shards = len({point.shard for point in points})
    size = max(shards, -(-len(points) // MOST), 1)
    return [points[start : start + size] for start in range(0, len(points), size)]


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def _ms(seconds: float) -> float:
    return seconds * 1000.0


def _title(name: str) -> str:
    return name.replace("_", " ")


def _axis_key(axis: str) -> str:
    return f"yaxis{axis[1:]}"
