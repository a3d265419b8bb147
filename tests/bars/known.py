"""Known: how fast a change of errors could be found by whoever knew both levels beforehand.

Page's cumulative sum with the right likelihood ratio is the best there is for its rate of false alarms, by the
worst case of the moment of the change (Moustakides, Optimal Stopping Times for Detecting Changes in
Distributions, 1986). A monitor that has to learn the levels from the stream cannot do better.
"""

from __future__ import annotations

from math import log
from statistics import median

import numpy as np
from scipy.sparse import coo_matrix, identity
from scipy.sparse.linalg import spsolve

from tests.bars import streams
from tests.bars.rows import BY_NAME

CELLS = 2000
"""Cells that the sum is cut into (Brook and Evans, An Approach to the Probability Distribution of CUSUM Run
Length, 1972)."""

BEFORE, AFTER, AT, FOR = 0.2, 0.3, 20_000, 10_000
YES, NO = log(AFTER / BEFORE), log((1.0 - AFTER) / (1.0 - BEFORE))


def between(height: float) -> float:
    """Observations between two false alarms of a sum that calls at this height (nats)."""
    cell = height / CELLS
    sums = np.arange(CELLS) * cell
    here, there, chance = [], [], []
    for step, share in ((YES, BEFORE), (NO, 1.0 - BEFORE)):
        reached = np.maximum(sums + step, 0.0) / cell
        below = np.floor(reached).astype(int)
        part = reached - below  # shared between two neighbours, or the rounded steps would have another drift
        for places, weight in ((below, 1.0 - part), (below + 1, part)):
            stays = np.flatnonzero(places < CELLS)
            here.append(stays)
            there.append(places[stays])
            chance.append(share * weight[stays])
    cells = (np.concatenate(here), np.concatenate(there))
    moves = coo_matrix((np.concatenate(chance), cells), shape=(CELLS, CELLS)).tocsr()
    return float(spsolve((identity(CELLS) - moves).tocsc(), np.ones(CELLS))[0])


def height(wanted: float) -> float:
    """The height at which there are so many observations between two false alarms."""
    low, high = 1.0, 20.0
    while high - low > 0.01:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if between(middle) < wanted else (low, middle)
    return high


def delay(draw: int, height: float) -> float:
    """The median delay over the runs of the row of errors from 20 to 30 %, of one draw."""
    row = BY_NAME["20-30"]
    found = []
    for run in range(row.full):
        stream = streams.steps(row.seed(run, draw), (BEFORE, AT), (AFTER, FOR))
        told, at = 0.0, AT  # what was told before the change can only help
        for value in stream.values[:AT]:
            told = max(0.0, told + (YES if value else NO))
        told = 0.0 if told >= height else told
        while told < height:
            told = max(0.0, told + (YES if stream.values[at] else NO))
            at += 1
        found.append(at - AT)
    return median(found)
