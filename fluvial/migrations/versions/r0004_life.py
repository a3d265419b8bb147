"""The life of an incident in dated facts, notices that wait to be sent, proposals and scenarios.

Incidents that are there count as firing since they were opened, and nobody is told of them again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns, filled for the incidents that are there, and the tables."""
    for name, kind in _FACTS:
        op.add_column("incident", sa.Column(name, kind))
    op.execute(
        "UPDATE incident SET fires_at = opened_at, grew_at = opened_at, fingerprint = monitor, "
        "noticed = version"
    )
    with op.batch_alter_table("incident") as batch:  # SQLite can only do this by making the table anew
        for name, kind in _FACTS:
            if name in _FILLED:
                batch.alter_column(name, existing_type=kind, nullable=False)
    op.create_index("ix_incident_fingerprint", "incident", ["fingerprint"])
    op.create_index("ix_incident_due_at", "incident", ["due_at"])
    _of_notices()
    _of_proposals()
    _of_scenarios()


_FACTS: tuple[tuple[str, sa.types.TypeEngine[Any]], ...] = (
    ("fires_at", sa.Double()),
    ("escalates_at", sa.Double()),
    ("grew_at", sa.Double()),
    ("snoozed_by", sa.Text()),
    ("snoozed_until", sa.Double()),
    ("fingerprint", sa.Text()),
    ("regressed_from", sa.Text()),
    ("scenario", sa.Text()),
    ("noticed", sa.Integer()),
    ("due_at", sa.Double()),
)

_FILLED = ("fires_at", "fingerprint", "noticed")


def _of_notices() -> None:
    op.create_table(
        "notice",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("pipeline", sa.Text, nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Double),
        sa.Column("sent_at", sa.Double),
        sa.Column("trouble", sa.Text),
    )
    op.create_index("notice_waiting", "notice", ["channel", "next_at"])


def _of_proposals() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False, index=True),
        sa.Column("incident", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("settled_by", sa.Text),
        sa.Column("settled_at", sa.Double),
        sa.Column("verdict", sa.Text),
        sa.Column("settled_as", sa.Text),
    )


def _of_scenarios() -> None:
    op.create_table(
        "scenario",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("monitors", sa.JSON, nullable=False),
        sa.Column("concerns", sa.JSON, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("removed_by", sa.Text),
        sa.Column("removed_at", sa.Double),
    )
