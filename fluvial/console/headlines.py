"""Headlines: an incident in one sentence, whatever it is about."""

from fluvial.console.claims import headline
from fluvial.console.phrases import called, standing
from fluvial.incident import ALERT, HALT, Incident


def headline_of(incident: Incident) -> str:
    """What got worse or stands still, since when, and how far; in one sentence."""
    evidence = incident.evidence
    if incident.monitor == HALT and evidence:
        return standing(incident.shard, evidence[-1]["why"], incident.opened_at, incident.resolved_at)
    if incident.monitor.startswith(ALERT) and evidence:
        return called(evidence[-1]["why"], incident.opened_at, incident.resolved_at)
    return headline(incident.monitor, evidence)
