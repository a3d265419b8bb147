"""What a snapshot's model could forget one by one, and the cause that a card names, beside them."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

CARD = sa.table(
    "card",
    sa.column("incident", sa.Text),
    sa.column("card", sa.JSON),
    sa.column("cause", sa.Text),
    sa.column("because", sa.Text),
)


def upgrade() -> None:
    """Add the columns; the cards that are kept tell theirs."""
    op.add_column("snapshot", sa.Column("knows", sa.JSON))
    for name in ("cause", "because"):
        op.add_column("card", sa.Column(name, sa.Text))
    db = op.get_bind()
    for row in db.execute(sa.select(CARD.c.incident, CARD.c.card)).all():
        card = json.loads(row.card) if isinstance(row.card, str) else row.card
        for found in card.get("findings", [])[:1]:
            said = {"cause": found["cause"], "because": found["because"]}
            db.execute(sa.update(CARD).where(CARD.c.incident == row.incident).values(said))
