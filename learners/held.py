"""What River's models hold besides values and objects: the makers, methods and functions, by name.

The lists are exact. ``tests/fluvial/test_needs.py`` trains every allowed model and fails where one holds
something that is missing here, and where something is listed that none holds.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from river import preprocessing, stats
from river._river_rust import drift as rust_drift
from river._river_rust import stats as rust_stats
from river.drift.dummy import DummyDriftDetector
from river.drift.page_hinkley import PageHinkley
from river.ensemble.bagging import LeveragingBaggingClassifier
from river.feature_extraction import vectorize
from river.feature_extraction.kernel_approx import RBFSampler
from river.linear_model.pa import BasePA, PAClassifier, PARegressor
from river.naive_bayes.gaussian import GaussianNB
from river.optim.initializers import Constant, Normal, Zeros
from river.sketch.histogram import Histogram
from river.tree.splitter.qo_splitter import Slot
from river.utils.rolling import Rolling

from learners.catalogue import LARGEST

WIDEST = LARGEST
"""The widest window that an expression can ask for."""


class NotPortable(ValueError):
    """Something that no state of an allowed model holds; it goes neither into a snapshot nor out of one."""


def full_name(thing: Any) -> str:
    """Module and qualified name of a class or function."""
    return f"{thing.__module__}:{thing.__qualname__}"


def name_of(thing: Any, table: Mapping[str, Any]) -> str:
    """The name under which a class or function is in a table. Raises NotPortable."""
    name = full_name(thing)
    if listed(table, name) is not thing:
        raise NotPortable(f"{name} is another one than that of learners/held.py")
    return name


def listed(table: Mapping[str, Any], name: Any) -> Any:
    """What a table has under a name. Raises NotPortable."""
    if type(name) is not str or name not in table:
        raise NotPortable(f"{name!r} is on no list of learners/held.py")
    return table[name]


def _by_name(*things: Any) -> dict[str, Any]:
    return {full_name(thing): thing for thing in things}


MAKERS: Mapping[str, Callable[..., Any]] = _by_name(
    *(dict, float, int, set, Counter, defaultdict, deepcopy, Rolling, Histogram),
    *(stats.AbsMax, stats.EWMean, stats.EWVar, stats.IQR, stats.Max, stats.Mean, stats.Min, stats.Quantile),
    stats.Var,
    GaussianNB._make_gaussian,
    vectorize.find_all_ngrams,
    vectorize.remove_stop_words,
    vectorize.tokenize_using_regex_pattern,
)
"""What defaultdicts fill their gaps with, and what partials call."""

INITIALIZERS = (Constant, Normal, Zeros)
"""The River objects that are makers themselves."""

METHODS: Mapping[str, tuple[type, Callable[..., Any]]] = {
    f"{cls.__module__}:{cls.__qualname__}.{name}": (cls, vars(cls)[name])
    for cls, *names in (
        (BasePA, "_calc_tau_1", "_calc_tau_2"),
        (DummyDriftDetector, "_fixed_trigger", "_random_trigger"),
        (
            LeveragingBaggingClassifier,
            *("_leveraging_bag", "_leveraging_bag_wt", "_leveraging_subag"),  # the others fail when called
        ),
        (PageHinkley, "_test_both", "_test_decrease", "_test_increase"),
        (RBFSampler, "_random_weights"),
        (Slot, "_update_estimator_univariate"),
        (preprocessing.GaussianRandomProjector, "_rand_gauss"),
        (preprocessing.SparseRandomProjector, "_rand_weights_for_feature"),
        (preprocessing.TargetMinMaxScaler, "_scale", "_unscale"),
        (preprocessing.TargetStandardScaler, "_scale", "_unscale"),
    )
    for name in names
}
"""Methods that are bound to objects: the class that has it and its function, by module and name."""

CLASS_METHODS: Mapping[str, Callable[..., Any]] = {
    full_name(cls) + "._calc_tau_0": cls._calc_tau_0 for cls in (PAClassifier, PARegressor)
}
"""Methods that are bound to their class."""

RUST: Mapping[str, type] = _by_name(
    rust_drift.AdaptiveWindowing,
    rust_stats.RsEWMean,
    rust_stats.RsEWVar,
    rust_stats.RsIQR,
    rust_stats.RsKurtosis,
    rust_stats.RsPeakToPeak,
    rust_stats.RsQuantile,
    rust_stats.RsRollingQuantile,
    rust_stats.RsSkew,
)
"""River's classes that are written in Rust and keep their state as bytes."""
