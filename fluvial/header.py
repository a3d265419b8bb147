"""Header: what a snapshot says about itself, and what it must say to be opened here."""

from collections.abc import Mapping
from typing import Any

from consumers.record import TopicPartition
from fluvial.config import Pipeline
from fluvial.fingerprint import contract_version, libraries, model_version, state_version


def expected_of(pipeline: Pipeline, shard: int) -> dict[str, Any]:
    """What must hold of a snapshot so that its state can go on here."""
    named = {"pipeline": pipeline.pipeline, "shard": shard, "state": state_version(pipeline)}
    return named | libraries()


def header_for(
    pipeline: Pipeline,
    shard: int,
    *,
    batch: int,
    epoch: int,
    positions: Mapping[TopicPartition, int],
    digest: str,
) -> dict[str, Any]:
    """All that a snapshot's header says."""
    versions = {"contract": contract_version(pipeline), "model": model_version(pipeline)}
    where = {"positions": {str(tp): offset for tp, offset in positions.items()}}
    of = {"batch": batch, "epoch": epoch, "digest": digest}
    return expected_of(pipeline, shard) | versions | of | where
