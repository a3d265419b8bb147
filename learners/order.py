"""River's sets that decide something, kept in the order of insertion.

Some River models iterate over a set of classes or categories and let the order break ties or order
a sum. The order of a set of text follows PYTHONHASHSEED and changes when it is pickled, so the same
stream would make another model after a restart. In the modules below the name ``set`` therefore
stands for a set that remembers the order in which its members came. River is pinned to one version;
a test trains every allowed model under several hash seeds.
"""

from collections.abc import Iterable
from typing import Any

import river.dummy
import river.forest.aggregated_mondrian_forest
import river.neighbors.knn_classifier
import river.tree.hoeffding_tree_classifier
import river.tree.splitter.nominal_splitter_classif


class Ordered(dict[Any, None]):
    """As much of a set as those modules use, in the order of insertion.

    >>> seen = Ordered("ba")
    >>> seen.add("b")
    >>> list(seen)
    ['b', 'a']
    """

    def __init__(self, members: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(members))

    def add(self, member: Any) -> None:
        """Put a member last, or leave it in its place."""
        self.setdefault(member)


ORDERED = (
    river.dummy,
    river.forest.aggregated_mondrian_forest,
    river.neighbors.knn_classifier,
    river.tree.hoeffding_tree_classifier,
    river.tree.splitter.nominal_splitter_classif,
)


def install() -> None:
    """Let ``set`` mean Ordered in those modules; doing it again changes nothing."""
    for module in ORDERED:
        module.set = Ordered
