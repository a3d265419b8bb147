"""Segments: which sources and values carry the change of the loss, with chance kept in check."""

from collections.abc import Callable, Mapping, Sequence
from math import hypot, sqrt
from statistics import fmean, pvariance
from typing import NamedTuple

from fluvial.card.card import Segment
from fluvial.card.intervals import Estimate, estimate, student
from fluvial.card.recorder import Known
from fluvial.config import Pipeline

CHANCE = 0.01
"""How often one of all segments would be called certain although the loss of none changed."""

FEW = 20
"""Outcomes on each side from which on a segment is compared."""

MOST = 30
"""Values of one field that are told apart; the rest are others."""

CARRIES, BEYOND = 0.7, 1.5
"""A segment carries a change that is so much of the whole and so many times its share of the events."""

SENDER, OTHERS, ABSENT = "label source", "(others)", "(absent)"

SHOWN = 40


class _Group(NamedTuple):
    before: list[float]
    after: list[float]


def segments(
    pipeline: Pipeline, before: Sequence[Known], after: Sequence[Known]
) -> tuple[list[Segment], int]:
    """The values that contribute to the change, the most first, and how many were compared.

    The change of a mean is the sum over values of what each changed within itself and of what it
    became more or less frequent (Kitagawa, Components of a difference between two rates, 1955, with
    the shares of after). Bonferroni's correction holds what is called certain against chance.
    """
    if not before or not after:
        return [], 0
    grouped = {name: _groups(key, before, after) for name, key in _keys(pipeline).items()}
    compared = sum(_enough(group) for groups in grouped.values() for group in groups.values())
    found = [
        one
        for name, groups in grouped.items()
        if len(groups) > 1
        for one in _of_field(
            name, groups, CHANCE / max(compared, 1), source=name in (SENDER, pipeline.source)
        )
    ]
    shown = [one for one in found if one.certain]
    return sorted(shown, key=lambda one: (-one.of_change, one.field, one.value)), compared


def _keys(pipeline: Pipeline) -> dict[str, Callable[[Known], str]]:
    """What events are told apart by: every field with names that is not private, and who sent the label."""
    names = {
        name: spec
        for name, spec in pipeline.fields.items()
        if spec.type in ("category", "boolean") and name != pipeline.id and not spec.pii
    }
    keys: dict[str, Callable[[Known], str]] = {}
    for name in names:
        keys[name] = lambda one, name=name: str(one.values.get(name, ABSENT))  # type: ignore[misc]
    keys[SENDER] = lambda one: one.source or ABSENT
    return keys


def _groups(
    key: Callable[[Known], str], before: Sequence[Known], after: Sequence[Known]
) -> Mapping[str, _Group]:
    found: dict[str, _Group] = {}
    for side, some in enumerate((before, after)):
        for one in some:
            found.setdefault(key(one), _Group([], []))[side].append(one.loss)
    if len(found) <= MOST:
        return found
    often = sorted(found, key=lambda name: (-len(found[name].before) - len(found[name].after), name))
    rest = _Group([], [])
    for name in often[MOST:]:
        rest.before.extend(found[name].before)
        rest.after.extend(found[name].after)
    return {name: found[name] for name in often[:MOST]} | {OTHERS: rest}


def _enough(group: _Group) -> bool:
    return min(len(group.before), len(group.after)) >= FEW


def _of_field(name: str, groups: Mapping[str, _Group], chance: float, *, source: bool) -> list[Segment]:
    whole = _Group([], [])
    for group in groups.values():
        whole.before.extend(group.before)
        whole.after.extend(group.after)
    change = fmean(whole.after) - fmean(whole.before)
    return [
        _segment(name, value, group, whole, change, chance, source=source)
        for value, group in groups.items()
        if group.after or group.before
    ]


def _segment(
    name: str, value: str, group: _Group, whole: _Group, change: float, chance: float, *, source: bool
) -> Segment:
    base = fmean(whole.before)
    low = fmean(group.before) if group.before else base
    high = fmean(group.after) if group.after else low
    shares = len(group.before) / len(whole.before), len(group.after) / len(whole.after)
    within, mix = shares[1] * (high - low), (shares[1] - shares[0]) * (low - base)
    part = (within + mix) / change if change else 0.0
    sure = _enough(group) and _differs(group, chance)
    beyond = len(group.before) > 0 and shares[1] < 1 / BEYOND and part >= BEYOND * shares[1]
    return Segment(
        field=name,
        value=value if len(value) <= SHOWN else f"{value[: SHOWN - 1]}…",
        n_before=len(group.before),
        n_after=len(group.after),
        before=low if group.before else None,
        after=high if group.after else None,
        share_before=shares[0],
        share_after=shares[1],
        within=within,
        mix=mix,
        of_change=part,
        certain=sure,
        carries=sure and change > 0 and beyond and part >= CARRIES,
        source=source,
    )


def _differs(group: _Group, chance: float) -> bool:
    """Whether the loss of a segment changed by more than chance makes, neighbours being alike."""
    before, after = estimate(group.before), estimate(group.after)
    if before is None or after is None:
        return False
    needed = student(min(before.blocks, after.blocks) - 1, 1 - chance)
    error = hypot(_error(before, group.before), _error(after, group.after))
    return error > 0 and abs(after.mean - before.mean) / error > needed


def _error(found: Estimate, values: Sequence[float]) -> float:
    """The standard error of a mean; never less than that of independent outcomes."""
    return max(found.error, sqrt(pvariance(values) / len(values)))
