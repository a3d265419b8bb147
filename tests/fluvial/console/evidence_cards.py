"""A card as one of a drift of the flights could look, with hostile text wherever events reach."""

from __future__ import annotations

from typing import Any

from fluvial.card.card import (
    Card,
    Context,
    Cost,
    Deed,
    Deploy,
    Earlier,
    Finding,
    Labels,
    Mean,
    Measure,
    Pair,
    Scenario,
    Seen,
    Segment,
    Side,
    Volume,
    Watching,
)
from fluvial.card.keep import keep
from fluvial.card.moves import Bar, FieldMove, Refused
from fluvial.store import Store
from tests.fluvial.console.fleet import EVERY, START

INCIDENT, EARLIER = "0f1e2d3c4b5a", "1a2b3c4d5e6f"

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m' \" & </script>"
"""What an event would like to do to a page."""


def mean(value: float) -> Mean:
    """A mean with its bounds."""
    return Mean(n=4800, mean=value, low=0.9 * value, high=1.1 * value)


def measure(name: Any, before: float, after: float) -> Measure:
    """What a measure was and is."""
    change = after - before
    means: dict[str, Any] = {"before": mean(before), "after": mean(after), "lately": mean(after)}
    return Measure(name=name, change=change, low=change * 0.8, high=change * 1.2, **means)


def number_field(name: str = "distance", **more: Any) -> FieldMove:
    """A number that moved."""
    bars = [Bar(name=f"{n} to {n + 100}", before=0.1, after=0.02 * n / 100) for n in range(0, 1000, 100)]
    base: dict[str, Any] = {"kind": "number", "unit": "miles", "n_before": 4000, "n_after": 4000, "psi": 0.4}
    base |= {
        "certain": True,
        "distance": 0.31,
        "difference": 0.7,
        "mean_before": 1000.0,
        "mean_after": 1400.0,
    }
    base |= {"missing_before": 0.0, "missing_after": 0.08, "lean": 0.31, "harm": 0.1, "bars": bars}
    return FieldMove(name=name, **(base | more))


def named_field(name: str = "carrier") -> FieldMove:
    """A field with names, one of which is hostile."""
    bars = [Bar(name="UA", before=0.4, after=0.3), Bar(name=HOSTILE, before=0.0, after=0.2)]
    bars += [Bar(name=f"C{n}", before=0.6 / 8, after=0.5 / 8) for n in range(8)]
    base = {"unit": "", "mean_before": None, "mean_after": None, "difference": None, "new": 0.2}
    return number_field(name, kind="category", bars=bars, **base)


def segment(value: str, part: float, **more: Any) -> Segment:
    """A segment that contributes so much."""
    base: dict[str, Any] = {"field": "carrier", "n_before": 900, "n_after": 800, "before": 0.2, "after": 0.5}
    base |= {"share_before": 0.25, "share_after": 0.25, "within": 0.1, "mix": 0.0, "certain": True}
    return Segment(value=value, of_change=part, **(base | {"carries": False, "source": True} | more))


def seen(name: str) -> Seen:
    """An event as it is shown."""
    values = {"carrier": HOSTILE, "distance": "719", "passenger": "***"}
    times: dict[str, Any] = {"time": START + 260 * EVERY, "known": START + 261 * EVERY, "loss": 0.9}
    return Seen(id=name, forecast="no (4% yes)", truth="yes", values=values, differs=["distance"], **times)


def earlier() -> Earlier:
    """An incident before."""
    told: dict[str, Any] = {"id": EARLIER, "monitor": "loss", "state": "resolved", "verdict": "resolve"}
    told |= {"who": "Ana", "reason": f"The snow is over. {HOSTILE}", "cause": "world"}
    return Earlier(**told, opened_at=START, onset=START + 90 * EVERY)


def full(version: int = 1, **more: Any) -> Card:
    """A card with everything on it."""
    said: dict[str, Any] = {"monitor": "loss", "part": "", "n_before": 9600, "n_after": 4800, "before": 0.18}
    said |= {"after": 0.25, "low": 0.04, "high": 0.09, "score": 6.2, "needed": 4.5, "budget": 0.02}
    said |= {"smallest_change": 0.04, "seasons": [86400.0], "took": 5 * EVERY, "outcomes": [earlier()]}
    deploy = Deploy(
        batch=250,
        time=None,
        definition="abc",
        changed=["model", "fields: carrier"],
        contract=True,
        events_before_onset=120,
    )
    deed = Deed(batch=251, time=None, action="pause", who="Ben", reason=HOSTILE, events_before_onset=-30)
    scenario = Scenario(name=f"Easter {HOSTILE}", who="Ana", since=START, until=START + 9 * EVERY)
    refusal = Refused(
        stream="events", reason="wrong_type", detail=HOSTILE, n_before=0, n_after=90, before=0.0, after=0.02
    )
    pair = Pair(after=seen("e1"), before=seen("e2"), distance=0.2)
    delays: dict[str, float] = {
        "delay_before": 9000,
        "delay_after": 18000,
        "late_before": 2e4,
        "late_after": 4e4,
    }
    delays |= {"per_hour_before": 38.0, "per_hour_after": 36.0, "truth_before": 0.2, "truth_after": 0.26}
    card = Card(
        incident=INCIDENT,
        pipeline="flights",
        task="binary",
        shard=0,
        version=version,
        onset=START + 255 * EVERY,
        measures=[measure("loss", 0.18, 0.25), measure("wrong", 0.19, 0.28), measure("cost", 31.0, 44.0)],
        cost=Cost(unit="EUR", per_hour=512.0, low=411.0, high=640.0, lately=530.0, so_far=23000.0),
        volume=Volume(
            before_per_hour=38.0,
            after_per_hour=37.0,
            hit_per_hour=9.2,
            hit_share=0.25,
            where=f"carrier is {HOSTILE}",
        ),
        labels=Labels(distance=0.3, **delays),
        watching=Watching(**said),
        fields=[
            number_field(),
            named_field(),
            number_field("passenger", private=True, bars=[], lean=None),
            number_field("visibility", certain=False, psi=0.01, distance=0.01),
        ],
        refused=[refusal],
        segments=[segment(HOSTILE, 0.82, carries=True), segment("UA", 0.26), segment("DL", -0.02)],
        segments_compared=24,
        examples=[pair, pair],
        context=Context(deploys=[deploy], decisions=[deed], scenarios=[scenario]),
        before=Side(since=START, until=START + 255 * EVERY, events=9600, outcomes=9600, sampled=4000),
        after=Side(
            since=START + 255 * EVERY, until=START + 300 * EVERY, events=4800, outcomes=4800, sampled=4000
        ),
        findings=[
            Finding(
                cause="schema",
                because=f"20% of the values of carrier never came before: {HOSTILE}",
                strength=0.9,
            ),
            Finding(cause="source", because="carrier UA carries 82% of the change", strength=0.5),
        ],
        missing=["The records before batch 12 are gone."],
    )
    return card.model_copy(update=more)


def keep_full(store: Store, **more: Any) -> None:
    """Keep the card of the incident that is firing."""
    keep(store, full(**more))
