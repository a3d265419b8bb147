"""Routes: the route table of a console, flat, whatever routers it was put together from."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fastapi import FastAPI
from starlette.routing import BaseRoute, Route


class Entry(NamedTuple):
    """One route: its address as it was declared, and the methods it answers to."""

    path: str
    methods: frozenset[str]


def table(app: FastAPI) -> Iterator[Entry]:
    """Every route of a console."""
    return _flat(app.routes)


def has_page(app: FastAPI, path: str) -> bool:
    """Whether a page has exactly this address."""
    return any(entry.path == path and "GET" in entry.methods for entry in table(app))


def _flat(routes: Iterable[BaseRoute]) -> Iterator[Entry]:
    for route in routes:
        router = getattr(route, "original_router", None)  # FastAPI keeps a router that is included as it is
        if router is not None:
            yield from _flat(router.routes)
        elif isinstance(route, Route):
            yield Entry(route.path, frozenset(route.methods or ()))
