"""Dispatch: asks for card and shadow table when a drift calls, and for what comes of a decision."""

import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.config import Pipeline
from fluvial.decision import STEERING
from fluvial.evidence import calling
from fluvial.incidents import Incident, Incidents, is_drift
from fluvial.journal import Journal
from fluvial.shadow.asked import Asked
from fluvial.shadow.jobs import Jobs, enqueue
from fluvial.shadow.lineup import suspects
from fluvial.shadow.pruning import prune
from fluvial.store import Store, decision_table, incident_table, review_table
from fluvial.tables import card_table, shadow_job_table

AT_ONCE = 50
"""Incidents asked about in one look: it is a thread of a worker that looks."""

RECENT = 90 * 86_400.0
"""Seconds for which a decision is looked back at: what is older nobody waits for."""


PRUNE_EVERY = 3_600.0
"""Seconds between two times that old jobs are forgotten."""


class Dispatch:
    """Looks what is to be computed for one pipeline; ``hindsight`` is how many events after a decision."""

    def __init__(self, pipeline: Pipeline, store: Store, hindsight: int) -> None:
        self._pipeline, self._store, self._hindsight = pipeline, store, hindsight
        self._name, self._journal = pipeline.pipeline, Journal(store, pipeline.pipeline)
        self._done: set[str] = set()
        self._prune_at = 0.0
        self._quiet: dict[str, int] = {}  # incidents that call nobody, by their alarms

    def look(self) -> bool:
        """Ask for what is due; whether a job waits for somebody to compute it. Raises StoreError."""
        self._cards()
        self._tables()
        self._looks_back()
        self._prune()
        return Jobs(self._store).waiting(self._name)

    def _prune(self) -> None:
        """Forget old jobs now and then; a decision that is looked back at keeps its job: see RECENT."""
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_EVERY
            prune(self._store, self._name, RECENT)

    def _cards(self) -> None:
        """An evidence card for each drift that is open; anew when it has changed, one at a time."""
        column, card, job = incident_table.c, card_table.c, shadow_job_table.c
        fresh = sa.exists().where(card.incident == column.id, card.version >= column.version)
        asked = sa.exists().where(job.incident == column.id, job.kind == "card", job.ended_at.is_(None))
        query = sa.select(column.id, column.monitor, column.shard, column.version).where(
            column.pipeline == self._name, column.resolved_at.is_(None), ~fresh, ~asked
        )
        with self._store.read() as db:
            found = [row for row in db.execute(query) if is_drift(row.monitor)]
        for row in [row for row in found if f"card/{row.id}/{row.version}" not in self._done][:AT_ONCE]:
            name = f"card/{row.id}/{row.version}"
            with self._store.write() as db:
                enqueue(db, name, "card", self._name, row.shard, {"incident": row.id})
            self._done.add(name)

    def _tables(self) -> None:
        column, job = incident_table.c, shadow_job_table.c
        asked = sa.exists().where(job.incident == column.id, job.kind == "table", job.shard == column.shard)
        query = sa.select(column.id, column.monitor, column.alarms).where(
            column.pipeline == self._name, column.resolved_at.is_(None), ~asked
        )
        with self._store.read() as db:
            found = [row for row in db.execute(query) if is_drift(row.monitor)]
        fresh = [row for row in found if self._quiet.get(row.id) != row.alarms]
        for row in fresh[:AT_ONCE]:
            incident = Incidents(self._store).get(row.id)
            if calling(incident.evidence):
                with self._store.write() as db:
                    enqueue_table(db, incident, incident.shard, field=self._pipeline.source)
            else:
                self._quiet[row.id] = row.alarms

    def _looks_back(self) -> None:
        column, taken, job = review_table.c, decision_table.c, shadow_job_table.c
        named = sa.literal("hindsight/") + column.id + "/" + sa.cast(taken.shard, sa.Text)
        query = (
            sa.select(taken.shard, taken.batch, taken.args, column.id, column.incident)
            .join(review_table, column.id == taken.review)
            .where(
                taken.pipeline == self._name,
                taken.batch.is_not(None),
                taken.action.in_(STEERING),
                taken.action == column.action,
                column.incident.is_not(None),
                column.at > time.time() - RECENT,
                ~sa.exists().where(job.name == named),
            )
        )
        with self._store.read() as db:
            rows = db.execute(query).all()
        reached = {shard: self._reached(shard) for shard in {row.shard for row in rows}}
        for row in rows:
            name = f"hindsight/{row.id}/{row.shard}"
            if "failed" not in row.args and self._long_enough(row, reached[row.shard]):
                asked = self._alternatives(row)
                with self._store.write() as db:
                    enqueue(db, name, "hindsight", self._name, row.shard, asked.as_json())

    def _alternatives(self, row: Any) -> Asked:
        """What is to be held against a decision: what the shadow table of then had, among others."""
        until, _ = self._journal.reached(row.shard)
        asked = Asked(row.incident, batch=row.batch - 1, review=row.id, until=until)
        for job in Jobs(self._store).of(row.incident, "table"):
            if job.shard == row.shard and job.result is not None:
                rows = [one for one in job.result["variants"] if one["recipe"] and not one["failed"]]
                told = tuple({name: one[name] for name in ("name", "says", "recipe")} for one in rows)
                return asked._replace(variants=told, without=tuple(job.result["suspects"]))
        return asked

    def _long_enough(self, row: Any, reached: Mapping[TopicPartition, int]) -> bool:
        stood = row.args.get("stood", {}).get("positions", {})
        events, passed = self._pipeline.topic("events"), 0
        for name, offset in stood.items():
            tp = TopicPartition.parse(name)
            if tp.topic == events:
                passed += max(0, reached.get(tp, 0) - int(offset))
        return passed >= self._hindsight

    def _reached(self, shard: int) -> dict[TopicPartition, int]:
        """Where reading stands, as the newest rows tell; a partition that they do not name stands at 0."""
        last, _ = self._journal.reached(shard)
        rows = self._journal.batches(shard, max(0, last - 20), last)
        return {tp: done.end for row in rows for tp, done in row.ranges.items()}


def enqueue_table(
    db: sa.Connection, incident: Incident, shard: int, *, field: str | None, again: str = ""
) -> str:
    """Ask for the usual table of an incident; the name of its job. ``again`` sets it apart from the first."""
    called = calling(incident.evidence)
    asked = Asked(incident.id, onset=called[0]["onset"], without=suspects(incident.evidence, field))
    name = f"table/{incident.id}/{shard}{again}"
    enqueue(db, name, "table", incident.pipeline, shard, asked.as_json())
    return name
