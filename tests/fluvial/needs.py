"""What states of all kinds are made of, written down by ``python -m tests.fluvial.needs``.

fluvial/allowed.txt lists the classes; shapes.txt beside this file has the attributes of ours, and the format
of the snapshots that hold them. Where an attribute comes or goes, a snapshot of before is read and fails when
it is used: the format has to go up with it.
"""

import io
import pickle
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any, NamedTuple

import fluvial.allowed
from fluvial.allowed import Door, found, mould
from fluvial.header import FORMAT
from learners.portable import REDUCERS, REVIVERS
from tests.fluvial.kinds import every_state
from tests.recovery.likeness import names_of, walk

TABLE = Path(fluvial.allowed.__file__).with_name("allowed.txt")

TITLE = "# What the states of all allowed models are made of: written by `python -m tests.fluvial.needs`, not by hand.\n"

SHAPES = Path(__file__).with_name("shapes.txt")

OURS = ("consumers", "learners", "monitors", "fluvial")

Place = tuple[str, str]


class Needs(NamedTuple):
    """Classes and functions by module and name, and what the revivers were asked for by name."""

    made: frozenset[Place]
    held: frozenset[Place]
    revived: frozenset[Place]
    asked: frozenset[str]
    shapes: Mapping[Place, frozenset[str]]

    def table(self) -> str:
        """The text of fluvial/allowed.txt."""
        rows = [("made", *place) for place in self.made] + [("held", *place) for place in self.held]
        return TITLE + "".join(f"{' '.join(row)}\n" for row in sorted(rows))

    def outline(self) -> str:
        """The text of shapes.txt."""
        rows = [
            " ".join((f"{module}.{name}:", *sorted(names))) for (module, name), names in self.shapes.items()
        ]
        return "\n".join([f"format {FORMAT}", *sorted(rows)]) + "\n"


def stale(outline: str, written: str) -> str:
    """What has to be done before an outline may take the place of the one that is written; empty if nothing.

    >>> stale("format 6\\na: x y\\n", "format 6\\na: x\\n")
    'states have another shape than those of format 6: raise FORMAT in fluvial/header.py'
    >>> stale("format 7\\na: x y\\n", "format 6\\na: x\\n"), stale("format 6\\na: x\\n", "format 6\\na: x\\n")
    ('', '')
    """
    now, before = outline.splitlines(), written.splitlines()
    if now[0] == before[0] and now != before:
        return f"states have another shape than those of {now[0]}: raise FORMAT in fluvial/header.py"
    return ""


class _Packer(pickle.Pickler):
    """Packs like a snapshot and asks no list."""

    dispatch_table = {**REDUCERS, BuiltinFunctionType: lambda function: function.__qualname__}


class _Loader(pickle.Unpickler):
    """Notes what is looked up, and what the revivers are given."""

    def __init__(self, packed: bytes) -> None:
        super().__init__(io.BytesIO(packed))
        self.places: dict[Place, Any] = {}
        self.revived: set[Place] = set()
        self.asked: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in REVIVERS:
            self.revived.add((module, name))
            return Door(lambda *given: self._revive((module, name), given))
        thing = found(module, name)
        self.places[module, name] = handed = mould(thing) if isinstance(thing, type) else thing
        return handed

    def _revive(self, place: Place, given: tuple[Any, ...]) -> Any:
        for part in given:
            self.asked |= {name for name in (part if type(part) is tuple else (part,)) if type(name) is str}
        return REVIVERS[place](*given)


def needs_of(things: Iterable[Any]) -> Needs:
    """What these states, or parts of states, need."""
    made: set[Place] = set()
    held: set[Place] = set()
    revived: set[Place] = set()
    asked: set[str] = set()
    shapes: dict[Place, set[str]] = {}
    for thing in things:
        packed = io.BytesIO()
        _Packer(packed, protocol=pickle.HIGHEST_PROTOCOL).dump(thing)
        loader = _Loader(packed.getvalue())
        twin = loader.load()
        parts = list(walk(twin))
        types, values = {type(part) for part in parts} - {bool}, {id(part) for part in parts}
        made |= {place for place in loader.places if found(*place) in types}
        held |= {place for place, handed in loader.places.items() if id(handed) in values}
        revived |= loader.revived
        asked |= loader.asked
        for part in parts:
            place = type(part).__module__, type(part).__qualname__
            if place[0].partition(".")[0] in OURS and not isinstance(part, type):
                shapes.setdefault(place, set()).update(names_of(part))
    return Needs(
        frozenset(made),
        frozenset(held),
        frozenset(revived),
        frozenset(asked),
        {place: frozenset(names) for place, names in shapes.items()},
    )


def all_needs() -> Needs:
    """What every kind of state needs."""
    return needs_of(every_state())


def main() -> None:
    """Write both files; no new shapes under a format that has others."""
    needs = all_needs()
    if why := stale(needs.outline(), SHAPES.read_text(encoding="utf-8")):
        sys.exit(why)
    TABLE.write_text(needs.table(), encoding="utf-8")
    SHAPES.write_text(needs.outline(), encoding="utf-8")
    print(f"{TABLE} and {SHAPES} are written; look at what changed before you commit it")


if __name__ == "__main__":
    main()
