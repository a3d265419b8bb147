"""Loans with planted faults: what a worker learns from, whose cause the card has to name."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fluvial.config import Pipeline, parse

START = 1_735_516_800.0
DAY = 86_400.0
A_DAY = 1_000
"""Events a day."""

EVENTS, PLANTED = 8_000, 6_000
"""Events of a scenario, and the number of the first one that a fault concerns."""

LOANS = """
pipeline: loans
question: Will this loan be paid back?
owner: tests
task: binary
model: >-
  (Select("amount", "income", "age") | preprocessing.StandardScaler()) + OneHot("region", "channel")
  | linear_model.LogisticRegression()
id: id
time: at
source: channel
fields:
  id: {type: text, use: context}
  at: {type: time}
  amount: {type: number, unit: EUR}
  income: {type: number, unit: EUR, missing: {fill: 2500}}
  age: {type: number, unit: years}
  region: {type: category}
  channel: {type: category}
  name: {type: text, use: context, pii: true}
label: {type: boolean, horizon: 2d}
cost: {unit: EUR, false_positive: 100, false_negative: 400}
slices: [region, channel]
monitor: {warmup: 1500, settle: 500, block: 8, seasons: [1d]}
batch: 250
linger: 0.005
snapshot_every: 4000
"""

CHANNELS = ("app", "branch", "broker", "web")

Entry = tuple[str, str, bytes, int]
"""A stream, a key, a value and a time in milliseconds."""


def loans(text: str = LOANS) -> Pipeline:
    """The pipeline of the scenarios."""
    return parse(text)


@dataclass(frozen=True)
class Fault:
    """How the faults of one seed look: which field is in which other unit, who lies, how late labels are."""

    field: str
    factor: float
    liar: str
    hours: float

    @classmethod
    def of(cls, seed: int) -> Fault:
        """Faults differ from seed to seed."""
        r = random.Random(f"fault {seed}")
        factor = r.choice((1 / 12, 1 / 1000, 100.0, 2.54, 1.609))
        return cls(r.choice(("income", "amount")), factor, r.choice(CHANNELS), r.uniform(3.0, 12.0))


@dataclass(frozen=True)
class Scenario:
    """Loans of which something is wrong from number ``at`` on, in one of the ways of ``kinds``."""

    kinds: tuple[str, ...] = ()
    seed: int = 1
    at: int = PLANTED
    events: int = EVENTS

    def records(self) -> Iterator[Entry]:
        """Events and labels in the order of time."""
        made = [one for number, r in self._numbers() for one in self._one(number, r)]
        end = START + self.events * DAY / A_DAY
        yield from sorted((one for one in made if one[3] <= end * 1000), key=lambda one: one[3])

    def _numbers(self) -> Iterator[tuple[int, random.Random]]:
        r = random.Random(self.seed)
        for number in range(self.events):
            yield number, r

    @property
    def fault(self) -> Fault:
        """How its faults look."""
        return Fault.of(self.seed)

    def _one(self, number: int, r: random.Random) -> Iterator[Entry]:
        time = START + number * DAY / A_DAY
        amount, income, age = r.lognormvariate(9.0, 0.6), r.lognormvariate(7.8, 0.4), r.uniform(20.0, 75.0)
        region, channel = r.choice("NSEW"), r.choice(CHANNELS)
        if self._is("input only", number):
            age = r.uniform(45.0, 90.0)
        pull = (
            2.2 * math.log(income / 2440.0)
            - 1.2 * math.log(amount / 8100.0)
            + (0.3 if region == "N" else 0.0)
        )
        if self._turned(number, r):
            pull = -pull
        noise = 0.25 + 0.2 * math.sin(2 * math.pi * time / DAY) if "season" in self.kinds else 0.25
        truth = pull + noise * r.gauss(0.0, 1.0) > 0.0
        if self._is("poison", number) and channel == self.fault.liar:
            truth = r.random() < 0.5 if r.random() < 0.2 else not truth
        said = {"amount": amount, "income": income}
        if self._is("unit", number):
            said[self.fault.field] *= self.fault.factor
        event: dict[str, Any] = {"id": f"l{number}", "at": time, "amount": round(said["amount"], 2)}
        event |= {
            "income": round(said["income"], 2),
            "age": round(age, 1),
            "region": region,
            "channel": channel,
        }
        event["at"] = int(time)
        event["name"] = f"Ada {number:05}"
        delay = (
            1800.0
            + r.expovariate(1 / 600.0)
            + (self.fault.hours * 3600.0 if self._is("delay", number) else 0.0)
        )
        label = {"id": f"l{number}", "label": truth}
        yield "events", f"l{number}", json.dumps(event).encode(), int(time * 1000)
        yield "labels", f"l{number}", json.dumps(label).encode(), int((time + delay) * 1000)

    def _is(self, kind: str, number: int) -> bool:
        return kind in self.kinds and number >= self.at

    def _turned(self, number: int, r: random.Random) -> bool:
        """Whether the relation between inputs and truth is the other way round for this loan."""
        if self._is("abrupt", number):
            return True
        if self._is("gradual", number):
            return r.random() < (number - self.at) / 2_000
        return self._is("recurring", number) and (number - self.at) // 1_000 % 2 == 0
