"""Decisions by a shadow table on real flights with a planted fault are as good as the best alternative.

Most are played on a part of the year, with 3,000 flights after the decision; the full draw has 20,000 and is
played by ``python -m tests.fluvial.shadow.flights``. A pause is played in full: in so few flights a model of
before that goes on learning can be ahead by chance, in 20,000 it is not.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.fluvial.shadow.flights import DECISIONS, FULL, SHORT, Draw, Play, begin

WITHIN = 1.02
"""The loss after a decision over that of the best of its alternatives, at most."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Draw], Path]:
    """The folder in which everything before the fault of a draw has been played."""

    @cache
    def folder_of(draw: Draw) -> Path:
        folder = tmp_path_factory.mktemp("flights")
        begin(folder, draw)
        return folder

    return folder_of


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("decision", DECISIONS)
def test_what_was_decided_is_as_good_as_the_best_alternative_and_a_replay_agrees(
    tmp_path: Path, begun: Callable[[Draw], Path], decision: str
) -> None:
    draw = FULL if decision == "pause" else SHORT
    play = Play(tmp_path, draw, decision, begun(draw))
    assert (play.verdict.difference, play.verdict.digest) == (None, play.digest)
    assert play.later["n"] > draw.after / 3
    assert play.ratio() <= WITHIN, {row["name"]: row["loss"] for row in play.later["variants"]}
