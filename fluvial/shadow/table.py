"""Table: several models on the events after an onset, scored beside the shard's own in one replay.

Every label comes to each of them as late as it came to the shard. What a suspect source says is nobody's
truth: labels and events of such a source are left out of the scores of all.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fluvial.errors import Gap
from fluvial.history import History
from fluvial.inforce import in_force
from fluvial.place import Place
from fluvial.shadow.asked import Asked
from fluvial.shadow.carrier import Carrier, Judged
from fluvial.shadow.contender import Contender
from fluvial.shadow.interval import Sequence as Paired
from fluvial.shadow.lineup import AS_IS, TITLES, Entrant, Wish, alternatives, lineup, tabled
from fluvial.shadow.onset import batch_before
from fluvial.shadow.rebuild import go_on
from learners.learner import comes_from
from learners.scoring import Forecast
from learners.task import Task, task_named

Progress = Callable[[int, int], None]

FEW = 2_000
"""Records fetched at a time: the process beside the shard is to stay small."""


class _Side:
    """One variant's scores."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.score, self.paired = task.score(), Paired()
        self.loss = self.cost = 0.0

    def add(self, forecast: Forecast, truth: Any, base: float) -> float:
        loss = self._task.loss(forecast, truth)
        self.score.add(forecast, truth)
        self.loss += loss
        self.cost += self._task.cost(forecast, truth)
        self.paired.add(loss - base)
        return loss


class Scorer:
    """Scores the shard's own model and the contenders on the same outcomes, but for those of ``suspects``."""

    def __init__(self, task: Task, contenders: int, suspects: Sequence[str], field: str | None) -> None:
        self.sides = [_Side(task) for _ in range(1 + contenders)]
        self._suspects, self._field = frozenset(suspects), field
        self.left_out = 0

    def take(self, judged: Judged) -> None:
        """Count one outcome."""
        outcome = judged.outcome
        if self._suspects and comes_from(self._suspects, outcome.source, outcome.values, self._field):
            self.left_out += 1
            return
        own = outcome.forecasts[0]
        base = self.sides[0].add(own, outcome.truth, 0.0)
        for side, forecast in zip(self.sides[1:], judged.forecasts, strict=True):
            if forecast is not None:
                side.add(forecast, outcome.truth, base)


def compute(
    place: Place, shard: int, asked: Asked, progress: Progress = lambda batch, last: None
) -> dict[str, Any]:
    """A shadow table of one shard, as JSON carries it. Raises Gap, StepFailed, LogError, ValueError."""
    history = History(place, shard)
    last = asked.until or place.journal.reached(shard)[0]
    held = in_force(place.journal, shard, last)
    onset = _onset(place, history, asked)
    if asked.review is not None:
        then = in_force(place.journal, shard, onset)
        entrants = alternatives(onset, paused=then.paused is not None, excluded=then.sources)
        entrants += tabled(asked.variants)
        wish = Wish(onset, without=asked.without, excluded=held.sources)
    else:
        wish = Wish(onset, asked.window, asked.candidate, asked.without, held.sources)
        kept = [one.batch for one in place.shelf.listing(shard) if not history.is_void(one.batch)]
        entrants = lineup(wish, kept if place.key is not None else [])
    return _run(history, wish, entrants, last, progress) | {"asked": asked.as_json()}


def _onset(place: Place, history: History, asked: Asked) -> int:
    if asked.batch is None and asked.onset is None:
        raise ValueError("a shadow table needs an onset: a time of the stream, or a batch")
    onset = asked.batch if asked.batch is not None else batch_before(place, history.index, asked.onset or 0.0)
    while onset > 0 and history.is_void(onset):
        onset -= 1
    return onset


def _run(
    history: History, wish: Wish, entrants: Sequence[Entrant], last: int, progress: Progress
) -> dict[str, Any]:
    started, pipeline = time.monotonic(), history.pipeline
    contenders = [Contender(entrant.recipe, pipeline) for entrant in entrants]
    suspects = sorted({*wish.without, *wish.excluded})
    task = task_named(pipeline.task, pipeline.cost)
    scorer = Scorer(task, len(contenders), suspects, pipeline.source)
    begin = min([wish.onset, *(entrant.recipe.start for entrant in entrants)])
    past = history.start(begin)
    first = past.batch
    for row, _ in history.walk(past, begin, chunk=FEW):
        progress(row.number, last)
    if past.batch != begin:
        raise Gap(f"the journal of shard {history.index} has no batch {begin}; its last one is {past.batch}")
    state = past.shard.state
    learned = state.learner.learned
    carrier = Carrier(pipeline, history.index, state, contenders, judged=scorer.take, since=wish.onset)
    past = type(past)(carrier, past.positions)
    go_on(history, past, last, lambda: progress(past.batch, last), chunk=FEW)
    metric = pipeline.success.metric if pipeline.success else None
    own = _row(AS_IS, "what the shard predicted", scorer.sides[0], None, metric)
    rows = [own | {"learned": state.learner.learned - learned}]
    for entrant, contender, side in zip(entrants, contenders, scorer.sides[1:], strict=True):
        shown = _row(entrant.name, entrant.says, side, contender.failed, metric)
        rows.append(shown | {"recipe": entrant.recipe.as_json(), "learned": contender.learned})
    return {
        "shard": history.index,
        "onset_batch": wish.onset,
        "replayed_from": first,
        "to_batch": past.batch,
        "unit": pipeline.cost.unit,
        "metric": metric,
        "n": scorer.sides[0].score.n,
        "suspects": suspects,
        "left_out": scorer.left_out,
        "variants": rows,
        "best": _best(rows),
        "seconds": round(time.monotonic() - started, 2),
    }


def _row(name: str, says: str, side: _Side, failed: str | None, metric: str | None) -> dict[str, Any]:
    n = side.score.n
    low, high = side.paired.bounds
    usable = failed is None and n > 0
    return {
        "name": name,
        "title": TITLES[name],
        "says": says,
        "n": n,
        "loss": side.loss / n if usable else None,
        "metric": side.score.values()[metric] if usable and metric else None,
        "cost": side.cost if usable else None,
        "difference": side.paired.value if usable and name != AS_IS else None,
        "low": low if usable and name != AS_IS else None,
        "high": high if usable and name != AS_IS else None,
        "failed": failed,
        "recipe": None,
    }


def _best(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The variant with the least loss, the shard's own among equals; None where nothing was scored."""
    scored = [row for row in rows if row["loss"] is not None]
    return min(scored, key=lambda row: row["loss"])["name"] if scored else None
