"""Choice: which split of a window is spoken of, by how the stream would vary without the step at that split.

Harm first: a rise waits neither for what got better before it nor until a learning curve is out of sight.
"""

from collections.abc import Sequence

from monitors.comparison import Place, Split, best_split
from monitors.dependence import LEAP, UNKNOWN, Dependence, Reading
from monitors.effect import spread
from monitors.spec import LevelSpec

CALM = 1.2
"""The effect of a stream that varies no more than chance has it."""


def choose(found: list[Place], ladder: Dependence, spec: LevelSpec, *, young: bool = False) -> Split | None:
    """The best of the places of a window, or None; a ``young`` ladder has hardly seen long stretches."""
    if not found:  # so most looks end: the dependence need not be read
        return None
    split = _first(found, ladder.reading(young=young), spec)
    if split is None or split.convincing:
        return split
    step = _leap(found, ladder, spec) or split
    apart = ladder.without(step.change, spread(step.before))
    return _first(found, ladder.reading(apart, young=young), spec)


def effects(sizes: Sequence[float], n: int, spread: float, ladder: Dependence) -> list[float]:
    """How dependent ``n`` observations are, for each size of a change that is listened for.

    A leap is heard above a learning curve, where it is the only other thing that is no chance.
    """
    usual = ladder.reading().at(n).size
    if usual <= 1.0:
        return [usual] * len(sizes)
    return [(size > LEAP and calm_but_for(size, spread, ladder, n)) or usual for size in sizes]


def calm_but_for(step: float, spread: float, ladder: Dependence, n: int) -> float | None:
    """The effect on ``n`` observations without a step of this height; None where it is not calm then."""
    effect = ladder.reading(ladder.without(step, spread)).at(n).size
    return effect if effect <= CALM else None


def _first(found: list[Place], reading: Reading, spec: LevelSpec) -> Split | None:
    """The best split; a rise that is convincing comes before what got better."""
    best = best_split(found, reading, spec)
    if best is None or best.change >= 0 or spec.two_sided or not best.convincing:
        return best
    rise = best_split(_rises(found), reading, spec)
    return rise if rise is not None and rise.convincing else best


def _leap(found: list[Place], ladder: Dependence, spec: LevelSpec) -> Split | None:
    """The split whose step no wandering explains: its place is where the means differ most."""
    plain = best_split(found, UNKNOWN, spec)
    if plain is not None and abs(plain.change) > LEAP:
        return plain
    rise = None if spec.two_sided else best_split(_rises(found), UNKNOWN, spec)
    if rise is None or rise.change <= LEAP:
        return None
    n = (rise.n_before + rise.n_after) // 4
    return None if calm_but_for(rise.change, spread(rise.before), ladder, n) is None else rise


def _rises(found: list[Place]) -> list[Place]:
    return [one for one in found if one.after > one.before]
