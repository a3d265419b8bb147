"""Retune: monitors that run already are given another budget, or another smallest change.

All parts of a watch share one budget, so each keeps its share of the new one. What they have seen is
not touched: from the next comparison on they ask for more evidence, or for less.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from monitors.spec import LevelSpec


class Tuning(NamedTuple):
    """By which factors the budget and the smallest change worth a call become others."""

    budget: float
    smallest: float

    @classmethod
    def between(cls, before: tuple[float, float], after: tuple[float, float]) -> "Tuning":
        """From one pair of budget and smallest change to another; a smallest change of 0 stays 0.

        >>> Tuning.between((0.02, 0.02), (0.01, 0.04))
        Tuning(budget=0.5, smallest=2.0)
        """
        return cls(after[0] / before[0], after[1] / before[1] if before[1] > 0 else 1.0)

    def of(self, spec: LevelSpec) -> LevelSpec:
        """The spec after the change; what no change is large enough for stays so."""
        never = spec.smallest_change >= 1.0
        smallest = spec.smallest_change if never else spec.smallest_change * self.smallest
        return spec._replace(budget=spec.budget * self.budget, smallest_change=smallest)


def retune(root: object, change: Tuning) -> None:
    """Tuning every level under an object, those that are made later included.

    >>> from monitors.level import Level
    >>> level = Level("loss", LevelSpec(budget=0.02, smallest_change=0.02))
    >>> retune(level, Tuning(0.5, 2.0))
    >>> level._spec.budget, level._spec.smallest_change
    (0.01, 0.04)
    """
    seen, waiting = {id(root)}, [root]
    while waiting:
        one = waiting.pop()
        for name, value in list(vars(one).items()) if _ours(one) else []:
            setattr(one, name, _changed(value, change))
        for part in _parts(one):
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)


def _changed(value: Any, change: Tuning) -> Any:
    """A spec, or a named tuple that holds one, with the change; anything else as it is."""
    if isinstance(value, LevelSpec):
        return change.of(value)
    if isinstance(value, tuple) and any(isinstance(part, LevelSpec) for part in value):
        parts = [_changed(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _parts(one: object) -> Iterator[object]:
    if isinstance(one, Mapping):
        yield from (part for part in one.values() if _goes_on(part))
    elif isinstance(one, list | tuple):
        yield from (part for part in one if _goes_on(part))
    elif _ours(one):
        yield from (part for part in vars(one).values() if _goes_on(part))


def _ours(one: object) -> bool:
    return type(one).__module__.startswith("monitors.") and hasattr(one, "__dict__")


def _goes_on(part: object) -> bool:
    return isinstance(part, Mapping | list | tuple) or _ours(part)
