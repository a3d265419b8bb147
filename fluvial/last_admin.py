"""The last admin: somebody stays who can let others in."""

import sqlalchemy as sa

from fluvial.people import AccountError
from fluvial.store import person_table


def keep_one(db: sa.Connection, name: str) -> None:
    """Refuse to go on where ``name`` is the last who manages users. Raises AccountError.

    Every admin's row is held until the transaction ends: of two who give the role up at once the second
    waits and finds himself the last.
    """
    column = person_table.c
    query = sa.select(column.name).where(
        column.role == "admin", column.pipelines.is_(None), column.disabled_at.is_(None)
    )
    admins = db.execute(query.order_by(column.name).with_for_update()).scalars().all()
    if admins == [name]:
        raise AccountError(f"{name} is the last admin of all pipelines: give somebody else the role first")
