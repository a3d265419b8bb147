"""AtWork: a worker in a thread of its own, on a world of its own, while something happens to its store."""

from collections.abc import Callable
from threading import Thread
from types import TracebackType

from consumers.record import TopicPartition
from fluvial.runner import Runner
from tests.fluvial.world import World

END = 120.0
"""Seconds a worker has to learn what is left; it needs a few."""


class AtWork:
    """Runs a worker until the block ends, then until all is learned; what it raised is raised again there.

    ``opened`` makes the world in the worker's own thread: a log belongs to the thread that opens it.
    """

    def __init__(self, opened: Callable[[], World]) -> None:
        self._opened = opened
        self._runner: Runner | None = None
        self._finish = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="worker")

    def __enter__(self) -> "AtWork":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._finish = True
        if kind is not None and self._runner is not None:
            self._runner.should_exit = True
        self._thread.join(END)
        if self._thread.is_alive() and self._runner is not None:
            said, self._runner.should_exit = self._runner.trouble(), True
            raise AssertionError(f"the worker does not come to its end: {said or 'it is ready'}")
        if self._error is not None and kind is None:
            raise self._error

    def trouble(self) -> str:
        """Why the worker is not ready; empty where it is. Raises AssertionError where it died."""
        if self._error is not None:
            raise AssertionError("the worker died") from self._error
        return self._runner.trouble() if self._runner else "it is still starting"

    def ready(self) -> bool:
        """Whether the worker does all that it should."""
        return not self.trouble()

    def stop(self) -> None:
        """Let it end now, whatever is left to be learned."""
        assert self._runner is not None
        self._runner.should_exit = True

    def positions(self) -> dict[TopicPartition, int]:
        """How far it has learned, by partition; nothing while it has no shard."""
        owned = list(self._runner.owned.values()) if self._runner else []
        return {tp: at for one in owned for tp, at in list(one.positions.items())}

    def _work(self) -> None:
        try:
            world = self._opened()
            try:
                self._runner = world.worker(drained=lambda runner: self._finish and world.at_end(runner))
                self._runner.run()
            finally:
                world.log.close()
                world.store.close()
        except BaseException as error:  # noqa: BLE001 - it is raised again where somebody sees it
            self._error = error
