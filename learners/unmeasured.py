"""River's trees measure their own memory now and then and switch leaves off when it is too much.

What Python measures depends on how an object came to be: a tree that was restored is smaller than
the same tree that grew. Its leaves would be switched off at another moment, and from then on it
would predict something else. So trees do not measure themselves here; ``max_depth`` bounds them.
"""

from typing import Any

from river.tree.hoeffding_tree import HoeffdingTree

PARAMETERS = frozenset({"max_size", "memory_estimate_period", "stop_mem_management"})
"""What has no effect without measuring."""


def _not_measured(tree: Any) -> None:
    """Stands for the measuring."""


def install() -> None:
    """Let no tree measure itself; doing it again changes nothing."""
    HoeffdingTree._estimate_model_size = _not_measured
