"""State: what a snapshot keeps of a shard, and how a pipeline's first one is made."""

from typing import Any

from fluvial.clock import StreamClock
from fluvial.config import Pipeline
from learners.expression import build
from learners.learner import Learner
from learners.ledger import Ledger
from learners.recent import Recent
from learners.scoreboard import Scoreboard
from learners.task import task_named
from monitors.watch import Watch, Watched

PATIENCE = 0.1
"""The share of the horizon that a record may leap ahead before the next one has to confirm it."""


class Model:
    """Builds a fresh model of one expression; a class and not a closure, so that it can be pickled."""

    def __init__(self, expression: str, seed: int) -> None:
        self.expression, self.seed = expression, seed

    def __call__(self) -> Any:
        """A model that has seen nothing."""
        return build(self.expression, seed=self.seed)


class State:
    """What a snapshot keeps of a shard: all that changes while records are stepped.

    ``beside`` is there only while an artefact of a recipe is packed or opened: its model.
    """

    beside: tuple[Any, int]

    def __init__(self, learner: Learner, watch: Watch, clock: StreamClock) -> None:
        self.learner, self.watch, self.clock = learner, watch, clock
        self.batch = 0
        self.events = self.labels = self.ignored = 0
        self.quarantined: dict[tuple[str, str], int] = {}
        self.drifts: dict[tuple[str, str], int] = {}
        self.alarms = 0
        self.digest = b""


def fresh_state(pipeline: Pipeline) -> State:
    """The state of a shard that has seen nothing."""
    horizon, bounds = pipeline.label.horizon, pipeline.ledger
    task = task_named(pipeline.task, pipeline.cost)
    learner = Learner(
        Model(pipeline.model, pipeline.seed),
        task,
        Ledger(horizon, waiting=bounds.waiting, early=bounds.early, settled=bounds.settled),
        Recent(pipeline.recent),
        Scoreboard(task, pipeline.baselines, pipeline.slices, pipeline.success),
        default=pipeline.label.truth_by_default,
    )
    clock = StreamClock(patience=PATIENCE * 1000 * horizon)
    return State(learner, Watch(pipeline.monitor, watched(pipeline)), clock)


def watched(pipeline: Pipeline) -> Watched:
    """What of a pipeline there is to watch: all fields that tell something, not ids and times."""
    fields = {name: spec for name, spec in pipeline.fields.items() if name != pipeline.id}
    return Watched(
        task=pipeline.task,
        horizon=pipeline.label.horizon,
        apart=pipeline.has_label_topic,
        dated=pipeline.time is not None,
        classes=tuple(pipeline.label.values or ()),
        slices={name: tuple(pipeline.fields[name].values or ()) for name in pipeline.slices},
        kinds={name: spec.type for name, spec in fields.items() if spec.type != "time"},
        units={name: spec.unit for name, spec in fields.items() if spec.unit},
        private=tuple(name for name, spec in fields.items() if spec.pii),
    )
