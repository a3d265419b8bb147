"""Harm: how much worse the model does since the onset, what that costs, and what came of the labels."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import isfinite
from statistics import fmean, median
from typing import Literal

from fluvial.card.card import Cost, Labels, Mean, Measure, Segment, Volume
from fluvial.card.intervals import Estimate, difference, share_differs
from fluvial.card.moves import Refused
from fluvial.card.recorder import Known, Refusal
from fluvial.card.shift import kolmogorov

HOUR = 3600.0

CHANCE = 0.001
"""How often more refused records would be shown although nothing changed."""

Name = Literal["loss", "wrong", "error", "cost"]

Sides = Sequence[Sequence[Known]]
Estimated = Callable[[Callable[[Known], float], Sides, Sides], tuple[Estimate | None, Estimate | None]]
"""Gives the means of a figure on the two sides, of the outcomes of one shard after the other."""


def measures(task: str, before: Sides, after: Sides, estimated: Estimated) -> list[Measure]:
    """The loss as monitors see it, the share of wrong decisions (or the absolute error), and the cost.

    The sides are those of one shard after the other; ``estimated`` gives the means of both over all of them.
    """
    wrong: Name = "error" if task == "regression" else "wrong"
    found: dict[Name, Callable[[Known], float]] = {
        "loss": lambda one: one.loss,
        wrong: lambda one: one.wrong,
        "cost": lambda one: one.cost,
    }
    newest = [some[3 * len(some) // 4 :] for some in after]
    return [
        _measure(name, *estimated(of, before, after), estimated(of, before, newest)[1])
        for name, of in found.items()
    ]


def _measure(name: Name, one: Estimate | None, two: Estimate | None, lately: Estimate | None) -> Measure:
    made = Measure(name=name, before=_mean(one), after=_mean(two), lately=_mean(lately))
    if one is None or two is None:
        return made
    change, low, high = difference(one, two)
    return made.model_copy(update={"change": change, "low": finite(low), "high": finite(high)})


def _mean(found: Estimate | None) -> Mean:
    if found is None:
        return Mean(n=0, mean=None)
    low, high = found.mean - found.room, found.mean + found.room
    return Mean(n=found.n, mean=found.mean, low=finite(low), high=finite(high))


def finite(value: float | None) -> float | None:
    """The number, or None where there is none that JSON could carry."""
    return value if value is not None and isfinite(value) else None


def cost(unit: str, measured: Measure, rate: float | None, hours: float | None) -> Cost | None:
    """What the change costs at so many events per hour; None where nothing is known of it."""
    if measured.change is None or rate is None:
        return None
    low, high, base, lately = measured.low, measured.high, measured.before.mean, measured.lately.mean
    return Cost(
        unit=unit,
        per_hour=measured.change * rate,
        low=None if low is None else low * rate,
        high=None if high is None else high * rate,
        lately=None if lately is None or base is None else (lately - base) * rate,
        so_far=None if hours is None else measured.change * rate * hours,
    )


def volume(before: float | None, after: float | None, carrier: Segment | None) -> Volume:
    """Events per hour, and the part of them that the change hits."""
    share = 1.0 if carrier is None else carrier.share_after
    return Volume(
        before_per_hour=before,
        after_per_hour=after,
        hit_per_hour=None if after is None else after * share,
        hit_share=share,
        where="" if carrier is None else f"{carrier.field} is {carrier.value}",
    )


def per_hour(count: int, seconds: float) -> float | None:
    """So many in so long, per hour; None where that was no time."""
    return count / seconds * HOUR if seconds > 0 else None


def labels(before: Sequence[Known], after: Sequence[Known], spans: tuple[float, float]) -> Labels | None:
    """When labels came and what they said; None where none came. ``spans`` are the sides' seconds."""
    one, two = _delays(before), _delays(after)
    if not one and not two:
        return None
    return Labels(
        delay_before=median(one) if one else None,
        delay_after=median(two) if two else None,
        late_before=_tenth(one),
        late_after=_tenth(two),
        distance=kolmogorov(one, two) if one and two else None,
        per_hour_before=per_hour(len(one), spans[0]),
        per_hour_after=per_hour(len(two), spans[1]),
        truth_before=_truth(before),
        truth_after=_truth(after),
    )


def _delays(known: Sequence[Known]) -> list[float]:
    return [max(0.0, one.delay) for one in known if one.delay is not None]


def _tenth(delays: Sequence[float]) -> float | None:
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, 9 * len(ordered) // 10)] if ordered else None


def _truth(known: Sequence[Known]) -> float | None:
    told = [float(one.truth) for one in known if not isinstance(one.truth, str)]
    return fmean(told) if told else None


def refused(some: Sequence[Refusal], onset: float, events: tuple[int, int]) -> list[Refused]:
    """Reasons for which more records could not be read after the onset than before, the most first."""
    sides: dict[tuple[str, str], list[int]] = {}
    details: dict[tuple[str, str], Counter[str]] = {}
    for one in some:
        key = one.stream, one.reason
        sides.setdefault(key, [0, 0])[one.at >= onset] += 1
        if one.at >= onset:
            details.setdefault(key, Counter())[one.detail] += 1
    found = [_refused(key, n, details.get(key), events) for key, n in sides.items()]
    more = [one for one in found if one.after > one.before and _differs(one, events)]
    return sorted(more, key=lambda one: (one.before - one.after, one.stream, one.reason))


def _refused(
    key: tuple[str, str], n: Sequence[int], details: Counter[str] | None, events: tuple[int, int]
) -> Refused:
    often = min(details.items(), key=lambda item: (-item[1], item[0]))[0] if details else ""
    shares = [some / max(some + total, 1) for some, total in zip(n, events, strict=True)]
    return Refused(
        stream=key[0],
        reason=key[1],
        detail=often,
        n_before=n[0],
        n_after=n[1],
        before=shares[0],
        after=shares[1],
    )


def _differs(one: Refused, events: tuple[int, int]) -> bool:
    sides = (one.n_before, one.n_before + events[0]), (one.n_after, one.n_after + events[1])
    return share_differs(*sides, CHANCE)
