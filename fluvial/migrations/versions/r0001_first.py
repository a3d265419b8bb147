"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them in an empty database."""
    _of_the_shards()
    _of_the_desk()
    _of_the_curve()


def _of_the_shards() -> None:
    op.create_table(
        "shard",
        *_shard_key(),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("last_batch", sa.BigInteger, nullable=False),
        sa.Column("topic_ids", sa.JSON, nullable=False),
        sa.Column("halted", sa.Text),
        sa.Column("status", sa.JSON),
        sa.Column("status_at", sa.Double),
    )
    op.create_table(
        "journal",
        *_shard_key(),
        sa.Column("batch", sa.BigInteger, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("ranges", sa.JSON, nullable=False),
        sa.Column("decisions", sa.JSON, nullable=False),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "snapshot",
        *_shard_key(),
        sa.Column("batch", sa.BigInteger, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("positions", sa.JSON, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "fence",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("batch", sa.BigInteger),
    )
    op.create_index("decision_waiting", "decision", ["pipeline", "shard", "batch"])


def _of_the_desk() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False, index=True),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("last_time", sa.Double, nullable=False),
        sa.Column("alarms", sa.Integer, nullable=False),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_at", sa.Double),
        sa.Column("resolved_by", sa.Text),
        sa.Column("resolved_at", sa.Double),
        sa.Column("verdict", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("announced", sa.Integer, nullable=False),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("incident", sa.Text, index=True),
        sa.Column("pipeline", sa.Text, nullable=False, index=True),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "review",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("pipeline", sa.Text, nullable=False, index=True),
        sa.Column("incident", sa.Text, index=True),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("time", sa.Double),
    )
    op.create_table(
        "pipeline",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("shards", sa.Integer, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("paused_by", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
    )


def _of_the_curve() -> None:
    op.create_table(
        "point",
        *_shard_key(),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_index("point_in_time", "point", ["pipeline", "time"])
    op.create_table(
        "cursor",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("topic_id", sa.Text, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
    )


def _shard_key() -> tuple[sa.Column[str], sa.Column[int]]:
    return sa.Column("pipeline", sa.Text, primary_key=True), sa.Column("shard", sa.Integer, primary_key=True)
