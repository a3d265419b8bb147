"""Decisions by a shadow table on real flights with a planted fault are as good as the best alternative.

Part of the year is played here, with 3,000 flights after the decision; the full draw has 20,000 and is
played by ``python -m tests.fluvial.shadow.flights``.
"""

from pathlib import Path

import pytest

from tests.fluvial.shadow.flights import DECISIONS, SHORT, Play, begin

WITHIN = {"pause": 1.04, "rollback": 1.02, "retrain": 1.02, "exclude": 1.02}
"""How far behind the best alternative a decision may be. Whoever pauses learns nothing from the airports that
tell the truth either: a model from before the fault that goes on learning from those comes 3 % ahead."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    begin(folder, SHORT)
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize("decision", DECISIONS)
def test_what_was_decided_is_as_good_as_the_best_alternative_and_a_replay_agrees(
    tmp_path: Path, begun: Path, decision: str
) -> None:
    play = Play(tmp_path, SHORT, decision, begun)
    assert (play.verdict.difference, play.verdict.digest) == (None, play.digest)
    assert play.later["n"] > SHORT.after / 3
    assert play.ratio() <= WITHIN[decision], {row["name"]: row["loss"] for row in play.later["variants"]}
