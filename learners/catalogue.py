"""The classes an expression may name: River's, and the transformers of learners/transform.py.

Every one predicts bit for bit the same under any hash seed and after pickling; a test holds that.
What is left out, and why, is in LEFT_OUT.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from river import (
    base,
    compose,
    drift,
    dummy,
    ensemble,
    facto,
    feature_extraction,
    feature_selection,
    forest,
    imblearn,
    linear_model,
    multiclass,
    naive_bayes,
    neighbors,
    optim,
    preprocessing,
    stats,
    tree,
)
from river.neighbors.base import BaseNN

from learners import order, transform, unmeasured

order.install()  # both before any model is built or unpickled
unmeasured.install()

_RIVER: tuple[tuple[str, Any, str], ...] = (
    (
        "linear_model",
        linear_model,
        "AdPredictor ALMAClassifier BayesianLinearRegression LinearRegression LogisticRegression"
        " PAClassifier PARegressor Perceptron SoftmaxRegression",
    ),
    (
        "tree",
        tree,
        "ExtremelyFastDecisionTreeClassifier HoeffdingAdaptiveTreeClassifier HoeffdingAdaptiveTreeRegressor"
        " HoeffdingTreeClassifier HoeffdingTreeRegressor LASTClassifier SGTClassifier SGTRegressor",
    ),
    (
        "tree.splitter",
        tree.splitter,
        "DynamicQuantizer EBSTSplitter ExhaustiveSplitter GaussianSplitter HistogramSplitter QOSplitter"
        " StaticQuantizer TEBSTSplitter",
    ),
    (
        "ensemble",
        ensemble,
        "ADWINBaggingClassifier ADWINBoostingClassifier AdaBoostClassifier BOLEClassifier BaggingClassifier"
        " BaggingRegressor EWARegressor LeveragingBaggingClassifier SRPClassifier SRPRegressor"
        " StackingClassifier",
    ),
    ("forest", forest, "AMFClassifier AMFRegressor ARFClassifier ARFRegressor OXTRegressor"),
    ("naive_bayes", naive_bayes, "BernoulliNB ComplementNB GaussianNB MultinomialNB"),
    ("neighbors", neighbors, "KNNClassifier KNNRegressor LazySearch SWINN"),
    ("multiclass", multiclass, "OneVsRestClassifier"),
    (
        "preprocessing",
        preprocessing,
        "AdaptiveStandardScaler Binarizer FeatureHasher GaussianRandomProjector MaxAbsScaler MinMaxScaler"
        " Normalizer OneHotEncoder OrdinalEncoder PredClipper RobustScaler SparseRandomProjector"
        " StandardScaler TargetMinMaxScaler TargetStandardScaler",
    ),
    ("feature_extraction", feature_extraction, "BagOfWords PolynomialExtender RBFSampler TFIDF"),
    ("feature_selection", feature_selection, "PoissonInclusion SelectKBest VarianceThreshold"),
    ("compose", compose, "Discard Prefixer Renamer Suffixer"),
    (
        "optim",
        optim,
        "AMSGrad AdaBound AdaDelta AdaGrad AdaMax Adam Averager FTRLProximal Momentum Nadam NesterovMomentum"
        " RMSProp SGD",
    ),
    (
        "optim.losses",
        optim.losses,
        "Absolute BinaryFocalLoss Cauchy CrossEntropy EpsilonInsensitiveHinge Hinge Huber Log Poisson"
        " Quantile Squared",
    ),
    ("optim.initializers", optim.initializers, "Constant Normal Zeros"),
    ("optim.schedulers", optim.schedulers, "Constant InverseScaling Optimal"),
    ("drift", drift, "ADWIN DriftRetrainingClassifier DummyDriftDetector KSWIN NoDrift PageHinkley"),
    ("drift.binary", drift.binary, "DDM EDDM FHDDM HDDMA HDDMW"),
    ("dummy", dummy, "NoChangeClassifier PriorClassifier StatisticRegressor"),
    (
        "imblearn",
        imblearn,
        "ChebyshevOverSampler ChebyshevUnderSampler HardSamplingClassifier HardSamplingRegressor"
        " RandomOverSampler RandomSampler RandomUnderSampler",
    ),
    (
        "facto",
        facto,
        "FFMClassifier FFMRegressor FMClassifier FMRegressor FwFMClassifier FwFMRegressor HOFMClassifier"
        " HOFMRegressor",
    ),
    (
        "stats",
        stats,
        "AbsMax BayesianMean Count EWMean EWVar Entropy IQR Kurtosis MAD Max Mean Min Mode PeakToPeak"
        " PearsonCorr Quantile RollingMax RollingMin RollingQuantile SEM Shift Skew Sum Var",
    ),
)

_OWN = (
    *(transform.Select, transform.Numbers, transform.OneHot, transform.Hash, transform.Interact),
    transform.Pixels,
)

CLASSES: Mapping[str, type] = {cls.__name__: cls for cls in _OWN} | {
    f"{path}.{name}": getattr(module, name) for path, module, names in _RIVER for name in names.split()
}
"""What an expression calls a class, and the class."""

_SLOW = "it takes milliseconds per event"
_HARD = "it gives no probabilities"
_GROWS = "it grows with every new key and fails on an absent field; recent statistics do that within bounds"
_CALLS = "it is made of a function or a type, which an expression cannot hold"
_FILLED = "it fails on an absent field; the contract says how missing values are filled"
LEFT_OUT: Mapping[str, str] = {
    "compose.Select": "its order follows the hash seed; use Select",
    "compose.SelectType": "use Numbers or OneHot",
    "compose.TransformerUnion": "use +",
    "compose.TransformerProduct": "use Interact",
    "compose.Pipeline": "use |",
    "compose.FuncTransformer": _CALLS,
    "compose.TargetTransformRegressor": _CALLS,
    "compose.Grouper": _GROWS,
    "feature_extraction.Agg": _GROWS,
    "feature_extraction.TargetAgg": _GROWS,
    "feature_extraction.RandomTreesEmbedding": "it files leaves by memory address and fails after a restart",
    "preprocessing.StatImputer": _FILLED,
    "preprocessing.PreviousImputer": _FILLED,
    "preprocessing.LDA": _SLOW,
    "preprocessing.GapEncoder": _SLOW,
    "optim.Newton": "it fails on a feature it has not met",
    "rules.AMRules": "it files rules by memory address and fails on text",
    "ensemble.VotingClassifier": _HARD,
    "multiclass.OneVsOneClassifier": _HARD,
    "multiclass.OutputCodeClassifier": _HARD,
    "tree.ISOUPTreeRegressor": "it predicts several numbers at once",
}
"""Classes of River that one might look for here, and why they are not."""

SIGNATURES: Mapping[str, inspect.Signature] = {name: inspect.signature(cls) for name, cls in CLASSES.items()}

KINDS: Mapping[str, tuple[type, ...]] = {
    "classifier": (base.Classifier,),
    "meta_classifier": (base.Classifier,),
    "regressor": (base.Regressor,),
    "leaf_model": (base.Regressor,),
    "model": (base.Classifier, base.Regressor),
    "optimizer": (optim.base.Optimizer,),
    "weight_optimizer": (optim.base.Optimizer,),
    "latent_optimizer": (optim.base.Optimizer,),
    "loss": (optim.losses.Loss,),
    "initializer": (optim.base.Initializer,),
    "splitter": (tree.splitter.Splitter,),
    "statistic": (stats.base.Univariate,),
    "engine": (BaseNN,),
}
"""What a parameter of that name must be, wherever it stands."""

LARGEST = 1_000_000
LIMITS: Mapping[str, int] = {
    "n_models": 100,
    "n_estimators": 100,
    "n_components": 1_000,
    "n_factors": 100,
    "n_neighbors": 1_000,
    "n_splits": 1_000,
    "n_bins": 10_000,
    "n_iters": 100,
    "graph_k": 100,
    "maxlen": 10_000,
    "window_size": 10_000,
    "size": 100_000,
    "degree": 3,
    "ngram_range": 5,
    "max_depth": 100,
    "lambda_value": 100,
    "lam": 100,
    "w": 100,
    "amount": 10_000,
    "k": 10_000,
}
"""The largest number a parameter of that name may hold, so that no expression exhausts the machine."""

BARRED = {
    ("preprocessing.MinMaxScaler", "window_size"): "it fails on a feature it has not met",
    ("preprocessing.MaxAbsScaler", "window_size"): "it fails on a feature it has not met",
    ("neighbors.KNNClassifier", "cleanup_every"): "it makes predictions follow the hash seed",
} | {
    (name, parameter): "it goes by measured memory, which is another after a restart; use max_depth"
    for name, signature in SIGNATURES.items()
    for parameter in unmeasured.PARAMETERS
    if signature.parameters.keys() >= unmeasured.PARAMETERS
}
"""Parameters that may not be set, and why."""
