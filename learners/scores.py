"""The scores of each task: binary, multiclass, regression."""

from collections.abc import Collection, Mapping
from math import log, log1p, nan, sqrt
from typing import Any

from learners.scoring import LIMIT, Score

FLOOR, CEILING = 1e-15, 1.0 - 1e-15
"""Probabilities are clipped here before a logarithm is taken."""

UNIT = 2.0**60
"""Sums are integers in units of 2**-60: the order in which scores are put together changes nothing."""

BINS_PER_LOGIT, LAST_BIN = 128, 4095
"""4,096 bins over logits of -16 to 16, so that rare events (p near 0) keep their ranks too."""


def ratio(above: float, below: float) -> float:
    """``above / below``, or NaN where nothing stands below the line."""
    return above / below if below else nan


def log_loss(probability: float) -> float:
    """The log loss in nats of having given the truth this probability, at most 34.5."""
    return -log(probability if probability > FLOOR else FLOOR)


def bounded(value: float) -> float:
    """The value within ±LIMIT.

    >>> bounded(float("-inf"))
    -1000000000000000.0
    """
    return LIMIT if value > LIMIT else -LIMIT if value < -LIMIT else value


def likeliest(forecast: dict[str, float]) -> str:
    """The class of highest probability, the first by name among equals; "" where there is none.

    >>> likeliest({"b": 0.5, "a": 0.5})
    'a'
    """
    return min(forecast, key=lambda name: (-forecast[name], name), default="")


def share_of(forecast: dict[str, float], y: str) -> float:
    """The probability given to the truth; one half where there was no forecast at all."""
    return forecast.get(y, 0.0) if forecast else 0.5


def add_counts(ours: dict[Any, int], theirs: Mapping[Any, int], sign: int) -> None:
    """Add counts to counts, or take them away, key by key; what comes to nothing is dropped."""
    if not ours and sign > 0:
        ours.update(theirs)
        return
    for key, count in theirs.items():
        if left := ours.get(key, 0) + sign * count:
            ours[key] = left
        else:
            ours.pop(key, None)


class BinaryScore(Score):
    """Metrics of P(true) forecasts; decisions are taken above ``threshold``.

    Ranks (rocauc, average_precision) come from a histogram over the logit of the forecast: a step
    costs the same however many outcomes there are, and forecasts that share one of the 4,096 bins
    count as ties. ``cost`` is the mean cost of an outcome in the user's unit.

    >>> score = BinaryScore()
    >>> for p, y in [(0.9, True), (0.7, False), (0.6, True), (0.1, False)]:
    ...     score.add(p, y)
    >>> {name: round(value, 3) for name, value in score.values().items() if name in ("rocauc", "f1")}
    {'rocauc': 0.75, 'f1': 0.8}
    """

    def __init__(self, threshold: float = 0.5, false_positive: float = 1.0, false_negative: float = 1.0):
        self.threshold = threshold
        self.false_positive, self.false_negative = false_positive, false_negative
        self.n = self._brier = self._logloss = self._forecasts = 0
        self._decided = [0, 0, 0, 0]  # true and false negatives, false and true positives
        self._bins: tuple[dict[int, int], dict[int, int]] = ({}, {})  # of the false, of the true

    def count(self, outcomes: Collection[tuple[float, bool]]) -> None:
        """Count outcomes: pairs of P(true) and truth."""
        threshold, decided = self.threshold, self._decided
        logloss = brier = forecasts = 0
        for forecast, y in outcomes:
            p = FLOOR if forecast < FLOOR else CEILING if forecast > CEILING else forecast
            yes, no = log(p), log1p(-p)
            error = 1.0 - p if y else p
            logloss -= int((yes if y else no) * UNIT)
            brier += int(error * error * UNIT)
            forecasts += int(p * UNIT)
            decided[2 * (forecast > threshold) + y] += 1
            place = int((yes - no + 16.0) * BINS_PER_LOGIT)
            place = 0 if place < 0 else LAST_BIN if place > LAST_BIN else place
            bins = self._bins[y]
            bins[place] = bins.get(place, 0) + 1
        self.n += len(outcomes)
        self._logloss += logloss
        self._brier += brier
        self._forecasts += forecasts

    def merge(self, other: "BinaryScore", sign: int = 1) -> None:
        """Count all that ``other`` has counted, or take it back."""
        self.n += sign * other.n
        self._logloss += sign * other._logloss
        self._brier += sign * other._brier
        self._forecasts += sign * other._forecasts
        decided = zip(self._decided, other._decided, strict=True)
        self._decided = [ours + sign * theirs for ours, theirs in decided]
        for ours, theirs in zip(self._bins, other._bins, strict=True):
            add_counts(ours, theirs, sign)

    @property
    def loss(self) -> float:
        """The sum of log losses in nats."""
        return self._logloss / UNIT

    def values(self) -> dict[str, float]:
        """Every metric; NaN where the outcomes so far do not define it."""
        below, missed, false_alarms, hits = self._decided
        total, unit = self.n, self.n * int(UNIT)
        rocauc, average_precision = self._ranks()
        return {
            "rocauc": rocauc,
            "average_precision": average_precision,
            "brier": ratio(self._brier, unit),
            "logloss": ratio(self._logloss, unit),
            "accuracy": ratio(hits + below, total),
            "precision": ratio(hits, hits + false_alarms),
            "recall": ratio(hits, hits + missed),
            "f1": ratio(2 * hits, 2 * hits + missed + false_alarms),
            "base_rate": ratio(hits + missed, total),
            "mean_forecast": ratio(self._forecasts, unit),
            "cost": ratio(self.false_positive * false_alarms + self.false_negative * missed, total),
        }

    def fresh(self) -> "BinaryScore":
        """An empty score with the same threshold and costs."""
        return BinaryScore(self.threshold, self.false_positive, self.false_negative)

    def _ranks(self) -> tuple[float, float]:
        """ROC AUC (Mann-Whitney, ties count half) and average precision (sum of precision x recall gain)."""
        negatives, positives = self._bins
        false = true = twice_pairs = 0
        precision_sum = 0.0
        for place in sorted(negatives.keys() | positives.keys(), reverse=True):
            at_false, at_true = negatives.get(place, 0), positives.get(place, 0)
            twice_pairs += at_false * (2 * true + at_true)
            true, false = true + at_true, false + at_false
            precision_sum += at_true * true / (true + false)
        return ratio(twice_pairs, 2 * true * false), ratio(precision_sum, true)


class MulticlassScore(Score):
    """Metrics of class probabilities; the decision is the likeliest class, ties by name.

    ``macro_f1`` is the unweighted mean over the classes that occurred as truth or decision.

    >>> score = MulticlassScore()
    >>> for forecast, y in [({"a": 0.8, "b": 0.2}, "a"), ({"a": 0.6, "b": 0.4}, "b")]:
    ...     score.add(forecast, y)
    >>> round(score.values()["macro_f1"], 3)
    0.333
    """

    def __init__(self, error: float = 1.0):
        self.error = error
        self.n = self._logloss = 0
        self._hits: dict[str, int] = {}
        self._truths: dict[str, int] = {}
        self._decisions: dict[str, int] = {}

    def count(self, outcomes: Collection[tuple[dict[str, float], str]]) -> None:
        """Count outcomes: pairs of probabilities and true class."""
        self.n += len(outcomes)
        for forecast, y in outcomes:
            decision = likeliest(forecast)
            self._logloss += int(log_loss(share_of(forecast, y)) * UNIT)
            self._truths[y] = self._truths.get(y, 0) + 1
            self._decisions[decision] = self._decisions.get(decision, 0) + 1
            if decision == y:
                self._hits[y] = self._hits.get(y, 0) + 1

    def merge(self, other: "MulticlassScore", sign: int = 1) -> None:
        """Count all that ``other`` has counted, or take it back."""
        self.n += sign * other.n
        self._logloss += sign * other._logloss
        add_counts(self._hits, other._hits, sign)
        add_counts(self._truths, other._truths, sign)
        add_counts(self._decisions, other._decisions, sign)

    @property
    def loss(self) -> float:
        """The sum of log losses in nats."""
        return self._logloss / UNIT

    def values(self) -> dict[str, float]:
        """Every metric; NaN where the outcomes so far do not define it."""
        hits = sum(self._hits.values())
        chance = sum(count * self._decisions.get(name, 0) for name, count in self._truths.items())
        return {
            "accuracy": ratio(hits, self.n),
            "macro_f1": self._macro_f1(),
            "logloss": ratio(self._logloss, self.n * int(UNIT)),
            "kappa": ratio(self.n * hits - chance, self.n * self.n - chance),
            "cost": ratio(self.error * (self.n - hits), self.n),
        }

    def fresh(self) -> "MulticlassScore":
        """An empty score with the same cost."""
        return MulticlassScore(self.error)

    def _macro_f1(self) -> float:
        seen = [self._truths.get(c, 0) + self._decisions.get(c, 0) for c in self._classes()]
        scores = [ratio(2 * self._hits.get(c, 0), n) for c, n in zip(self._classes(), seen, strict=True) if n]
        return ratio(sum(scores), len(scores))

    def _classes(self) -> list[str]:
        return sorted(self._truths.keys() | self._decisions.keys())


class RegressionScore(Score):
    """Metrics of forecast values, in label units (r2 without unit, cost in the user's).

    ``bias`` is the mean of forecast minus truth. Sums of squares are exact integers, so r2 does not
    suffer when labels are large and vary little.

    >>> score = RegressionScore()
    >>> for forecast, y in [(1.0, 2.0), (3.0, 3.0), (5.0, 4.0)]:
    ...     score.add(forecast, y)
    >>> score.values()["r2"]
    0.0
    """

    def __init__(self, error: float = 1.0):
        self.error = error
        self.n = self._absolute = self._squared = self._signed = self._labels = self._labels_squared = 0

    def count(self, outcomes: Collection[tuple[float, float]]) -> None:
        """Count outcomes: pairs of forecast and true value."""
        self.n += len(outcomes)
        for forecast, y in outcomes:
            error = int(bounded(forecast - y) * UNIT)
            label = int(bounded(y) * UNIT)
            self._signed += error
            self._absolute += abs(error)
            self._squared += error * error
            self._labels += label
            self._labels_squared += label * label

    def merge(self, other: "RegressionScore", sign: int = 1) -> None:
        """Count all that ``other`` has counted, or take it back."""
        self.n += sign * other.n
        self._signed += sign * other._signed
        self._absolute += sign * other._absolute
        self._squared += sign * other._squared
        self._labels += sign * other._labels
        self._labels_squared += sign * other._labels_squared

    @property
    def loss(self) -> float:
        """The sum of absolute errors in label units."""
        return self._absolute / UNIT

    def values(self) -> dict[str, float]:
        """Every metric; NaN where the outcomes so far do not define it."""
        unit = self.n * int(UNIT)
        mae = ratio(self._absolute, unit)
        spread = self.n * self._labels_squared - self._labels * self._labels
        return {
            "mae": mae,
            "rmse": sqrt(ratio(self._squared, unit * int(UNIT))) if self.n else nan,
            "r2": 1.0 - ratio(self.n * self._squared, spread),
            "bias": ratio(self._signed, unit),
            "cost": self.error * mae,
        }

    def fresh(self) -> "RegressionScore":
        """An empty score with the same cost."""
        return RegressionScore(self.error)
