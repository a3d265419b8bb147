"""The evidence card of an incident: what a person has to know before deciding, computed from the journal."""
