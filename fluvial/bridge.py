"""Bridge: how a shard goes on behind records that are gone, when a person accepts the loss."""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.log import Log
from consumers.record import TopicPartition
from fluvial.decision import Decision
from fluvial.history import Past
from fluvial.journal import Batch


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
    a topic that was made anew everything is read. Raises LogError.
    """
    ids = {name: info.id for name, info in log.describe(list(topics)).items()}
    reached = dict(past.positions)
    for row in given_up:
        reached |= {tp: done.end for tp, done in row.ranges.items()}
    spans = log.spans(list(reached))
    anew = {name for name, topic_id in ids.items() if known.get(name, topic_id) != topic_id}
    begin: dict[TopicPartition, int] = {}
    for tp, span in spans.items():
        at = span.begin if tp.topic in anew else reached[tp]
        begin[tp] = min(max(at, span.begin), span.end)
    args: dict[str, Any] = {
        "after": past.batch,
        "batches": len(given_up),
        "records": sum(done.count for row in given_up for done in row.ranges.values()),
        "positions": {str(tp): at for tp, at in begin.items()},
        "skipped": {str(tp): [reached[tp], at] for tp, at in begin.items() if at != reached[tp]},
    }
    return decision._replace(args={**decision.args, **args}), ids
