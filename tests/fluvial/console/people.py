"""Users of a console in a test: one of each role, with tokens that are good, and with those that are not."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from fastapi import FastAPI

from fluvial.accounts import Accounts, Scope, Wanted
from fluvial.people import Role
from fluvial.store import Store, token_table
from tests.fluvial.console.visitors import ORIGIN, Client

Kind = Literal["right", "other pipeline", "expired", "revoked", "disabled"]


def token_of(store: Store, role: Role, kind: Kind = "right", pipeline: str = "intent") -> str:
    """A token of a user in a role; of another pipeline, it is for ``pipeline`` only."""
    accounts, name = Accounts(store), f"{role} {kind}"
    accounts.add(name, Scope(role))
    scope = Scope(None, (pipeline,) if kind == "other pipeline" else None)
    token = accounts.make(Wanted(name, scope=scope))
    if kind == "revoked":
        accounts.revoke(token.split("_")[1])
    if kind == "disabled":
        accounts.add("who stays", Scope("admin"))  # the last one is not let go
        accounts.disable(name)
    if kind == "expired":
        with store.write() as db:
            mine = token_table.c.id == token.split("_")[1]
            db.execute(sa.update(token_table).where(mine).values(expires_at=1.0))
    return token


def bearer(app: FastAPI, token: str) -> Client:
    """A program that shows a token."""
    return Client(app, base_url=ORIGIN, follow_redirects=False, headers={"Authorization": f"Bearer {token}"})


def signed_in(app: FastAPI, token: str) -> Client:
    """A browser that signed in with a token."""
    client = Client(app, base_url=ORIGIN, headers={"Origin": ORIGIN}, follow_redirects=False)
    assert client.post("/signin", data={"token": token}).status_code == 303
    return client
