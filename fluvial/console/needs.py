"""Needs: what each route asks of a visitor; said in one line at the route, enforced in the gate.

A route that says nothing is for nobody: it answers 403, and a test fails that names it::

    @router.get("/incidents")
    @needs("viewer")
    def incidents(...): ...
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path
from starlette.types import Scope

from fluvial.people import Role

_SAID = "__fluvial_needs__"

Route = TypeVar("Route", bound=Callable[..., Any])

Need = Role | None
"""The role that a route needs; None where it is open to everybody, signed in or not."""


def needs(role: Role) -> Callable[[Route], Route]:
    """Declare the role that a route needs."""
    return lambda route: _said(route, role)


def open_to_all(route: Route) -> Route:
    """Declare that a route is open to everybody: it must say and change nothing that is not."""
    return _said(route, None)


def _said(route: Route, need: Need) -> Route:
    setattr(route, _SAID, (need,))
    return route


class Rule(NamedTuple):
    """What one route needs: ``need`` holds the role, and is empty where nobody declared it."""

    path: str
    methods: frozenset[str]
    need: tuple[Need, ...]
    pattern: re.Pattern[str]

    @property
    def open(self) -> bool:
        """Whether everybody may use it."""
        return self.need == (None,)


class Needs:
    """The rules of an application, read off its own routes when it is first asked."""

    def __init__(self, app: FastAPI) -> None:
        self._app, self._rules = app, list[Rule]()

    @property
    def rules(self) -> list[Rule]:
        """Every route that the application has."""
        if not self._rules:
            self._rules = [_rule(route) for route in iter_route_contexts(self._app.routes)]
        return self._rules

    def of(self, scope: Scope) -> Rule | None:
        """The rule for a request; of a path that knows other methods only, theirs. None: no such path."""
        path, method = scope["path"], scope["method"]
        found = [rule for rule in self.rules if rule.pattern.match(path)]
        fitting = (rule for rule in found if not rule.methods or method in rule.methods)
        return next(fitting, found[0] if found else None)


def _rule(route: Any) -> Rule:
    path = route.path or "/"
    methods = frozenset(route.methods or ())
    # What is mounted has no methods and answers to everything below its path.
    pattern = compile_path(path if methods else f"{path.rstrip('/')}{{rest:path}}")[0]
    return Rule(path, methods, getattr(route.endpoint, _SAID, ()), pattern)
