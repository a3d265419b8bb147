"""Oracle: what log, journal and desk say after faults: what was lost, what was done twice, what is identical."""

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.store import decision_table, review_table
from tests.fluvial.world import World
from tests.recovery.supply import Supply


def judge(world: World, supply: Supply) -> dict[str, Any]:
    """Compare all that is stored with all that came in; ``ok`` where nothing is missing and nothing is double."""
    found = {
        **_of_the_stream(world, supply.events),
        **_of_the_journal(world),
        **_of_people(world, supply.reviews),
        "identical": _is_identical(world),
    }
    return {**found, "ok": found["identical"] and not any(found[name] for name in FAULTS)}


FAULTS = ("lost", "double", "ranges_lost", "ranges_double", "decisions_not_once", "reviews_not_once")


def _is_identical(world: World) -> bool:
    verdict = world.verify()
    return verdict.difference is None and verdict.digest == world.status()["digest"]


def _of_the_stream(world: World, events: int) -> dict[str, int]:
    """Events and labels, by what the shard counted and by what was published."""
    status = world.status()
    said: dict[str, set[bytes]] = {}
    for record in world.records("predictions"):
        said.setdefault(json.loads(record.value or b"")["id"], set()).add(record.value or b"")
    learned = status["outcomes"]["learned"] + status["outcomes"]["predict_only"]
    return {
        "events": events,
        "lost": sum(abs(events - n) for n in (len(said), status["events"], status["labels"], learned)),
        "double": sum(len(variants) > 1 for variants in said.values())
        + status["fates"]["duplicate"]
        + status["outcomes"]["duplicates"]
        + abs(status["fates"]["used"] - status["labels"]),
        "republished": len(world.records("predictions")) - len(said),
    }


def _of_the_journal(world: World) -> dict[str, int]:
    """The ranges of each partition must join without gap or overlap, from its first record to its last."""
    reached = {TopicPartition(topic, 0): 0 for topic in world.pipeline.input_topics}
    lost = double = 0
    rows = world.journal.batches(0, 0)
    for row in rows:
        for tp, done in row.ranges.items():
            lost += max(0, done.start - reached[tp])
            double += max(0, reached[tp] - done.start)
            reached[tp] = done.end
    lost += sum(span.end - reached[tp] for tp, span in world.log.spans(list(reached)).items())
    return {"batches": len(rows), "ranges_lost": lost, "ranges_double": double}


def _of_people(world: World, reviews: dict[str, str]) -> dict[str, int]:
    """Every review that was asked for is there once; every decision was taken up once, in the row it names."""
    with world.store.read() as db:
        kept = Counter(db.execute(sa.select(review_table.c.id)).scalars())
        decisions = db.execute(sa.select(decision_table)).all()
    rows = {row.number: row for row in world.journal.batches(0, 0)}
    taken = Counter(decision.id for row in rows.values() for decision in row.decisions)
    named = [d.id for d in decisions if d.batch in rows and d.id in [t.id for t in rows[d.batch].decisions]]
    return {
        "reviews": len(reviews),
        "reviews_not_once": sum(kept[name] != 1 for name in reviews) + len(set(kept) - set(reviews)),
        "decisions": len(decisions),
        "decisions_not_once": sum(taken[d.id] != 1 for d in decisions) + len(decisions) - len(named),
    }
