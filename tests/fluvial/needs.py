"""What states of all kinds are made of: ``python -m tests.fluvial.needs`` writes fluvial/allowed.txt."""

import io
import pickle
from collections.abc import Iterable
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any, NamedTuple

import fluvial.allowed
from fluvial.allowed import Door, found, mould
from learners.portable import REDUCERS, REVIVERS
from tests.fluvial.kinds import every_state
from tests.recovery.likeness import walk

TABLE = Path(fluvial.allowed.__file__).with_name("allowed.txt")

TITLE = "# What the states of all allowed models are made of: written by `python -m tests.fluvial.needs`, not by hand.\n"

Place = tuple[str, str]


class Needs(NamedTuple):
    """Classes and functions by module and name, and what the revivers were asked for by name."""

    made: frozenset[Place]
    held: frozenset[Place]
    revived: frozenset[Place]
    asked: frozenset[str]

    def table(self) -> str:
        """The text of fluvial/allowed.txt."""
        rows = [("made", *place) for place in self.made] + [("held", *place) for place in self.held]
        return TITLE + "".join(f"{' '.join(row)}\n" for row in sorted(rows))


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
    return Needs(frozenset(made), frozenset(held), frozenset(revived), frozenset(asked))


def all_needs() -> Needs:
    """What every kind of state needs."""
    return needs_of(every_state())


if __name__ == "__main__":
    TABLE.write_text(all_needs().table(), encoding="utf-8")
    print(f"{TABLE} is written; look at what changed before you commit it")
