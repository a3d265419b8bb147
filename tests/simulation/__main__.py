"""``python -m tests.simulation SEED`` tells one history; ``--seeds N`` runs N and tells which seeds are broken."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing

from tests.simulation.draw import Drawn, draw
from tests.simulation.history import Outcome, run
from tests.simulation.store import MemoryStore


def main() -> int:
    """Run what was asked for; 1 where a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    options.add_argument("seed", type=int, nargs="?", help="run this history and tell it step by step")
    options.add_argument("--seeds", type=int, default=2000, help="how many histories to run without a SEED")
    options.add_argument("--first", type=int, default=0, help="the first of these seeds")
    options.add_argument("--jobs", type=int, default=1, help="on so many processors")
    options.add_argument("--json", action="store_true", help="end with figures and broken seeds as JSON")
    asked = options.parse_args()
    if asked.seed is not None:
        with closing(MemoryStore()) as store:
            return _tell(run(asked.seed, store, print))
    drawn = draw(range(asked.first, asked.first + asked.seeds), asked.jobs, tell=_tell)
    print(_as_json(drawn) if asked.json else drawn)
    return 1 if drawn.broken else 0


def _tell(outcome: Outcome) -> int:
    for broken in outcome.broken:
        print(f"seed {outcome.seed}: {broken}", file=sys.stderr, flush=True)
    return 1 if outcome.broken else 0


def _as_json(drawn: Drawn) -> str:
    broken = {outcome.seed: outcome.broken for outcome in drawn.broken}
    figures = dict(sorted(drawn.figures.items()))
    shown = {"histories": drawn.histories, "per_minute": round(drawn.per_minute), "broken": broken}
    return json.dumps(shown | {"figures": figures})


if __name__ == "__main__":
    sys.exit(main())
