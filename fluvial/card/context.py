"""Context: which definitions and decisions took effect near the onset."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from fluvial.card.card import Context, Deed, Deploy, Scenario
from fluvial.card.facts import Facts
from fluvial.card.window import Window
from fluvial.journal import Batch, Definition

CONTRACT = ("fields", "label", "id", "time", "source")
"""Sections of a pipeline file that say what an event looks like."""


class Course(NamedTuple):
    """How time and events went on: stream time (s) and events so far at the end of each batch."""

    times: Mapping[int, float]
    events: Mapping[int, int]


def context(window: Window, course: Course, definitions: Sequence[Definition], facts: Facts) -> Context:
    """What else happened in the window."""
    known = {one.name: one for one in definitions}
    changes = [(a, b) for a, b in pairwise(window.rows) if a.definition != b.definition and a.definition]
    return Context(
        deploys=[_deploy(a, b, known, window, course) for a, b in changes],
        decisions=[
            _deed(row, decision.action, decision.review, facts, window, course)
            for row in window.rows
            for decision in row.decisions
        ],
        scenarios=[
            Scenario(name=one.name, who=one.who, since=one.since, until=one.until) for one in facts.expected
        ],
    )


def _ahead(row: Batch, window: Window, course: Course) -> int:
    """Events from the start of a batch to that of the batch of the onset."""
    return course.events.get(window.onset - 1, 0) - course.events.get(row.number - 1, 0)


def _deploy(a: Batch, b: Batch, known: Mapping[str, Definition], window: Window, course: Course) -> Deploy:
    changed = _changed(known.get(a.definition), known.get(b.definition))
    return Deploy(
        batch=b.number,
        time=course.times.get(b.number),
        definition=b.definition,
        changed=changed,
        contract=any(name.partition(":")[0] in CONTRACT for name in changed),
        events_before_onset=_ahead(b, window, course),
    )


def _changed(a: Definition | None, b: Definition | None) -> list[str]:
    """Sections of the file, single fields, and libraries that are other ones."""
    if a is None or b is None:
        return []
    sections = [name for name in _differ(a.config, b.config) if name != "fields"]
    fields = [f"fields: {name}" for name in _differ(a.config.get("fields", {}), b.config.get("fields", {}))]
    return [*sections, *fields, *(f"library: {name}" for name in _differ(a.libraries, b.libraries))]


def _differ(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]


def _deed(row: Batch, action: str, review: str, facts: Facts, window: Window, course: Course) -> Deed:
    found = facts.reviews.get(review)
    return Deed(
        batch=row.number,
        time=course.times.get(row.number),
        action=action,
        who=found.who if found else "",
        reason=found.reason if found else "",
        events_before_onset=_ahead(row, window, course),
    )
