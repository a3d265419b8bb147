"""``python -m tests.simulation SEED`` runs one history and tells it; ``--seeds N`` runs many."""

from __future__ import annotations

import sys
from contextlib import closing

from fluvial.store import Store
from tests.simulation.history import run
from tests.simulation.store import MEMORY

with closing(Store(MEMORY)) as store:
    outcome = run(int(sys.argv[1]), store, print)
for broken in outcome.broken:
    print("BROKEN:", broken)
