"""Other models beside a shard: the jobs that ask for them, and models that are being made."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "shadow_job",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("incident", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.Double),
        sa.Column("batch", sa.BigInteger),
        sa.Column("last", sa.BigInteger),
        sa.Column("ended_at", sa.Double),
        sa.Column("failed", sa.Text),
        sa.Column("result", sa.JSON),
    )
    op.create_index("ix_shadow_job_incident", "shadow_job", ["incident"])
    op.create_index("shadow_job_waiting", "shadow_job", ["pipeline", "ended_at"])
    op.create_table(
        "shadow_artefact",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True),
        sa.Column("recipe", sa.Text, primary_key=True),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
