"""Trees that go by measured memory would predict something else after a restart."""

from __future__ import annotations

import pytest
from river import tree

from learners.expression import ExpressionError, build
from learners.unmeasured import PARAMETERS


@pytest.mark.parametrize("parameter", sorted(PARAMETERS))
def test_what_goes_by_measured_memory_may_not_be_set(parameter: str) -> None:
    with pytest.raises(ExpressionError, match=f"may not set {parameter}.*max_depth"):
        build(f"tree.HoeffdingTreeClassifier({parameter}=1)")
    with pytest.raises(ExpressionError, match=f"may not set {parameter}"):
        build(f"forest.ARFRegressor({parameter}=1)")


def test_no_leaf_of_a_tree_is_switched_off() -> None:
    grown = tree.HoeffdingTreeClassifier(grace_period=20, max_size=1e-6, memory_estimate_period=10)
    for number in range(500):
        grown.learn_one({"x": float(number % 10)}, number % 10 > 4)
    assert grown.n_active_leaves > 1
    assert grown.n_inactive_leaves == 0
