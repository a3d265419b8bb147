"""Verify: the journal replayed must give every snapshot's digest and every published prediction.

What other definitions predicted is counted and not compared. Memory stays bounded however long the
journal is: what was published is read beside the replay, batch by batch.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import NamedTuple

from fluvial.errors import Gap
from fluvial.history import History, Past
from fluvial.journal import Batch
from fluvial.place import Place
from fluvial.proof import Proof
from fluvial.shard import Output

Steps = Iterator[tuple[Batch, list[Output]]]


class Stretch(NamedTuple):
    """Rows that could not be replayed, and why; ``last`` is the batch of the snapshot behind them."""

    first: int
    last: int
    why: str


class Verdict(NamedTuple):
    """What a replay of one shard found: ``difference`` is None where everything is identical.

    ``predictions`` were made again, ``compared`` of them with what was published. ``others`` counts the
    published ones that other definitions made, by definition; ``given_up`` those of rows that a person
    gave up; ``unverified`` what cannot be replayed any more.
    """

    shard: int
    batches: int
    predictions: int
    digest: str
    difference: str | None
    compared: int = 0
    others: Mapping[str, int] = {}
    given_up: int = 0
    unverified: tuple[Stretch, ...] = ()


def verify(
    place: Place,
    shard: int,
    *,
    until: Callable[[Past], bool] = lambda past: False,
    progress: Callable[[int, int], None] = lambda batch, last: None,
) -> Verdict:
    """Replay a shard's journal and compare, up to the first difference or until ``until`` says so.

    All is replayed from nothing; where records are gone it goes on from the oldest usable snapshot
    behind them. Raises Gap where there is none or no key to open it, and StepFailed.
    """
    walk = _Walk(place, shard)
    proof = Proof(place, shard)
    batches, difference = 0, None
    for row, outputs in walk.steps():
        batches += 1
        difference = proof.row(row, outputs, walk.past)
        progress(row.number, proof.last)
        if difference or until(walk.past):
            break
    else:
        difference = proof.end(walk.past)
    return Verdict(
        shard,
        batches,
        proof.predictions,
        walk.past.shard.state.digest.hex(),
        difference,
        proof.compared,
        dict(proof.others),
        proof.given_up,
        tuple(walk.unverified),
    )


class _Walk:
    """The whole journal, over what is gone where a snapshot helps."""

    def __init__(self, place: Place, shard: int) -> None:
        self._from_nothing = History(place._replace(key=None), shard)
        self._with_snapshots = History(place, shard)
        self.past = self._from_nothing.beginning()
        self.unverified: list[Stretch] = []

    def steps(self) -> Steps:
        """Every row that can be replayed, with its outputs. Raises Gap, StepFailed."""
        history = self._from_nothing
        while True:
            try:
                yield from history.walk(self.past)
                return
            except Gap:
                gap = yield from self._up_to_the_gap(history)
            reached = self.past.batch
            behind = self._with_snapshots.from_here(reached + 1)
            if behind is None:
                raise gap
            self._leave_out(Stretch(reached + 1, behind.batch, str(gap)))
            self.past, history = behind, self._with_snapshots

    def _leave_out(self, stretch: Stretch) -> None:
        if self.unverified and self.unverified[-1].last + 1 == stretch.first:
            stretch = stretch._replace(first=self.unverified.pop().first)
        self.unverified.append(stretch)

    def _up_to_the_gap(self, history: History) -> Generator[tuple[Batch, list[Output]], None, Gap]:
        """Row by row: what is fetched together with lost records is not lost."""
        try:
            yield from history.walk(self.past, chunk=0)
        except Gap as gap:
            return gap
        return Gap("the log gave records and withheld them again: look whether something deletes them")
