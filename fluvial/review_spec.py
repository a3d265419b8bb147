"""ReviewSpec: what a pipeline file says about incidents and decisions."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fluvial.review import ACTIONS, APPROVING


class ReviewSpec(BaseModel):
    """How a pipeline's incidents are handled; all durations are in seconds of clock time.

    ``pending`` holds a call back: where the change goes back before, nobody is called; a second alarm
    ends the hold. After ``escalate`` without anybody an incident is escalated; 0 means never. The
    same again within ``regress`` after it was resolved is a regression. The actions in ``approve``
    wait for a second person, for ``expires`` at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pending: float = Field(default=0.0, ge=0, le=30 * 86400, allow_inf_nan=False)
    escalate: float = Field(default=3600.0, ge=0, le=365 * 86400, allow_inf_nan=False)
    regress: float = Field(default=7 * 86400.0, ge=0, le=365 * 86400, allow_inf_nan=False)
    approve: tuple[str, ...] = ()
    expires: float = Field(default=3600.0, gt=0, le=365 * 86400, allow_inf_nan=False)

    @field_validator("approve")
    @classmethod
    def _are_actions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [action for action in ACTIONS if action not in APPROVING]
        for name in names:
            if name not in known:
                raise ValueError(f"no action is called {name!r}: there are {', '.join(known)}")
        return names


def rules_of(facts: Mapping[str, Any]) -> ReviewSpec:
    """The rules among the facts that the desk has of a pipeline; an older worker told none."""
    return ReviewSpec.model_validate(facts.get("review") or {})
