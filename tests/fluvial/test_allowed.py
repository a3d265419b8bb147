"""What a pickle is handed: blanks of listed classes, and the few functions that it may call."""

import sys
from types import FrameType
from typing import Any

import pytest

from fluvial.allowed import HELD, MADE, Door, Mould, handed_out, mould
from fluvial.snapshot import pack, unpack
from learners.portable import REVIVERS, NotPortable
from tests.fluvial.kinds import every_state

OURS = {
    *("fluvial.allowed", "fluvial.bounds", "fluvial.opcodes", "fluvial.snapshot", "fluvial.untouched"),
    *("learners.bound", "learners.held", "learners.portable"),
}
RIVERS = {
    "river.preprocessing.scale:MaxAbsScaler.__setstate__",
    "river.preprocessing.scale:MinMaxScaler.__setstate__",
    "river.preprocessing.scale:StandardScaler.__setstate__",
    "river.utils.rolling:BaseRolling.__getattr__",  # asked for a __setstate__
}
"""All Python code of River's that runs when every kind of state is read."""


class Loud:
    """A class whose constructor must not run."""

    def __new__(cls, *given: Any) -> "Loud":
        made = super().__new__(cls)
        made.given = given
        return made

    def __init__(self, *given: Any) -> None:
        raise AssertionError("the constructor runs")

    given: tuple[Any, ...]


def test_a_mould_makes_blank_instances_and_runs_no_constructor() -> None:
    made = mould(Loud).__new__(mould(Loud), 1, 2)
    assert type(made) is Loud
    assert made.given == (1, 2)


def test_a_mould_cannot_be_called_nor_changed() -> None:
    made = mould(Loud)
    with pytest.raises(NotPortable, match="wants to call Loud"):
        made()
    with pytest.raises(NotPortable, match="wants to set anything on Loud"):
        made.anything = 1
    assert not hasattr(Loud, "anything")


def test_a_door_can_be_called_and_not_changed() -> None:
    door = Door(max)
    assert door(1, 2) == 2
    for name in ("_function", "__call__", "anything"):
        with pytest.raises(NotPortable, match=f"wants to set {name} on a function"):
            setattr(door, name, min)
    assert not hasattr(door, "__dict__")


def test_of_what_is_listed_a_pickle_gets_only_what_is_held_as_it_is() -> None:
    assert {type(handed_out(*place)) for place in REVIVERS} == {Door}
    assert {type(handed_out(*place)) for place in MADE - HELD} == {Mould}


@pytest.mark.parametrize(
    "place",
    [("fluvial.state", "fresh_state"), ("os", "system"), ("", ""), ("fluvial.state", "State.__init__")],
)
def test_what_is_not_listed_is_not_handed_out(place: tuple[str, str]) -> None:
    with pytest.raises(NotPortable, match="which no state holds"):
        handed_out(*place)


def test_reading_every_kind_of_state_runs_no_code_of_rivers_but_this() -> None:
    every = [pack(state) for state in every_state()]
    unpack(every[0])
    ran: set[str] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            ran.add(f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}")

    for packed in every:
        sys.setprofile(note)
        try:
            unpack(packed)
        finally:
            sys.setprofile(None)
    assert {name for name in ran if name.startswith("river.")} <= RIVERS
    mine = {name for name in ran if name.startswith(("fluvial.", "learners.", "monitors.", "consumers."))}
    assert {name.partition(":")[0] for name in mine} <= OURS
