"""History: the past of one shard: any state it had, rebuilt from a snapshot and the journal.

Recovery, failover, rollback, verification, backtests and explanations all go through here. A
snapshot that cannot be used costs more replay and nothing else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import structlog

from consumers.record import Record, TopicPartition
from fluvial.decision import Decision
from fluvial.errors import Gap, OtherVersion, SnapshotError
from fluvial.header import expected_of, positions_of
from fluvial.journal import Batch
from fluvial.place import Place, partitions_of, ranks_of
from fluvial.replay import read, replay
from fluvial.shadow.artefact import Artefacts
from fluvial.shadow.rebuild import model_by
from fluvial.shadow.recipe import recipe_of
from fluvial.shard import Output, Shard
from fluvial.shelf import Kept
from fluvial.snapshot import header_of, unseal

logger = structlog.get_logger()

PAGE = 500
"""Journal rows read at a time: a long journal does not fit into memory."""


class Closed(SnapshotError):
    """A snapshot that cannot even be looked at: without the key, or because it is gone."""


class Void(NamedTuple):
    """Rows that a person gave up: those after batch ``after`` and before row ``until``."""

    after: int
    until: int

    def holds(self, batch: int) -> bool:
        """Whether the row of that number was given up."""
        return self.after < batch < self.until


class Past:
    """A shard as it stood after a batch, with the offsets at which its reading goes on."""

    def __init__(self, shard: Shard, positions: dict[TopicPartition, int]) -> None:
        self.shard, self.positions = shard, positions

    @property
    def batch(self) -> int:
        """The last batch that was stepped."""
        return self.shard.state.batch

    def moved(self, row: Batch) -> None:
        """Take note of where a row's ranges end, or of where a person let reading go on."""
        for tp, done in row.ranges.items():
            self.positions[tp] = done.end
        for decision in row.decisions:
            for name, offset in decision.args.get("positions", {}).items():
                self.positions[TopicPartition.parse(name)] = int(offset)


class History:
    """The past of shard ``index``. At a place without key all is replayed from nothing.

    ``refused`` is told of every snapshot that is not sound (not of those that other versions made).
    """

    def __init__(
        self, place: Place, index: int, *, refused: Callable[[Kept, str], None] = lambda kept, why: None
    ) -> None:
        self.pipeline, self.index = place.pipeline, index
        self._log, self._journal, self._shelf, self._key = place.log, place.journal, place.shelf, place.key
        self._refused, self._artefacts = refused, place.artefacts
        self._ranks, self._partitions = ranks_of(place.pipeline), partitions_of(place.pipeline, index)
        self._voids: list[Void] | None = None

    def pinned(self) -> bool:
        """Whether an owner has stored where the reading of this shard begins."""
        return bool(self._shelf.listing(self.index))

    def start(self, until: int | None = None) -> Past:
        """The newest usable snapshot (of batch ``until`` or before), or what was before the first batch."""
        self._voids = None  # others may have accepted gaps since we looked last
        kept = self._shelf.listing(self.index)
        for one in kept:
            if (until is None or one.batch <= until) and not self.is_void(one.batch):
                past = self._open(one)
                if past is not None:
                    return past
        if kept:
            logger.warning("state is rebuilt from the start of the journal", shard=self.index)
        return self.beginning()

    def beginning(self) -> Past:
        """What was before the first batch: a shard that has seen nothing."""
        pinned = (one.positions for one in self._shelf.listing(self.index) if one.batch == 0)
        return Past(Shard(self.pipeline, self.index), self._with_new(next(pinned, {})))

    def opened(self, kept: Kept) -> Past:
        """The shard as a snapshot holds it. Raises SnapshotError, which says why it cannot be used."""
        if self._key is None:
            raise Closed("there is no key here to open it with")
        body = self._shelf.body(self.index, kept.batch)
        if body is None:
            raise Closed("it is gone by now")
        if self.is_void(kept.batch):
            raise SnapshotError("its batch was given up when a gap was accepted")
        state = unseal(body, expected_of(self.pipeline, self.index), self._key, batch=kept.batch)
        # The row beside the snapshot says where reading goes on, too, but is under no seal.
        positions = positions_of(header_of(body))
        return Past(Shard(self.pipeline, self.index, state), self._with_new(positions))

    def from_here(self, batch: int) -> Past | None:
        """The oldest usable snapshot of that batch or of a later one, None where there is none."""
        kept = [one for one in self._shelf.listing(self.index) if one.batch >= batch]
        for one in reversed(kept):
            if not self.is_void(one.batch) and (past := self._open(one)) is not None:
                return past
        return None

    def walk(
        self, past: Past, until: int | None = None, *, chunk: int | None = None
    ) -> Iterator[tuple[Batch, list[Output]]]:
        """Step ``past`` through the rows after it, up to and with ``until``; yields each with its outputs.

        ``chunk`` is how many records are fetched at a time. Raises Gap, StepFailed, and what the log and
        the store raise.
        """
        for page in self._pages(past.batch, until):
            rows = [row for row in page if not self.is_void(row.number)]
            _check_bridges(past.batch, rows)
            models = partial(self.model_for, artefacts=self._artefacts)
            steps = replay(self._log, past.shard, rows, self._ranks, models=models, chunk=chunk)
            for row, outputs in steps:
                past.moved(row)
                yield row, outputs

    def read(
        self, after: int, until: int | None = None, *, chunk: int | None = None
    ) -> Iterator[tuple[Batch, list[Record]]]:
        """The rows after a batch, up to and with ``until``, each with its records in their order; steps
        nothing.

        Rows that were given up are left out. Raises Gap, and what the log and the store raise.
        """
        for page in self._pages(after, until):
            rows = [row for row in page if not self.is_void(row.number)]
            yield from read(self._log, rows, self._ranks, chunk=chunk)

    def replayable_after(self) -> int:
        """The batch after which every row's records are there, as far as offsets tell; 0 for all of them."""
        spans = self._log.spans(self._partitions)
        reached: dict[TopicPartition, int] = {}
        after = 0
        for page in self._pages(0, None):
            for row in page:
                for tp, done in row.ranges.items():
                    if done.start < reached.get(tp, 0):  # the topic was made anew
                        after = max(after, row.number - 1)
                    span = spans.get(tp)
                    if span is None or done.start < span.begin or done.end > span.end:
                        after = row.number
                    reached[tp] = done.end
        return after

    def voids(self) -> list[Void]:
        """The stretches of rows that people gave up, oldest first."""
        return list(self._known_voids())

    def at(self, batch: int, alive: Callable[[], None] = lambda: None) -> Past:
        """The shard right after a batch. Raises Gap where that cannot be rebuilt any more.

        ``alive`` is called for each row that has to be replayed: there may be very many of them.
        """
        if self.is_void(batch):
            raise Gap(f"batch {batch} was given up when a gap was accepted: choose another one")
        past = self.start(batch)
        for _ in self.walk(past, batch):
            alive()
        if past.batch != batch:
            raise Gap(f"the journal of shard {self.index} has no batch {batch}; its last one is {past.batch}")
        return past

    def model_at(self, batch: int, alive: Callable[[], None] = lambda: None) -> Any:
        """The model right after a batch; ``alive`` as with ``at``. Raises Gap."""
        return self.at(batch, alive).shard.state.learner.model

    def model_for(
        self,
        decision: Decision,
        after: int,
        alive: Callable[[], None] = lambda: None,
        *,
        artefacts: Artefacts | None = None,
    ) -> Any:
        """The model that a decision brings which is taken up after a batch. Raises Gap, StepFailed.

        Raises ValueError, TypeError and LookupError where its arguments are not as they should be.
        """
        if decision.action == "rollback":
            return self.model_at(int(decision.args["batch"]), alive)
        return model_by(self, recipe_of(decision.args["recipe"]), after, alive, artefacts=artefacts)

    def past_of(self, shard: Shard, positions: Mapping[TopicPartition, int]) -> Past:
        """A shard that somebody has kept; partitions that it does not know begin at their first offset."""
        return Past(shard, self._with_new(dict(positions)))

    def void(self, after: int, until: int) -> None:
        """Take note that a person has just given up the rows in between."""
        self._known_voids().append(Void(after, until))

    def _pages(self, after: int, until: int | None) -> Iterator[list[Batch]]:
        while page := self._journal.batches(self.index, after, until, limit=PAGE):
            yield page
            after = page[-1].number

    def _open(self, kept: Kept) -> Past | None:
        try:
            return self.opened(kept)
        except Closed:
            return None
        except OtherVersion as other:
            logger.warning("snapshot left out", shard=self.index, batch=kept.batch, why=str(other))
        except SnapshotError as error:
            logger.error("snapshot refused", shard=self.index, batch=kept.batch, why=str(error))
            self._refused(kept, str(error))
        return None

    def _with_new(self, positions: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Positions of all partitions: one that the snapshot does not know is read from its first offset."""
        fresh = [tp for tp in self._partitions if tp not in positions]
        spans = self._log.spans(fresh) if fresh else {}
        return positions | {tp: span.begin for tp, span in spans.items()}

    def is_void(self, batch: int) -> bool:
        """Whether the row of that number was given up."""
        return any(void.holds(batch) for void in self._known_voids())

    def _known_voids(self) -> list[Void]:
        if self._voids is None:
            rows = self._journal.rows_with(self.index, "accept_gap")
            self._voids = [
                Void(int(decision.args["after"]), row.number)
                for row in rows
                for decision in row.decisions
                if "after" in decision.args
            ]
        return self._voids


def _check_bridges(batch: int, rows: Sequence[Batch]) -> None:
    """See that each accepted gap is crossed from where it was accepted, and from nowhere else."""
    for row in rows:
        for decision in row.decisions:
            after = decision.args.get("after", batch) if decision.action == "accept_gap" else batch
            if after != batch:
                raise Gap(f"batch {row.number} goes on from batch {after}, and not from batch {batch}")
        batch = row.number
