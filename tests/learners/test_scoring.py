"""Scores against exact definitions, windows, slices, goals and label delays."""

import math
import pickle
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from learners.scores import BinaryScore, MulticlassScore, RegressionScore
from learners.scoring import BETTER, Delays, Score, Slices, Success, SuccessSpec, Tally, Verdict
from learners.task import task_named

Outcomes = Sequence[tuple[float, bool]]

probabilities = st.floats(0.0, 1.0)
outcomes = st.lists(st.tuples(probabilities, st.booleans()), max_size=60)
numbers = st.floats(-1e9, 1e9)


def exact_rocauc(pairs: Outcomes) -> float:
    """The share of (true, false) pairs in the right order, ties half."""
    true, false = [p for p, y in pairs if y], [p for p, y in pairs if not y]
    return sum((t > f) + (t == f) / 2 for t in true for f in false) / (len(true) * len(false))


def exact_average_precision(pairs: Outcomes) -> float:
    """The sum over thresholds of precision times gain in recall."""
    ranked = sorted(pairs, reverse=True)
    ends = [i for i, (here, after) in enumerate(pairwise(ranked), 1) if here[0] != after[0]] + [len(ranked)]
    hits = [sum(y for _, y in ranked[:end]) for end in ends]
    gains = [now - before for before, now in pairwise([0, *hits])]
    return sum(gain * hit / end for gain, hit, end in zip(gains, hits, ends, strict=True)) / hits[-1]


def scored(score: Score, pairs: Sequence[tuple[object, object]]) -> dict[str, float]:
    for forecast, y in pairs:
        score.add(forecast, y)
    return score.values()


def calibrated(seed: int, centre: float, spread: float, n: int = 1_500) -> list[tuple[float, bool]]:
    """Forecasts around a logit, each true as often as it says."""
    draw = random.Random(seed)
    forecasts = [1 / (1 + math.exp(-draw.gauss(centre, spread))) for _ in range(n)]
    return [(p, draw.random() < p) for p in forecasts]


@pytest.mark.parametrize(
    ("centre", "spread"), [(0.0, 1.5), (-1.6, 0.5), (-3.0, 0.2), (-4.5, 1.0), (4.0, 1.0), (0.0, 8.0)]
)
@pytest.mark.parametrize("seed", range(3))
def test_ranks_from_the_histogram_are_those_of_an_exact_computation(centre, spread, seed) -> None:
    pairs = calibrated(seed, centre, spread)
    values = scored(BinaryScore(), pairs)
    assert values["rocauc"] == pytest.approx(exact_rocauc(pairs), abs=1e-3)
    assert values["average_precision"] == pytest.approx(exact_average_precision(pairs), abs=1e-3)


def test_ranks_of_few_and_equal_forecasts_are_exact() -> None:
    pairs = [
        (p, y) for p, y in [(0.0, False), (0.2, False), (0.2, True), (0.9, False), (0.9, True), (1.0, True)]
    ] * 3
    values = scored(BinaryScore(), pairs)
    assert values["rocauc"] == pytest.approx(exact_rocauc(pairs), rel=1e-12)
    assert values["average_precision"] == pytest.approx(exact_average_precision(pairs), rel=1e-12)


def test_binary_metrics_are_those_of_their_definitions() -> None:
    pairs = calibrated(1, -1.0, 1.0)
    values, n = scored(BinaryScore(0.2, 1.0, 4.0), pairs), len(pairs)
    hits, false_alarms = sum(p > 0.2 and y for p, y in pairs), sum(p > 0.2 and not y for p, y in pairs)
    missed = sum(p <= 0.2 and y for p, y in pairs)
    assert values["brier"] == pytest.approx(sum((p - y) ** 2 for p, y in pairs) / n)
    assert values["logloss"] == pytest.approx(-sum(math.log(p if y else 1 - p) for p, y in pairs) / n)
    assert values["accuracy"] == (n - missed - false_alarms) / n
    assert values["precision"] == hits / (hits + false_alarms)
    assert values["recall"] == hits / (hits + missed)
    assert values["f1"] == pytest.approx(2 / (1 / values["precision"] + 1 / values["recall"]))
    assert values["base_rate"] == sum(y for _, y in pairs) / n
    assert values["mean_forecast"] == pytest.approx(sum(p for p, _ in pairs) / n)
    assert values["cost"] == (false_alarms + 4.0 * missed) / n


def test_certain_and_wrong_costs_no_more_than_the_clip() -> None:
    assert scored(BinaryScore(), [(0.0, True)])["logloss"] == pytest.approx(-math.log(1e-15))
    assert scored(BinaryScore(), [(1.0, False)])["logloss"] == pytest.approx(-math.log(1e-15), rel=1e-2)
    assert scored(MulticlassScore(), [({"a": 1.0}, "b")])["logloss"] == pytest.approx(-math.log(1e-15))


def test_no_forecast_of_a_class_at_all_is_an_even_chance() -> None:
    assert scored(MulticlassScore(), [({}, "a")])["logloss"] == pytest.approx(math.log(2))
    assert scored(MulticlassScore(), [({}, "a")])["accuracy"] == 0.0


def test_multiclass_metrics_are_those_of_their_definitions() -> None:
    draw = random.Random(3)
    names = "abcd"
    pairs = []
    for _ in range(500):
        weights = [draw.random() for _ in names]
        pairs.append(({n: w / sum(weights) for n, w in zip(names, weights, strict=True)}, draw.choice("abc")))
    values = scored(MulticlassScore(2.0), pairs)
    said = [max(sorted(forecast), key=forecast.__getitem__) for forecast, _ in pairs]
    true = [y for _, y in pairs]
    hits = sum(s == y for s, y in zip(said, true, strict=True))
    chance = sum(said.count(name) * true.count(name) for name in names) / 500**2
    f1 = []
    for name in names:
        both = sum(s == y == name for s, y in zip(said, true, strict=True))
        f1.append(2 * both / (said.count(name) + true.count(name)))
    assert values["accuracy"] == hits / 500
    assert values["kappa"] == pytest.approx((hits / 500 - chance) / (1 - chance))
    assert values["macro_f1"] == pytest.approx(sum(f1) / 4)
    assert values["logloss"] == pytest.approx(-sum(math.log(forecast[y]) for forecast, y in pairs) / 500)
    assert values["cost"] == pytest.approx(2.0 * (500 - hits) / 500)


def test_regression_metrics_are_those_of_their_definitions() -> None:
    draw = random.Random(4)
    pairs = [(y + draw.gauss(1, 3), y) for y in (draw.gauss(50, 10) for _ in range(400))]
    values = scored(RegressionScore(0.5), pairs)
    mean = sum(y for _, y in pairs) / 400
    squares = sum((p - y) ** 2 for p, y in pairs)
    assert values["mae"] == pytest.approx(sum(abs(p - y) for p, y in pairs) / 400)
    assert values["rmse"] == pytest.approx(math.sqrt(squares / 400))
    assert values["r2"] == pytest.approx(1 - squares / sum((y - mean) ** 2 for _, y in pairs))
    assert values["bias"] == pytest.approx(sum(p - y for p, y in pairs) / 400)
    assert values["cost"] == values["mae"] / 2


def test_r2_of_large_labels_that_vary_little_is_right() -> None:
    pairs = [(1e9 + (i % 7) + 0.5, 1e9 + (i % 7)) for i in range(700)]
    assert scored(RegressionScore(), pairs)["r2"] == pytest.approx(1 - 0.25 / 4.0)


@pytest.mark.parametrize("score", [BinaryScore(), MulticlassScore(), RegressionScore()])
def test_without_outcomes_every_metric_is_undefined(score) -> None:
    assert score.n == 0
    assert all(math.isnan(value) for value in score.values().values())


def test_every_metric_says_which_way_is_better_or_is_a_description() -> None:
    metrics = {
        name for score in (BinaryScore(), MulticlassScore(), RegressionScore()) for name in score.values()
    }
    assert metrics - BETTER.keys() == {"base_rate", "mean_forecast", "bias"}
    assert BETTER.keys() <= metrics


def tallied(make, size, pairs) -> Tally:
    tally = Tally(["first", "second"], make, size)
    for (forecast, y), (other, _) in zip(pairs, reversed(pairs), strict=True):
        tally.add((other, forecast), y)
    return tally


def lately(pairs, size):
    """The outcomes a tally's recent score covers: whole steps of a twentieth, and the one that is open."""
    step = max(1, size // Tally.STEPS)
    closed, opened = divmod(len(pairs), step)
    return pairs[len(pairs) - min(closed, -(-size // step)) * step - opened :]


SCORES = {
    BinaryScore: st.tuples(probabilities, st.booleans()),
    RegressionScore: st.tuples(numbers, numbers),
    MulticlassScore: st.tuples(
        st.dictionaries(st.sampled_from("abc"), probabilities), st.sampled_from("abcd")
    ),
}


@pytest.mark.parametrize("make", SCORES)
@given(st.data(), st.sampled_from([1, 7, 20, 45, 60]))
def test_a_tally_is_the_score_of_everything_and_of_the_last_outcomes_exactly(make, data, size) -> None:
    pairs = data.draw(st.lists(SCORES[make], max_size=150))
    tally = tallied(make, size, pairs)
    total, recent = tally.total()["second"], tally.recent()["second"]
    assert repr(total.values()) == repr(scored(make(), pairs))
    assert repr(recent.values()) == repr(scored(make(), lately(pairs, size)))
    assert (tally.n, recent.n) == (len(pairs), len(lately(pairs, size)))
    assert total.loss == scored_sum(make, pairs)


def scored_sum(make, pairs) -> float:
    score = make()
    scored(score, pairs)
    return score.loss


@pytest.mark.parametrize("size", [1, 19, 20, 50, 1_000])
def test_a_full_tally_covers_its_size_and_less_than_a_step_more(size) -> None:
    tally = Tally(["model"], BinaryScore, size)
    for number in range(3 * size + 100):
        tally.add((0.5,), True)
        if number > 2 * size:
            assert size <= tally.recent()["model"].n < size + max(2, size // 20 + 1)


def test_the_sum_of_losses_is_that_of_the_tasks() -> None:
    pairs = calibrated(5, 0.0, 1.0, 50)
    assert scored_sum(BinaryScore, pairs) == pytest.approx(
        sum(task_named("binary").loss(p, y) for p, y in pairs)
    )
    assert scored_sum(RegressionScore, [(1.0, 3.5), (2.0, 1.0)]) == 3.5
    assert scored_sum(MulticlassScore, [({"a": 0.5}, "a")]) == pytest.approx(math.log(2))


@given(outcomes, outcomes)
def test_what_is_taken_back_leaves_no_trace(kept, passing) -> None:
    whole, part = BinaryScore(), BinaryScore()
    scored(part, passing)
    scored(whole, [*passing, *kept])
    whole.merge(part, -1)
    wanted = BinaryScore()
    assert repr(whole.values()) == repr(scored(wanted, kept))
    assert whole.n == wanted.n


def test_reading_a_tally_changes_nothing() -> None:
    tally = tallied(BinaryScore, 40, calibrated(1, 0.0, 1.0, 101))
    before = pickle.dumps(tally)
    tally.total()["second"].add(0.5, True)
    tally.recent()["second"].add(0.5, True)
    assert pickle.dumps(tally) == before


def test_one_absurd_value_does_not_outlive_its_window() -> None:
    tally = tallied(RegressionScore, 3, [(1e308, -1e308), (math.inf, 0.0)])
    assert all(math.isfinite(value) for value in tally.recent()["second"].values().values())
    for forecast, y in [(1.0, 2.0), (2.0, 3.0), (3.0, 5.0)]:
        tally.add((0.0, forecast), y)
    assert tally.recent()["second"].values()["mae"] == pytest.approx(4 / 3)


def test_a_tally_goes_on_after_pickling_as_if_nothing_had_happened() -> None:
    pairs = calibrated(2, 0.0, 1.0, 900)
    tally = tallied(BinaryScore, 300, pairs[:507])
    twin = pickle.loads(pickle.dumps(tally))
    for forecast, y in pairs[507:]:
        tally.add((0.5, forecast), y)
        twin.add((0.5, forecast), y)
    for one, other in ((tally.total(), twin.total()), (tally.recent(), twin.recent())):
        assert one["second"].values() == other["second"].values()


def test_a_tally_keeps_the_parameters_of_its_score() -> None:
    tally = tallied(lambda: BinaryScore(0.1, 1.0, 9.0), 2, [(0.2, False), (0.05, True)])
    assert tally.recent()["second"].values()["cost"] == 5.0


def test_slices_score_each_value_by_itself() -> None:
    slices = Slices(["origin", "late"], BinaryScore)
    slices.add({"origin": "JFK", "late": True}, 0.9, True)
    slices.add({"origin": "JFK"}, 0.9, False)
    slices.add({"origin": "EWR", "late": True}, 0.1, False)
    values = slices.values()
    assert {value: metrics["n"] for value, metrics in values["origin"].items()} == {"JFK": 2, "EWR": 1}
    assert {value: metrics["n"] for value, metrics in values["late"].items()} == {"True": 2, "(absent)": 1}
    assert values["origin"]["JFK"]["accuracy"] == 0.5


def test_values_without_end_do_not_make_slices_grow() -> None:
    slices = Slices(["tail"], BinaryScore, top=3)
    for i in range(5_000):
        slices.add({"tail": f"N{i}" + "x" * 1_000}, 0.5, True)
    values = slices.values()["tail"]
    assert len(values) == 4
    assert sum(metrics["n"] for metrics in values.values()) == 5_000
    assert len(pickle.dumps(slices)) < 10_000


def test_a_common_value_takes_the_place_of_a_rare_one_that_came_first() -> None:
    slices = Slices(["origin"], BinaryScore, top=2)
    for origin in ["odd", "JFK", "JFK", "JFK", "EWR", "EWR", "EWR", "EWR"]:
        slices.add({"origin": origin}, 0.5, True)
    assert {value: metrics["n"] for value, metrics in slices.values()["origin"].items()} == {
        "JFK": 3,
        "other": 2,
        "EWR": 2,
    }


def test_a_field_whose_value_is_called_other_shares_that_slice() -> None:
    slices = Slices(["origin"], BinaryScore, top=1)
    for origin in ["JFK", "other", "EWR"]:
        slices.add({"origin": origin}, 0.5, True)
    assert {value: metrics["n"] for value, metrics in slices.values()["origin"].items()} == {
        "JFK": 1,
        "other": 2,
    }


def test_values_of_equal_weight_do_not_push_each_other_out_in_turn() -> None:
    slices = Slices(["origin"], BinaryScore, top=1)
    for i in range(400):
        slices.add({"origin": "JFK" if i % 2 else "EWR"}, 0.5, True)
    assert {value: metrics["n"] for value, metrics in slices.values()["origin"].items()} == {
        "EWR": 200,
        "other": 200,
    }


@pytest.mark.parametrize(
    "spec",
    [
        {"metric": "rocauc"},
        {"metric": "rocauc", "at_least": 0.5, "at_most": 0.9},
        {"metric": "rocauk", "at_least": 0.5},
        {"metric": "base_rate", "at_least": 0.5},
        {"metric": "rocauc", "at_most": 0.5},
        {"metric": "logloss", "at_least": 0.5},
        {"metric": "rocauc", "at_least": math.nan},
        {"metric": "rocauc", "at_least": 0.5, "window": 0},
        {"metric": "rocauc", "at_least": 0.5, "windows": 10},
    ],
)
def test_a_goal_that_makes_no_sense_is_refused(spec) -> None:
    with pytest.raises(ValidationError):
        SuccessSpec(**spec)


def test_a_goal_needs_a_metric_of_its_task() -> None:
    with pytest.raises(ValueError, match="mae is no metric of this task; it has rocauc, "):
        Success(SuccessSpec(metric="mae", at_most=3.0), BinaryScore().values())


def judged(spec: SuccessSpec, score: Score) -> Verdict:
    return Success(spec, score.values()).verdict(score)


def test_a_goal_is_met_missed_or_too_early_to_tell() -> None:
    spec = SuccessSpec(metric="accuracy", at_least=0.6, window=4)
    score, said = BinaryScore(), []
    for y in (True, True, True, False, False, False):
        score.add(0.9, y)
        said.append(judged(spec, score))
    assert [verdict.status for verdict in said] == ["too early"] * 3 + ["met", "met", "missed"]
    assert said[-1] == ("missed", 0.5, 6)


def test_a_level_just_reached_is_met() -> None:
    score = BinaryScore()
    scored(score, [(0.9, True), (0.9, False)])
    assert judged(SuccessSpec(metric="accuracy", at_least=0.5, window=2), score).status == "met"
    assert judged(SuccessSpec(metric="cost", at_most=0.5, window=2), score).status == "met"


def test_a_long_window_gives_its_verdict_after_a_thousand_outcomes() -> None:
    spec, score = SuccessSpec(metric="mae", at_most=1.0, window=50_000), RegressionScore()
    scored(score, [(0.0, 0.5)] * 999)
    assert judged(spec, score).status == "too early"
    score.add(0.0, 0.5)
    assert judged(spec, score).status == "met"


def test_an_undefined_metric_is_no_verdict() -> None:
    score = BinaryScore()
    scored(score, [(0.9, True)] * 5)
    assert judged(SuccessSpec(metric="rocauc", at_least=0.5, window=2), score).status == "too early"


def test_delays_are_counted_in_the_bucket_of_their_bound() -> None:
    delays = Delays()
    for seconds in (-5.0, 1, 1.5, 3_600, 3_601, 2_592_000, 2_592_001):
        delays.add(seconds)
    assert delays.counts == [2, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1]
    assert (delays.n, delays.sum) == (7, 1 + 1.5 + 3_600 + 3_601 + 2_592_000 + 2_592_001)


def test_the_bound_within_which_labels_come() -> None:
    delays = Delays()
    assert math.isnan(delays.quantile(0.5))
    for seconds in (5, 50, 500, 1e9):
        delays.add(seconds)
    assert [delays.quantile(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)] == [10, 10, 60, 600, math.inf]
