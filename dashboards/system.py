"""The dashboard "fluvial system": do the workers keep up, and what would it cost to lose one?"""

from __future__ import annotations

from dashboards.board import Board
from dashboards.measures import BATCH_DURATION, REPLAY
from dashboards.panels import CONSOLE, PIPELINE, SHARD, Answer, Panel, Section

PROCESS = "{{instance}}"
WORKERS = '{job="fluvial"}'

WORKING = Section(
    "Who works?",
    [
        Panel(
            "states",
            "Workers",
            "Whether each worker answers Prometheus.",
            {PROCESS: f"max by (instance) (up{WORKERS})"},
            columns=8,
            answers=(Answer(1, "answers", "green"), Answer(0, "away", "red")),
        ),
        Panel(
            "states",
            "Shards",
            "Which shard has a worker.",
            {SHARD: "max by (pipeline, shard) (fluvial_shard_owned{HERE})"},
            columns=8,
            answers=(Answer(1, "at work", "green"), Answer(0, "nobody has it", "red")),
        ),
        Panel(
            "states",
            "Standing still",
            "Shards that wait until a person acts.",
            {SHARD: "max by (pipeline, shard) (fluvial_shard_halted{HERE})"},
            columns=8,
            answers=(Answer(0, "no", "green"), Answer(1, "halted", "red")),
            link=CONSOLE,
        ),
    ],
)

PACE = Section(
    "Do they keep up?",
    [
        Panel(
            "lines",
            "Time at work",
            "The share of its time that a worker is at its batches; beyond 0.8 a ticket is due.",
            {SHARD: "max by (pipeline, shard) (shard:fluvial_busy:share5m{HERE})"},
            unit="percentunit",
            columns=8,
        ),
        Panel(
            "lines",
            "Time per record",
            "Clock time for one record, journal and deliveries included.",
            {
                f"{SHARD} in the last hour": "max by (pipeline, shard) "
                "(shard:fluvial_record_seconds:mean1h{HERE})",
                f"{SHARD} since the worker started": "max by (pipeline, shard) "
                "(shard:fluvial_record_seconds:mean{HERE})",
            },
            unit="s",
            columns=8,
        ),
        Panel(
            "lines",
            "Batch duration",
            "Clock time for a batch: half of them, and 99 in a hundred.",
            BATCH_DURATION,
            unit="s",
            columns=8,
        ),
        Panel(
            "lines",
            "Records in a batch",
            "Small while the stream is quiet, full while a backlog is worked off.",
            {
                PIPELINE: "sum by (pipeline) (rate(fluvial_batch_records_sum{HERE}[PACE]))"
                " / sum by (pipeline) (rate(fluvial_batch_records_count{HERE}[PACE]))"
            },
            columns=12,
        ),
        Panel(
            "lines",
            "Processor",
            "Seconds of a processor that each worker uses in a second.",
            {PROCESS: f"max by (instance) (rate(process_cpu_seconds_total{WORKERS}[PACE]))"},
            columns=12,
        ),
    ],
)

SIZE = Section(
    "Do they fit?",
    [
        Panel(
            "lines",
            "Memory",
            "What each worker holds in memory.",
            {PROCESS: f"max by (instance) (process_resident_memory_bytes{WORKERS})"},
            unit="bytes",
            columns=6,
        ),
        Panel(
            "lines",
            "State",
            "Size of each shard's state when it was last packed; at half a gigabyte a ticket is due.",
            {SHARD: "max by (pipeline, shard) (fluvial_state_bytes{HERE})"},
            unit="bytes",
            columns=6,
        ),
        Panel(
            "lines",
            "Snapshot size",
            "Size of each shard's latest snapshot, compressed and sealed.",
            {SHARD: "max by (pipeline, shard) (fluvial_snapshot_bytes{HERE})"},
            unit="bytes",
            columns=6,
        ),
        Panel(
            "lines",
            "Open files",
            "Files and connections that each worker has open.",
            {PROCESS: f"max by (instance) (process_open_fds{WORKERS})"},
            columns=6,
        ),
    ],
)

LOSS = Section(
    "What would losing one cost?",
    [
        Panel(
            "lines",
            "Unsaved records",
            "Records learned since the newest snapshot: a recovery replays them.",
            {SHARD: "max by (pipeline, shard) (fluvial_unsaved_records{HERE})"},
            columns=6,
        ),
        Panel(
            "lines",
            "Recovery would take",
            "Replaying them at the pace of the stream, at most.",
            REPLAY,
            unit="s",
            columns=6,
        ),
        Panel(
            "lines",
            "Age of the snapshot",
            "Clock time since this worker last stored one; while nothing comes none is due.",
            {SHARD: "time() - max by (pipeline, shard) (fluvial_snapshot_timestamp_seconds{HERE})"},
            unit="s",
            columns=6,
        ),
        Panel(
            "lines",
            "Snapshot duration",
            "Mean clock time to write one, beside the loop, since each worker started.",
            {
                SHARD: "max by (pipeline, shard) (fluvial_snapshot_duration_seconds_sum{HERE}"
                " / fluvial_snapshot_duration_seconds_count{HERE})"
            },
            unit="s",
            columns=6,
        ),
        Panel(
            "states",
            "Recovering",
            "Shards that were taken and are replayed.",
            {SHARD: "max by (pipeline, shard) (fluvial_shard_recovering{HERE})"},
            answers=(Answer(0, "at work", "green"), Answer(1, "replaying", "orange")),
        ),
        Panel(
            "lines",
            "Recovery duration",
            "Mean clock time from taking a shard to its first new batch, since each worker started.",
            {
                SHARD: "max by (pipeline, shard) (fluvial_recovery_duration_seconds_sum{HERE}"
                " / fluvial_recovery_duration_seconds_count{HERE})"
            },
            unit="s",
        ),
        Panel(
            "bars",
            "Fenced writes",
            "Batches given up because another worker owned the shard: handovers, no losses.",
            {SHARD: "sum by (pipeline, shard) (increase(fluvial_fenced_writes_total{HERE}[PACE]))"},
        ),
    ],
)

BOARD = Board(
    "system",
    "Workers and what they hold: pace, memory, snapshots, and what losing one would cost.",
    (WORKING, PACE, SIZE, LOSS),
)
