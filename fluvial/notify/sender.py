"""Sender: looks for news and sends what waits, each channel in a thread of its own, beside every worker."""

from collections.abc import Callable, Sequence
from functools import partial
from threading import Event, Thread

import structlog

from fluvial.notify.notice import Channel, NotSent
from fluvial.notify.noticing import Noticing
from fluvial.notify.outbox import Outbox
from fluvial.store import Store, StoreError

logger = structlog.get_logger()

EVERY = 1.0
"""Seconds between two looks."""


class Sender:
    """Tells people by ``channels`` of what changes in a store; ``address`` is that of the console.

    A channel that is slow or away holds up neither the others nor anybody who works: what it could not
    send waits in the store.
    """

    def __init__(self, store: Store, channels: Sequence[Channel], address: str) -> None:
        self._store, self._stop = store, Event()
        self._troubles: dict[str, str] = {}
        noticing = Noticing(store, channels, address)
        self._threads = [self._thread("news", noticing.look)]
        for channel in channels:
            self._threads.append(self._thread(channel.name, partial(self.send, channel)))

    def _thread(self, name: str, turn: Callable[[], object]) -> Thread:
        return Thread(target=self._run, args=(name, turn), name=f"notices: {name}", daemon=True)

    def __enter__(self) -> "Sender":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def send(self, channel: Channel) -> None:
        """Send what is due on one channel. Raises StoreError."""
        outbox = Outbox(self._store, channel.name)
        for notice in outbox.claimed():
            try:
                channel.send(notice)
            except NotSent as error:
                outbox.failed(notice, str(error))
                self._say(channel.name, str(error))
            else:
                outbox.sent(notice)
                self._say(channel.name, "")
                logger.info("told", channel=channel.name, kind=notice.kind, subject=notice.subject)
            if self._stop.is_set():
                return

    def _run(self, name: str, turn: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                turn()
            except StoreError as error:
                self._say(f"store of {name}", str(error))
            else:
                self._say(f"store of {name}", "")
            self._stop.wait(EVERY)

    def _say(self, what: str, trouble: str) -> None:
        """Say once that something does not answer, and once that it does again."""
        before = self._troubles.get(what, "")
        if trouble and not before:
            logger.error("notices wait", what=what, why=trouble)
        elif before and not trouble:
            logger.info("notices are sent again", what=what)
        self._troubles[what] = trouble
