"""The likely cause of a drift is read off its card, and what speaks most for itself comes first."""

from __future__ import annotations

from typing import Any

import pytest

from fluvial.card.card import Card, Context, Deed, Deploy, Finding, Labels, Mean, Measure, Segment, Watching
from fluvial.card.causes import cause, findings
from fluvial.card.moves import FieldMove, Refused


def card(**more: Any) -> Card:
    """A card of a drift of the loss, which surely rose."""
    rose = Measure(
        name="loss",
        before=Mean(n=2000, mean=0.2),
        after=Mean(n=900, mean=0.4),
        lately=Mean(n=200, mean=0.4),
        change=0.2,
        low=0.1,
        high=0.3,
    )
    base: dict[str, Any] = {"incident": "a", "pipeline": "loans", "task": "binary", "shard": 0, "version": 1}
    return Card(**(base | {"onset": 1.0, "measures": [rose]} | more))


def field(name: str = "income", **more: Any) -> FieldMove:
    """A number that surely moved, and on which the model leans."""
    base: dict[str, Any] = {"kind": "number", "n_before": 900, "n_after": 900, "psi": 2.0, "certain": True}
    base |= {"distance": 0.5, "missing_before": 0.0, "missing_after": 0.0, "lean": 0.4}
    return FieldMove(name=name, **(base | more))


def segment(**more: Any) -> Segment:
    """A source that carries the change."""
    base: dict[str, Any] = {
        "field": "channel",
        "value": "web",
        "n_before": 500,
        "n_after": 200,
        "before": 0.2,
    }
    base |= {"after": 0.7, "share_before": 0.25, "share_after": 0.25, "within": 0.1, "mix": 0.0}
    base |= {"of_change": 0.9, "certain": True, "carries": True, "source": True}
    return Segment(**(base | more))


def test_nothing_points_anywhere_where_nothing_is_known() -> None:
    assert cause(card(measures=[])) == ("", "")


@pytest.mark.parametrize(
    ("more", "wanted", "said"),
    [
        ({}, "world", "relation between inputs and truth"),
        ({"fields": [field(mean_before=9.0, mean_after=11.0)]}, "world", "inputs moved: income"),
        ({"fields": [field(factor=1000.0)]}, "schema", "another unit"),
        ({"fields": [field(factor=1000.0, lean=0.01)]}, "world", "relation"),
        ({"fields": [field(missing_after=0.3)]}, "schema", "missing in 30%"),
        ({"fields": [field(kind="category", new=0.4)]}, "schema", "never came before"),
        ({"segments": [segment()]}, "source", "channel web carries 90%"),
        ({"told": Finding(cause="model", because="the model fails", strength=0.6)}, "model", "fails"),
    ],
)
def test_the_likely_cause_is_read_off_the_evidence(more: dict[str, Any], wanted: str, said: str) -> None:
    found = cause(card(**more))
    assert found[0] == wanted
    assert said in found[1]


def test_refused_records_point_to_the_form_of_the_records() -> None:
    some = Refused(
        stream="events", reason="x", detail="age: is missing", n_before=0, n_after=9, before=0, after=0.1
    )
    assert cause(card(refused=[some])) == (
        "schema",
        "10% of events cannot be read, 0% before: age: is missing",
    )


def test_labels_at_another_pace_point_to_a_feed() -> None:
    times: dict[str, Any] = {
        "delay_before": 600.0,
        "delay_after": 7200.0,
        "late_before": 900,
        "late_after": 9000,
    }
    times |= {"per_hour_before": 9, "per_hour_after": 9, "truth_before": 0.5, "truth_after": 0.5}
    assert cause(card(labels=Labels(distance=0.9, **times)))[0] == "feed"
    assert cause(card(labels=Labels(distance=0.1, **times)))[0] == "world"


def deed(action: str, events: int) -> Context:
    """A decision near the onset."""
    one = Deed(batch=5, time=None, action=action, who="Ana", reason="", events_before_onset=events)
    return Context(decisions=[one])


def test_a_model_that_was_replaced_right_before_comes_first() -> None:
    found = findings(card(context=deed("reset", 40), segments=[segment()]))
    assert [one.cause for one in found] == ["model", "source"]
    assert cause(card(context=deed("reset", 9000)))[0] == "world"
    assert cause(card(context=deed("pause", 40)))[0] == "world"


def test_a_deploy_that_changed_the_contract_points_to_the_form_of_the_records() -> None:
    def deployed(*, contract: bool) -> Card:
        one = Deploy(
            batch=9, time=None, definition="b", changed=["x"], contract=contract, events_before_onset=3
        )
        return card(context=Context(deploys=[one]))

    assert cause(deployed(contract=True))[0] == "schema"
    assert cause(deployed(contract=False))[0] == "model"


def test_what_an_alarm_said_of_a_source_on_few_labels_gives_way_to_the_segments() -> None:
    base: dict[str, Any] = {"monitor": "loss", "part": "", "n_before": 4000, "before": 0.2, "after": 0.6}
    base |= {
        "low": None,
        "high": None,
        "score": None,
        "needed": None,
        "budget": 0.02,
        "smallest_change": 0.02,
    }
    base |= {"seasons": [], "took": 9.0, "outcomes": []}
    told = Finding(cause="source", because="region=S carries 79% of the change", strength=0.6)
    few = card(told=told, watching=Watching(n_after=24, **base), segments_compared=8)
    assert cause(few)[0] == "world"
    many = card(told=told, watching=Watching(n_after=800, **base), segments_compared=8)
    assert cause(many)[0] == "source"
