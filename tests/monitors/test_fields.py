"""Input fields are watched: what moved is said once, in words, and nothing is said while nothing moves."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from monitors.alarm import Alarm
from monitors.fields import Fields
from tests.monitors.tables import CHANGES, DT, KINDS, events, table

BUDGET = 0.01


def watch(fields: Fields, rows: Iterable[tuple[Mapping[str, Any], float]]) -> list[Alarm]:
    """The alarms that events bring about."""
    found = []
    for values, time in rows:
        fields.update(values, time)
        found += fields.alarms
    return found


def alone(columns: list[list[Any]], name: str) -> Iterable[tuple[dict[str, Any], float]]:
    """The events of a table with one field only: the others are missing from the first event on."""
    column = columns[list(KINDS).index(name)]
    return (({} if value is None else {name: value}, i * DT) for i, value in enumerate(column))


@pytest.mark.parametrize("seed", [0, 1])
def test_twenty_fields_in_which_nothing_changes_raise_nothing(seed: int) -> None:
    fields = Fields(KINDS, BUDGET)
    assert watch(fields, events(table(seed, 30_000))) == []
    assert set(fields.states.values()) <= {"quiet", "suspected"}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_field_is_found_and_said_once(change: str) -> None:
    name, part = CHANGES[change]
    within = 10_000 if change == "mean of AR(.9)" else 2500
    for seed in range(3):
        found = watch(Fields(KINDS, BUDGET), alone(table(seed, 34_000, change, at=24_000), name))
        assert [alarm.monitor for alarm in found] == [f"field:{name}"]
        assert found[0].part in part
        assert 24_000 < found[0].n <= 24_000 + within
        assert (found[0].direction, found[0].severity) == ("changed", "info")


def test_in_a_whole_table_only_the_field_that_changed_is_named() -> None:
    [alarm] = watch(Fields(KINDS, BUDGET), events(table(3, 27_000, "share", at=24_000)))
    assert alarm.monitor == "field:c0"
    assert alarm.because.startswith("share of 3 10.")
    assert alarm.before == pytest.approx(0.1, abs=0.01)
    assert alarm.after > 0.15


def test_a_change_and_the_way_back_are_two_alarms() -> None:
    columns = table(5, 30_000, "mean", at=14_000)
    g0 = columns[0]
    g0[22_000:] = [value if value is None else value - 0.5 for value in g0[22_000:]]
    found = watch(Fields(KINDS, BUDGET), alone(columns, "g0"))
    assert [(alarm.part, alarm.phase) for alarm in found] == [
        ("location", "first"),
        ("location", "recovered"),
    ]


def test_two_parts_that_move_one_after_the_other_are_two_alarms() -> None:
    columns = table(6, 30_000, "mean", at=14_000)
    g0 = columns[0]
    g0[22_000:] = [None if i % 4 == 0 else value for i, value in enumerate(g0[22_000:])]
    found = watch(Fields(KINDS, BUDGET), alone(columns, "g0"))
    assert [alarm.part for alarm in found] == ["location", "missing"]


def test_the_sentence_speaks_in_the_units_of_the_field() -> None:
    rows = [
        ({"distance": 50.0 + i * i * 37 % 101 + (0 if i < 8000 else 40)}, float(i)) for i in range(10_000)
    ]
    fields = Fields({"distance": "number"}, BUDGET, units={"distance": "miles"}, seasons=())
    [alarm] = watch(fields, rows)
    assert alarm.because.startswith("median 99 -> 1")
    assert alarm.because.endswith(" miles")


def test_private_values_are_not_shown() -> None:
    rows = [({"name": "Ann" if i % 5 else "Bob" if i < 8000 else "Eve"}, float(i)) for i in range(10_000)]
    fields = Fields({"name": "category"}, BUDGET, private={"name"}, seasons=())
    [alarm] = watch(fields, rows)
    assert alarm.part in ("=#2", "new")
    assert not any(name in repr((alarm, fields.estimates)) for name in ("Ann", "Bob", "Eve"))


def test_rearmed_it_takes_the_new_level_for_granted() -> None:
    columns = table(7, 40_000, "mean", at=20_000)
    rows = list(alone(columns, "g0"))
    fields = Fields(KINDS, BUDGET)
    watch(fields, rows[:20_000])
    assert fields.states["g0"] == "quiet"
    fields.rearm()
    assert fields.states["g0"] == "warming"
    assert watch(fields, rows[20_000:]) == []
    assert fields.estimates["g0"]["location"] == pytest.approx(0.62, abs=0.02)


def test_a_watch_that_was_pickled_goes_on_as_if_nothing_had_happened() -> None:
    rows = list(alone(table(8, 26_000, "scale", at=24_000), "g1"))
    straight, broken = Fields(KINDS, BUDGET), Fields(KINDS, BUDGET)
    whole, pieces = watch(straight, rows), []
    for start in range(0, len(rows), 3333):
        broken = pickle.loads(pickle.dumps(broken))
        pieces += watch(broken, rows[start : start + 3333])
    assert len(whole) == 1
    assert [repr(alarm) for alarm in pieces] == [repr(alarm) for alarm in whole]
    assert broken.estimates == straight.estimates


DIGEST = """
from tests.monitors.tables import KINDS, table
from tests.monitors.test_fields import BUDGET, Fields, alone, watch
fields = Fields(KINDS, BUDGET)
rows = alone(table(9, 14_000, "share", at=11_000), "c0")
print(watch(fields, rows), fields.estimates)
"""


def test_the_hash_seed_changes_nothing() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(said) == 1
    assert "field:c0" in said.pop()
