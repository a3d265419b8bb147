"""What stepped each batch, what decisions say beside their verb, and everything that was refused.

The journal and the snapshots name the definition (pipeline file and versions) that made them; of
what is there already nobody knows it, so it is empty. Fenced writes are one kind of refusal now.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns, filled for the rows that are there, and the tables."""
    _add("decision", args=(sa.JSON(), "'{}'"))
    _add("journal", definition=(sa.Text(), "''"))
    _add("snapshot", definition=(sa.Text(), "''"), size=(sa.BigInteger(), "length(body)"))
    op.create_table(
        "definition",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("definition", sa.Text, primary_key=True),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("libraries", sa.JSON, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "refusal",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    # Their ids are given anew, in the same order: so PostgreSQL's sequence knows which ones are taken.
    op.execute(
        "INSERT INTO refusal (pipeline, shard, kind, epoch, worker, what, at) "
        "SELECT pipeline, shard, 'write', epoch, worker, what, at FROM fence ORDER BY id"
    )
    op.drop_table("fence")


def _add(table: str, **columns: tuple[sa.types.TypeEngine[Any], str]) -> None:
    """Add columns that must not be empty: of which type, and with which SQL for the rows that are there."""
    for name, (kind, _) in columns.items():
        op.add_column(table, sa.Column(name, kind))
    filled = ", ".join(f"{name} = {value}" for name, (_, value) in columns.items())
    op.execute(f"UPDATE {table} SET {filled}")
    with op.batch_alter_table(table) as batch:  # SQLite can only do this by making the table anew
        for name, (kind, _) in columns.items():
            batch.alter_column(name, existing_type=kind, nullable=False)
