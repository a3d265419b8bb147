"""Points: places in the loop where something may happen to a worker, and a board that shows where it is.

Everything here is hung around the product's own functions from outside, in a process that is about
to die or to be stopped; the product knows nothing of it.
"""

from __future__ import annotations

import functools
import mmap
from collections.abc import Callable
from typing import Any, NamedTuple

import fluvial.owned
from consumers.aligned import Aligned
from consumers.embedded import EmbeddedLog
from fluvial.aftermath import Aftermath
from fluvial.history import Past
from fluvial.holdings import Holdings
from fluvial.journal import Journal
from fluvial.outputs import Outbox
from fluvial.shard import Shard
from fluvial.shelf import Shelf

PHASES = (
    "recovering",
    "before the journal row",
    "after the journal row",
    "stepping",
    "before publishing",
    "after publishing",
    "writing a snapshot",
    "in a rebalance",
)
ELSEWHERE = "starting or reading"


class Point(NamedTuple):
    """Before or after a function of the loop; ``most`` is the latest passage worth waiting for.

    Whoever stands still inside a ``transaction`` holds a lock that others wait for.
    """

    phase: str
    owner: type
    name: str
    before: bool
    most: int
    transaction: bool = False


POINTS = (
    Point("recovering", Past, "moved", True, 3),
    Point("recovering", Journal, "acquire", False, 2),
    Point("before the journal row", Journal, "append", True, 5),
    Point("before the journal row", Journal, "_insert", False, 5, transaction=True),
    Point("after the journal row", Journal, "append", False, 5),
    Point("stepping", Shard, "take", True, 300),
    Point("stepping", Aftermath, "of", True, 300),  # the learner has some records already
    Point("before publishing", Outbox, "deliver", True, 5),
    Point("after publishing", EmbeddedLog, "flush", False, 5),
    Point("after publishing", Outbox, "deliver", False, 5),
    Point("writing a snapshot", Shelf, "save", True, 2),
    Point("writing a snapshot", Shelf, "_prune", True, 2, transaction=True),
    Point("writing a snapshot", Shelf, "save", False, 2),
    Point("in a rebalance", Holdings, "let_go", True, 2),
    Point("in a rebalance", Holdings, "give_up", True, 2),  # what it had is saved
    Point("in a rebalance", Holdings, "let_go", False, 2),
)


def strike_at(point: Point, passage: int, strike: Callable[[], None]) -> Callable[[], None]:
    """Call ``strike`` once, when the point is passed for that time (from 1); returns what undoes it."""
    passed, whole = 0, vars(point.owner)[point.name]

    def pass_by() -> None:
        nonlocal passed
        passed += 1
        if passed == passage:
            strike()

    _hang(point.owner, point.name, **{"before" if point.before else "after": pass_by})
    return lambda: setattr(point.owner, point.name, whole)


class Board:
    """Shared memory on which a worker notes where it is, for whoever kills it from outside."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2)

    def clear(self) -> None:
        """For the next worker."""
        self._memory[:2] = b"\0\0"

    @property
    def phase(self) -> str:
        """Where the worker is: what its saver does counts more than what its loop does."""
        loop, saver = self._memory[0], self._memory[1]
        return PHASES[(saver or loop) - 1] if saver or loop else ELSEWHERE

    def watch(self) -> None:
        """Hang the notes around the loop of this process."""
        _hang(Holdings, "_go_on", before=self._note("recovering"))
        _hang(Journal, "append", before=self._note("before the journal row"))
        _hang(Journal, "append", after=self._note("after the journal row"))
        _hang(fluvial.owned, "batch_step", before=self._note("stepping"))
        _hang(fluvial.owned, "batch_step", after=self._note("before publishing"))
        _hang(Outbox, "deliver", after=self._note("after publishing"))
        _hang(Aligned, "poll", before=self._note(None))
        _hang(Holdings, "let_go", before=self._note("in a rebalance"))
        _hang(Shelf, "save", before=self._note("writing a snapshot", 1), after=self._note(None, 1))

    def _note(self, phase: str | None, place: int = 0) -> Callable[[], None]:
        number = PHASES.index(phase) + 1 if phase else 0

        def note() -> None:
            self._memory[place] = number

        return note


def _hang(
    owner: Any,
    name: str,
    *,
    before: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> None:
    function = getattr(owner, name)

    @functools.wraps(function)
    def hung(*args: Any, **more: Any) -> Any:
        before()
        result = function(*args, **more)
        after()
        return result

    setattr(owner, name, hung)
