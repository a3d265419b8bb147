"""Moment: up to where a replay goes, said as a batch or as a time of the stream."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from fluvial.errors import ConfigError, Gap

if TYPE_CHECKING:
    from fluvial.history import History, Past


class Moment(NamedTuple):
    """A batch, or a time in seconds since 1970 UTC: then the first batch after which it has come."""

    batch: int | None
    time: float | None

    @classmethod
    def parse(cls, text: str, name: str = "--until") -> Moment:
        """Read ``57``, ``2013-02-01`` or ``2013-02-01T06:30Z``; without a zone it is UTC. Raises ConfigError.

        >>> Moment.parse("57"), Moment.parse("1970-01-01T00:01")
        (Moment(batch=57, time=None), Moment(batch=None, time=60.0))
        """
        if text.isdecimal():
            return cls(int(text), None)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ConfigError(
                f"{name}: {text!r} is neither the number of a batch nor a time such as 2013-02-01T06:30"
            ) from None
        return cls(None, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

    def reached(self, past: Past) -> bool:
        """Whether a replay that stands here has come far enough."""
        if self.batch is not None:
            return past.batch >= self.batch
        return past.shard.state.clock.now / 1000 >= (self.time or 0.0)


def state_at(
    history: History,
    moment: Moment,
    *,
    progress: Callable[[int, int], None] = lambda batch, last: None,
    last: int = 0,
) -> Past:
    """The shard at a moment, from the newest snapshot before it. Raises Gap, StepFailed.

    A time that has not come yet gives the shard after its last batch.
    """
    if moment.batch is not None:
        last = moment.batch
    past = history.start(moment.batch)
    while moment.time is not None and past.batch > 0 and moment.reached(past):
        past = history.start(past.batch - 1)
    if not moment.reached(past):
        for row, _ in history.walk(past, moment.batch):
            progress(row.number, last)
            if moment.reached(past):
                break
    if moment.batch not in (None, past.batch):
        raise Gap(
            f"the journal of shard {history.index} has no batch {moment.batch}; its last one is {past.batch}"
        )
    return past
