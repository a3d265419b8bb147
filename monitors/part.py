"""Part: what can move of a field, and how closely it is watched."""

from typing import Literal, NamedTuple

from monitors.spec import LevelSpec

Kind = Literal["number", "integer", "category", "boolean", "text", "image"]

TOP = 5
"""Frequent values of a category that are watched one by one."""

BLOCK = 128
"""Rows that are looked at together."""

ENOUGH = 0.75
"""The share of a block's values that make one: where fewer are present, several blocks become one."""


class Part(NamedTuple):
    """One figure of a field.

    ``weight`` is its part in the budget against that of others; ``smallest`` the smallest change worth
    telling; ``block`` how many values are looked at together. ``counted`` says that it is a share.
    """

    weight: int = 1
    smallest: float = 0.03
    block: int = BLOCK
    counted: bool = True

    def spec(self, level: LevelSpec) -> LevelSpec:
        """The level of this part, from that of a part of weight 1."""
        return level._replace(
            budget=level.budget * self.weight,
            smallest_change=self.smallest,
            block=self.block,
            counted=self.counted,
        )


SHARE = Part()

PARTS = {
    "location": Part(
        8, 0.04, counted=False
    ),  # a fifth of a deviation; of all parts its changes take longest to see
    "spread": Part(1, 0.04, counted=False),
    "range": Part(1, 0.05, 2 * BLOCK),  # the others tell more, so they are to speak first
    "missing": SHARE,
    "length": Part(2, 0.04, counted=False),
    "tokens": Part(2, 0.04, counted=False),
    "new tokens": SHARE,
    "brightness": Part(2, 0.04, counted=False),
    "sharpness": Part(2, 0.04, counted=False),
    "size": Part(2, 0.04, counted=False),
}
"""The parts there are, but for the shares of values."""

NAMES: dict[Kind, tuple[str, ...]] = {
    "number": ("location", "spread", "range"),
    "integer": ("location", "spread", "range"),
    "category": ("",) * TOP + ("new",),
    "boolean": ("=true",),
    "text": ("length", "tokens", "new tokens"),
    "image": ("brightness", "sharpness", "size"),
}
"""What each kind of field has besides its missing values, at most."""


def part(name: str) -> Part:
    """The part of this name."""
    return PARTS.get(name, SHARE)


def weight(kind: Kind) -> int:
    """The part in the budget of a whole field.

    >>> weight("number"), weight("category")
    (11, 7)
    """
    return SHARE.weight + sum(part(name).weight for name in NAMES[kind])
