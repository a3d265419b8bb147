"""What a person says about monitors: one budget of false alarms, the smallest change worth a call."""

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DAY, WEEK = 86400.0, 604800.0


ROOMY = 8
"""Blocks of so many outcomes are of a stream that is long enough to be looked at less closely elsewhere."""

OTHERS = 2.0
"""How many times the loss's budget all else that is watched has together.

The loss calls people. What else moves is information most of the time: it may be wrong more often for being
seen earlier.
"""


class LevelSpec(NamedTuple):
    """How one level is watched.

    ``budget`` is the expected number of false alarms per 100,000 observations of this level alone,
    ``smallest_change`` the difference (0 to 1) worth a person's time, ``warmup`` how many observations
    pass before anybody may complain, ``gross`` the change that is said even then, ``block`` how many
    observations are looked at together, ``settle`` how many after an alarm belong to the same change.
    ``two_sided`` levels call up and down ``changed``; others call up ``worse`` and down ``better``.
    ``counted`` says that the observations are zeros and ones, whose mean varies at least as chance has it.
    ``seasons`` are periods in seconds. ``memory`` is how many observations in a row resemble each other, as
    far as is known beforehand; 0.0 for nothing.
    """

    budget: float = 0.01
    smallest_change: float = 0.02
    warmup: int = 1000
    gross: float = 0.2
    block: int = 8
    settle: int = 512
    two_sided: bool = False
    counted: bool = False
    seasons: tuple[float, ...] = (DAY, WEEK)
    memory: float = 0.0


class MonitorSpec(BaseModel):
    """How watchful a pipeline is.

    ``budget`` is the expected number of false alarms per 100,000 events over all monitors together:
    a third of it for the loss, the rest for whatever else is watched, however much that is.
    ``smallest_change`` is in bounded loss (0 to 1), ``warmup``, ``block`` and ``settle`` are in
    outcomes, ``seasons`` in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    budget: float = Field(default=0.03, gt=0, le=100_000, allow_inf_nan=False)
    smallest_change: float = Field(default=0.02, ge=0, le=1)
    warmup: int = Field(default=1000, ge=0, le=10_000_000)
    block: int = Field(default=8, ge=1, le=100_000)
    settle: int = Field(default=512, ge=0, le=10_000_000)
    seasons: tuple[float, ...] = Field(default=(DAY, WEEK), max_length=3, strict=False)

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "delta" in raw:
            raise ValueError(
                "delta was a significance level; write budget instead: how many false alarms you accept "
                "per 100,000 events, such as 0.03"
            )
        return raw

    @field_validator("seasons")
    @classmethod
    def _can_be_seasons(cls, seasons: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 60.0 <= season <= 366 * DAY for season in seasons):
            raise ValueError("a season lasts between 1m and 366d")
        if len(set(seasons)) < len(seasons):
            raise ValueError("a season is named twice")
        return seasons

    @property
    def level(self) -> LevelSpec:
        """The level of the loss, with its part of the budget."""
        return LevelSpec(
            budget=self.budget / (1.0 + OTHERS),
            smallest_change=self.smallest_change,
            warmup=self.warmup,
            block=self.block,
            settle=self.settle,
            seasons=self.seasons,
        )

    def share(self, channels: int) -> LevelSpec:
        """The level of one of ``channels`` further quantities, which have the rest together."""
        return self.level._replace(
            budget=self.level.budget * OTHERS / max(channels, 1),
            smallest_change=max(0.05, self.smallest_change),
            block=4 * self.block if self.block >= ROOMY else self.block,
        )
