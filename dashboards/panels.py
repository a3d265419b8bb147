"""Panel: what one shows, in which unit, and where it stands; built for Grafana by its own SDK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, Self

from grafana_foundation_sdk.builders import common as build
from grafana_foundation_sdk.builders.dashboard import DashboardLink, Row, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.statetimeline import Panel as Timeline
from grafana_foundation_sdk.builders.timeseries import Panel as Graph
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.dashboard import Panel as Built

WIDTH = 24
"""Columns of Grafana's grid."""

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


class Query(NamedTuple):
    """A PromQL expression and how its series are called."""

    expr: str
    legend: str


class Answer(NamedTuple):
    """A word and a colour for a value that is no quantity."""

    value: int
    text: str
    color: str


@dataclass(frozen=True)
class Panel:
    """What every panel says; ``columns`` of the grid's 24 are its width.

    ``answers`` give words to values, ``nothing`` is shown where there is no value, ``link`` is an
    address behind the panel's title.
    """

    title: str
    description: str
    queries: Sequence[Query]
    unit: str = "short"
    columns: int = 8
    rows: int = 8
    answers: Sequence[Answer] = field(default=())
    nothing: str = "–"
    link: str = ""

    def at(self, number: int, x: int, y: int) -> Builder[Built]:
        """The panel as Grafana wants it, at a place of the grid."""
        panel = self._look()
        panel.id(number).title(self.title).description(self.description).datasource(SOURCE)
        panel.unit(self.unit).no_value(self.nothing).grid_pos(GridPos(x=x, y=y, w=self.columns, h=self.rows))
        if self.answers:
            panel.mappings([_mapping(self.answers)])
        if self.link:
            panel.links([link("Open the console", self.link)])
        return panel.targets([_target(query, ref) for query, ref in zip(self.queries, "ABCDEF", strict=False)])

    def _look(self) -> _Common:
        raise NotImplementedError


class Lines(Panel):
    """Quantities over time."""

    def _look(self) -> _Common:
        graph = Graph().draw_style(GraphDrawStyle.LINE).line_width(1).fill_opacity(8)
        graph.line_interpolation(LineInterpolation.LINEAR).show_points(VisibilityMode.NEVER)
        return graph.legend(_legend()).tooltip(_tooltip())


class Bars(Panel):
    """Parts of a whole over time, stacked."""

    def _look(self) -> _Common:
        graph = Graph().draw_style(GraphDrawStyle.BARS).line_width(0).fill_opacity(70)
        graph.stacking(build.StackingConfig().mode(StackingMode.NORMAL).group("A"))
        return graph.legend(_legend()).tooltip(_tooltip())


class States(Panel):
    """Which state something was in, when."""

    def _look(self) -> _Common:
        return Timeline().tooltip(_tooltip()).fill_opacity(70).line_width(0)


class Number(Panel):
    """One present value, large."""

    def _look(self) -> _Common:
        stat = Stat().color_mode(BigValueColorMode.VALUE).graph_mode(BigValueGraphMode.NONE)
        stat.text_mode(BigValueTextMode.AUTO).reduce_options(build.ReduceDataOptions().calcs(["lastNotNull"]))
        return stat.thresholds(_calm())


class Name(Panel):
    """Names of series, the value does not matter."""

    def _look(self) -> _Common:
        stat = Stat().color_mode(BigValueColorMode.NONE).graph_mode(BigValueGraphMode.NONE)
        stat.text_mode(BigValueTextMode.NAME).reduce_options(build.ReduceDataOptions().calcs(["lastNotNull"]))
        return stat.thresholds(_calm())


class Section(NamedTuple):
    """A question, and the panels that answer it."""

    title: str
    panels: Sequence[Panel]


def placed(sections: Sequence[Section]) -> Iterator[Builder[Built] | Row]:
    """Rows and panels from left to right and from top to bottom, each with a number of its own."""
    number, y = 0, 0
    for section in sections:
        number += 1
        yield Row(section.title).id(number).grid_pos(GridPos(x=0, y=y, w=WIDTH, h=1))
        x, y, tallest = 0, y + 1, 0
        for panel in section.panels:
            if x + panel.columns > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel.at(number, x, y)
            x, tallest = x + panel.columns, max(tallest, panel.rows)
        y += tallest
