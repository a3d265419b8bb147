"""Effective settings of this console's machine, without any secret: files are named, never read."""

import re
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL

from fluvial.engines import url_of
from fluvial.settings import Settings
from fluvial.store import Store

_USER = re.compile(r"//[^/@]*@")


class Setting(NamedTuple):
    """One setting: its variable, what holds now, where that comes from, what it is for."""

    variable: str
    value: str
    default: bool
    meaning: str


def of_machine(here: Settings) -> list[Setting]:
    """Every setting in the order of the documentation."""
    return [
        Setting(
            variable=f"FLUVIAL_{name.upper()}",
            value=_shown(name, getattr(here, name)),
            default=name not in here.model_fields_set,
            meaning=info.description or "",
        )
        for name, info in Settings.model_fields.items()
    ]


def of_store(store: Store) -> str:
    """Where the store is, without its password."""
    return _without_password(store.url)


def _shown(name: str, value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Path):
        return str(value)
    if name == "store":
        try:
            return _without_password(url_of(str(value)))
        except ValueError:
            return "***"  # nobody knows which part of it is the password
    return _USER.sub("//***@", str(value))


def _without_password(url: URL) -> str:
    # The query may hold one as well, and names of files that do.
    return url.set(query={}).render_as_string(hide_password=True)
