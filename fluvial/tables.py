"""Tables: what the store holds. Whoever changes one writes a revision in fluvial/migrations as well."""

import re

import sqlalchemy as sa

SCHEMA = 3
"""The number of the tables as they are below: that of the newest revision."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text without what the databases refuse: NUL and halves of surrogate pairs become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


class Text(sa.TypeDecorator[str]):
    """Text as both databases take it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else storable(value)


metadata = sa.MetaData()

schema_table = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))

shard_table = sa.Table(
    "shard",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("owner", Text, nullable=False),
    sa.Column("last_batch", sa.BigInteger, nullable=False),
    sa.Column("topic_ids", sa.JSON, nullable=False),
    sa.Column("halted", Text),
    sa.Column("status", sa.JSON),
    sa.Column("status_at", sa.Double),
)

journal_table = sa.Table(
    "journal",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("ranges", sa.JSON, nullable=False),
    sa.Column("decisions", sa.JSON, nullable=False),
    sa.Column("published", sa.BigInteger, nullable=False),
    sa.Column("definition", Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

snapshot_table = sa.Table(
    "snapshot",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("positions", sa.JSON, nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Column("definition", Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

definition_table = sa.Table(
    "definition",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("definition", Text, primary_key=True),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("libraries", sa.JSON, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

refusal_table = sa.Table(
    "refusal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", Text, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("worker", Text, nullable=False),
    sa.Column("what", Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

decision_table = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", Text, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("action", Text, nullable=False),
    sa.Column("review", Text, nullable=False),
    sa.Column("args", sa.JSON, nullable=False),
    sa.Column("batch", sa.BigInteger),
    sa.Index("decision_waiting", "pipeline", "shard", "batch"),
)

incident_table = sa.Table(
    "incident",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("pipeline", Text, nullable=False, index=True),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("monitor", Text, nullable=False),
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("last_time", sa.Double, nullable=False),
    sa.Column("alarms", sa.Integer, nullable=False),
    sa.Column("acknowledged_by", Text),
    sa.Column("acknowledged_at", sa.Double),
    sa.Column("resolved_by", Text),
    sa.Column("resolved_at", sa.Double),
    sa.Column("verdict", Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("announced", sa.Integer, nullable=False),
    sa.Index("incident_in_order", "opened_at", "id"),
    sa.Index("incident_of_pipeline", "pipeline", "opened_at", "id"),
    sa.Index("incident_standing", "pipeline", "resolved_at", "acknowledged_at", "version"),
    sa.Index("incident_by_monitor", "monitor", "opened_at", "id"),
)

alarm_table = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("incident", Text, index=True),
    sa.Column("pipeline", Text, nullable=False, index=True),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index("alarm_in_order", "pipeline", "at", "time", "id"),
    sa.Index("alarm_in_time", "pipeline", "time"),
)

review_table = sa.Table(
    "review",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", Text, nullable=False, unique=True),
    sa.Column("pipeline", Text, nullable=False, index=True),
    sa.Column("incident", Text, index=True),
    sa.Column("action", Text, nullable=False),
    sa.Column("who", Text, nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("effect", Text, nullable=False),
    sa.Column("version", sa.Integer),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("time", sa.Double),
)

pipeline_table = sa.Table(
    "pipeline",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("shards", sa.Integer, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("paused_by", Text),
    sa.Column("version", sa.Integer, nullable=False),
)

point_table = sa.Table(
    "point",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("point_in_time", "pipeline", "time"),
)

cursor_table = sa.Table(
    "cursor",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("topic", Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("topic_id", Text, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
)
