"""Durations as people write them."""

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def seconds(value: object) -> object:
    """Read a duration such as ``90s``, ``48h`` or ``7d``; numbers are seconds already.

    >>> seconds("36h"), seconds(5)
    (129600.0, 5)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*", str(value))
    if match is None:
        raise ValueError(f"{value!r} is no duration: write 90s, 30m, 48h or 7d")
    return float(match[1]) * _UNITS[match[2]]


Duration = Annotated[float, BeforeValidator(seconds)]
