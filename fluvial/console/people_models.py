"""What the API says of users, tokens and sessions, and what it is sent."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from fluvial.accounts import Use
from fluvial.console.evidence import Text
from fluvial.people import Role

MOST = 1_000
"""Pipelines that somebody is confined to."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Id = Annotated[str, Field(min_length=1, max_length=64)]
PipelineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Pipelines = Annotated[
    list[PipelineName] | None, Field(max_length=MOST, description="null: not confined to any")
]
Who = Annotated[str, Field(max_length=200, description="left out by who is signed in")]


class UserView(BaseModel):
    """Somebody who is let in; ``source`` is ``local`` or who vouches for them."""

    name: Text
    role: Role
    pipelines: list[Text] | None = Field(description="null: all of them")
    source: Text
    made_at: float
    disabled_at: float | None


class TokenView(BaseModel):
    """A token, or a key that signs reviews for the topic, without what would open anything."""

    id: Text
    begins: Text = Field(description="how the token itself begins")
    person: Text
    use: Use
    role: Role | None = Field(description="up to this role; null: its user's")
    pipelines: list[Text] | None = Field(description="of its user's these only; null: all of them")
    note: Text
    made_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None = Field(description="when it was last shown, to the minute")
    state: Literal["good", "expired", "revoked"]


class SessionView(BaseModel):
    """A browser that is let in; ``token`` opened it, null: a provider vouched."""

    id: Text
    person: Text
    token: Text | None
    made_at: float
    expires_at: float


class Me(BaseModel):
    """Who asks, in which role, and what of theirs is good; the name is empty with the console's own token."""

    name: Text
    role: Role
    pipelines: list[Text] | None
    tokens: list[TokenView]
    sessions: list[SessionView]


class UserBody(BaseModel):
    """A user to be added, changed or let in again."""

    model_config = {"extra": "forbid"}

    name: Name
    role: Role
    pipelines: Pipelines = None
    who: Who = ""


class NameBody(BaseModel):
    """A user."""

    model_config = {"extra": "forbid"}

    name: Name
    who: Who = ""


class TokenBody(BaseModel):
    """A token to be made; up to a role and for some pipelines where its user has more."""

    model_config = {"extra": "forbid"}

    user: Name
    use: Use = "console"
    role: Role | None = None
    pipelines: Pipelines = None
    days: float | None = Field(90.0, ge=0.001, le=36_500, description="null: until it is revoked")
    note: str = Field("", max_length=200)
    who: Who = ""


class TokenMade(BaseModel):
    """A token that was made: this is the only time that it is told."""

    id: Text
    token: Text


class IdBody(BaseModel):
    """A token."""

    model_config = {"extra": "forbid"}

    id: Id
    who: Who = ""


class SessionsBody(BaseModel):
    """Sessions to be ended: one or all, of a user or of who asks."""

    model_config = {"extra": "forbid"}

    user: str = Field("", max_length=200, description="empty: who asks")
    session: Id | None = Field(None, description="null: all of them")
    who: Who = ""


class Ended(BaseModel):
    """How many sessions were ended."""

    ended: int
