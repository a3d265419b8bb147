"""Asked: what a job of the shadow is to find out, as its row carries it."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """What somebody wants to know, as a job carries it. ``onset`` is stream time; a batch goes before it.

    After a ``review`` it is what the alternatives would have given since the ``batch`` before it was taken
    up: to let things be, to pause, to reset, and the ``variants`` of the shadow table of then.
    """

    incident: str | None = None
    onset: float | None = None
    batch: int | None = None
    window: tuple[int, int | None] | None = None
    candidate: str | None = None
    without: tuple[str, ...] = ()
    until: int | None = None
    review: str | None = None
    variants: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What is not as usual, as JSON carries it."""
        return {name: value for name, value in self._asdict().items() if value not in (None, ())}


def asked_of(said: Mapping[str, Any]) -> Asked:
    """The wish that JSON carries."""
    window = said.get("window")
    several = {name: tuple(said.get(name, ())) for name in ("without", "variants")}
    return Asked(**{**said, **several, "window": tuple(window) if window else None})
