"""Pooled: the two sides of an onset over all shards that report one drift, each around its own onset.

Shards whose windows differ in length would weigh otherwise before than after, and that alone would look
like a change. Means are therefore standardised (each shard weighs as its outcomes after the onset do, on
both sides), and where whole outcomes are compared, those of before are thinned evenly to the same shares.
With one shard nothing of this changes anything.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from math import hypot, sqrt
from typing import TypeVar

from fluvial.card import harm
from fluvial.card.card import Labels, Measure, OfShard, Side
from fluvial.card.intervals import Estimate, estimate
from fluvial.card.lean import sample
from fluvial.card.look import Look
from fluvial.card.recorder import Arrival, Known, Refusal
from fluvial.card.sides import SAMPLE

T = TypeVar("T")

FEW = 20
"""Outcomes on each side from which on a shard is pooled with others."""

Kept = Sequence[Arrival | Known]


class Pool:
    """Shards that were looked at, as one."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._all = looks
        enough = [one for one in looks if min(map(len, one.two.known)) >= FEW]
        self._looks = enough or list(looks)
        # All are compared alike: by arrival only where that is good for each of them.
        self.by_arrival = all(one.two.by_arrival for one in self._looks)

    @cached_property
    def known(self) -> tuple[list[Known], list[Known]]:
        """All outcomes before and after, in the order of stream time."""
        return _merged(self._known(0)), _merged(self._known(1))

    @cached_property
    def balanced(self) -> list[Known]:
        """Outcomes of before in which shards weigh as they do after."""
        return _merged(balanced(self._known(0), self._known(1)))

    @cached_property
    def sampled(self) -> tuple[Kept, Kept]:
        """Some events of each side, by what they are compared."""
        before, after = self._events(0), self._events(1)
        return sample(_merged(balanced(before, after)), SAMPLE), sample(_merged(after), SAMPLE)

    @property
    def arrived(self) -> tuple[int, int]:
        """How many events came before and after."""
        counts = [one.two.arrived for one in self._looks]
        return sum(n for n, _ in counts), sum(n for _, n in counts)

    @property
    def hours(self) -> float | None:
        """Hours after the onset; of several shards the mean, each by its events. None where nobody knows."""
        rate = self.rates(1)
        return self.arrived[1] / rate if rate else None

    def measures(self, task: str) -> list[Measure]:
        """The loss and what else is measured, over all shards."""
        return harm.measures(task, self._known(0), self._known(1), pooled)

    def rates(self, side: int) -> float | None:
        """Events per hour of all shards together; None where no time passed."""
        found = [harm.per_hour(one.two.arrived[side], one.two.spans[side]) for one in self._looks]
        told = [rate for rate in found if rate is not None]
        return sum(told) if told else None

    def labels(self) -> Labels | None:
        """When labels came and what they said: delays of all shards together, their rates added up."""
        spans = [one.two.spans for one in self._looks]
        found = [harm.labels(*one.two.known, span) for one, span in zip(self._looks, spans, strict=True)]
        whole = harm.labels(self.balanced, self.known[1], spans[0])
        if whole is None:
            return None
        return whole.model_copy(
            update={
                name: _added([getattr(one, name) for one in found if one is not None])
                for name in ("per_hour_before", "per_hour_after")
            }
        )

    def refusals(self) -> list[Refusal]:
        """What could not be read, in seconds from the onset of its shard."""
        return [
            refusal._replace(at=refusal.at - one.two.onset)
            for one in self._looks
            for refusal in one.recorded.refusals
        ]

    def side(self, which: int) -> Side:
        """What one of the two stretches holds."""
        held = _merged(self._events(which))
        since, until = (held[0].at, held[-1].at) if held else (None, None)
        counts = {"events": self.arrived[which], "outcomes": sum(map(len, self._known(which)))}
        return Side(since=since, until=until, sampled=len(self.sampled[which]), **counts)

    def each(self) -> list[OfShard]:
        """The shards one by one, the one with the most evidence first."""
        return [self._of(one) for one in self._all]

    def _of(self, one: Look) -> OfShard:
        before, after = (estimate([known.loss for known in side]) for side in one.two.known)
        return OfShard(
            shard=one.shard,
            onset=one.stretch.onset,
            n_before=before.n if before else 0,
            n_after=after.n if after else 0,
            before=before.mean if before else None,
            after=after.mean if after else None,
            events=one.two.arrived[1],
            compared=one in self._looks,
        )

    def _known(self, side: int) -> list[Sequence[Known]]:
        return [one.two.known[side] for one in self._looks]

    def _events(self, side: int) -> list[Kept]:
        return [one.two.events[side] if self.by_arrival else one.two.known[side] for one in self._looks]


def _added(figures: Sequence[float | None]) -> float | None:
    told = [figure for figure in figures if figure is not None]
    return sum(told) if told else None


def _merged(some: Sequence[Sequence[T]]) -> list[T]:
    """All of them in the order of stream time."""
    return list(some[0]) if len(some) == 1 else sorted((one for held in some for one in held), key=_at)


def _at(one: object) -> float:
    return float(one.at)  # type: ignore[attr-defined]


def balanced(before: Sequence[Sequence[T]], after: Sequence[Sequence[object]]) -> list[list[T]]:
    """As many of before that each shard has the share that it has after, evenly thinned.

    >>> [len(some) for some in balanced([range(100), range(20)], [range(50), range(50)])]
    [20, 20]
    """
    if len(before) == 1 or not all(map(len, (*before, *after))):
        return [list(some) for some in before]
    whole = min(len(some) / len(other) for some, other in zip(before, after, strict=True))
    counts = [round(whole * len(other)) for other in after]
    return [sample(some, max(1, n)) for some, n in zip(before, counts, strict=True)]


def pooled(
    of: Callable[[Known], float], before: harm.Sides, after: harm.Sides
) -> tuple[Estimate | None, Estimate | None]:
    """Means over shards that weigh alike on both sides, with what shards have in common in the error.

    The variance of a weighted mean of independent strata (Cochran, Sampling Techniques, 5.3), or, where it
    is larger, that of the merged stream: what hits all shards at once is no independent evidence.
    """
    if len(before) == 1:
        return estimate([of(one) for one in before[0]]), estimate([of(one) for one in after[0]])
    total = sum(map(len, after))
    weights = [len(some) / max(total, 1) for some in after]
    return _standardised(of, before, weights), _standardised(of, after, weights)


def _standardised(
    of: Callable[[Known], float], some: harm.Sides, weights: Sequence[float]
) -> Estimate | None:
    pairs = [
        (estimate([of(one) for one in held]), weight) for held, weight in zip(some, weights, strict=True)
    ]
    strata = [(found, weight) for found, weight in pairs if found is not None]
    merged = estimate([of(one) for one in _merged(some)])
    share = sum(weight for _, weight in strata)
    if merged is None or not share:
        return merged
    mean = sum(weight * found.mean for found, weight in strata) / share
    error = hypot(*(weight * found.error for found, weight in strata)) / share
    if merged.error >= error:
        return merged._replace(mean=mean)
    return Estimate(merged.n, mean, error, _blocks(strata))


def _blocks(strata: Sequence[tuple[Estimate, float]]) -> int:
    """The blocks that a mean over strata rests on (Satterthwaite, 1946)."""
    variances = [((weight * found.error) ** 2, found.blocks) for found, weight in strata]
    below = sum(v * v / max(blocks - 1, 1) for v, blocks in variances)
    if min(blocks for _, blocks in variances) < 2 or not below:
        return min(blocks for _, blocks in variances)
    return int(sqrt(sum(v for v, _ in variances)) ** 4 / below) + 1
