"""``python -m tests.simulation SEED`` runs one history and tells it; ``--seeds N`` runs many."""

from __future__ import annotations

import sys
from contextlib import closing

from tests.simulation.history import run
from tests.simulation.store import MemoryStore

with closing(MemoryStore()) as store:
    outcome = run(int(sys.argv[1]), store, print)
for broken in outcome.broken:
    print("BROKEN:", broken)
