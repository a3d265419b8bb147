"""The classes an expression may name: River's, and the transformers of learners/transform.py."""

from collections.abc import Mapping
from typing import Any

from river import (
    base,
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
    rules,
    stats,
    tree,
    compose,utils
)

from learners import transform

RIVER: tuple[tuple[str, Any, str], ...] = (
    ("linear_model", linear_model, "AdPredictor ALMAClassifier BayesianLinearRegression LinearRegression LogisticRegression PAClassifier PARegressor Perceptron SoftmaxRegression"),
    ("tree", tree, "ExtremelyFastDecisionTreeClassifier HoeffdingTreeClassifier HoeffdingAdaptiveTreeClassifier HoeffdingTreeRegressor HoeffdingAdaptiveTreeRegressor LASTClassifier SGTClassifier SGTRegressor"),
    ("tree.splitter", tree.splitter, "DynamicQuantizer EBSTSplitter ExhaustiveSplitter GaussianSplitter HistogramSplitter QOSplitter StaticQuantizer TEBSTSplitter"),
    ("ensemble", ensemble, "AdaBoostClassifier ADWINBaggingClassifier ADWINBoostingClassifier BaggingClassifier BaggingRegressor BOLEClassifier EWARegressor LeveragingBaggingClassifier SRPClassifier SRPRegressor StackingClassifier VotingClassifier"),
    ("forest", forest, "ARFClassifier ARFRegressor AMFClassifier AMFRegressor OXTRegressor"),
    ("naive_bayes", naive_bayes, "BernoulliNB ComplementNB GaussianNB MultinomialNB"),
    ("neighbors", neighbors, "KNNClassifier KNNRegressor LazySearch SWINN"),
    ("multiclass", multiclass, "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier"),
    ("preprocessing", preprocessing, "AdaptiveStandardScaler Binarizer FeatureHasher GapEncoder GaussianRandomProjector LDA MaxAbsScaler MinMaxScaler Normalizer OneHotEncoder OrdinalEncoder PredClipper PreviousImputer RobustScaler SparseRandomProjector StandardScaler StatImputer TargetMinMaxScaler TargetStandardScaler"),
    ("feature_extraction", feature_extraction, "BagOfWords PolynomialExtender RandomTreesEmbedding RBFSampler TFIDF Agg TargetAgg"),
    ("feature_selection", feature_selection, "PoissonInclusion SelectKBest VarianceThreshold"),
    ("compose", compose, "Discard Prefixer Renamer Suffixer Select Grouper"),
    ("optim", optim, "AdaBound AdaDelta AdaGrad Adam AMSGrad AdaMax Averager FTRLProximal Momentum Nadam NesterovMomentum Newton RMSProp SGD"),
    ("optim.losses", optim.losses, "Absolute BinaryFocalLoss Cauchy CrossEntropy Hinge Huber EpsilonInsensitiveHinge Log Poisson Quantile Squared"),
    ("optim.initializers", optim.initializers, "Constant Normal Zeros"),
    ("optim.schedulers", optim.schedulers, "Constant InverseScaling Optimal"),
    ("drift", drift, "ADWIN DriftRetrainingClassifier DummyDriftDetector KSWIN NoDrift PageHinkley"),
    ("drift.binary", drift.binary, "DDM EDDM FHDDM HDDMA HDDMW"),
    ("dummy", dummy, "NoChangeClassifier PriorClassifier StatisticRegressor"),
    ("imblearn", imblearn, "ChebyshevOverSampler ChebyshevUnderSampler HardSamplingClassifier HardSamplingRegressor RandomOverSampler RandomUnderSampler RandomSampler"),
    ("rules", rules, "AMRules"),
    ("facto", facto, "FMClassifier FMRegressor FFMClassifier FFMRegressor FwFMClassifier FwFMRegressor HOFMClassifier HOFMRegressor"),
    ("stats", stats, "AbsMax Count EWMean EWVar Max Mean Min Mode PearsonCorr PeakToPeak Quantile RollingMax RollingMin RollingQuantile Sum Var Entropy IQR Kurtosis MAD Skew SEM Shift BayesianMean"),
)
"""Module, and the names in it that may be used."""

OWN = (transform.Select, transform.Numbers, transform.OneHot, transform.Hash, transform.Interact)

CLASSES: Mapping[str, type] = {cls.__name__: cls for cls in OWN} | {
    f"{path}.{name}": getattr(module, name) for path, module, names in RIVER for name in names.split()
}
LIMITS: Mapping[str,float] = {}
