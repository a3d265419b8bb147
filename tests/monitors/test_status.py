"""ShardStatus: what JSON can carry of it, and whether everything is accounted for."""

import json
from dataclasses import fields, replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.status import FATES, OUTCOMES, ShardStatus, Success, plain
from tests.monitors.statuses import status_at


def test_a_status_goes_through_json_and_back_unchanged() -> None:
    shown = status_at(7).as_json()
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


def test_nothing_of_a_status_is_left_out() -> None:
    assert set(ShardStatus("flights", 0).as_json()) == {field.name for field in fields(ShardStatus)}


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_number_that_json_does_not_know_is_none_at_any_depth(value: float) -> None:
    status = replace(
        status_at(1),
        scores={"model": {"rocauc": value}},
        slices={"origin": {"JFK": {"brier": value}}},
        success=Success("rocauc", "at least", 0.7, value, "too early"),
        monitors={"loss": ("quiet", value)},
        delays=((1.0,), (0, 1), value),
        cost=value,
    )
    shown = status.as_json()
    assert shown["scores"]["model"]["rocauc"] is None
    assert shown["slices"]["origin"]["JFK"]["brier"] is None
    assert shown["success"]["value"] is None
    assert (shown["monitors"]["loss"], shown["delays"][2], shown["cost"]) == (["quiet", None], None, None)
    json.dumps(shown, allow_nan=False)


def test_pairs_become_one_key() -> None:
    status = replace(status_at(1), quarantined={("events", "not_json"): 3}, drifts={("loss", "worse"): 2})
    shown = status.as_json()
    assert (shown["quarantined"], shown["drifts"]) == ({"events/not_json": 3}, {"loss/worse": 2})


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.tuples(st.text(), st.text()), inner)
    ),
)


@given(nested)
def test_whatever_it_holds_json_can_carry_it(value: object) -> None:
    shown = plain(value)
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


def test_a_status_is_balanced_when_every_event_and_label_is_somewhere() -> None:
    one = status_at(5)
    assert one.balanced
    assert not replace(one, events=one.events + 1).balanced
    assert not replace(one, early=one.early + 1).balanced
    assert not replace(one, waiting=one.waiting - 1).balanced
    for name in OUTCOMES:
        assert not replace(one, outcomes={**one.outcomes, name: one.outcomes[name] + 1}).balanced
    for name in FATES:
        assert not replace(one, fates={**one.fates, name: one.fates[name] + 1}).balanced


def test_a_new_shard_is_balanced() -> None:
    assert ShardStatus("flights", 0).balanced
