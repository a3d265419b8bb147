"""Panel: what one shows, in which unit, how it looks; built for Grafana by its own SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from grafana_foundation_sdk.builders import common as build
from grafana_foundation_sdk.builders.dashboard import DashboardLink, Row, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.statetimeline import Panel as Timeline
from grafana_foundation_sdk.builders.timeseries import Panel as Graph
from grafana_foundation_sdk.models import common, dashboard

Builder = Graph | Stat | Timeline
Look = Literal["lines", "bars", "states", "number", "name"]
"""Quantities over time; parts of a whole over time; states over time; one large value; only names."""

WIDTH = 24
"""Columns of Grafana's grid."""

PIPELINE = "{{pipeline}}"
SHARD = "{{pipeline}}/{{shard}}"
"""How series of a pipeline and of a shard are called."""

MONITOR = f"{SHARD} {{{{monitor}}}}"

CONSOLE = "${console}/"
PIPELINE_PAGE = "${console}/pipelines/${__field.labels.pipeline}"
INCIDENT_PAGE = "${console}/incidents/${__field.labels.incident}"

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")


class Answer(NamedTuple):
    """A word and a colour for a value that is no quantity."""

    value: int
    text: str
    color: str


@dataclass(frozen=True)
class Panel:
    """What every panel says; ``columns`` of the grid's 24 are its width.

    ``queries`` map how series are called to PromQL. ``answers`` give words to values, ``nothing`` is
    shown where there is no value, ``link`` is an address behind the panel's title, ``follow`` one behind
    each of its values. ``rows`` of the grid are its height, where it needs more than others.
    """

    look: Look
    title: str
    description: str
    queries: Mapping[str, str]
    unit: str = "short"
    columns: int = 8
    answers: Sequence[Answer] = ()
    nothing: str = "none"
    link: str = ""
    follow: str = ""
    rows: int = 0

    @property
    def instant(self) -> bool:
        """Whether the panel shows the present only."""
        return self.look in ("number", "name")

    @property
    def height(self) -> int:
        """Rows of the grid that the panel takes."""
        return self.rows or (4 if self.instant else 8)

    def build(self, number: int, x: int, y: int) -> Builder:
        """The panel as Grafana wants it, at a place of the grid."""
        panel = _LOOKS[self.look]()
        panel.id(number).title(self.title).description(self.description).datasource(SOURCE)
        panel.grid_pos(dashboard.GridPos(x=x, y=y, w=self.columns, h=self.height))
        panel.unit(self.unit).no_value(self.nothing)
        if self.answers:
            panel.mappings([_mapping(self.answers)])
        if self.link:
            panel.links([link("Open the console", self.link)])
        if self.follow:
            panel.data_links([link("Open in the console", self.follow)])
        targets = [_target(index, *query) for index, query in enumerate(self.queries.items())]
        panel.targets([one.instant() if self.instant else one.range() for one in targets])
        return panel


def promql(text: str) -> str:
    """An expression with Grafana's variables in the places that are kept for them.

    ``HERE`` stands for the chosen pipelines and shards, ``ONE`` for the chosen pipelines, ``PACE``
    for the shortest window that holds enough samples for a rate. While a shard changes hands two
    workers may show it for a moment, and every worker shows the desk: ``max`` joins what is a state.

    >>> promql("rate(fluvial_events_total{HERE}[PACE])")
    'rate(fluvial_events_total{pipeline=~"$pipeline",shard=~"$shard"}[$__rate_interval])'
    """
    text = text.replace("HERE", 'ONE,shard=~"$shard"').replace("PACE", "$__rate_interval")
    return text.replace("ONE", 'pipeline=~"$pipeline"')


class Section(NamedTuple):
    """A question, and the panels that answer it."""

    title: str
    panels: Sequence[Panel]


def placed(sections: Sequence[Section]) -> Iterator[Row | Builder]:
    """Rows and panels from left to right and from top to bottom, each with a number of its own."""
    number = y = 0
    for section in sections:
        number += 1
        yield Row(section.title).id(number).grid_pos(dashboard.GridPos(x=0, y=y, w=WIDTH, h=1))
        x, y, tallest = 0, y + 1, 0
        for panel in section.panels:
            if x + panel.columns > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel.build(number, x, y)
            x, tallest = x + panel.columns, max(tallest, panel.height)
        y += tallest


def link(title: str, url: str) -> DashboardLink:
    """A link to a page outside Grafana, in a tab of its own."""
    return DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url).target_blank(True)


def _lines() -> Graph:
    graph = Graph().draw_style(common.GraphDrawStyle.LINE).line_width(1).fill_opacity(8)
    return graph.show_points(common.VisibilityMode.NEVER).legend(_legend()).tooltip(_tooltip())


def _bars() -> Graph:
    graph = Graph().draw_style(common.GraphDrawStyle.BARS).line_width(0).fill_opacity(70)
    graph.stacking(build.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    return graph.legend(_legend()).tooltip(_tooltip())


def _states() -> Timeline:
    return Timeline().tooltip(_tooltip()).fill_opacity(70).line_width(0)


def _number() -> Stat:
    return _stat(common.BigValueTextMode.AUTO)


def _name() -> Stat:
    return _stat(common.BigValueTextMode.NAME)


_LOOKS: dict[Look, Callable[[], Builder]] = {
    "lines": _lines,
    "bars": _bars,
    "states": _states,
    "number": _number,
    "name": _name,
}


def _stat(text: common.BigValueTextMode) -> Stat:
    stat = Stat().color_mode(common.BigValueColorMode.VALUE).graph_mode(common.BigValueGraphMode.NONE)
    stat.text_mode(text).reduce_options(build.ReduceDataOptions().calcs(["lastNotNull"]))
    # Grafana's own thresholds colour everything above 80 red: here only an answer has a colour.
    calm = ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE)
    return stat.thresholds(calm.steps([dashboard.Threshold(value=None, color="text")]))


def _legend() -> build.VizLegendOptions:
    legend = build.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
    return legend.placement(common.LegendPlacement.BOTTOM).show_legend(True).calcs([])


def _tooltip() -> build.VizTooltipOptions:
    return build.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)


def _mapping(answers: Sequence[Answer]) -> dashboard.ValueMapping:
    words = {
        str(answer.value): dashboard.ValueMappingResult(text=answer.text, color=answer.color, index=index)
        for index, answer in enumerate(answers)
    }
    return dashboard.ValueMap(options=words)


def _target(index: int, legend: str, text: str) -> Dataquery:
    target = Dataquery().expr(promql(text)).legend_format(legend).datasource(SOURCE)
    return target.ref_id(chr(ord("A") + index))
