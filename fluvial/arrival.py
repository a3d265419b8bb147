"""Arrival: a shard on its way into a worker's hands, replayed piece by piece between other work."""

from collections.abc import Callable, Sequence

from fluvial.bridge import TopicUnfit
from fluvial.decision import Decision
from fluvial.errors import Gap
from fluvial.follower import Follower
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.shard import StepFailed


class Arrival:
    """The recovery of one shard whose epoch is ours; ``owned`` can be used once ``go_on`` returns True.

    ``accept`` is a person's decision to go on behind what cannot be replayed, ``tried`` the
    decisions that have led to this attempt, ``progress`` is told each batch and the last one.
    """

    def __init__(
        self,
        owned: Owned,
        outbox: Outbox,
        *,
        started: float,
        warm: Follower | None = None,
        accept: Decision | None = None,
        tried: Sequence[Decision] = (),
        progress: Callable[[int, int], None] = lambda batch, last: None,
    ) -> None:
        self.owned, self.started, self.tried = owned, started, tried
        self.accepted = False
        self.replayed = 0
        self._accept, self._progress, self._outbox = accept, progress, outbox
        self._rows = owned.recover(outbox, warm)

    def go_on(self, pause: Callable[[], bool]) -> bool:
        """Replay until done, or until ``pause`` says that it is somebody else's turn.

        Raises Gap, StepFailed, Fenced, StoreUnavailable, LogError.
        """
        try:
            for batch in self._rows:
                self.replayed += 1
                self._progress(batch, self.owned.last_batch)
                if pause():
                    return False
        except (Gap, StepFailed) as trouble:
            if self._accept is None or isinstance(trouble, TopicUnfit):
                raise
            self.owned.accept(self._accept, self._outbox, spoilt=isinstance(trouble, StepFailed))
            self.accepted = True
        return True
