"""Output: what comes out of a shard: bytes for a topic, alarms, points of the quality curve."""

from typing import NamedTuple

from learners.scoreboard import Point
from monitors.alarm import Alarm


class Published(NamedTuple):
    """Bytes for the topic that plays ``role`` (predictions, quarantine), keyed and placed as their source.

    What is quarantined has no key where a field is private: the key may hold it.
    """

    role: str
    key: bytes | None
    value: bytes
    timestamp: int
    partition: int


class Raised(NamedTuple):
    """An alarm with the id that it gets in every replay."""

    id: str
    alarm: Alarm


class Curve(NamedTuple):
    """A point of the quality curve, with the monitors' estimates at that moment."""

    point: Point
    estimates: dict[str, float]


Output = Published | Raised | Curve
