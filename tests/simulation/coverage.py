"""Coverage: what a draw must have met, and how often, for its silence to mean anything."""

from __future__ import annotations

import re
from collections import Counter

PER_THOUSAND = {
    # a crash, by where the worker was
    r"crash process Journal.append write": 20,
    r"crash process Journal.append written": 20,
    r"crash process Shard.steps step": 20,
    r"crash process Outbox.deliver flush$": 10,
    r"crash process Outbox.deliver flushed": 10,
    r"crash recover": 100,
    r"crash pin Shelf.save": 10,
    r"crash (save|loop|let go|leave) Shelf.save": 5,
    r"crash (accept|halt)": 5,
    r"crash rollback": 10,
    r"crash follow": 20,
    # an error after which the worker goes on
    r"error process Journal.append write$": 10,
    r"error process Journal.append written": 10,
    r"error process Outbox.deliver flush$": 10,
    r"error process Outbox.deliver flushed": 10,
    r"error process Shard.steps step": 10,
    r"error loop Journal.acquire written": 20,
    r"error recover": 50,
    r"error rollback": 10,
    r"error (accept|halt)": 5,
    r"error .*Shelf.save": 10,
    r"error loop (Aligned.poll|Runner._reopen)": 10,
    r"error follow": 20,
    # a worker that stands still while others go on
    r"stall process Journal.append write$": 10,
    r"stall process Journal.append written": 10,
    r"stall process Outbox.deliver flush$": 10,
    r"stall process Shard.steps step": 10,
    r"stall recover": 50,
    r"stall (accept|halt)": 5,
    # what it leads to
    r"a row is written": 10_000,
    r"a row is refused": 50,
    r"a row is given up": 100,
    r"a gap is accepted": 100,
    r"a shard is halted: a gap": 100,
    r"a shard is halted: the model fails": 50,
    r"a shard is taken warm$": 200,
    r"a snapshot is spoilt": 200,
    r"records are trimmed": 100,
    r"a partition is cut back": 50,
    r"a topic is deleted": 50,
    r"a record is changed": 30,
    r"the model is mended": 20,
    r"decided: (pause|resume|reset|keep_learning)": 200,
    r"decided: rollback": 200,
    r"written to the topic: reset": 50,
}
"""Patterns of what the figures name, and how many there are at least in a thousand histories."""


def missing(figures: Counter[str], histories: int) -> dict[str, tuple[int, float]]:
    """What was met too seldom: how often, and how often at least."""
    found = {}
    for pattern, least in PER_THOUSAND.items():
        n = sum(count for name, count in figures.items() if re.search(f"^{pattern}", name))
        if n < least * histories / 1000:
            found[pattern] = n, least * histories / 1000
    return found
