"""What a person says about monitors: one budget of false alarms, the smallest change worth a call."""

from typing import NamedTuple

DAY, WEEK = 86400.0, 604800.0


class LevelSpec(NamedTuple):
    """How one level is watched.

    ``budget`` is the expected number of false alarms per 100,000 observations of this level alone,
    ``smallest_change`` the difference (0 to 1) worth a person's time, ``warmup`` how many observations
    pass before anybody may complain, ``gross`` the change that is said even then, ``block`` how many
    observations are looked at together, ``settle`` how many after an alarm belong to the same change.
    ``two_sided`` levels call up and down ``changed``; others call up ``worse`` and down ``better``.
    ``counted`` says that the observations are zeros and ones, whose mean varies at least as chance has it.
    ``seasons`` are periods in seconds.
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
