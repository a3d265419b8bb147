"""Review: the words of deciding: what can be done, what it does, who asks for it, what was taken.

Errors::

    ReviewError
     +-- Conflict        somebody was first, or the incident changed since it was looked at
     +-- NotPossible     the action makes no sense here
    NoSuchPipeline       no worker has run it on this store
"""

from typing import Literal, NamedTuple, get_args

from pydantic import ConfigDict, Field, field_validator, model_validator

from fluvial.wishes import Wishes, objection

Action = Literal[
    "acknowledge",
    "keep_learning",
    "pause",
    "resume",
    "reset",
    "reset_part",
    "retrain",
    "adopt",
    "rollback",
    "exclude_source",
    "include_source",
    "resume_shard",
    "accept_gap",
    "resolve",
    "false_alarm",
    "snooze",
    "unsnooze",
    "reopen",
    "comment",
    "expect",
    "unexpect",
    "set_budget",
    "approve",
    "decline",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

EFFECTS: dict[Action, str] = {
    "acknowledge": "You have it; learning goes on as it is.",
    "keep_learning": "The model goes on learning; nothing changes.",
    "pause": "Learning stops with the next batch; predictions go on, labels are scored but not learned.",
    "resume": "Learning goes on with the next batch; labels that came during the pause stay unlearned.",
    "reset": "With the next batch the model starts afresh and its monitors warm up again.",
    "reset_part": "With the next batch one step of the model, or all that it knows of one category, is "
    "forgotten; the rest stays.",
    "retrain": "A model is retrained from a window beside the shard and then offered; nothing changes yet.",
    "adopt": "The shard goes on with a model of the shadow table, made up to the batch in which it is taken "
    "up; its monitors warm up again.",
    "exclude_source": "What a source brings is predicted and scored but not learned from the next batch on; "
    "of an incident, the model is made again without what it brought since the onset.",
    "include_source": "What an excluded source brings is learned again from the next batch on.",
    "rollback": "With the next batch the model is again what it was after the batch you name, and its "
    "monitors warm up again. The offset stays: what came since is not learned again.",
    "resume_shard": "The shard is tried again within seconds. Where it can go on nothing is lost; "
    "else it stands still as before.",
    "accept_gap": "The shard goes on behind what it cannot replay: batches that cannot be rebuilt are "
    "forgotten, records that are gone are never learned. This cannot be undone.",
    "resolve": "The incident is closed; learning goes on as it is.",
    "false_alarm": "The incident is closed as a false alarm; learning goes on as it is.",
    "snooze": "You have it and nobody is called until then; if it gets worse, it calls all the same.",
    "unsnooze": "The snooze ends; whoever snoozed it has it.",
    "reopen": "The incident is open again, and you have it; learning goes on as it is.",
    "comment": "What you write stands beside the incident; nothing else changes.",
    "expect": "What falls into the scenario opens as expected: it calls nobody, and everybody sees it.",
    "unexpect": "The scenario ends: what comes from now on calls again.",
    "set_budget": "With the next batch the monitors ask for as much evidence as the new budget says; "
    "setting the old one again undoes it.",
    "approve": "What somebody else proposed is done, as it says.",
    "decline": "What was proposed is not done.",
}
"""What each action does, said before it is taken."""

ON_INCIDENTS: tuple[Action, ...] = (
    *("acknowledge", "resolve", "false_alarm", "snooze", "unsnooze", "reopen", "comment"),
)
"""What is said about an incident and never about a whole pipeline."""

APPROVING: tuple[Action, ...] = ("approve", "decline")
"""What settles a proposal."""

ONE_SHARD: tuple[Action, ...] = ("resume_shard", "accept_gap")
"""What concerns one shard that stands still, and not the pipeline."""


OF_A_SHARD: tuple[Action, ...] = ("rollback", "adopt", "retrain", "reset_part")
"""What may concern one shard of several: models differ from shard to shard."""


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


class Request(Wishes):
    """A review as somebody asks for it.

    Either ``incident`` or ``pipeline`` names the subject. ``id`` makes a repetition recognisable;
    ``version`` is the incident's version that the person looked at: a change since then conflicts.
    ``shard`` says whom a rollback, or an action on a shard that stands still, concerns (of an incident
    of such a shard it is known); ``batch`` to which model a rollback goes back. The rest is in
    :class:`fluvial.wishes.Wishes`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    action: Action
    incident: str | None = Field(default=None, min_length=1, max_length=64)
    pipeline: str | None = Field(default=None, min_length=1, max_length=64)
    who: str = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=2000)
    id: str | None = Field(default=None, min_length=1, max_length=100)
    version: int | None = Field(default=None, ge=0, lt=1 << 31)
    shard: int | None = Field(default=None, ge=0, lt=1 << 31)
    batch: int | None = Field(default=None, ge=0, lt=1 << 53)

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

    @model_validator(mode="after")
    def _says_what_it_wants(self) -> "Request":
        if said := objection(self.action, self):
            raise ValueError(said)
        return self

    @model_validator(mode="after")
    def _says_what_it_concerns(self) -> "Request":
        if self.action == "rollback" and self.batch is None:
            raise ValueError("a rollback needs the batch whose model comes back")
        if self.action in ONE_SHARD and self.incident is None and self.shard is None:
            raise ValueError(f"{self.action} concerns one shard: name it")
        if self.action != "rollback" and self.batch is not None:
            raise ValueError(f"a batch is for a rollback and not for {self.action}")
        if self.action not in (*OF_A_SHARD, *ONE_SHARD) and self.shard is not None:
            raise ValueError(f"{self.action} concerns all shards: name none")
        return self


def effect_of(request: Request, shard: int | None) -> str:
    """What a request does, with its batch and the shard that it concerns."""
    match request.action:
        case "rollback":
            return (
                f"Rolled back to the model of batch {request.batch} of shard {shard}; the offset stays; "
                "what came since is not learned again."
            )
        case "resume_shard":
            return (
                f"Shard {shard} is tried again within seconds, or as soon as a worker has it. "
                "Where it can go on nothing is lost; else it stands still as before."
            )
        case "accept_gap":
            return (
                f"Shard {shard} goes on behind what it cannot replay: batches that cannot be rebuilt are "
                "forgotten, records that are gone are never learned. This cannot be undone."
            )
        case action:
            return EFFECTS[action]


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
