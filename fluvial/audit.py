"""Audit: who did what, and who tried to, in a chain of entries that cannot be changed unnoticed.

Each entry holds the SHA-256 of itself and of the one before it. The head says how many there are, which
is the last, and seals both with the store's key: whoever can write to the database but has not the key
can neither write the chain anew nor cut off its end. An entry is written in the transaction of what it
records, so that neither is there without the other. :mod:`fluvial.trail` reads and verifies.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.people import acting
from fluvial.store import KEYS, StoreError, audit_head_table, audit_table
from fluvial.tables import storable

NOTHING: Mapping[str, Any] = MappingProxyType({})

COLUMNS = ("number", "at", "event", "who", "channel", "pipeline", "subject", "detail", "previous")
"""What the hash of an entry is made of."""


class Fact(NamedTuple):
    """Something that was done or tried: ``event`` such as ``review`` or ``token.made``.

    ``subject`` is what it was done to: an incident, a token, a person, an address.
    """

    event: str
    who: str
    channel: str
    pipeline: str | None = None
    subject: str | None = None
    detail: Mapping[str, Any] = NOTHING


class BrokenTrail(StoreError):
    """The audit trail does not fit the key of this machine: nothing can be added to it."""


def append(db: sa.Connection, fact: Fact) -> None:
    """Write an entry inside a transaction that the caller commits. Raises BrokenTrail.

    The head stays locked until then: write entries last, after everything else is locked.
    """
    head = locked_head(db)
    key = sealing_key(db)
    if head.entries and not hmac.compare_digest(head.seal, seal(key, head.entries, head.hash)):
        raise BrokenTrail(
            "the audit trail was sealed with another key or was changed: set FLUVIAL_KEY_FILE to the key of "
            "the workers, and see `fluvial audit verify`"
        )
    add(db, fact, head, key)


def add(db: sa.Connection, fact: Fact, head: Any, key: bytes) -> None:
    """Write an entry behind a head that was locked."""
    entry = {"number": head.entries + 1, "at": time.time(), **_told(db, fact), "previous": head.hash}
    entry["hash"] = digest(entry)
    db.execute(sa.insert(audit_table).values(entry))
    new = {"entries": entry["number"], "hash": entry["hash"]}
    db.execute(sa.update(audit_head_table).values(**new, seal=seal(key, **new)))


def locked_head(db: sa.Connection) -> Any:
    """The head of the chain, held until the transaction ends. Raises BrokenTrail where it is gone."""
    head = db.execute(sa.select(audit_head_table).with_for_update()).first()
    if head is None:
        raise BrokenTrail("the head of the audit trail is gone: restore the store from a backup")
    return head


def sealing_key(db: sa.Connection) -> bytes:
    """The key that seals the head; empty where the store was opened without one."""
    keys: Callable[[str], bytes] = db.get_execution_options().get(KEYS, lambda _: b"")
    return keys("audit")


def seal(key: bytes, entries: int, hash: str) -> str:  # noqa: A002 - the column's name
    """What vouches for the head."""
    return hmac.new(key, f"{entries}:{hash}".encode(), hashlib.sha256).hexdigest() if key else ""


def digest(entry: Mapping[str, Any]) -> str:
    """The hash of an entry: of its canonical JSON, the hash before it included."""
    return hashlib.sha256(canonical([entry[name] for name in COLUMNS]).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON that is the same for the same value: sorted keys, no white space, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def _told(db: sa.Connection, fact: Fact) -> dict[str, Any]:
    """The columns of a fact, as the database will give them back."""
    detail = {name: value for name, value in fact.detail.items() if value is not None}
    texts = fact._asdict() | {"detail": canonical({"shown": acting(db).how} | detail)}
    return {name: None if text is None else storable(text) for name, text in texts.items()}
