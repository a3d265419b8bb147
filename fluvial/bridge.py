"""Bridge: how a shard goes on behind records that are gone, when a person accepts the loss."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from consumers.log import Log, Unreadable
from consumers.record import TopicPartition
from fluvial.decision import Decision
from fluvial.errors import Gap
from fluvial.history import Past
from fluvial.journal import Batch


class TopicUnfit(Gap):
    """A topic is not there, or not as the pipeline file says: until it is, nobody can say what is lost."""


def bridge(
    log: Log,
    past: Past,
    given_up: Sequence[Batch],
    decision: Decision,
    known: Mapping[str, str],
    topics: Mapping[str, int],
) -> tuple[Decision, dict[str, str]]:
    """What accepting the gap means, as the journal will say it, and the ids of the topics from now on.

    ``past`` is the last state that can be rebuilt; the rows in ``given_up`` come after it. Reading
    goes on where it had been, never before it: what was predicted once is not predicted again. Of
    a topic that was made anew everything is read, but for records that cannot be read at all. Raises
    TopicUnfit, LogError.
    """
    ids = topic_ids(log, topics, past.shard.pipeline.partitions)
    reached = Past(past.shard, dict(past.positions))
    for row in given_up:
        reached.moved(row)
    anew = {name for name, topic_id in ids.items() if known.get(name, topic_id) != topic_id}
    begin: dict[TopicPartition, int] = {}
    for tp, span in log.spans(list(reached.positions)).items():
        at = span.begin if tp.topic in anew else reached.positions[tp]
        begin[tp] = readable_from(log, tp, min(max(at, span.begin), span.end), span.end)
    skipped = {tp: [was, begin[tp]] for tp, was in reached.positions.items() if begin[tp] != was}
    args: dict[str, Any] = {
        "after": past.batch,
        "batches": len(given_up),
        "records": sum(done.count for row in given_up for done in row.ranges.values()),
        "positions": {str(tp): at for tp, at in begin.items()},
        "skipped": {str(tp): between for tp, between in skipped.items()},
    }
    asked = {name: value for name, value in decision.args.items() if name != "tried"}
    return decision._replace(args=asked | args), ids


def readable_from(log: Log, tp: TopicPartition, at: int, end: int) -> int:
    """The first offset from ``at`` on that can be read; ``end`` where there is none. Raises LogError.

    Damaged records come in batches, so the steps grow until one is behind them, and then shrink.
    """
    if at >= end or can_read(log, tp, at):
        return at
    damaged, step = at, 1
    while damaged + step < end and not can_read(log, tp, damaged + step):
        damaged, step = damaged + step, 2 * step
    sound = min(damaged + step, end)
    while sound - damaged > 1:
        middle = (sound + damaged) // 2
        if can_read(log, tp, middle):
            sound = middle
        else:
            damaged = middle
    return sound


def can_read(log: Log, tp: TopicPartition, offset: int) -> bool:
    """Whether the record at an offset is sound. Raises LogError where that cannot be told."""
    try:
        log.fetch(tp, offset, offset + 1)
    except Unreadable:
        return False
    return True


def topic_ids(log: Log, topics: Iterable[str], partitions: int) -> dict[str, str]:
    """The ids of topics that should have so many partitions. Raises TopicUnfit, LogError."""
    wanted = sorted(topics)
    found = log.describe(wanted)
    if missing := [name for name in wanted if name not in found]:
        raise TopicUnfit(f"the topic {missing[0]} does not exist: create it with `fluvial topics create`")
    for name, info in found.items():
        if info.partitions != partitions:
            raise TopicUnfit(
                f"the topic {name} has {info.partitions} partitions, the pipeline file says {partitions}: "
                f"write {info.partitions} there, give every topic as many, and start the workers anew"
            )
    return {name: info.id for name, info in found.items()}
