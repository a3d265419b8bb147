"""What a shard says of itself: its state counted up as a ShardStatus."""

from fluvial.config import Pipeline
from fluvial.state import State
from learners.learner import Learner
from learners.parts import places
from monitors.status import FATES, OUTCOMES, ShardStatus, Success


def summary(pipeline: Pipeline, index: int, state: State) -> ShardStatus:
    """Count everything, for people and for Prometheus. Costs milliseconds: not for every record."""
    learner, board = state.learner, state.learner.board
    return ShardStatus(
        pipeline=pipeline.pipeline,
        shard=index,
        batch=state.batch,
        events=state.events,
        labels=state.labels,
        predictions=learner.predictions,
        waiting=learner.ledger.waiting,
        early=learner.ledger.early,
        defaulted=learner.defaulted,
        ignored=state.ignored,
        faults=learner.task.faults,
        outcomes=_outcomes(learner, _refused(state, "events")),
        fates=_fates(learner, _refused(state, "labels")),
        quarantined=dict(state.quarantined),
        scores={name: score.values() for name, score in board.tally.total().items()},
        recent_scores={name: score.values() for name, score in board.tally.recent().items()},
        slices=board.slices.values() if board.slices else {},
        success=_success(pipeline, learner),
        cost=board.cost,
        cost_unit=pipeline.cost.unit,
        delays=(board.delays.BOUNDS, tuple(board.delays.counts), board.delays.sum),
        monitors=state.watch.standings,
        drifts=dict(state.drifts),
        estimate=state.watch.estimate,
        paused=learner.paused,
        watermark=state.clock.now / 1000,
        digest=state.digest.hex(),
        model_version=learner.version,
        parts=tuple(places(learner.model)),
    )


def _refused(state: State, stream: str) -> int:
    return sum(n for (where, _), n in state.quarantined.items() if where == stream)


def _outcomes(learner: Learner, refused: int) -> dict[str, int]:
    counts = learner.ledger.counts
    values = (learner.learned, learner.predict_only, counts["expired"], refused, counts["duplicates"])
    return dict(zip(OUTCOMES, values, strict=True))


def _fates(learner: Learner, refused: int) -> dict[str, int]:
    counts = learner.ledger.counts
    return {name: refused if name == "quarantined" else counts[name] for name in FATES}


def _success(pipeline: Pipeline, learner: Learner) -> Success | None:
    spec, verdict = pipeline.success, learner.board.verdict()
    if spec is None or verdict is None:
        return None
    side, level = ("at least", spec.at_least) if spec.at_least is not None else ("at most", spec.at_most)
    return Success(spec.metric, side, float(level or 0.0), verdict.value, verdict.status)
