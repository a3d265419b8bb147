"""``python -m benchmarks.console [--incidents N] [--rounds R]``: how long the console's pages take to make.

Server time alone, in this process: from the request to the last byte of the answer, without a network.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing

from fluvial.console.app import create
from fluvial.store import Store

PAGES = (
    "/",
    "/incidents",
    "/incidents?state=firing",
    "/incidents?text=0a1",
    "/incidents?before=1767000100.0~0",
    "/incidents/000000000064",
    "/pipelines/flights-1",
    "/api/v1/pipelines/flights-1/chart",
    "/pipelines/flights-1/labels",
    "/pipelines/flights-1/models",
    "/api/v1/stream?once=true",
)


def rows(incidents: int, rounds: int) -> Iterator[str]:
    """The lines of the table, in Markdown."""
    from tests.fluvial.console.crowd import crowd  # noqa: PLC0415 - the product does not come with its tests
    from tests.fluvial.console.visitors import TOKEN, visitor  # noqa: PLC0415

    yield "| page | median ms | slowest ms | bytes |"
    yield "|---|--:|--:|--:|"
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Store(f"sqlite:///{folder}/store.db")) as store,
    ):
        crowd(store, incidents=incidents)
        browser = visitor(create(store, token=TOKEN))
        for page in PAGES:
            took, size = [], 0
            for _ in range(rounds):
                began = time.perf_counter()
                answer = browser.get(page)
                took.append(1_000 * (time.perf_counter() - began))
                assert answer.status_code == 200, page
                size = len(answer.content)
            yield f"| `{page}` | {statistics.median(took):.0f} | {max(took):.0f} | {size:,} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--incidents", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    for line in rows(chosen.incidents, chosen.rounds):
        print(line)


if __name__ == "__main__":
    main()
