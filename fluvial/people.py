"""People: who acts, in which role, on which pipelines, and what each action needs.

Roles contain one another: whoever may do something, every role behind it may do as well::

    viewer      reads
    reviewer    has incidents: acknowledges, snoozes, comments, resolves, marks false alarms
    operator    changes what learner and monitors do next: pauses, resets, rolls back, sets budgets
    admin       manages users, tokens and settings

Whoever holds the store itself (the command line on its machine, a worker) is trusted with all of it.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import sqlalchemy as sa

from fluvial.errors import ConfigError
from fluvial.review import Action

Role = Literal["viewer", "reviewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

NEEDS: Mapping[Action, Role] = {
    "acknowledge": "reviewer",
    "keep_learning": "reviewer",
    "resolve": "reviewer",
    "false_alarm": "reviewer",
    "pause": "operator",
    "resume": "operator",
    "reset": "operator",
    "rollback": "operator",
    "reset_part": "operator",
    "retrain": "operator",
    "adopt": "operator",
    "exclude_source": "operator",
    "include_source": "operator",
    "resume_shard": "operator",
    "accept_gap": "operator",
    "snooze": "reviewer",
    "unsnooze": "reviewer",
    "reopen": "reviewer",
    "comment": "reviewer",
    "expect": "reviewer",
    "unexpect": "reviewer",
    "set_budget": "operator",
    "approve": "reviewer",
    "decline": "reviewer",
}
"""The role that each action needs; one that is not here may be taken by nobody who has only a role.

Approving needs, beside its own, the role of what is approved."""

ACTING = "fluvial_person"
"""The execution option of a connection that says who acts through it."""


class NotAllowed(Exception):
    """Who acts may not do this."""


class AccountError(ConfigError):
    """A user, a token or a session cannot be as somebody wants it."""


class Person(NamedTuple):
    """Somebody who acts.

    ``name`` is empty where nobody has proved one: what they write as theirs is believed. ``pipelines``
    is None for all of them. ``how`` says in the audit trail what they showed.
    """

    name: str
    role: Role
    pipelines: tuple[str, ...] | None = None
    how: str = "the store"
    trusted: bool = False

    def reaches(self, role: Role) -> bool:
        """Whether this person's role is that one or one behind it."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def may(self, action: str) -> bool:
        """Whether this person may take an action; one that nobody declared is for the trusted only."""
        need = next((role for name, role in NEEDS.items() if name == action), None)
        return self.trusted if need is None else self.reaches(need)

    @property
    def manages(self) -> bool:
        """Whether this person manages users: who is confined to some pipelines could let himself into all."""
        return self.reaches("admin") and self.pipelines is None

    def sees(self, pipeline: str) -> bool:
        """Whether this person has to do with a pipeline."""
        return self.pipelines is None or pipeline in self.pipelines

    def named(self, who: str) -> str:
        """The name that this person acts under. Raises NotAllowed where ``who`` is somebody else's."""
        if self.name and who not in ("", self.name):
            raise NotAllowed(f"you are {self.name}: nobody decides in the name of somebody else")
        return self.name or who

    def must(self, action: str) -> None:
        """Raise NotAllowed where this person may not take an action."""
        if not self.may(action):
            need = NEEDS.get(action)  # type: ignore[call-overload]
            raise NotAllowed(f"{action} needs the role {need or 'of nobody'}; yours is {self.role}")


TRUSTED = Person("", "admin", trusted=True)
"""Whoever holds the store."""


def acting(db: sa.Connection) -> Person:
    """Who acts through a connection: whoever holds the store, unless it is somebody's view of it."""
    found = db.get_execution_options().get(ACTING, TRUSTED)
    assert isinstance(found, Person)
    return found
