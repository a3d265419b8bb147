"""What happens to a pipeline, minute by minute, and whether somebody is called about it."""

from __future__ import annotations

FLIGHTS = 'pipeline="flights"'
SHARD = f'{FLIGHTS},shard="0"'
A, B = 'instance="a"', 'instance="b"'

Case = tuple[str, str, dict[str, str], bool]

# alert; at which time; series with their values in each minute; whether somebody is called
CASES: dict[str, Case] = {
    "nothing fires": (
        "FluvialIncidentFiring",
        "20m",
        {f'fluvial_incidents{{{FLIGHTS},state="firing"}}': "0x30"},
        False,
    ),
    "an incident fires": (
        "FluvialIncidentFiring",
        "11m",
        {f'fluvial_incidents{{{FLIGHTS},state="firing"}}': "0x10 1x10"},
        True,
    ),
    "an acknowledged incident has somebody already": (
        "FluvialIncidentFiring",
        "11m",
        {
            f'fluvial_incidents{{{FLIGHTS},state="firing"}}': "0x30",
            f'fluvial_incidents{{{FLIGHTS},state="acknowledged"}}': "1x30",
        },
        False,
    ),
    "two workers tell of the same incident": (
        "FluvialIncidentFiring",
        "5m",
        {
            f'fluvial_incidents{{{FLIGHTS},state="firing",{A}}}': "1x10",
            f'fluvial_incidents{{{FLIGHTS},state="firing",{B}}}': "1x10",
        },
        True,
    ),
    "a monitor reports worse": (
        "FluvialDriftDetected",
        "6m",
        {f'fluvial_drift_detected_total{{{SHARD},monitor="loss",direction="worse"}}': "4x4 5x10"},
        True,
    ),
    "a monitor reports better": (
        "FluvialDriftDetected",
        "6m",
        {f'fluvial_drift_detected_total{{{SHARD},monitor="loss",direction="better"}}': "4x4 5x10"},
        False,
    ),
    "a shard with old drifts moves to another worker": (
        "FluvialDriftDetected",
        "8m",
        {
            f'fluvial_drift_detected_total{{{SHARD},monitor="loss",direction="worse",{A}}}': "4x5 stale",
            f'fluvial_drift_detected_total{{{SHARD},monitor="loss",direction="worse",{B}}}': "_x6 4x10",
        },
        False,
    ),
    "the goal is missed for a while": (
        "FluvialSuccessMissed",
        "30m",
        {f'fluvial_success_met{{{SHARD},metric="rocauc",goal="at_least"}}': "1x10 0x30"},
        True,
    ),
    "the goal is missed for a moment": (
        "FluvialSuccessMissed",
        "16m",
        {f'fluvial_success_met{{{SHARD},metric="rocauc",goal="at_least"}}': "1x10 0x3 1x20"},
        False,
    ),
    "it is too early for a goal": (
        "FluvialSuccessMissed",
        "30m",
        {f'fluvial_success_level{{{SHARD},metric="rocauc",goal="at_least"}}': "0.7x40"},
        False,
    ),
    "events stop": (
        "FluvialEventFeedSilent",
        "50m",
        {f"fluvial_events_total{{{SHARD}}}": "0+10x10 100x50"},
        True,
    ),
    "events come": ("FluvialEventFeedSilent", "50m", {f"fluvial_events_total{{{SHARD}}}": "0+10x60"}, False),
    "a pipeline waits for its first event": (
        "FluvialEventFeedSilent",
        "50m",
        {f"fluvial_events_total{{{SHARD}}}": "0x60"},
        False,
    ),
    "labels stop while events come": (
        "FluvialLabelFeedSilent",
        "120m",
        {
            f"fluvial_labels_total{{{SHARD}}}": "0+10x10 100x130",
            f"fluvial_predictions_total{{{SHARD}}}": "0+10x140",
        },
        True,
    ),
    "labels stop with the events": (
        "FluvialLabelFeedSilent",
        "120m",
        {
            f"fluvial_labels_total{{{SHARD}}}": "0+10x10 100x130",
            f"fluvial_predictions_total{{{SHARD}}}": "0+10x10 100x130",
        },
        False,
    ),
    "labels take a week and none has come yet": (
        "FluvialLabelFeedSilent",
        "120m",
        {f"fluvial_labels_total{{{SHARD}}}": "0x140", f"fluvial_predictions_total{{{SHARD}}}": "0+10x140"},
        False,
    ),
    "more wait than on the day before": (
        "FluvialWaitingGrows",
        "1600m",
        {f"fluvial_waiting_labels{{{SHARD}}}": "2000x1500 5000x200"},
        True,
    ),
    "as many wait as on the day before": (
        "FluvialWaitingGrows",
        "1600m",
        {f"fluvial_waiting_labels{{{SHARD}}}": "5000x1700"},
        False,
    ),
    "a new pipeline fills up": (
        "FluvialWaitingGrows",
        "100m",
        {f"fluvial_waiting_labels{{{SHARD}}}": "0+100x200"},
        False,
    ),
    "a tenth of the records cannot be read": (
        "FluvialQuarantineShare",
        "40m",
        {
            f"fluvial_events_total{{{SHARD}}}": "0+90x60",
            f"fluvial_labels_total{{{SHARD}}}": "0+10x60",
            f'fluvial_quarantined_total{{{SHARD},stream="events",reason="not_json"}}': "0+10x60",
        },
        True,
    ),
    "a hundredth of the records cannot be read": (
        "FluvialQuarantineShare",
        "40m",
        {
            f"fluvial_events_total{{{SHARD}}}": "0+90x60",
            f"fluvial_labels_total{{{SHARD}}}": "0+10x60",
            f'fluvial_quarantined_total{{{SHARD},stream="events",reason="not_json"}}': "0+1x60",
        },
        False,
    ),
    "a worker falls behind": (
        "FluvialLagGrows",
        "40m",
        {
            f'fluvial_lag_records{{{FLIGHTS},topic="events",partition="0"}}': "0+100x60",
            f"fluvial_events_total{{{SHARD}}}": "0+60x60",
            f"fluvial_labels_total{{{SHARD}}}": "0+0x60",
        },
        True,
    ),
    "a worker stands still": (
        "FluvialLagGrows",
        "40m",
        {
            f'fluvial_lag_records{{{FLIGHTS},topic="events",partition="0"}}': "50x60",
            f"fluvial_events_total{{{SHARD}}}": "600x60",
            f"fluvial_labels_total{{{SHARD}}}": "600x60",
        },
        True,
    ),
    "a backlog is worked off": (
        "FluvialLagGrows",
        "20m",
        {
            f'fluvial_lag_records{{{FLIGHTS},topic="events",partition="0"}}': "1000000-100x60",
            f"fluvial_events_total{{{SHARD}}}": "0+100x60",
            f"fluvial_labels_total{{{SHARD}}}": "0+0x60",
        },
        False,
    ),
    "a shard stands still": (
        "FluvialShardHalted",
        "5m",
        {f"fluvial_shard_halted{{{SHARD}}}": "0x2 1x10"},
        True,
    ),
    "a worker dies and nobody takes its shard": (
        "FluvialShardUnowned",
        "9m",
        {f"fluvial_shard_owned{{{SHARD},{A}}}": "1x5 stale"},
        True,
    ),
    "a worker dies and another takes its shard": (
        "FluvialShardUnowned",
        "9m",
        {
            f"fluvial_shard_owned{{{SHARD},{A}}}": "1x5 stale",
            f"fluvial_shard_owned{{{SHARD},{B}}}": "_x6 1x10",
        },
        False,
    ),
    "a worker gives up a shard that nobody takes": (
        "FluvialShardUnowned",
        "9m",
        {f"fluvial_shard_owned{{{SHARD}}}": "1x5 0x10"},
        True,
    ),
    "a worker does not answer": ("FluvialWorkerGone", "9m", {f'up{{job="fluvial",{A}}}': "1x5 0x10"}, True),
    "there is no worker at all": ("FluvialWorkerGone", "9m", {f'up{{job="prometheus",{A}}}': "1x15"}, True),
    "a worker answers": ("FluvialWorkerGone", "9m", {f'up{{job="fluvial",{A}}}': "1x15"}, False),
}
