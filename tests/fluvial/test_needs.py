"""The lists of what snapshots may hold: exact, in both directions."""

import pytest

from fluvial.allowed import HELD, MADE, found
from learners.held import CLASS_METHODS, MAKERS, METHODS, RUST
from learners.portable import REVIVERS
from tests.fluvial.needs import SHAPES, TABLE, Needs, all_needs, stale

REGENERATE = "look at it, and if it is right run: python -m tests.fluvial.needs"


@pytest.fixture(scope="module")
def needs() -> Needs:
    return all_needs()


def test_every_class_that_a_state_needs_is_listed(needs: Needs) -> None:
    assert not needs.made - MADE, f"instances of these are in a state and not in {TABLE.name}: {REGENERATE}"
    assert not needs.held - HELD, (
        f"a state holds these themselves and {TABLE.name} has them not: {REGENERATE}"
    )


def test_nothing_is_listed_that_no_state_needs(needs: Needs) -> None:
    assert not MADE - needs.made, f"no state has instances of these, which are in {TABLE.name}: {REGENERATE}"
    assert not HELD - needs.held, f"no state holds these, which are in {TABLE.name}: {REGENERATE}"


def test_the_table_is_as_it_would_be_written(needs: Needs) -> None:
    assert TABLE.read_text(encoding="utf-8") == needs.table(), REGENERATE


def test_the_format_goes_up_where_what_states_hold_has_another_shape(needs: Needs) -> None:
    written = SHAPES.read_text(encoding="utf-8")
    assert stale(needs.outline(), written) == ""
    assert needs.outline() == written, REGENERATE


@pytest.mark.parametrize(
    "names", [MAKERS, METHODS, CLASS_METHODS, RUST], ids=["makers", "methods", "class methods", "rust"]
)
def test_nothing_is_named_in_held_that_no_state_asks_for(needs: Needs, names: dict[str, object]) -> None:
    assert not set(names) - needs.asked, "no state asks for these: take them out of learners/held.py"


def test_every_reviver_is_used(needs: Needs) -> None:
    assert not set(REVIVERS) - needs.revived, "no state is written with these: take them out"


def test_of_what_is_built_in_only_what_cannot_be_changed_is_handed_to_a_pickle() -> None:
    assert {place for place in MADE | HELD if place[0] == "builtins"} == {("builtins", "bool")}


def test_everything_listed_is_there_under_its_own_name() -> None:
    for module, name in MADE | HELD:
        thing = found(module, name)
        assert (thing.__module__, thing.__qualname__) == (module, name)
