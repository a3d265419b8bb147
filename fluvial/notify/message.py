"""Message: what people read about a change of an incident: one sentence, what it costs, where to look."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from fluvial.console.headlines import headline_of
from fluvial.console.phrases import DEEDS, moment, number, sound
from fluvial.evidence import calling
from fluvial.incident import Incident
from fluvial.store import shard_table

TITLES = {
    "opened": "needs somebody",
    "escalated": "nobody has it",
    "worse": "got worse",
    "regressed": "came back",
    "snooze_over": "the snooze is over",
    "resolved": "is resolved",
}
"""What a message says first about an incident."""


def of_incident(db: sa.Connection, incident: Incident, kind: str, at: float, address: str) -> dict[str, Any]:
    """A message about a change at the clock time ``at``; ``address`` is that of the console."""
    called = calling(incident.evidence)
    told: dict[str, Any] = {
        "kind": kind,
        "pipeline": incident.pipeline,
        "incident": incident.id,
        "title": f"{incident.pipeline}: {TITLES[kind]}",
        "text": " ".join(filter(None, (headline_of(incident), _since(incident, kind), _cost(db, incident)))),
        "link": f"{address}/incidents/{incident.id}" if address else "",
        "at": at,
        "onset": called[0]["onset"] if called else None,
        "state": incident.state,
        "marks": list(incident.marks),
        "severity": incident.severity,
        "who": incident.resolved_by or incident.acknowledged_by,
    }
    clean: dict[str, Any] = sound(told)
    return clean


def _since(incident: Incident, kind: str) -> str:
    """What the kind of change says beyond the headline."""
    match kind:
        case "escalated":
            return f"Nobody has acknowledged it since {moment(incident.fires_at)}."
        case "worse":
            return f"{incident.acknowledged_by} has it since {moment(incident.acknowledged_at)}."
        case "regressed":
            return f"It was resolved before: incident {incident.regressed_from}."
        case "snooze_over":
            return f"{incident.snoozed_by} had snoozed it until {moment(incident.snoozed_until)}."
        case "resolved":
            return f"{incident.resolved_by} {DEEDS.get(str(incident.verdict), 'closed it')}."
    return ""


def _cost(db: sa.Connection, incident: Incident) -> str:
    """What errors cost at present, where the shard has said so."""
    column = shard_table.c
    query = sa.select(column.status).where(
        column.pipeline == incident.pipeline, column.shard == incident.shard
    )
    status: Mapping[str, Any] = db.execute(query).scalar() or {}
    cost = status.get("recent_scores", {}).get("model", {}).get("cost")
    if cost is None:
        return ""
    return f"At present a prediction costs {number(cost)} {status.get('cost_unit', '')} on average."


def of_review(row: Any, address: str) -> dict[str, Any]:
    """A message about a decision, for time axes."""
    page = f"incidents/{row.incident}" if row.incident else f"pipelines/{row.pipeline}"
    reason = f": {row.reason}" if row.reason else ""
    told = {
        "kind": "decided",
        "pipeline": row.pipeline,
        "incident": row.incident,
        "title": f"{row.pipeline}: {row.who} {DEEDS.get(row.action, row.action)}",
        "text": f"{row.who} {DEEDS.get(row.action, row.action)}{reason}. {row.effect}",
        "link": f"{address}/{page}" if address else "",
        "at": row.at,
        "action": row.action,
        "who": row.who,
    }
    clean: dict[str, Any] = sound(told)
    return clean
