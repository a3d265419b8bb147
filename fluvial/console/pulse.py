"""Pulse: tells browsers that something changed, over one connection each, with one look at the store for all.

What is sent is server-sent events: ``event: change`` with the versions of everything that pages show,
``event: trouble`` while the store does not answer, a comment now and then so that both ends know that
the other is there. The id of an event is a digest of the versions: whoever comes back with it has
missed nothing, or gets what is true now; nothing is kept for those who are away.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable

import sqlalchemy as sa
from anyio import to_thread

from fluvial.store import Store, StoreUnavailable, incident_table, pipeline_table, review_table, shard_table

EVERY = 1.0
"""Seconds between two looks at the store, while anybody listens."""

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent."""

MOST = 100
"""Listeners at the same time; more are asked to come back later."""

LONGEST = 300.0
"""Seconds after which a stream ends: whoever comes back has to be let in again."""

RETRY = 3000
"""Milliseconds after which a browser that lost the connection tries again."""

Versions = dict[str, dict[str, str]]
"""For each pipeline what people decided (``desk``) and what its workers reported (``figures``)."""


class Crowded(Exception):
    """As many listen already as this console serves."""


class Pulse:
    """One look at the store at a time, for everybody who listens. Belongs to one event loop."""

    def __init__(
        self,
        look: Callable[[], Versions],
        *,
        every: float = EVERY,
        most: int = MOST,
        longest: float = LONGEST,
    ) -> None:
        self._look, self._every, self._most, self._longest = look, every, most, longest
        self._said, self._closed = "", False
        self._news: asyncio.Event | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.listeners = 0

    def listen(self, seen: str = "", sees: Callable[[str], bool] = lambda name: True) -> AsyncIterator[str]:
        """Server-sent events until the console stops, about the pipelines that the listener ``sees``.

        ``seen`` is the id of the last one. Raises Crowded.
        """
        if self.listeners >= self._most:
            raise Crowded(f"{self._most} browsers listen already: come back later, or load the page again")
        return self._events(seen, sees)

    async def _events(self, seen: str, sees: Callable[[str], bool]) -> AsyncIterator[str]:
        self.listeners += 1  # here: what is never begun would never be ended
        try:
            yield f"retry: {RETRY}\n\n"
            sent, until = seen, asyncio.get_running_loop().time() + self._longest
            while not self._closed and asyncio.get_running_loop().time() < until:
                news = self._watched()
                said = _narrowed(self._said, sees)
                if said and (fresh := _id(said)) != sent:
                    sent = fresh
                    yield said
                    continue
                try:
                    await asyncio.wait_for(news.wait(), HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._leave()

    def close(self) -> None:
        """End every connection soon."""
        self._closed = True
        if self._news is not None:
            self._news.set()
        if self._watcher is not None:
            self._watcher.cancel()

    def _watched(self) -> asyncio.Event:
        if self._news is None:
            self._news = asyncio.Event()
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
        if self._watcher.done() and not self._watcher.cancelled():
            self._watcher.result()  # raises what ended it: a stream that would say nothing more must end
        return self._news

    def _leave(self) -> None:
        self.listeners -= 1
        if self.listeners == 0 and self._watcher is not None:
            self._watcher.cancel()
            self._watcher, self._news, self._said = None, None, ""

    async def _watch(self) -> None:
        while not self._closed:
            said = await to_thread.run_sync(self._saying)
            if said != self._said:
                self._said, news = said, self._news
                self._news = asyncio.Event()
                if news is not None:
                    news.set()
            await asyncio.sleep(self._every)

    def _saying(self) -> str:
        try:
            return event("change", self._look())
        except StoreUnavailable:
            return event("trouble", {})


def event(kind: str, said: Versions) -> str:
    """A server-sent event whose id is a digest of what it says."""
    text = json.dumps(said, sort_keys=True)
    return f"event: {kind}\nid: {hashlib.sha256((kind + text).encode()).hexdigest()[:16]}\ndata: {text}\n\n"


def _narrowed(said: str, sees: Callable[[str], bool]) -> str:
    """An event without the pipelines that somebody does not see."""
    head, _, text = said.partition("\ndata: ")
    told: Versions = json.loads(text) if text else {}
    kept = {name: versions for name, versions in told.items() if sees(name)}
    kind = head.partition("\n")[0].removeprefix("event: ")
    return said if len(kept) == len(told) else event(kind, kept)


def _id(said: str) -> str:
    return said.partition("\nid: ")[2].partition("\n")[0]


def versions(store: Store) -> Versions:
    """What would have to change for a page to look different; three statements. Raises StoreUnavailable."""
    shard, incident, pipeline, review = (
        table.c for table in (shard_table, incident_table, pipeline_table, review_table)
    )
    figures = sa.select(
        *(shard.pipeline, sa.func.max(shard.status_at), sa.func.sum(shard.epoch), sa.func.count(shard.halted))
    ).group_by(shard.pipeline)
    incidents = sa.select(incident.pipeline, sa.func.count(), sa.func.sum(incident.version))
    last = sa.select(sa.func.max(review.number)).scalar_subquery()
    with store.read() as db:
        seen = {name: rest for name, *rest in db.execute(figures)}
        open_ = {name: rest for name, *rest in db.execute(incidents.group_by(incident.pipeline))}
        desk = db.execute(sa.select(pipeline.pipeline, pipeline.version, pipeline.shards, last)).all()
    return {
        name: {"desk": _text(*rest, *open_.get(name, ())), "figures": _text(*seen.get(name, ()))}
        for name, *rest in desk
    }


def _text(*parts: object) -> str:
    return "/".join(str(part) for part in parts)
