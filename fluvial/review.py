"""Review: the words of deciding: what can be done, what it does, who asks for it, what was taken.

Errors::

    ReviewError
     +-- Conflict        somebody was first, or the incident changed since it was looked at
     +-- NotPossible     the action makes no sense here
    NoSuchPipeline       no worker has run it on this store
"""

from typing import Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Action = Literal["acknowledge", "keep_learning", "pause", "resume", "reset", "resolve", "false_alarm"]
ACTIONS: tuple[Action, ...] = get_args(Action)

EFFECTS: dict[Action, str] = {
    "acknowledge": "You have it; learning goes on as it is.",
    "keep_learning": "The model goes on learning; nothing changes.",
    "pause": "Learning stops with the next batch; predictions go on, labels are scored but not learned.",
    "resume": "Learning goes on with the next batch; labels that came during the pause stay unlearned.",
    "reset": "With the next batch the model starts afresh and its monitors warm up again.",
    "resolve": "The incident is closed; learning goes on as it is.",
    "false_alarm": "The incident is closed as a false alarm; learning goes on as it is.",
}
"""What each action does, said before it is taken."""


class ReviewError(Exception):
    """Why a review was not accepted."""


class Conflict(ReviewError):
    """Somebody else decided otherwise before; ``who`` was first."""

    def __init__(self, message: str, who: str) -> None:
        super().__init__(message)
        self.who = who


class NotPossible(ReviewError):
    """The action makes no sense for this subject."""


class NoSuchPipeline(LookupError):
    """No worker has ever run a pipeline of this name on this store."""


class Request(BaseModel):
    """A review as somebody asks for it.

    Either ``incident`` or ``pipeline`` names the subject. ``id`` makes a repetition recognisable;
    ``version`` is the incident's version that the person looked at: a change since then conflicts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    action: Action
    incident: str | None = Field(default=None, min_length=1, max_length=64)
    pipeline: str | None = Field(default=None, min_length=1, max_length=64)
    who: str = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=2000)
    id: str | None = Field(default=None, min_length=1, max_length=100)
    version: int | None = Field(default=None, ge=0, lt=1 << 31)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("a NUL character cannot be stored: leave it out")
        return value

    @model_validator(mode="after")
    def _has_one_subject(self) -> "Request":
        if (self.incident is None) == (self.pipeline is None):
            raise ValueError("name either an incident or a pipeline")
        return self


class Review(NamedTuple):
    """A review as it was taken, at the clock time ``at``. ``repeated`` says that it changed nothing.

    ``time`` is the event time to which the pipeline had come, as far as its shards had reported:
    where the decision stands among the events.
    """

    id: str
    pipeline: str
    incident: str | None
    action: str
    who: str
    channel: str
    reason: str
    effect: str
    at: float
    time: float | None = None
    repeated: bool = False
