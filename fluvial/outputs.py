"""Outbox: carries what shards put out to where it belongs: topics, incidents, the quality curve."""

from collections.abc import Sequence

from pydantic_core import to_json

from consumers.log import Log
from fluvial.config import Pipeline
from fluvial.incidents import Incidents
from fluvial.shard import Curve, Output, Published, Raised
from fluvial.store import Store, point_table
from monitors.alarm import Alarm
from monitors.status import plain


class Outbox:
    """Collects outputs of batches that are in the journal and delivers them together.

    Delivering the same outputs again is harmless: predictions are byte-identical, incidents and
    points have ids of their own.
    """

    def __init__(self, pipeline: Pipeline, log: Log, store: Store) -> None:
        self._pipeline, self._log, self._store = pipeline, log, store
        self._incidents = Incidents(store)
        self._topics = {role: pipeline.topic(role) for role in ("predictions", "quarantine", "incidents")}
        self._alarms: dict[int, list[tuple[str, Alarm]]] = {}
        self._curves: list[tuple[int, Curve]] = []

    def put(self, shard: int, outputs: Sequence[Output]) -> None:
        """Hand over the outputs of one batch."""
        append, topics = self._log.append, self._topics
        for output in outputs:
            if type(output) is Published:
                role, key, value, timestamp, partition = output
                append(topics[role], value, key=key, timestamp=timestamp, partition=partition)
            elif type(output) is Raised:
                self._alarms.setdefault(shard, []).append((output.id, output.alarm))
            elif type(output) is Curve:
                self._curves.append((shard, output))

    def deliver(self) -> None:
        """Return when everything is where it belongs. Raises LogError or StoreUnavailable.

        After an error the caller gives its shards up and recovers them: what is not known to be
        delivered is put out again.
        """
        alarms, self._alarms = self._alarms, {}
        curves, self._curves = self._curves, []
        self._log.flush()
        for shard, raised in alarms.items():
            self._incidents.record(self._pipeline.pipeline, shard, raised)
        if curves:
            self._draw(curves)

    def announce(self) -> None:
        """Write every incident that changed to the incidents topic, keyed by its id."""
        changed = self._incidents.unannounced(self._pipeline.pipeline)
        for incident in changed:
            value = to_json(incident.told(), inf_nan_mode="null")
            when = int(incident.last_time * 1000)
            key, topic = incident.id.encode(), self._topics["incidents"]
            self._log.append(topic, value, key=key, timestamp=when, partition=0)
        if changed:
            self._log.flush()
            self._incidents.announced(changed)

    def _draw(self, curves: Sequence[tuple[int, Curve]]) -> None:
        rows = [
            {
                "pipeline": self._pipeline.pipeline,
                "shard": shard,
                "sequence": curve.point.sequence,
                "time": curve.point.time,
                "data": plain(
                    {
                        "loss": curve.point.loss,
                        "recent": curve.point.recent,
                        "waiting": curve.point.waiting,
                        "estimates": curve.estimates,
                    }
                ),
            }
            for shard, curve in curves
        ]
        insert = self._store.insert(point_table)
        # A replay repeats a point as it was; after a gap was accepted new ones take the places of those
        # that were given up.
        fresh = {"time": insert.excluded.time, "data": insert.excluded.data}
        key = ["pipeline", "shard", "sequence"]
        with self._store.write() as db:
            db.execute(insert.on_conflict_do_update(index_elements=key, set_=fresh), rows)
