"""The dashboard "fluvial pipeline": is the model good, is it fed, does it drift, is its worker well?"""

from __future__ import annotations

from dashboards.board import METRICS, PIPELINES, SHARDS, Board
from dashboards.quality import DRIFTING, GOOD
from dashboards.running import FED, WELL

BOARD = Board(
    "pipeline",
    "One or more pipelines: quality, feeds, drift and workers.",
    (GOOD, FED, DRIFTING, WELL),
    (PIPELINES, SHARDS, METRICS),
)
