"""Tables: what the store holds. Whoever changes one writes a revision in fluvial/migrations as well."""

import re

import sqlalchemy as sa

SCHEMA = 8
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
    sa.Column("knows", sa.JSON),
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

STANDING = ("pipeline", "resolved_at", "acknowledged_at", "snoozed_until", "fires_at", "version")
"""What the state of an incident is computed from, so that counting them needs an index alone."""

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
    sa.Column("fires_at", sa.Double, nullable=False),
    sa.Column("escalates_at", sa.Double),
    sa.Column("grew_at", sa.Double),
    sa.Column("snoozed_by", Text),
    sa.Column("snoozed_until", sa.Double),
    sa.Column("fingerprint", Text, nullable=False, index=True),
    sa.Column("regressed_from", Text),
    sa.Column("scenario", Text),
    sa.Column("noticed", sa.Integer, nullable=False),
    sa.Column("due_at", sa.Double, index=True),
    sa.Index("incident_in_order", "opened_at", "id"),
    sa.Index("incident_of_pipeline", "pipeline", "opened_at", "id"),
    sa.Index("incident_standing", *STANDING),
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

person_table = sa.Table(
    "person",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("role", Text, nullable=False),
    sa.Column("pipelines", sa.JSON(none_as_null=True)),
    sa.Column("source", Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("disabled_at", sa.Double),
)

token_table = sa.Table(
    "token",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("person", Text, nullable=False, index=True),
    sa.Column("use", Text, nullable=False),
    sa.Column("hash", Text, nullable=False),
    sa.Column("role", Text),
    sa.Column("pipelines", sa.JSON(none_as_null=True)),
    sa.Column("note", Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),
    sa.Column("revoked_at", sa.Double),
    sa.Column("used_at", sa.Double),
)

session_table = sa.Table(
    "session",
    metadata,
    sa.Column("hash", Text, primary_key=True),
    sa.Column("person", Text, nullable=False, index=True),
    sa.Column("token", Text),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
)

nonce_table = sa.Table(
    "nonce",
    metadata,
    sa.Column("key", Text, primary_key=True),
    sa.Column("nonce", Text, primary_key=True),
    sa.Column("place", Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

audit_table = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("event", Text, nullable=False),
    sa.Column("who", Text, nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("pipeline", Text, index=True),
    sa.Column("subject", Text),
    sa.Column("detail", Text, nullable=False),
    sa.Column("previous", Text, nullable=False),
    sa.Column("hash", Text, nullable=False),
)

audit_head_table = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("hash", Text, nullable=False),
    sa.Column("seal", Text, nullable=False),
)

NO_ENTRY = {"id": 1, "entries": 0, "hash": "", "seal": ""}
"""The head of an audit trail that has not begun: the one row of its table."""

notice_table = sa.Table(
    "notice",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", Text, nullable=False, unique=True),
    sa.Column("channel", Text, nullable=False),
    sa.Column("pipeline", Text, nullable=False, index=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("subject", Text, nullable=False, index=True),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.Double),
    sa.Column("sent_at", sa.Double),
    sa.Column("trouble", Text),
    sa.Index("notice_waiting", "channel", "next_at"),
)

proposal_table = sa.Table(
    "proposal",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("pipeline", Text, nullable=False, index=True),
    sa.Column("incident", Text),
    sa.Column("action", Text, nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("who", Text, nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("settled_by", Text),
    sa.Column("settled_at", sa.Double),
    sa.Column("verdict", Text),
    sa.Column("settled_as", Text),
)

scenario_table = sa.Table(
    "scenario",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("pipeline", Text, nullable=False, index=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("monitors", sa.JSON, nullable=False),
    sa.Column("concerns", sa.JSON, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("who", Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("removed_by", Text),
    sa.Column("removed_at", sa.Double),
)

shadow_job_table = sa.Table(
    "shadow_job",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", Text, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("incident", Text, index=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("name", Text, nullable=False, unique=True),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("asked_at", sa.Double, nullable=False),
    sa.Column("worker", Text),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("lease_until", sa.Double),
    sa.Column("batch", sa.BigInteger),
    sa.Column("last", sa.BigInteger),
    sa.Column("ended_at", sa.Double),
    sa.Column("failed", Text),
    sa.Column("result", sa.JSON),
    sa.Index("shadow_job_waiting", "pipeline", "ended_at"),
)

shadow_artefact_table = sa.Table(
    "shadow_artefact",
    metadata,
    sa.Column("pipeline", Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("recipe", Text, primary_key=True),
    sa.Column("batch", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

card_table = sa.Table(
    "card",
    metadata,
    sa.Column("incident", Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("card", sa.JSON, nullable=False),
    sa.Column("cause", Text),
    sa.Column("because", Text),
)
