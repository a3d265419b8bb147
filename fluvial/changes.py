"""Changes: how the definition that runs differs from the one in a pipeline file."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fluvial.config import Pipeline, as_written, checked
from fluvial.errors import ConfigError
from fluvial.fingerprint import LEARNED, libraries
from fluvial.journal import Definition

OTHER_STREAM = ("task", "learn", "topics.events", "topics.labels", "label.field")
"""What the journal and its predictions rest on: with another one there is nothing to compare."""


class Change(NamedTuple):
    """One key of the file, or one library: what it was and what it is; ``learned`` says whether that
    can change what is learned.
    """

    key: str
    before: object
    after: object
    learned: bool


def changes(running: Definition, pipeline: Pipeline) -> list[Change]:
    """Every difference, keys of the file first."""
    before, after = _flat(_complete(running.config)), _flat(pipeline.model_dump(mode="json"))
    keys = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    found = [Change(key, before.get(key), after.get(key), key.partition(".")[0] in LEARNED) for key in keys]
    found += _orders(running.config, as_written(pipeline))
    theirs, ours = running.libraries, libraries()
    names = sorted(theirs.keys() | ours.keys())
    other = [name for name in names if theirs.get(name) != ours.get(name)]
    return found + [Change(f"library {name}", theirs.get(name), ours.get(name), True) for name in other]


def another_stream(found: list[Change]) -> str | None:
    """Why the journal cannot be replayed under a changed file; None where it can."""
    for change in found:
        if change.key in OTHER_STREAM:
            return (
                f"{change.key} is {change.after!r} and was {change.before!r}: that is another stream or "
                "question. Give the pipeline another name, and it starts with a journal of its own"
            )
    return None


def _complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stored file with what is as by default; as it is where this version does not understand it."""
    try:
        return checked(config, name="").model_dump(mode="json")
    except ConfigError:
        return dict(config)


def _flat(value: Mapping[str, Any], path: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, held in value.items():
        if isinstance(held, Mapping) and held:
            found |= _flat(held, f"{path}{key}.")
        else:
            found[f"{path}{key}"] = held.strip() if isinstance(held, str) else held
    return found


def _orders(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Fields and recent statistics that are the same in another order: sums follow it."""
    found = []
    for section in ("fields", "recent"):
        old, new = list(before.get(section, {})), list(after.get(section, {}))
        if old != new and sorted(old) == sorted(new):
            found.append(Change(f"{section} (their order)", ", ".join(old), ", ".join(new), True))
    return found
