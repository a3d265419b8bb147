"""The people of a console in pictures: users in all roles, with tokens, a signing key and a browser."""

from __future__ import annotations

import sqlalchemy as sa

from fluvial.accounts import Accounts, Scope, Wanted
from fluvial.sessions import Sessions
from fluvial.store import Store, person_table, session_table, token_table

DAY = 86_400.0


def let_in(store: Store, now: float) -> None:
    """Fill a store with users, dated before ``now``; a signing key only where the store has one to make it of."""
    accounts = Accounts(store, "ana", "console")
    accounts.add("ana", Scope("admin"))
    accounts.add("Zoë", Scope("operator", ("demand", "flights")))
    accounts.add("ben", Scope("reviewer", ("flights",)))
    accounts.add("wall", Scope("viewer"))
    accounts.add("carl", Scope("operator"))
    laptop = accounts.make(Wanted("ana", note="laptop"))
    deploys = accounts.make(Wanted("Zoë", scope=Scope("reviewer"), note="deploys", days=None))
    accounts.make(Wanted("wall", note="the screen in the hall", days=None))
    lost = accounts.make(Wanted("Zoë", note="lost telephone", days=30.0))
    accounts.revoke(lost.split("_")[1])
    if store.key_for("reviewers"):
        accounts.make(Wanted("Zoë", "topic", note="the planner's reviews"))
    Sessions(store).open("ana", laptop.split("_")[1])
    Sessions(store).open("Zoë", deploys.split("_")[1])
    accounts.disable("carl")
    _date(store, now)


def _date(store: Store, now: float) -> None:
    dated = {token_table: ("made_at", "revoked_at"), person_table: ("made_at", "disabled_at")}
    with store.write() as db:
        for table, names in dated.items():
            for name in names:
                column = table.c[name]
                back = now - (12 if name == "made_at" else 2) * DAY
                db.execute(sa.update(table).where(column.is_not(None)).values({name: back}))
        used = {"used_at": now - 420, "expires_at": now + 78 * DAY}
        token = token_table.c
        db.execute(sa.update(token_table).where(token.expires_at.is_not(None)).values(used))
        db.execute(sa.update(token_table).where(token.use == "topic").values(used_at=None))
        db.execute(sa.update(session_table).values(made_at=now - 3_600, expires_at=now + 39_600))
