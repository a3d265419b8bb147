"""Backtest: the journal once more, as it was and otherwise, in one pass over the log.

Both runs get the same records in the same order, so that every label comes as late to the variant as
it came to the original. Nothing is written anywhere.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from consumers.record import Record
from fluvial.beside import Beside, shared
from fluvial.config import Pipeline
from fluvial.errors import Gap
from fluvial.history import History
from fluvial.inforce import in_force
from fluvial.journal import Batch
from fluvial.memory import Memory
from fluvial.place import Place
from fluvial.shadow.carrier import Carrier
from fluvial.shard import Output, Raised, StepFailed, batch_step
from fluvial.sieve import Sieve
from fluvial.state import State, fresh_state
from learners.scoring import Tally
from learners.task import task_named
from monitors.alarm import Alarm
from monitors.status import ShardStatus

Progress = Callable[[int, int], None]


class Run:
    """One pipeline on its way through the journal of a shard, without the sources that are left out.

    It begins with ``state``, or after batch ``since`` with nothing learned; a pause that held there
    holds. ``name`` is what people call it.
    """

    def __init__(
        self,
        name: str,
        pipeline: Pipeline,
        place: Place,
        index: int,
        *,
        without: Iterable[str] = (),
        since: int = 0,
        state: State | None = None,
    ) -> None:
        self.name, self.pipeline = name, pipeline
        self._memory = Memory(place.journal, index, pipeline)
        self.shard = Carrier(pipeline, index, state or _begun(pipeline, place, index, since))
        self.shard.contenders += self._memory.contenders
        self.sieve = Sieve(pipeline, tuple(without))
        self.alarms: list[Alarm] = []
        self._memory.note(self.shard)

    def step(self, row: Batch, records: list[Record]) -> list[Output]:
        """Step one row. Raises StepFailed, and Gap where a rollback wants what cannot be replayed."""
        kept, models = self.sieve(records), self._memory.model
        try:
            outputs = batch_step(self.shard, row.number, row.decisions, kept, models=models)
        except StepFailed as failed:
            raise StepFailed(f"{self.name}: {failed}") from failed
        self._memory.note(self.shard)
        self.alarms += [output.alarm for output in outputs if type(output) is Raised]
        return outputs

    @property
    def tally(self) -> Tally:
        """The scores of the model and its baselines over everything that this run has seen."""
        return self.shard.state.learner.board.tally


def _begun(pipeline: Pipeline, place: Place, index: int, since: int) -> State:
    """A state that has learned nothing after a batch; what people had decided by then holds."""
    state = fresh_state(pipeline)
    held = in_force(place.journal, index, since)
    state.batch = since
    state.learner.paused = held.paused is not None
    state.learner.excluded, state.learner.source = held.sources, pipeline.source
    return state


class Comparison(NamedTuple):
    """What two runs over the rows after batch ``since`` gave, up to and with ``batch``."""

    shard: int
    since: int
    batch: int
    original: ShardStatus
    variant: ShardStatus
    beside: Beside
    alarms: tuple[list[Alarm], list[Alarm]]
    sieve: Sieve


def backtest(
    place: Place,
    shard: int,
    variant: Pipeline,
    without: Iterable[str] = (),
    *,
    progress: Progress = lambda batch, last: None,
) -> Comparison:
    """Replay a shard as it was and with another pipeline, or without some sources, side by side.

    Where the first records are gone both begin with nothing at the first that is there. Raises Gap
    where records in the middle are gone, and StepFailed.
    """
    history, left_out = History(place._replace(key=None), shard), tuple(without)
    try:
        return _compared(place, history, variant, left_out, 0, progress)
    except Gap:
        since = history.replayable_after()
        if since == 0:
            raise
        return _compared(place, history, variant, left_out, since, progress)


def _compared(
    place: Place,
    history: History,
    variant: Pipeline,
    without: tuple[str, ...],
    since: int,
    progress: Progress,
) -> Comparison:
    last, _ = place.journal.reached(history.index)
    ours = Run("the original", place.pipeline, place, history.index, since=since)
    theirs = Run("the variant", variant, place, history.index, without=without, since=since)
    beside = beside_of(ours, theirs)
    for row, records in history.read(since):
        for run in (ours, theirs):
            run.step(row, records)
        beside.take(ours.shard.told(), theirs.shard.told())
        progress(row.number, last)
    return Comparison(
        history.index,
        since,
        ours.shard.state.batch,
        ours.shard.status(),
        theirs.shard.status(),
        beside,
        (ours.alarms, theirs.alarms),
        theirs.sieve,
    )


def beside_of(first: Run, second: Run) -> Beside:
    """Two runs to be held beside each other, in the currency of the second and over its window."""
    names = shared(first.tally.names, second.tally.names)
    task = task_named(second.pipeline.task, second.pipeline.cost)
    return Beside(task, names, second.tally.size)
