"""Every kind of model that a state can hold: what snapshots have to carry."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from consumers.event import Event
from consumers.image import Image
from fluvial.clock import StreamClock
from fluvial.config import Pipeline
from fluvial.state import State
from learners.catalogue import CLASSES
from learners.expression import build
from learners.prediction import Outcome
from learners.task import Task, task_named
from monitors.part import NAMES
from monitors.part import Kind as Part
from monitors.spec import MonitorSpec
from monitors.watch import Watch, Watched
from tests.consumers.pictures import png
from tests.fluvial.shards import Feed, towns
from tests.learners.models import (
    ALL,
    LINEAR,
    LOGISTIC,
    NUMBERS,
    QUICK,
    RAW,
    REGRESSION_TREE,
    TREE,
    case,
    stream,
)

Kind = tuple[str, str]
"""Task and expression."""

HT, HTR = "tree.HoeffdingTreeClassifier", "tree.HoeffdingTreeRegressor"
HAT, HATR = "tree.HoeffdingAdaptiveTreeClassifier", "tree.HoeffdingAdaptiveTreeRegressor"
EFDT, LAST = "tree.ExtremelyFastDecisionTreeClassifier", "tree.LASTClassifier"
ARF, ARFR, OXT = "forest.ARFClassifier", "forest.ARFRegressor", "forest.OXTRegressor"
CLASSIFIERS = (HT, HAT, EFDT)
FORESTS = f"n_models=2, {QUICK}"
WORDED = 'Select("colour", "place", "flag")'
NOMINAL = 'nominal_attributes=["hour"]'
DETECTORS = (
    *("ADWIN()", "KSWIN()", "NoDrift()", "DummyDriftDetector(t_0=50)"),
    'DummyDriftDetector("random", t_0=50, w=5)',
    *(f'PageHinkley(mode="{mode}")' for mode in ("up", "down", "both")),
)
BINARY_DETECTORS = ("DDM()", "EDDM()", "FHDDM(short_window_size=20)", "HDDMA()", "HDDMW()")
SPLITTERS = ("EBSTSplitter()", "TEBSTSplitter()", "QOSplitter()", "QOSplitter(allow_multiway_splits=True)")
CLASS_SPLITTERS = ("ExhaustiveSplitter()", "GaussianSplitter()", "HistogramSplitter()")
WORDS = 'on="text", strip_accents=False, lowercase=False, stop_words=["late"], ngram_range=(1, 2)'
GRAPH = "engine=neighbors.SWINN(graph_k=5, maxlen=100, warm_up=50, prune_prob=0.5)"


def _trees() -> Iterator[Kind]:
    for tree in CLASSIFIERS:
        for more in (
            *(f'leaf_prediction="{leaf}"' for leaf in ("mc", "nb", "nba")),
            *(f'split_criterion="{criterion}"' for criterion in ("gini", "hellinger", "info_gain")),
            *(f"splitter=tree.splitter.{splitter}" for splitter in CLASS_SPLITTERS),
            *(f"binary_split={binary}, {NOMINAL}" for binary in (True, False)),
        ):
            yield "multiclass", f"{RAW} | {tree}({QUICK}, {more})"
        yield "binary", f"{RAW} | {tree}({QUICK}, remove_poor_attrs=True)"
        yield "multiclass", f"{WORDED} | {tree}({QUICK})"
    for tree in (HTR, HATR):
        for leaf in ("mean", "model", "adaptive"):
            yield "regression", f'{NUMBERS} | {tree}({QUICK}, leaf_prediction="{leaf}")'
        for more in (
            *(f"splitter=tree.splitter.{splitter}" for splitter in SPLITTERS),
            *(f"binary_split={binary}, {NOMINAL}" for binary in (True, False)),
        ):
            yield "regression", f'{RAW} | {tree}({QUICK}, leaf_prediction="mean", {more})'
        yield "regression", f'{WORDED} | {tree}({QUICK}, leaf_prediction="mean")'
    for leaf in ("mc", "nba"):
        yield "multiclass", f'{RAW} | {LAST}(leaf_prediction="{leaf}")'
    yield "multiclass", f"{RAW} | {LAST}(track_error=False)"
    yield "binary", f"{RAW} | tree.SGTClassifier(delta=0.1, grace_period=20, {NOMINAL})"
    yield "regression", f"{RAW} | tree.SGTRegressor(delta=0.1, grace_period=20, {NOMINAL})"


def _forests() -> Iterator[Kind]:
    for leaf in ("mc", "nb", "nba"):
        yield "multiclass", f'{RAW} | {ARF}({FORESTS}, leaf_prediction="{leaf}")'
    for forest in (ARFR, OXT):
        for leaf in ("mean", "model", "adaptive"):
            yield "regression", f'{NUMBERS} | {forest}({FORESTS}, leaf_prediction="{leaf}")'
    for mode in ("off", "drop", "all"):
        more = f'detection_mode="{mode}", resampling_strategy="bagging", resampling_rate=2'
        yield "regression", f"{NUMBERS} | {OXT}({FORESTS}, {more})"
    yield "regression", f"{NUMBERS} | {OXT}({FORESTS}, resampling_strategy=None)"
    yield "multiclass", f"{NUMBERS} | forest.AMFClassifier(n_estimators=2, split_pure=True, max_nodes=20)"
    yield "regression", f"{NUMBERS} | forest.AMFRegressor(n_estimators=2, use_aggregation=False)"


def _drift() -> Iterator[Kind]:
    for detector in DETECTORS:
        both = f"drift_detector=drift.{detector}, warning_detector=drift.{detector}"
        yield "binary", f"{RAW} | {ARF}({FORESTS}, {both})"
        yield "regression", f"{NUMBERS} | {OXT}({FORESTS}, {both})"
        yield "binary", f"{RAW} | {HAT}({QUICK}, drift_window_threshold=20, drift_detector=drift.{detector})"
    for detector in BINARY_DETECTORS:
        yield "binary", f"{RAW} | drift.DriftRetrainingClassifier({TREE}, drift.binary.{detector})"


def _ensembles() -> Iterator[Kind]:
    for mode in ("off", "drift", "warning"):
        more = f'n_models=2, disable_detector="{mode}"'
        yield "binary", f"{RAW} | ensemble.SRPClassifier({TREE}, {more})"
        yield "regression", f"{RAW} | ensemble.SRPRegressor({REGRESSION_TREE}), {more})"
    for method in ("subspaces", "resampling"):
        yield "binary", f'{RAW} | ensemble.SRPClassifier({TREE}, n_models=2, training_method="{method}")'
    yield "binary", f"{RAW} | ensemble.SRPClassifier(n_models=2)"
    yield "regression", f"{NUMBERS} | ensemble.SRPRegressor(n_models=2)"
    for method in ("bag", "wt", "subag"):
        more = f'n_models=2, bagging_method="{method}"'
        yield "binary", f"{RAW} | ensemble.LeveragingBaggingClassifier({TREE}, {more})"
    loss = "loss=optim.losses.Absolute()"
    yield "regression", f"{ALL} | ensemble.EWARegressor([{LINEAR}, {LINEAR}], {loss})"
    loss = "loss=optim.losses.Hinge()"
    yield "binary", f"{ALL} | imblearn.HardSamplingClassifier({LOGISTIC}, size=20, p=0.3, {loss})"


def _others() -> Iterator[Kind]:
    for mode in (0, 1, 2):
        yield "binary", f"{ALL} | linear_model.PAClassifier(mode={mode})"
        yield "regression", f"{ALL} | linear_model.PARegressor(mode={mode})"
    for made in (f"optim.initializers.{made}" for made in ("Constant(0.1)", "Normal()", "Zeros()")):
        for machine in ("FM", "FFM", "FwFM", "HOFM"):
            if machine == "HOFM" and "Zeros" in made:
                continue  # it divides by its weights
            both = f"weight_initializer={made}, latent_initializer={made}"
            yield "binary", f'OneHot("colour", "place") | facto.{machine}Classifier(n_factors=2, {both})'
        yield "regression", f"{ALL} | linear_model.LinearRegression(initializer={made})"
    for rate in ("Constant(0.1)", "InverseScaling(0.1)", "Optimal(optim.losses.Log())"):
        yield "binary", f"{ALL} | linear_model.LogisticRegression(intercept_lr=optim.schedulers.{rate})"
    yield "multiclass", f"{ALL} | linear_model.SoftmaxRegression(optim.AdaGrad())"
    yield "regression", f"{NUMBERS} | linear_model.BayesianLinearRegression(smoothing=0.9)"
    yield "multiclass", f"{NUMBERS} | neighbors.KNNClassifier({GRAPH}, softmax=True)"
    yield "regression", f'{NUMBERS} | neighbors.KNNRegressor({GRAPH}, aggregation_method="median")'
    yield "multiclass", f"feature_extraction.BagOfWords({WORDS}) | naive_bayes.MultinomialNB()"
    yield "multiclass", f"feature_extraction.TFIDF({WORDS}) | naive_bayes.MultinomialNB()"
    known = '{"colour": {"red": 1}}'
    yield "binary", f'Select("colour") | preprocessing.OrdinalEncoder(categories={known}) | {LOGISTIC}'
    yield "binary", f'Select("colour") | preprocessing.OneHotEncoder(drop_first=True) | {LOGISTIC}'
    yield "binary", f"Numbers() | preprocessing.StandardScaler(window_size=20) | {LOGISTIC}"


def model_kinds() -> list[Kind]:
    """Every allowed class in a model, and models whose parameters bring other classes into their state."""
    variants = (*_trees(), *_forests(), *_drift(), *_ensembles(), *_others())
    return list(dict.fromkeys([*(case(name) for name in CLASSES), *variants]))


def trained(kind: Kind, events: int = 300) -> tuple[Any, Task]:
    """The model of a kind after so many events of its stream, and its task."""
    name, expression = kind
    task, model = task_named(name), build(expression, task=name)
    for x, y in stream(name)[:events]:
        task.predict(model, x)
        task.learn(model, x, y)
    return model, task


LABELS = {
    "binary": ("boolean", True, False),
    "multiclass": ("category", "wet", "dry"),
    "regression": ("number", 3.5, 1),
}
SUCCESS = {"binary": "accuracy", "multiclass": "accuracy", "regression": "r2"}
MODELS = {
    "binary": 'Select("x", "y", "wet") | naive_bayes.GaussianNB()',
    "multiclass": 'Select("x", "y") | tree.HoeffdingTreeClassifier(grace_period=20)',
    "regression": 'Select("x", "y") | forest.ARFRegressor(n_models=2, grace_period=20)',
}


@cache
def busy(task: str) -> Pipeline:
    """A pipeline of that task with everything in it that keeps a state."""
    recent: dict[str, object] = {
        "last": {"of": "x", "stat": "latest", "by": "town"},
        "often": {"of": "events", "stat": "count", "within": "9s"},
        "since": {"of": "events", "stat": "since", "by": "town"},
        "wet": {"of": "label", "stat": "mean", "by": "town", "last": 20, "default": 0.5},
    }
    if task == "multiclass":
        recent["wet"] = {"of": "label", "stat": "mean", "equals": "wet", "by": "town", "last": 20}
    return towns(
        task=task,
        model=MODELS[task],
        label={"type": LABELS[task][0], "horizon": "100s"},
        recent=recent,
        slices=["town"],
        baselines={"by": "town"},
        success={"metric": SUCCESS[task], "at_least": 0.5, "window": 100},
    )


def fed(task: str = "binary") -> Feed:
    """A shard in the middle of its work: labels wait, some came early, a drift was seen, some was refused."""
    feed, (_, one, other) = Feed(busy(task)), LABELS[task]
    for n in range(400):
        feed.event(f"e{n}", at=n, town="AB"[n % 2], x=n % 7, y=n % 3)
        feed.label(f"e{n - 20}", one if (n % 3 == 0) == (n < 300) else other)
    feed.label("not yet", one)
    feed.event("e1", x="no number")
    feed.put("events", None)
    feed.outputs.clear()
    return feed


SIGHTED = {"fields": {"id": {"type": "text", "use": "context"}, "door": {"type": "image", "size": 4}}}
SIGHTED |= {"model": "Pixels() | linear_model.LogisticRegression()", "recent": {}}


def sighted() -> Feed:
    """A shard that learns from images, some of which wait for their label."""
    feed = Feed(towns(**SIGHTED))
    for n in range(20):
        feed.put(
            "events", {"id": f"e{n}", "door": png(40, 30, lambda x, y, n=n: 9 * x if n % 2 else 9 * y)}, n
        )
        feed.label(f"e{n - 5}", n % 2 == 0)
    feed.outputs.clear()
    return feed


FORECASTS: dict[str, tuple[Any, ...]] = {
    "binary": (0.2, 0.7, 0.9),
    "multiclass": ({"dry": 0.4, "wet": 0.6}, {"dry": 0.7, "wet": 0.3}, {}),
    "regression": (1.0, 2.5, -3.0),
}


def watching(task: str, events: int = 2600) -> Watch:
    """Monitors that have seen fields of every kind, with all that they keep of them."""
    spec = MonitorSpec(budget=1000.0, warmup=300, settle=100)
    kinds: dict[str, Part] = {kind: kind for kind in NAMES}
    watch = Watch(spec, Watched(task, 3600.0, dated=True, slices={"category": ()}, kinds=kinds))
    (_, one, other), forecasts = LABELS[task], FORECASTS[task]
    truths: tuple[Any, Any] = one, other
    for n in range(events):
        time = 1.7e9 + 600.0 * n + 90_000.0 * (n > events // 2)
        picture = Image((0.5,) * 4, 0.3 + 0.1 * (n % 5), 0.1, 64 + n % 9, 64)
        values: dict[str, Any] = {"number": float(n * n % 97), "integer": n % 13, "category": "AB"[n % 2]}
        values |= {"boolean": n % 3 == 0, "text": f"some {n % 7} words", "image": picture}
        forecast, truth = forecasts[n % 3], truths[n % 4 == 0]
        loss = 0.1 if n < events // 2 else 0.9
        watch.record("events", time)
        watch.event(Event(f"e{n}", time, values, {}), forecast, time)
        if n % 100 == 0:
            watch.refused("events", "not_json")
        watch.record("labels", time + 60.0)
        outcome = Outcome(
            f"e{n}", time + 60.0, truth, loss, True, None, (forecast,), time, values, "AB"[n % 2]
        )
        watch.outcome(outcome, time + 60.0, 0)
    watch.never(1, time + 3600.0)
    assert watch.drain(), "an alarm is part of what it keeps"
    return watch


def go_on(feed: Feed) -> bytes:
    """Step more of the same through a shard; the digest says whether anything differed."""
    for n in range(400, 500):
        feed.event(f"e{n}", at=n, town="AB"[n % 2], x=n % 5, y=n % 3)
        feed.label(f"e{n - 20}", LABELS[feed.pipeline.task][1 + n % 2])
    return feed.shard.state.digest


@cache
def every_state() -> tuple[State, ...]:
    """A state of every kind, to look at; made once, because it takes long."""
    models = [State(trained(kind)[0], None, StreamClock(1.0)) for kind in model_kinds()]  # type: ignore[arg-type]
    watches = [State(None, watching(task), StreamClock(1.0)) for task in LABELS]  # type: ignore[arg-type]
    return (*(fed(task).shard.state for task in LABELS), sighted().shard.state, *watches, *models)
