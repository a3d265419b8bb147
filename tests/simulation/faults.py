"""Faults: what goes wrong inside a worker's calls to its log and its store, and in which places.

A *place* is where a call comes from: the phase the worker is in, the function that calls and the
call, such as ``process Outbox.deliver flush``. Of all places a history hurts only some, drawn by the
seed, but those often: so every rare place has histories in which nothing else draws the fire.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Literal

from consumers.record import TopicPartition
from tests.simulation.memory import Draft

Kind = Literal["crash", "error", "stall"]
KINDS: tuple[Kind, ...] = ("crash", "error", "stall")

PHASES = {
    "History.model_at": "rollback",
    "Owned.accept": "accept",
    "Keeper.pin": "pin",
    "Follower.follow": "follow",
    "Owned.recover": "recover",
    "Holdings._recover": "recovered",
    "Holdings.halt": "halt",
    "Holdings.refuse": "refuse",
    "Holdings._let_go": "let go",
    "Runner._leave": "leave",
    "Runner._process": "process",
    "Keeper.look_after": "save",
    "Runner._report": "report",
}
"""The phase that a function on the stack stands for; of several the innermost counts."""


WEIGHTS = {
    "process": 3.0,
    "save": 2.0,
    "accept": 2.0,
    "rollback": 2.0,
    "recover": 0.5,
    "follow": 0.3,
    "report": 0.5,
}
"""How much likelier places of a phase are hurt: what every history goes through often, less."""


class Crash(BaseException):
    """The worker's process ends here, as if it were killed."""


class Broken(Exception):
    """What a model raises that fails."""


@dataclass(frozen=True)
class Appetite:
    """How much a history is hurt: the share of places, at most so many faults, latency of the log."""

    places: float
    most: int
    latency: float
    poll_records: int


class Plan:
    """What goes wrong in one place, how likely each time, and how often at most."""

    def __init__(self, kind: Kind, chance: float, times: int) -> None:
        self.kind, self.chance, self.times = kind, chance, times


class Faults:
    """The faults of one history. ``stall`` lets the others go on while a worker stands in a call."""

    def __init__(self, seed: int, appetite: Appetite, stall: Callable[[], None]) -> None:
        self._seed, self._appetite, self._stall = seed, appetite, stall
        self._rng = random.Random(f"faults {seed}")
        self._plans: dict[str, Plan | None] = {}
        self._left = appetite.most
        self.note: Callable[[str], None] = lambda said: None
        self.poll_records = appetite.poll_records
        self.inside = False
        self.healed = False
        self.fired: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()

    def at(self, call: str, *errors: type[Exception]) -> None:
        """Perhaps crash, raise one of ``errors``, or stand still, at this place of this history."""
        if not self.inside or self.healed:
            return
        place = self._place(call)
        self.reached[place] += 1
        plan = self._plan(place, errors)
        if plan is None or not plan.times or not self._left or self._rng.random() >= plan.chance:
            return
        plan.times -= 1
        self._left -= 1
        self.fired[f"{plan.kind} {place}"] += 1
        self.note(f"{plan.kind} at {place}")
        match plan.kind:
            case "crash":
                raise Crash(place)
            case "error":
                raise self._rng.choice(errors)(f"no answer at {place}")
            case "stall":
                self._stall()

    def accepted(self, buffer: Sequence[Draft]) -> Sequence[Draft]:
        """All, none or some of a flush that fails are in the log."""
        share = self._rng.choice((0.0, 0.5, 1.0))
        return [draft for draft in buffer if self._rng.random() < share]

    def hidden(self, tp: TopicPartition) -> bool:
        """Whether the log does not tell of a partition this time."""
        return not self.healed and self._rng.random() < self._appetite.latency

    def heal(self) -> None:
        """Nothing goes wrong from now on."""
        self.healed = True

    def _plan(self, place: str, errors: tuple[type[Exception], ...]) -> Plan | None:
        if place not in self._plans:
            rng = random.Random(f"{place} {self._seed}")
            plan = None
            if rng.random() < self._appetite.places * WEIGHTS.get(place.split(maxsplit=1)[0], 1.0):
                kind = rng.choice(KINDS if errors else ("crash", "stall"))
                plan = Plan(kind, rng.choice((0.05, 0.3, 0.8)), rng.choice((1, 1, 2, 5)))
            self._plans[place] = plan
        return self._plans[place]

    @staticmethod
    def _place(call: str) -> str:
        nearest = phase = ""
        frame = sys._getframe(2)
        while frame is not None and not phase:
            if name := _named(frame.f_code):
                if name == "World.tick":
                    break
                nearest = nearest or name
                phase = PHASES.get(name, "")
            frame = frame.f_back  # type: ignore[assignment]
        return f"{phase or 'loop'} {nearest} {call}"


@cache
def _named(code: CodeType) -> str:
    """The name of a function that may name a place; empty for those on the way."""
    ours = "/fluvial/" in code.co_filename or "/consumers/aligned" in code.co_filename
    if code.co_qualname == "World.tick":
        return code.co_qualname
    return code.co_qualname.removesuffix(".<locals>.<lambda>") if ours and "<" not in code.co_qualname else ""
