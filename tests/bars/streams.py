"""Streams of errors and of one number, made from a seed: independent, dependent, seasonal, changing.

Time runs at 5,000 observations a day and begins on a Monday, midnight UTC.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import lfilter

A_DAY = 5_000
"""Observations a day."""
START = 1_735_516_800.0
STEP = 86_400.0 / A_DAY

SURE, UNSURE = (0.05, 0.4), (2.0, 5.0)
"""Beta laws of probabilities: those of a model that is sure of most, and of one that is not."""

Array = Any
"""A numpy array of floats."""


class Stream(NamedTuple):
    """Values with their event times (seconds); ``changes`` are the observations at which the level moves."""

    values: list[float]
    times: list[float]
    changes: tuple[int, ...] = ()


def times(n: int) -> list[float]:
    """Evenly spaced event times."""
    return [START + i * STEP for i in range(n)]


def coins(seed: int, rates: Array, changes: tuple[int, ...] = ()) -> Stream:
    """Independent errors: one for each rate."""
    thrown = np.random.default_rng(seed).random(len(rates)) < rates
    return Stream(thrown.astype(float).tolist(), times(len(rates)), changes)


def levels(*parts: tuple[float, int]) -> Array:
    """A rate for each observation: so many at each level."""
    return np.concatenate([np.full(n, rate) for rate, n in parts])


def steps(seed: int, *parts: tuple[float, int]) -> Stream:
    """Independent errors at one level after the other."""
    ends = np.cumsum([n for _, n in parts])[:-1]
    return coins(seed, levels(*parts), tuple(int(end) for end in ends))


def probabilities(seed: int, shape: tuple[float, float], n: int, change: int = 0) -> Stream:
    """The loss of probabilities that mean what they say, drawn from a beta law of this shape.

    From ``change`` on, if any, a fifth of what they say has become the opposite.
    """
    draw = np.random.default_rng(seed)
    said = draw.beta(*shape, n)
    rates = np.where(np.arange(n) < (change or n), said, 0.8 * said + 0.2 * (1.0 - said))
    losses = np.where(draw.random(n) < rates, 1.0 - said, said)
    return Stream(losses.tolist(), times(n), (change,) if change else ())


def autoregression(draw: Any, rho: float, n: int) -> Array:
    """A stationary AR(1) series with mean 0 and variance 1."""
    noise = draw.standard_normal(n) * sqrt(1.0 - rho * rho)
    return lfilter([1.0], [1.0, -rho], noise, zi=[draw.standard_normal() * rho])[0]


def wave(n: int, period: int = A_DAY) -> Array:
    """A sine between -1 and 1 over so many observations."""
    return np.sin(2.0 * pi * np.arange(n) / period)


def dependent(seed: int, rho: float, n: int) -> Stream:
    """A feature whose next value resembles the last one."""
    return Stream(autoregression(np.random.default_rng(seed), rho, n).tolist(), times(n))


def daily(seed: int, n: int) -> Stream:
    """Errors between 5 and 15 %, a sine over the day."""
    return coins(seed, 0.10 + 0.05 * wave(n))


def weekly(seed: int, n: int) -> Stream:
    """Errors between 5 and 15 %, a sine over the week."""
    return coins(seed, 0.10 + 0.05 * wave(n, 7 * A_DAY))


def weekends(seed: int, n: int) -> Stream:
    """Errors between 5 and 15 %: a sine over the day, and four points more on Saturday and Sunday."""
    weekend = np.arange(n) // A_DAY % 7 >= 5
    return coins(seed, 0.08 + 0.03 * wave(n) + 0.04 * weekend)


def daily_step(seed: int, at: int, n: int, size: float = 0.05) -> Stream:
    """The daily season, and from ``at`` on more errors all day."""
    return coins(seed, 0.10 + 0.05 * wave(n) + size * (np.arange(n) >= at), (at,))


def bursts(seed: int, n: int) -> Stream:
    """Half of all are wrong while a burst lasts (50 on average), 3 % between bursts."""
    draw, rates, on = np.random.default_rng(seed), [], False
    for u in draw.random(n).tolist():
        on = u < (0.98 if on else 0.004)
        rates.append(0.5 if on else 0.03)
    return Stream((draw.random(n) < np.array(rates)).astype(float).tolist(), times(n))


def wander(seed: int, n: int) -> Stream:
    """The logit of the rate wanders slowly about 8 %: AR(1) with .999."""
    draw = np.random.default_rng(seed)
    rates = 1.0 / (1.0 + np.exp(2.4 - 0.5 * autoregression(draw, 0.999, n)))
    return Stream((draw.random(n) < rates).astype(float).tolist(), times(n))


def ramp(seed: int, n: int, at: int = 20_000, over: int = 20_000) -> Stream:
    """Errors rise from 5 to 10 % little by little."""
    return coins(seed, np.clip(0.05 + 0.05 * (np.arange(n) - at) / over, 0.05, 0.10), (at,))


def slow_when_wrong(seed: int, n: int) -> Stream:
    """A tenth is wrong throughout, and what is wrong is labelled after 4,000 events, what is right after 500."""
    draw = np.random.default_rng(seed)
    wrong = draw.random(n) < 0.1
    arrives = np.arange(n) + np.where(wrong, draw.exponential(4000, n), draw.exponential(500, n))
    return _as_labelled(wrong, arrives)


def heavy_delays(seed: int, n: int) -> Stream:
    """The daily season in the order of labels whose delays have a heavy tail (Pareto 1.2, from 500 events)."""
    draw = np.random.default_rng(seed)
    wrong = draw.random(n) < 0.10 + 0.05 * wave(n)
    return _as_labelled(wrong, np.arange(n) + 500 * draw.pareto(1.2, n))


def _as_labelled(wrong: Array, arrives: Array) -> Stream:
    """Errors in the order in which labels come, as long as events do; each with the time of its event."""
    order = np.argsort(arrives, kind="stable")
    order = order[arrives[order] < len(wrong)]
    return Stream(wrong[order].astype(float).tolist(), (START + order * STEP).tolist())
