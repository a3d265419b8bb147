"""Racing: several calls that start at one moment, each in a thread of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def race(*runners: Callable[[], T]) -> list[T | BaseException]:
    """Run all at once; what each returned or raised, in the order in which they were given."""
    start = Barrier(len(runners))

    def run(runner: Callable[[], T]) -> T:
        start.wait(timeout=30)
        return runner()

    with ThreadPoolExecutor(len(runners)) as pool:
        futures = [pool.submit(run, runner) for runner in runners]
    return [future.exception() or future.result() for future in futures]


def succeeded(outcomes: Sequence[T | BaseException]) -> list[T]:
    """What was returned; what was raised is left out."""
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
