"""What happens to a pipeline, minute by minute, and whether somebody is called about it."""

from __future__ import annotations

FLIGHTS = 'pipeline="flights"'
SHARD = f'{FLIGHTS},shard="0"'
INCIDENT = f'fluvial_incident_open{{{SHARD},monitor="loss",incident="0f1e2d3c4b5a"}}'
EXPECTED, ERROR = f"fluvial_estimated_loss{{{SHARD}}}", f"fluvial_estimated_loss_error{{{SHARD}}}"
TRUE = f'fluvial_monitor_estimate{{{SHARD},monitor="loss"}}'
WAITING = f"fluvial_waiting_labels{{{SHARD}}}"
DELAY = f"fluvial_label_delay_seconds_bucket{{{SHARD}"
BATCH_TIME = f"fluvial_batch_duration_seconds_sum{{{SHARD}}}"
BATCH_RECORDS = f"fluvial_batch_records_sum{{{SHARD}}}"
LAG = f'fluvial_lag_records{{{FLIGHTS},topic="events",partition="0"}}'
EVENTS, LABELS = f"fluvial_events_total{{{SHARD}}}", f"fluvial_labels_total{{{SHARD}}}"
A, B = 'instance="a"', 'instance="b"'

Case = tuple[str, str, dict[str, str], bool]

# alert; at which time; series with their values in each minute; whether somebody is called
CASES: dict[str, Case] = {
    "nothing fires": (
        "FluvialIncidentOpen",
        "20m",
        {f'fluvial_incidents{{{FLIGHTS},state="firing"}}': "0x30"},
        False,
    ),
    "an incident opens": ("FluvialIncidentOpen", "11m", {INCIDENT: "_x10 1x10"}, True),
    "an incident is resolved": ("FluvialIncidentOpen", "12m", {INCIDENT: "1x10 stale"}, False),
    "two workers tell of the same incident": (
        "FluvialIncidentOpen",
        "5m",
        {f"{INCIDENT[:-1]},{A}}}": "1x10", f"{INCIDENT[:-1]},{B}}}": "1x10"},
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
    "an input moves": (
        "FluvialDriftDetected",
        "6m",
        {f'fluvial_drift_detected_total{{{SHARD},monitor="field:distance",direction="changed"}}': "4x4 5x10"},
        False,
    ),
    "a base rate changes": (
        "FluvialDriftDetected",
        "6m",
        {f'fluvial_drift_detected_total{{{SHARD},monitor="labels:truth",direction="changed"}}': "4x4 5x10"},
        False,
    ),
    "the model gets less sure, which calls nobody by itself": (
        "FluvialDriftDetected",
        "6m",
        {f'fluvial_drift_detected_total{{{SHARD},monitor="confidence",direction="worse"}}': "4x4 5x10"},
        False,
    ),
    "a slice gets worse": (
        "FluvialDriftDetected",
        "6m",
        {f'fluvial_drift_detected_total{{{SHARD},monitor="loss:carrier",direction="worse"}}': "4x4 5x10"},
        True,
    ),
    "a feed falls silent": (
        "FluvialDriftDetected",
        "6m",
        {f'fluvial_drift_detected_total{{{SHARD},monitor="feed:silence",direction="worse"}}': "4x4 5x10"},
        True,
    ),
    "more loss is expected than the labels have shown so far": (
        "FluvialEstimatedLossHigh",
        "40m",
        {EXPECTED: "0.2x10 0.35x60", TRUE: "0.2x80", ERROR: "0.03x80", WAITING: "900x80"},
        True,
    ),
    "more loss is expected for a moment": (
        "FluvialEstimatedLossHigh",
        "40m",
        {EXPECTED: "0.2x30 0.35x5 0.2x60", TRUE: "0.2x80", ERROR: "0.03x80", WAITING: "900x80"},
        False,
    ),
    "more loss is expected by no more than such estimates are off": (
        "FluvialEstimatedLossHigh",
        "40m",
        {EXPECTED: "0.28x80", TRUE: "0.2x80", ERROR: "0.03x80", WAITING: "900x80"},
        False,
    ),
    "a little more loss is expected by estimates that were exact": (
        "FluvialEstimatedLossHigh",
        "40m",
        {EXPECTED: "0.24x80", TRUE: "0.2x80", ERROR: "0.001x80", WAITING: "900x80"},
        False,
    ),
    "no label has judged an estimate yet": (
        "FluvialEstimatedLossHigh",
        "40m",
        {EXPECTED: "0.35x80", TRUE: "0x80", WAITING: "900x80"},
        False,
    ),
    "no label is missing": (
        "FluvialEstimatedLossHigh",
        "40m",
        {EXPECTED: "0.35x80", TRUE: "0.2x80", ERROR: "0.03x80", WAITING: "0x80"},
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
    "a tenth of the labels come after the horizon": (
        "FluvialLabelFeedLate",
        "100m",
        {
            f"fluvial_labels_total{{{SHARD}}}": "0+100x120",
            f'fluvial_label_fates_total{{{SHARD},fate="late"}}': "0+10x120",
        },
        True,
    ),
    "a hundredth of the labels comes after the horizon": (
        "FluvialLabelFeedLate",
        "100m",
        {
            f"fluvial_labels_total{{{SHARD}}}": "0+100x120",
            f'fluvial_label_fates_total{{{SHARD},fate="late"}}': "0+1x120",
        },
        False,
    ),
    "labels come four times as late as the day before": (
        "FluvialLabelFeedLate",
        "1650m",
        {
            f'{DELAY},le="3600.0"}}': "0+10x1500 15000x300",
            f'{DELAY},le="14400.0"}}': "0+10x1800",
            f'{DELAY},le="+Inf"}}': "0+10x1800",
        },
        True,
    ),
    "labels come as late as the day before": (
        "FluvialLabelFeedLate",
        "1650m",
        {
            f'{DELAY},le="3600.0"}}': "0+10x1800",
            f'{DELAY},le="14400.0"}}': "0+10x1800",
            f'{DELAY},le="+Inf"}}': "0+10x1800",
        },
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
    "a worker has hardly any time left": (
        "FluvialProcessingSlow",
        "40m",
        {
            BATCH_TIME: "0+54x60",
            BATCH_RECORDS: "0+6000x60",
            LAG: "40x60",
            EVENTS: "0+6000x60",
            LABELS: "0x60",
        },
        True,
    ),
    "a worker has time left": (
        "FluvialProcessingSlow",
        "40m",
        {
            BATCH_TIME: "0+42x60",
            BATCH_RECORDS: "0+6000x60",
            LAG: "40x60",
            EVENTS: "0+6000x60",
            LABELS: "0x60",
        },
        False,
    ),
    "a worker has no time left for a moment": (
        "FluvialProcessingSlow",
        "40m",
        {BATCH_TIME: "0+12x25 300+57x8 756+12x30", BATCH_RECORDS: "0+6000x70"},
        False,
    ),
    "all its time goes into a backlog that gets smaller": (
        "FluvialProcessingSlow",
        "40m",
        {
            BATCH_TIME: "0+57x60",
            BATCH_RECORDS: "0+6000x60",
            LAG: "1000000-3000x60",
            EVENTS: "0+6000x60",
            LABELS: "0x60",
        },
        False,
    ),
    "two shards that a worker takes in one go have their time in common": (
        "FluvialProcessingSlow",
        "40m",
        {BATCH_TIME: "0+30x60", BATCH_TIME.replace('shard="0"', 'shard="1"'): "0+30x60"},
        False,
    ),
    "a record takes three times as long as on the day before": (
        "FluvialProcessingSlow",
        "1540m",
        {BATCH_TIME: "0+6x1440 8640+18x200", BATCH_RECORDS: "0+600x1640"},
        True,
    ),
    "a record takes as long as on the day before": (
        "FluvialProcessingSlow",
        "1540m",
        {BATCH_TIME: "0+18x1640", BATCH_RECORDS: "0+600x1640"},
        False,
    ),
    "a record takes longer because few come at a time": (
        "FluvialProcessingSlow",
        "1540m",
        {BATCH_TIME: "0+6x1440 8640+6x200", BATCH_RECORDS: "0+600x1440 864000+100x200"},
        False,
    ),
    "no snapshot is stored any more and a recovery would take ten minutes": (
        "FluvialSnapshotTooOld",
        "40m",
        {
            f"fluvial_unsaved_records{{{SHARD}}}": "600000x60",
            f"fluvial_batch_duration_seconds_sum{{{SHARD}}}": "1x60",
            f"fluvial_batch_records_sum{{{SHARD}}}": "1000x60",
        },
        True,
    ),
    "there is as much to be replayed as usual": (
        "FluvialSnapshotTooOld",
        "40m",
        {
            f"fluvial_unsaved_records{{{SHARD}}}": "50000x60",
            f"fluvial_batch_duration_seconds_sum{{{SHARD}}}": "1x60",
            f"fluvial_batch_records_sum{{{SHARD}}}": "1000x60",
        },
        False,
    ),
    "a shard is replayed for a long time": (
        "FluvialRecoverySlow",
        "12m",
        {f"fluvial_shard_recovering{{{SHARD}}}": "0x2 1x10"},
        True,
    ),
    "a shard is replayed for two minutes": (
        "FluvialRecoverySlow",
        "12m",
        {f"fluvial_shard_recovering{{{SHARD}}}": "0x2 1x2 0x10"},
        False,
    ),
    "a state grows out of hand": (
        "FluvialStateTooLarge",
        "12m",
        {f"fluvial_state_bytes{{{SHARD}}}": "0+100000000x20"},
        True,
    ),
    "a state is large and fits": (
        "FluvialStateTooLarge",
        "12m",
        {f"fluvial_state_bytes{{{SHARD}}}": "500000000x20"},
        False,
    ),
    "a channel is away": (
        "FluvialNoticesWait",
        "30m",
        {'fluvial_notice_delay_seconds{pipeline="flights",channel="mail"}': "0+60x40"},
        True,
    ),
    "a channel was away for a moment": (
        "FluvialNoticesWait",
        "30m",
        {'fluvial_notice_delay_seconds{pipeline="flights",channel="mail"}': "0+60x10 0x30"},
        False,
    ),
    "a shard runs": ("FluvialShardHalted", "5m", {f"fluvial_shard_halted{{{SHARD}}}": "0x20"}, False),
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
