"""Every class an expression may name, in a model that trains; run as a module it prints what they predict.

Output: JSON, one entry per class: a digest of its predictions, and how often the model failed.
"""

import hashlib
import json
import random
import sys
from fnmatch import fnmatchcase
from typing import Any

from consumers.event import Truth, Value
from consumers.image import Image
from fluvial.clock import StreamClock
from fluvial.errors import SnapshotError
from fluvial.snapshot import pack, unpack
from fluvial.state import State
from learners.catalogue import CLASSES
from learners.expression import build
from learners.task import task_named

EVENTS = 300

NUMBERS = "Numbers() | preprocessing.StandardScaler()"
ALL = f'({NUMBERS}) + OneHot("colour", "place", "flag")'
RAW = 'Select("colour", "distance", "place", "hour", "flag")'
LOGISTIC, LINEAR = "linear_model.LogisticRegression()", "linear_model.LinearRegression()"
QUICK = "grace_period=20, delta=0.1, tau=0.2"
TREE = f"tree.HoeffdingTreeClassifier({QUICK})"
REGRESSION_TREE = f'tree.HoeffdingTreeRegressor({QUICK}, leaf_prediction="mean"'

ARGUMENTS = {
    "ADWINBaggingClassifier": f"{TREE}, n_models=2",
    "ADWINBoostingClassifier": f"{TREE}, n_models=2",
    "AMFClassifier": "n_estimators=3",
    "AMFRegressor": "n_estimators=3",
    "ARFClassifier": "n_models=3, grace_period=20, delta=0.2, tau=0.3, binary_split=True",
    "ARFRegressor": 'n_models=3, grace_period=20, leaf_prediction="mean"',
    "AdaBoostClassifier": f"{TREE}, n_models=2",
    "Averager": "optim.SGD()",
    "BOLEClassifier": f"{TREE}, n_models=2",
    "BaggingClassifier": f"{TREE}, n_models=2",
    "LeveragingBaggingClassifier": f"{TREE}, n_models=2",
    "FFMClassifier": "n_factors=3",
    "FFMRegressor": "n_factors=3",
    "FMClassifier": "n_factors=3",
    "FMRegressor": "n_factors=3",
    "FwFMClassifier": "n_factors=3",
    "FwFMRegressor": "n_factors=3",
    "HOFMClassifier": "n_factors=3",
    "HOFMRegressor": "n_factors=3",
    "OXTRegressor": "n_models=3",
    "optim.initializers.Constant": "0.1",
    "optim.schedulers.Constant": "0.1",
    "InverseScaling": "0.1",
    "Optimal": "optim.losses.Log()",
    "BagOfWords": 'on="text"',
    "BaggingRegressor": f"{LINEAR}, n_models=3",
    "BayesianMean": "1.0, 2.0",
    "ChebyshevOverSampler": LINEAR,
    "ChebyshevUnderSampler": LINEAR,
    "Discard": '"text", "place", "colour", "picture"',
    "DriftRetrainingClassifier": TREE,
    "EWARegressor": f"[{LINEAR}, linear_model.PARegressor()]",
    "ExtremelyFastDecisionTreeClassifier": QUICK,
    "FeatureHasher": "n_features=20",
    "GaussianRandomProjector": "n_components=3",
    "HardSamplingClassifier": f"{LOGISTIC}, size=20, p=0.3",
    "HardSamplingRegressor": f"{LINEAR}, size=20, p=0.3",
    "Hash": "16",
    "HoeffdingAdaptiveTreeClassifier": f"{QUICK}, binary_split=True",
    "HoeffdingAdaptiveTreeRegressor": f'{QUICK}, leaf_prediction="mean"',
    "HoeffdingTreeClassifier": f"{QUICK}, binary_split=True",
    "HoeffdingTreeRegressor": f'{QUICK}, leaf_prediction="mean"',
    "Interact": '"place", "hour"',
    "KNNClassifier": "engine=neighbors.LazySearch(window_size=40)",
    "Normal": "sigma=0.1",
    "OneVsRestClassifier": LOGISTIC,
    "Pixels": '"picture"',
    "PoissonInclusion": "p=0.1",
    "PredClipper": f"{LINEAR}, y_min=-10, y_max=60",
    "Prefixer": '"a_"',
    "RBFSampler": "n_components=5",
    "RandomOverSampler": f"{LOGISTIC}, desired_dist={{False: 0.5, True: 0.5}}",
    "RandomSampler": f"{LOGISTIC}, desired_dist={{False: 0.5, True: 0.5}}",
    "RandomUnderSampler": f"{LOGISTIC}, desired_dist={{False: 0.5, True: 0.5}}",
    "Renamer": '{"distance": "far"}',
    "RollingMax": "50",
    "RollingMin": "50",
    "RollingQuantile": "0.5, 50",
    "SGTClassifier": "delta=0.1, grace_period=20",
    "SGTRegressor": "delta=0.1, grace_period=20",
    "SRPClassifier": f"{TREE}, n_models=2",
    "SRPRegressor": f"{REGRESSION_TREE}), n_models=2",
    "SWINN": "maxlen=100, warm_up=50",
    "Select": '"hour", "distance"',
    "SelectKBest": "stats.PearsonCorr(), k=2",
    "SparseRandomProjector": "n_components=3",
    "StackingClassifier": f"[{LOGISTIC}, linear_model.PAClassifier()], {LOGISTIC}",
    "StatisticRegressor": "stats.Mean()",
    "Suffixer": '"_b"',
    "TFIDF": 'on="text"',
    "TargetMinMaxScaler": LINEAR,
    "TargetStandardScaler": LINEAR,
}


TEMPLATES = (  # the first pattern that fits a name, the task, and the model around what is made
    ("linear_model.Softmax*", "multiclass", f"{ALL} | {{}}"),
    ("linear_model.*Line*", "regression", f"{ALL} | {{}}"),
    ("linear_model.*Regressor", "regression", f"{ALL} | {{}}"),
    ("linear_model.*", "binary", f"{ALL} | {{}}"),
    ("tree.*Quantizer", "binary", f"{NUMBERS} | tree.SGTClassifier(grace_period=20, feature_quantizer={{}})"),
    ("tree.splitter.*E*BSTSplitter", "regression", f"{RAW} | {REGRESSION_TREE}, splitter={{}})"),
    ("tree.splitter.QO*", "regression", f"{RAW} | {REGRESSION_TREE}, splitter={{}})"),
    ("tree.splitter.*", "binary", f"{RAW} | tree.HoeffdingTreeClassifier({QUICK}, splitter={{}})"),
    ("*.SGTClassifier", "binary", f"{RAW} | {{}}"),
    ("forest.AMFC*", "multiclass", f"{NUMBERS} | {{}}"),
    ("forest.[AO][MX][FT]Regressor", "regression", f"{NUMBERS} | {{}}"),
    ("ensemble.*Regressor", "regression", f"{ALL} | {{}}"),
    ("ensemble.Stack*", "binary", f"{ALL} | {{}}"),
    ("dummy.*Regressor", "regression", "{}"),
    ("naive_bayes.G*", "multiclass", f"{NUMBERS} | {{}}"),
    ("naive_bayes.*", "multiclass", "OneHot() | {}"),
    ("neighbors.*Regressor", "regression", f"{NUMBERS} | {{}}"),
    ("neighbors.*Classifier", "multiclass", f"{NUMBERS} | {{}}"),
    ("neighbors.*", "multiclass", f"{NUMBERS} | neighbors.KNNClassifier(engine={{}})"),
    ("multiclass.*", "multiclass", f"{ALL} | {{}}"),
    ("drift.*Classifier", "binary", f"{RAW} | {{}}"),
    ("drift.binary.*", "binary", f"{RAW} | drift.DriftRetrainingClassifier({TREE}, {{}})"),
    ("drift.*", "binary", f"{RAW} | forest.ARFClassifier(n_models=2, grace_period=20, drift_detector={{}})"),
    ("imblearn.*Regressor", "regression", f"{ALL} | {{}}"),
    ("imblearn.Cheb*", "regression", f"{ALL} | {{}}"),
    ("imblearn.*", "binary", f"{ALL} | {{}}"),
    ("facto.*Regressor", "regression", 'OneHot("colour", "place") | {}'),
    ("facto.*", "binary", 'OneHot("colour", "place") | {}'),
    ("optim.losses.Cross*", "multiclass", f"{ALL} | linear_model.SoftmaxRegression(loss={{}})"),
    ("optim.losses.*Focal*", "binary", f"{ALL} | linear_model.LogisticRegression(loss={{}})"),
    ("optim.losses.H[i]*", "binary", f"{ALL} | linear_model.LogisticRegression(loss={{}})"),
    ("optim.losses.Log", "binary", f"{ALL} | linear_model.LogisticRegression(loss={{}})"),
    ("optim.losses.*", "regression", f"{ALL} | linear_model.LinearRegression(optim.SGD(0.001), loss={{}})"),
    ("optim.initializers.*", "binary", f"{ALL} | linear_model.LogisticRegression(initializer={{}})"),
    ("optim.schedulers.*", "binary", f"{ALL} | linear_model.LogisticRegression(optim.SGD({{}}))"),
    ("optim.*", "binary", f"{ALL} | linear_model.LogisticRegression({{}})"),
    ("stats.Pearson*", "binary", f"{NUMBERS} | feature_selection.SelectKBest({{}}, k=2) | {LOGISTIC}"),
    ("stats.*", "regression", "dummy.StatisticRegressor({})"),
    ("preprocessing.PredClipper", "regression", f"{ALL} | {{}}"),
    ("preprocessing.Target*", "regression", f"{ALL} | {{}}"),
    ("preprocessing.*Encoder", "binary", f'Select("colour", "place") | {{}} | {LOGISTIC}'),
    ("preprocessing.FeatureHasher", "binary", f'Select("colour", "place") | {{}} | {LOGISTIC}'),
    ("feature_extraction.[BT]*", "multiclass", "{} | naive_bayes.MultinomialNB()"),
    ("compose.Discard", "binary", f"{{}} | {LOGISTIC}"),
    ("*.*Regressor", "regression", f"{RAW} | {{}}"),
    ("*.*Classifier", "multiclass", f"{RAW} | {{}}"),
    ("*.*", "binary", f"{NUMBERS} | {{}} | {LOGISTIC}"),
    ("*", "binary", f"{{}} | {LOGISTIC}"),
)


def case(name: str) -> tuple[str, str]:
    """A task and an expression in which the class of that name does its work."""
    made = f"{name}({ARGUMENTS.get(name, ARGUMENTS.get(name.rpartition('.')[2], ''))})"
    return next(
        (task, around.format(made)) for pattern, task, around in TEMPLATES if fnmatchcase(name, pattern)
    )


def stream(kind: str) -> list[tuple[dict[str, Value], Truth]]:
    """Events whose truth turns over half way, with categories, numbers, texts and absent fields."""
    draw = random.Random(5)
    events: list[tuple[dict[str, Value], Truth]] = []
    for number in range(EVENTS):
        x: dict[str, Value] = {
            "colour": draw.choice(["red", "green"]),
            "distance": draw.gauss(100, 30),
            "place": draw.choice("uvwxyz"),
            "hour": draw.randrange(24),
            "flag": draw.random() < 0.4,
            "text": " ".join(draw.choice(["late", "cheap", "good", "bad", "seat"]) for _ in range(4)),
            "picture": Image(((number % 7) / 7, (number % 3) / 3) * 2, 0.5, 0.1, 64, 48),
        }
        score = (x["distance"] > 110) + (x["place"] in "uv") + (x["hour"] > 12) + draw.gauss(0, 0.7)  # type: ignore[operator]
        score = score if number < EVENTS / 2 else 3 - score
        truth: dict[str, Truth] = {
            "binary": score > 1.5,
            "multiclass": "abcd"[min(3, max(0, int(score)))],
            "regression": score * 2,
        }
        if draw.random() < 0.05:
            del x["distance"]
        events.append((x, truth[kind]))
    return events


def copied(thing: Any) -> Any:
    """What comes back from a snapshot."""
    state: Any = State(thing, [], StreamClock(1.0))
    return unpack(pack(state)).learner


def digest(kind: str, expression: str) -> tuple[str, int]:
    """SHA-256 over a model's predictions, and how often it failed; asserts that its copy goes on alike."""
    model, task, seen = build(expression, task=kind), task_named(kind), hashlib.sha256()
    twin, twins_task = None, task_named(kind)
    for number, (x, y) in enumerate(stream(kind)):
        packed = task.pack(task.predict(model, x))
        seen.update(packed)
        if twin is not None:
            assert twins_task.pack(twins_task.predict(twin, x)) == packed, (
                f"event {number} differs in the copy"
            )
            twins_task.learn(twin, x, y)
        task.learn(model, x, y)
        if number == EVENTS // 2 + 20:
            twin = copied(model)
    return seen.hexdigest(), task.faults


def main() -> None:
    """Print the digest of every class's model."""
    results = {}
    for name in CLASSES:
        try:
            results[name] = digest(*case(name))
        except (
            AssertionError,
            SnapshotError,
            TypeError,
            ValueError,
            AttributeError,
            NotImplementedError,
        ) as problem:
            results[name] = (f"{type(problem).__name__}: {problem} in {case(name)[1]}", 0)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
