"""What a card is made of: intervals, shifts, reliance, segments, costs, examples."""

from __future__ import annotations

import json
import random
from statistics import fmean
from typing import Any

import pytest

from consumers.redaction import MASK
from fluvial.card.examples import Examples
from fluvial.card.fields import Lean, moves
from fluvial.card.harm import cost, measures, refused
from fluvial.card.intervals import difference, estimate
from fluvial.card.lean import lean, sample
from fluvial.card.pooled import pooled
from fluvial.card.recorder import Refusal
from fluvial.card.segments import SENDER, segments
from fluvial.config import Pipeline
from learners.task import BinaryTask, CostSpec
from tests.fluvial.card.made import arrivals, known
from tests.fluvial.card.scenarios import LOANS, loans


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """The pipeline of the scenarios."""
    return loans()


# ---- intervals


def test_an_interval_of_a_mean_holds_it_where_neighbours_are_alike() -> None:
    held = 0
    for seed in range(200):
        r, level, values = random.Random(seed), 0.0, []
        for _ in range(3000):
            level = 0.9 * level + r.gauss(0.0, 1.0)
            values.append(level)
        found = estimate(values)
        assert found is not None
        held += abs(found.mean) <= found.room
    assert held >= 180, "about 95 of a hundred; independent ones would hold 35"


def test_the_interval_of_a_change_holds_it() -> None:
    held = 0
    for seed in range(200):
        r = random.Random(seed)
        one = estimate([r.gauss(0.2, 0.1) for _ in range(400)])
        two = estimate([r.gauss(0.25, 0.2) for _ in range(90)])
        assert one is not None
        assert two is not None
        _, low, high = difference(one, two)
        held += low <= 0.05 <= high
    assert held >= 182


def test_one_outcome_says_nothing_of_how_sure_its_mean_is() -> None:
    found = measures("binary", [known(100)], [known(1)], pooled)[0]
    assert found.after.n == 1
    assert found.after.low is None
    assert found.low is None


# ---- fields


def test_what_did_not_move_is_not_called_certain(pipeline: Pipeline) -> None:
    certain = 0
    for seed in range(40):
        sides = [
            arrivals(
                300,
                seed=1000 * side + seed,
                income=lambda r: r.gauss(9, 2),
                region=lambda r: r.choice("NSEW"),
            )
            for side in (1, 2)
        ]
        certain += sum(one.certain for one in moves(pipeline, *sides, Lean({})))
    assert certain <= 1


def test_a_field_that_wanders_by_itself_is_not_called_certain(pipeline: Pipeline) -> None:
    certain = 0
    for seed in range(30):
        r, level = random.Random(seed), 0.0
        some = []
        for one in arrivals(2000):
            level = 0.95 * level + r.gauss(0.0, 1.0)
            some.append(one._replace(values={"income": level + 50.0, "region": "NSEW"[int(abs(level)) % 4]}))
        certain += sum(one.certain for one in moves(pipeline, some[:1000], some[1000:], Lean({})))
    assert certain <= 2, "of sixty; taken for independent, most of them would be"


def test_the_field_that_the_model_leans_on_comes_before_one_that_moved_more(pipeline: Pipeline) -> None:
    before = arrivals(800, income=lambda r: r.gauss(9, 2), age=lambda r: r.gauss(40, 5))
    after = arrivals(800, seed=2, income=lambda r: r.gauss(11, 2), age=lambda r: r.gauss(70, 5))
    found = moves(pipeline, before, after, Lean({"income": 0.2, "age": 0.001}))
    assert [one.name for one in found[:2]] == ["income", "age"]
    assert found[0].distance < found[1].distance  # type: ignore[operator]


def test_values_that_stop_coming_are_missing_and_not_the_value_that_stands_in(pipeline: Pipeline) -> None:
    before = arrivals(500, income=2500.0)
    after = arrivals(250, income=2500.0) + arrivals(250, income=2500.0, filled=("income",))
    (income,) = [one for one in moves(pipeline, before, after, Lean({"income": 1.0})) if one.name == "income"]
    assert (income.missing_before, income.missing_after) == (0.0, 0.5)
    assert income.certain
    assert income.harm == 0.5


def test_private_values_are_compared_and_not_shown(pipeline: Pipeline) -> None:
    made = loans(LOANS.replace("income: {type: number,", "income: {type: number, pii: true,"))
    before, after = (
        arrivals(500, income=lambda r: r.gauss(1e5, 9)),
        arrivals(500, income=lambda r: r.gauss(2e5, 9)),
    )
    (income,) = [one for one in moves(made, before, after, Lean({})) if one.name == "income"]
    assert income.certain
    assert income.private
    assert income.bars == []
    assert "00000" not in income.model_dump_json().replace("0.0000", "")
    assert income.mean_before is None


@pytest.mark.parametrize("times", [1 / 1000, 1 / 12, 1.609, 60.0, 1000.0])
def test_another_unit_is_told_from_a_world_that_moved(pipeline: Pipeline, times: float) -> None:
    def draw(scale: float, shift: float, seed: int) -> Any:
        return arrivals(900, seed=seed, income=lambda r: scale * (r.lognormvariate(7, 0.4) + shift))

    def factor(side: Any) -> float | None:
        found = moves(pipeline, draw(1.0, 0.0, 1), side, Lean({}))
        return next(one.factor for one in found if one.name == "income")

    assert factor(draw(times, 0.0, 2)) == pytest.approx(times, rel=0.1)
    assert factor(draw(1.0, 1500.0, 3)) is None
    assert factor(draw(1.0, 0.0, 4)) is None


class Leaning:
    """A model that looks at one field only."""

    def predict_proba_one(self, x: dict[str, Any]) -> dict[bool, float]:
        """P(true) by the sign of x."""
        sure = 0.9 if x.get("x", 0.0) > 0 else 0.1
        return {True: sure, False: 1 - sure}


def test_a_model_leans_on_what_it_looks_at() -> None:
    some = [one._replace(truth=one.values["x"] > 0) for one in known(300, x=lambda r: r.gauss(0, 1), y=1.0)]
    found = lean(BinaryTask(CostSpec()), Leaning(), some, ["x", "y"])
    assert found["y"] == 0.0
    assert found["x"] > 0.3
    assert found == lean(BinaryTask(CostSpec()), Leaning(), some, ["x", "y"]), "the same every time"


def test_a_sample_lies_evenly_over_a_stretch() -> None:
    assert sample(range(100), 4) == [0, 25, 50, 75]
    assert sample([1, 2], 4) == [1, 2]


# ---- segments


def test_contributions_of_a_field_add_up_to_the_whole_change(pipeline: Pipeline) -> None:
    before = known(300, loss=0.2, channel="app") + known(300, loss=0.5, channel="web")
    after = known(100, loss=0.4, channel="app") + known(500, loss=0.7, channel="web")
    found, _ = segments(pipeline, before, after)
    change = fmean(one.loss for one in after) - fmean(one.loss for one in before)
    parts = [one for one in found if one.field == "channel"]
    assert {one.value for one in parts} == {"app", "web"}
    assert sum(one.within + one.mix for one in parts) == pytest.approx(change)
    assert sum(one.of_change for one in parts) == pytest.approx(1.0)
    assert max(parts, key=lambda one: one.mix).value == "web", "it was worse before and is more frequent now"


def test_the_liar_carries_the_change_and_the_others_do_not(pipeline: Pipeline) -> None:
    before = known(900, channel=lambda r: r.choice(("app", "web", "branch")))
    after = known(300, channel="web", loss=0.8) + known(600, channel=lambda r: r.choice(("app", "branch")))
    found, compared = segments(pipeline, before, after)
    assert [(one.field, one.value) for one in found if one.carries] == [("channel", "web")]
    assert compared >= 3


def test_who_sent_the_label_is_a_segment_too(pipeline: Pipeline) -> None:
    def sent(n: int, by: str, **more: Any) -> Any:
        return [one._replace(source=by) for one in known(n, **more)]

    found, _ = segments(pipeline, sent(300, "a") + sent(300, "b"), sent(200, "a") + sent(200, "b", loss=0.7))
    assert [(one.field, one.value) for one in found if one.carries] == [(SENDER, "b")]


def test_of_many_segments_none_is_certain_by_chance(pipeline: Pipeline) -> None:
    certain = 0
    for seed in range(30):
        sides = [known(900, seed=seed + side, region=lambda r: f"r{r.randrange(30)}") for side in (0, 1000)]
        found, compared = segments(pipeline, *sides)
        assert compared >= 20
        certain += len(found)
    assert certain <= 2


# ---- costs and records


def test_the_cost_is_the_change_times_the_events() -> None:
    found = {
        one.name: one
        for one in measures("binary", [known(900, loss=0.2)], [known(900, loss=0.5, seed=2)], pooled)
    }
    made = cost("EUR", found["cost"], 120.0, 10.0)
    assert made is not None
    assert made.per_hour == pytest.approx(360.0, rel=0.05)
    assert made.so_far == pytest.approx(3600.0, rel=0.05)
    assert made.low is not None
    assert made.high is not None
    assert made.low < 360.0 < made.high


def test_refused_records_are_named_where_they_became_more() -> None:
    before = [Refusal(float(i), "events", "not_json", "record: is none") for i in range(5)]
    after = [Refusal(100.0 + i, "events", "wrong_type", "age: is no number") for i in range(50)]
    (one,) = refused(before + after, 100.0, (995, 950))
    assert (one.reason, one.detail, one.after) == ("wrong_type", "age: is no number", 0.05)


# ---- examples


def test_examples_are_redacted_and_contrast_with_the_nearest_that_went_well(pipeline: Pipeline) -> None:
    draw: dict[str, Any] = {"income": lambda r: r.gauss(2500, 300), "age": lambda r: r.gauss(40, 9)}
    draw |= {"amount": 8000.0, "region": "N", "channel": "web", "name": "Ada Lovelace"}
    other = draw | {"region": "S"}
    nearer = known(400, loss=0.9, seed=2, **other)  # and went wrong as well
    inputs = ["amount", "income", "age", "region", "channel"]
    found = Examples(pipeline, BinaryTask(CostSpec()), inputs).pairs(
        known(500, **draw) + nearer, known(200, first=900, loss=0.8, **other)
    )
    assert len(found) == 5
    assert "Lovelace" not in json.dumps([one.model_dump() for one in found])
    for pair in found:
        assert pair.before is not None
        assert pair.after.values["name"] == MASK
        assert "region" in pair.after.differs
        assert pair.before.loss < 0.5 < pair.after.loss
        assert pair.distance == pytest.approx(0.2, abs=0.05), "alike in all but the region"


def test_the_id_is_private_where_the_contract_says_so() -> None:
    made = loans(LOANS.replace("id: {type: text, use: context}", "id: {type: text, use: context, pii: true}"))
    (pair, *_) = Examples(made, BinaryTask(CostSpec()), ["age"]).pairs(known(50, age=1.0), known(50, age=1.0))
    assert pair.after.id == MASK


def test_days_that_a_short_stretch_has_not_seen_are_not_new(pipeline: Pipeline) -> None:
    def share_of_new(before: list[str], after: str) -> float | None:
        one = [event._replace(values={"channel": before[n // 200]}) for n, event in enumerate(known(800))]
        two = [event._replace(values={"channel": after}) for event in known(300)]
        return next(found.new for found in moves(pipeline, one, two, Lean({})) if found.name == "channel")

    assert share_of_new(["Mon", "Tue", "Wed", "Thu"], "Fri") == 0.0
    assert share_of_new(["Mon", "Tue", "Mon", "Tue"], "Fri") == 1.0
