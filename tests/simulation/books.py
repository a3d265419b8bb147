"""Books: events and labels counted by hand, where every label finds its event however late it comes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from consumers.record import Record
from monitors.status import ShardStatus


def books(records: Sequence[Record], status: ShardStatus) -> dict[str, tuple[int, int]]:
    """What a shard says of its records, and what a person counts: by name, found and wanted."""
    count: Counter[str] = Counter()
    events: set[str] = set()
    truths: dict[str, bool] = {}
    used: set[str] = set()
    for record in records:
        message = _read(record.value)
        name = message.get("id")
        if record.value is None:
            count["ignored"] += 1
        elif record.topic.endswith(".events"):
            count["events"] += 1
            if "x" not in message:
                count["events refused"] += 1
            elif name in events:
                count["events twice"] += 1
            else:
                events.add(name)
        else:
            count["labels"] += 1
            if "label" not in message:
                count["labels refused"] += 1
            elif name in truths:
                count["same label" if message["label"] == truths[name] else "other label"] += 1
            if "label" in message and name not in used:
                truths[name] = message["label"]
        used |= truths.keys() & events
    found = {
        "ignored": status.ignored,
        "events": status.events,
        "events refused": status.outcomes["quarantined"],
        "events twice": status.outcomes["duplicates"],
        "labels": status.labels,
        "labels refused": status.fates["quarantined"],
        "same label": status.fates["duplicate"],
        "other label": status.fates["corrected"],
    }
    wanted = {name: (n, count[name]) for name, n in found.items()}
    wanted["labels used"] = status.fates["used"], len(used)
    wanted["labels too early"] = status.early, len(truths.keys() - events)
    return wanted


def _read(value: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(value or b"null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
