"""Incident: one drift of one pipeline, or one trouble that a person decides about.

Its state is computed from dated facts (who acknowledged when, who resolved when) and not stored: see
:mod:`fluvial.lifecycle`.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from fluvial import lifecycle
from fluvial.evidence import cause, phase
from fluvial.lifecycle import MARKS, STATES, Facts, Mark, State
from monitors.alarm import Phase

__all__ = [
    "ALERT",
    "HALT",
    "MARKS",
    "STATES",
    "WENT_ON",
    "Incident",
    "Mark",
    "NoSuchIncident",
    "State",
    "is_drift",
]

HALT = "halt"
"""The monitor of an incident that says that a shard stands still; its times are clock times."""

ALERT = "alert:"
"""How the monitor of an incident begins that Alertmanager told of; the alert's name follows."""

WENT_ON = "went_on"
"""The verdict on such an incident that fluvial closed itself, because the shard runs again."""


def is_drift(monitor: str) -> bool:
    """Whether an incident is about the stream; the times of any other are clock times."""
    return monitor != HALT and not monitor.startswith(ALERT)


class NoSuchIncident(LookupError):
    """No incident has this id."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One drift of one pipeline. Times ending in ``_at`` are clock times, the others event times (s).

    ``monitor`` and ``shard`` are those that reported it first; ``alarms`` counts what called, and the
    evidence, in the order of event time, also holds what stands beside it. ``card_cause`` and
    ``card_because`` are what its evidence card names, empty where there is none or it names nothing.
    """

    id: str
    pipeline: str
    shard: int
    monitor: str
    opened_at: float
    last_time: float
    alarms: int
    version: int
    acknowledged_by: str | None = None
    acknowledged_at: float | None = None
    resolved_by: str | None = None
    resolved_at: float | None = None
    verdict: str | None = None
    fires_at: float = 0.0
    escalates_at: float | None = None
    grew_at: float | None = None
    snoozed_by: str | None = None
    snoozed_until: float | None = None
    fingerprint: str = ""
    regressed_from: str | None = None
    scenario: str | None = None
    card_cause: str = ""
    card_because: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)

    @property
    def facts(self) -> Facts:
        """What its state is computed from."""
        return Facts(**{name: getattr(self, name) for name in Facts._fields})

    @property
    def state(self) -> State:
        """Where the incident stands now, computed from its facts."""
        return lifecycle.state(self.facts, time.time())

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What has to be seen beside the state now: escalated, worse, regressed, expected."""
        return lifecycle.marks(self.facts, time.time())

    @property
    def quiet(self) -> bool:
        """Whether nobody has to be called about it now."""
        return lifecycle.quiet(self.facts, time.time())

    @property
    def severity(self) -> str:
        """Whom it calls: page, or what the alert says that opened it; nobody where it was expected."""
        if self.scenario is not None:
            return "info"
        labels = self.evidence[-1]["labels"] if self.evidence and self.monitor.startswith(ALERT) else {}
        return str(labels.get("severity", "page"))

    @property
    def phase(self) -> Phase | None:
        """Where the change stands; None where no monitor called."""
        return phase(self.evidence)

    @property
    def eased(self) -> bool:
        """Whether everything that called has said since that it went down again."""
        return self.phase in ("eased", "recovered")

    @property
    def cause(self) -> tuple[str, str]:
        """What is likely behind it and why: by its card, which saw more, else by the alarms; or empty."""
        return (self.card_cause, self.card_because) if self.card_cause else cause(self.evidence)

    @property
    def cause_of_alarms(self) -> tuple[str, str]:
        """What the alarms said of it where its card says otherwise; empty where they agree."""
        said = cause(self.evidence)
        return said if said[0] != self.cause[0] else ("", "")

    def told(self) -> dict[str, Any]:
        """Everything about it, as other programs are told."""
        computed: dict[str, Any] = {"state": self.state, "marks": list(self.marks)}
        computed |= {"severity": self.severity, "phase": self.phase}
        computed |= dict(zip(("cause", "because"), self.cause, strict=True))
        computed |= dict(zip(("alarms_cause", "alarms_because"), self.cause_of_alarms, strict=True))
        held = [name for name in self.__slots__ if name not in ("card_cause", "card_because")]
        return {name: getattr(self, name) for name in held} | computed
