"""Wiring: settings and a pipeline file become a log, a store and a runner. Nothing else builds parts."""

from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from consumers.log import Log, Membership, UnknownTopic
from consumers.membership import EmbeddedMembership
from fluvial import reviews
from fluvial.config import Pipeline, as_written
from fluvial.fingerprint import definition, libraries
from fluvial.journal import Journal
from fluvial.reporter import Reporter
from fluvial.runner import Runner
from fluvial.secrets import load_key
from fluvial.settings import Settings
from fluvial.store import Store
from monitors.metrics import Metrics

logger = structlog.get_logger()

OUTPUT_ROLES = ("predictions", "quarantine", "incidents", "reviews")


def create_topics(pipeline: Pipeline, log: Log) -> dict[str, bool]:
    """Create the topics of a pipeline; maps each name to whether it was made now."""
    made = {topic: log.create(topic, pipeline.partitions) for topic in pipeline.input_topics}
    for role in OUTPUT_ROLES:
        keyed_by_event = role in ("predictions", "quarantine")
        partitions = pipeline.partitions if keyed_by_event else 1
        made[pipeline.topic(role)] = log.create(pipeline.topic(role), partitions, compact=role == "incidents")
    return made


def check_topics(pipeline: Pipeline, log: Log) -> None:
    """Raise UnknownTopic unless all topics of the pipeline exist as its file says."""
    wanted = dict.fromkeys(pipeline.input_topics, pipeline.partitions)
    wanted |= {pipeline.topic(role): 0 for role in OUTPUT_ROLES}
    found = log.describe(list(wanted))
    for topic, partitions in wanted.items():
        if topic not in found:
            raise UnknownTopic(f"the topic {topic} does not exist: run `fluvial topics create` first")
        if partitions and found[topic].partitions != partitions:
            raise UnknownTopic(
                f"the topic {topic} has {found[topic].partitions} partitions, the file says {partitions}"
            )


def membership_of(pipeline: Pipeline, settings: Settings) -> Membership:
    """How this worker learns which shards it should run."""
    if settings.bootstrap is None:
        return EmbeddedMembership(
            settings.log_path, pipeline.pipeline, pipeline.shards, worker=settings.worker_name
        )
    from consumers.kafka_membership import KafkaMembership, Seat  # noqa: PLC0415 - as in open_log

    return KafkaMembership(
        settings.bootstrap,
        group=f"fluvial.{pipeline.pipeline}",
        topics=pipeline.input_topics,
        one_model=pipeline.learn == "one-model",
        partitions=pipeline.partitions,
        seat=Seat(settings.worker, settings.leave_at_stop, settings.session_timeout, settings.stuck_timeout),
        options=settings.kafka_options,
    )


def make_runner(
    pipeline: Pipeline,
    settings: Settings,
    log: Log,
    store: Store,
    registry: CollectorRegistry,
    *,
    drained: Callable[[], bool] = lambda: False,
) -> tuple[Runner, Reporter]:
    """Build a worker for a pipeline whose topics exist, and make the pipeline known to the desk."""
    reviews.register(store, pipeline.pipeline, pipeline.shards, facts(pipeline))
    Journal(store, pipeline.pipeline).define(definition(pipeline), as_written(pipeline), libraries())
    metrics = Metrics(registry)
    versions = libraries()
    metrics.build({"version": versions["fluvial"], "river": versions["river"], "python": versions["python"]})
    reporter = Reporter(pipeline.pipeline, metrics, store)
    runner = Runner(
        pipeline,
        log,
        store,
        membership_of(pipeline, settings),
        reporter,
        worker=settings.worker_name,
        key=load_key(settings.key_path),
        drained=drained,
    )
    return runner, reporter


def facts(pipeline: Pipeline) -> dict[str, Any]:
    """What the desk shows of a pipeline."""
    return {
        "question": pipeline.question,
        "decision": pipeline.decision,
        "owner": pipeline.owner,
        "task": pipeline.task,
        "model": pipeline.model.strip(),
        "cost_unit": pipeline.cost.unit,
        "success": pipeline.success.model_dump(exclude_none=True) if pipeline.success else None,
        "slices": list(pipeline.slices),
        "review": pipeline.review.model_dump(mode="json"),
        "monitor": pipeline.monitor.model_dump(mode="json"),
        "source": pipeline.source,
        "fields": [
            {"name": name, "type": spec.type, "unit": spec.unit, "description": spec.description}
            for name, spec in pipeline.fields.items()
        ],
        "recent": list(pipeline.recent),
        "topics": {role: pipeline.topic(role) for role in ("events", "labels", *OUTPUT_ROLES)},
    }
