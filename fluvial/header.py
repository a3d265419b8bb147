"""Header: what made a snapshot and for which place; sealed with it, and readable without opening it."""

from collections.abc import Mapping
from typing import Any

from consumers.record import TopicPartition
from fluvial.config import Pipeline
from fluvial.fingerprint import contract_version, libraries, model_version, state_version

FORMAT = 9
"""Goes up when snapshots of before can no longer be read; they are then rebuilt by replay."""

PLACE = ("pipeline", "shard", "batch")
"""Where a snapshot belongs. One found elsewhere was put there by somebody: its versions may be right."""


def header_for(
    pipeline: Pipeline,
    shard: int,
    batch: int,
    positions: Mapping[TopicPartition, int],
    epoch: int,
    digest: bytes,
) -> dict[str, Any]:
    """The header of the snapshot that is taken after ``batch``.

    ``positions`` are the offsets at which reading goes on, ``digest`` is that of the shard.
    """
    return expected_of(pipeline, shard) | {
        "batch": batch,
        "positions": {str(tp): offset for tp, offset in positions.items()},
        "epoch": epoch,
        "digest": digest.hex(),
    }


def expected_of(pipeline: Pipeline, shard: int) -> dict[str, Any]:
    """What a header has to say for its snapshot to be of use to this shard of this pipeline, as it is now."""
    return {
        "format": FORMAT,
        "pipeline": pipeline.pipeline,
        "shard": shard,
        "contract": contract_version(pipeline),
        "model": model_version(pipeline),
        "state": state_version(pipeline),
        **libraries(),
    }


def positions_of(header: Mapping[str, Any]) -> dict[TopicPartition, int]:
    """The offsets of a header; to be believed once its snapshot has been unsealed."""
    return {TopicPartition.parse(tp): offset for tp, offset in header["positions"].items()}
