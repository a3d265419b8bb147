"""Watch: all monitors of one shard behind one door, within one budget of false alarms."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from consumers.event import Event
from learners.prediction import Outcome
from learners.scoring import Forecast
from monitors.alarm import Alarm
from monitors.causes import SCHEMA_PARTS, Causes, Verdict, is_loss, moved
from monitors.estimated import Estimated
from monitors.feeds import Feeds
from monitors.fields import Fields
from monitors.figures import channels, figure
from monitors.labels import Labels
from monitors.level import Level, State
from monitors.opening import Opening
from monitors.part import Kind, weight
from monitors.retune import Tuning, retune
from monitors.slices import MOST, Slices
from monitors.spec import WEEK, LevelSpec, MonitorSpec

NEVER = 2.0
"""No change is so gross that it is said in the warm-up."""

LEARNS = 4
"""Warm-ups that pass before what a model says is watched: while it learns, it gets surer."""

COHORT = 256
"""Events at the start whose labels have to be there before labels are judged, at most."""


class Watched(NamedTuple):
    """What there is to watch.

    ``apart`` says that labels have a topic of their own, ``dated`` that events carry their time;
    ``classes`` are the declared ones. ``slices``
    maps a field to its declared values. ``kinds`` and ``units`` are of the fields to watch; values of
    ``private`` ones are not shown. ``horizon`` is in seconds.
    """

    task: str
    horizon: float
    apart: bool = True
    dated: bool = False
    classes: tuple[str, ...] = ()
    slices: Mapping[str, tuple[str, ...]] = {}
    kinds: Mapping[str, Kind] = {}
    units: Mapping[str, str] = {}
    private: tuple[str, ...] = ()


class Watch:
    """Feed it what happens in a shard; ``drain`` then gives the alarms, each with severity and cause.

    ``now`` is stream time and ``time`` event time, both in seconds.
    """

    tuned: tuple[float, float] | None = None
    """Budget and smallest change that a person has set; None while both are as at first."""

    def __init__(self, spec: MonitorSpec, what: Watched) -> None:
        fields = sum(weight(kind) for kind in what.kinds.values())
        total = fields + MOST * len(what.slices) + 2 * channels(what.task) + 2 + Labels.channels(what.task)
        one = spec.share(total + Feeds.CHANNELS)._replace(gross=NEVER)
        sliced = one._replace(smallest_change=2 * spec.smallest_change, block=spec.block)
        self.loss = Level("loss", spec.level)
        self.slices = [Slices(f"loss:{key}", key, sliced, values) for key, values in what.slices.items()]
        self._figure(what, one)
        self.labels = Labels(one, sliced, what.task, what.classes, apart=what.apart, horizon=what.horizon)
        self.feeds = Feeds(one, labels=what.apart, dated=what.dated, horizon=what.horizon)
        self.fields = Fields(
            what.kinds,
            one.budget * fields,
            units=what.units,
            private=what.private,
            seasons=spec.seasons,
            warmup=spec.warmup,
        )
        cohort = min(max(spec.warmup // 4, 1), COHORT)
        self._opening = Opening(cohort, what.horizon if what.apart else 0.0)
        self._causes = Causes(min(spec.seasons, default=0.0) + min(what.horizon, WEEK))
        self._alarms: list[Alarm] = []

    def _figure(self, what: Watched, one: LevelSpec) -> None:
        sure = what.task != "regression"
        one = one._replace(warmup=LEARNS * one.warmup)
        self.prediction = figure(what.task, "prediction", one, what.classes)
        self.confidence = Level("confidence", one._replace(two_sided=True)) if sure else None
        self.estimated = Estimated(one, what.horizon) if sure and what.apart else None
        self._binary = what.task == "binary"

    # ---- what a caller sees

    def drain(self) -> list[Alarm]:
        """The alarms since the last time."""
        alarms, self._alarms = self._alarms, []
        return alarms

    @property
    def alarmed(self) -> bool:
        """Whether there are alarms to drain."""
        return bool(self._alarms)

    @property
    def standings(self) -> dict[str, tuple[State, float]]:
        """State and level of every monitor, by name: always the same names."""
        found: dict[str, tuple[State, float]] = {"loss": (self.loss.state, self.loss.estimate)}
        found |= {one.name: (one.state, one.estimate) for one in self.slices}
        if self.estimated is not None:
            found["estimated_loss"] = self.estimated.level.state, self.estimated.level.estimate
        found["prediction"] = self.prediction.state, self.prediction.estimate
        if self.confidence is not None:
            found["confidence"] = self.confidence.state, self.confidence.estimate
        found |= self.labels.standings | self.feeds.standings
        levels = self.fields.estimates
        return found | {
            f"field:{name.removeprefix('field:')}": (state, max(levels[name].values(), default=0.0))
            for name, state in self.fields.states.items()
        }

    @property
    def estimate(self) -> tuple[float, float] | None:
        """The loss expected of the newest predictions, and the mean error of such estimates so far."""
        return self.estimated.estimate if self.estimated is not None else None

    def exchanged(self, now: float) -> None:
        """The model was replaced: what was known of the old one is void, not what of inputs and feeds."""
        for one in (self.loss, *self.slices, self.labels.sources, self.prediction):
            one.rearm()
        if self.labels.waits is not None:
            self.labels.waits.rearm()
        if self.confidence is not None:
            self.confidence.rearm()
        if self.estimated is not None:
            self.estimated.rearm()
        self._causes.exchanged(now)

    def retune(self, at_first: tuple[float, float], wanted: Mapping[str, float]) -> None:
        """Watch by another ``budget`` or ``smallest_change`` from now on; what is not wanted stays.

        ``at_first`` are the two that the watch was made with. What was seen so far is kept.
        """
        before = self.tuned or at_first
        after = wanted.get("budget", before[0]), wanted.get("smallest_change", before[1])
        retune(self, Tuning.between(before, after))
        self.tuned = after

    # ---- what happens in a shard

    def record(self, stream: str, now: float) -> None:
        """A record came on ``stream``, whatever it holds."""
        for alarm in self.feeds.record(stream, now):
            self._raise(alarm)

    def refused(self, stream: str, reason: str) -> None:
        """The record that came last could not be read."""
        self.feeds.refusals.refused(stream, reason)

    def event(self, event: Event, forecast: Forecast, now: float) -> None:
        """An event was predicted."""
        time = event.time if event.time < now else now
        self._opening.event(time)
        self.fields.update(_read(event), time)
        for alarm in self.fields.alarms:
            self._raise(alarm)
        lateness = self.feeds.lateness
        if lateness is not None and (late := lateness.update(now - time, now)) is not None:
            self._raise(late)
        self._said(forecast, time, now)

    def _said(self, forecast: Forecast, time: float, now: float) -> None:
        """What the model said."""
        said: Any = forecast
        if self._binary:
            sure = abs(2.0 * said - 1.0)
        elif isinstance(forecast, float):
            sure = 0.0  # nobody asks: a number says nothing of it
        else:
            sure = max(forecast.values(), default=0.0)
            said = min(forecast, key=lambda name: (-forecast[name], name), default="")
        if (alarm := self.prediction.update(said, now)) is not None:
            self._raise(alarm)
        if (confidence := self.confidence) is not None:
            confidence.update(sure, now)
            if confidence.alarm is not None:
                self._raise(confidence.alarm)
        if self.estimated is not None and self._opening.open:
            self._take(self.estimated.predicted(forecast, time))

    def outcome(self, outcome: Outcome, now: float, faults: int) -> None:
        """The truth about a prediction is known; ``faults`` counts the model's failures so far."""
        self._causes.called(faults)
        time, loss = min(outcome.event_time, now), outcome.bounded
        passed = self._opening.passed(now)
        if passed and not outcome.defaulted and (alarm := self.labels.came(now)) is not None:
            self._raise(alarm)
        if not self._opening.outcome(time):
            return
        if self.estimated is not None:
            self.estimated.outcome(outcome.forecasts[0], loss, time, now)
        self.loss.update(loss, now)
        if self.loss.alarm is not None:
            self._raise(self.loss.alarm)
        values = outcome.values
        for slices in self.slices:
            if (alarm := slices.update(values.get(slices.key), loss, now)) is not None:
                self._raise(alarm)
        if (alarm := self.labels.truth.update(outcome.truth, now)) is not None:  # type: ignore[arg-type]
            self._raise(alarm)
        if not outcome.defaulted:
            self._labelled(outcome, loss, now - time, now)

    def _labelled(self, outcome: Outcome, loss: float, delay: float, now: float) -> None:
        """The truth came as a label."""
        source = outcome.source
        if source is not None and (alarm := self.labels.sources.update(source, loss, now)) is not None:
            self._raise(alarm)
        if (alarm := self.labels.waited(delay, loss, now)) is not None:
            self._raise(alarm)

    def never(self, times: int, now: float) -> None:
        """So many events have waited in vain for their label."""
        if self._opening.passed(now):
            self._take(self.labels.never(times, now))

    # ---- harm first

    def _take(self, alarm: Alarm | None) -> None:
        if alarm is not None:
            self._raise(alarm)

    def _raise(self, alarm: Alarm) -> None:
        told = self._judged(alarm)
        self._causes.note(told)
        self._alarms.append(told)

    def _judged(self, alarm: Alarm) -> Alarm:
        """The alarm with its severity: who has to be called, and with what cause."""
        if not self._calls(alarm):
            return alarm._replace(severity="info", because=alarm.because or moved(alarm))
        verdict = self._of_loss(alarm) if is_loss(alarm.monitor) else _own(alarm)
        return alarm._replace(severity="page", cause=verdict.cause, because=verdict.because)

    def _calls(self, alarm: Alarm) -> bool:
        """Harm calls, and what moves while there is harm; not what is a part of what has called."""
        monitor = alarm.monitor
        if alarm.direction == "better" or alarm.phase in ("eased", "recovered") or monitor == "labels:truth":
            return False  # of labels:truth the loss knows all there is to know
        harmed = self._causes.harmed(alarm)
        if is_loss(monitor) or monitor == "labels:source":
            return monitor == "loss" or not harmed
        return monitor in ("feed:silence", "feed:quarantine", "labels:delay", "labels:share") or harmed

    def _of_loss(self, alarm: Alarm) -> Verdict:
        others = {level.name: level for level in (*self.labels.truth.levels, *self.prediction.levels)}
        return self._causes.of(alarm, (self.labels.sources, *self.slices), self.labels.waits, others)


def _read(event: Event) -> Mapping[str, Any]:
    """What the event itself said: without what was filled in."""
    values: dict[str, Any] = event.features | event.context
    for name in event.filled:
        values[name] = None
    return values


def _own(alarm: Alarm) -> Verdict:
    """The cause that lies in what is watched."""
    said = alarm.because or moved(alarm)
    if alarm.cause:
        return Verdict(alarm.cause, said)
    if alarm.monitor.startswith("feed:") or alarm.monitor in ("labels:delay", "labels:share"):
        return Verdict("feed", said)
    if alarm.monitor == "labels:source":
        return Verdict("source", said)
    if alarm.monitor.startswith("field:") and alarm.part in SCHEMA_PARTS:
        return Verdict("schema", said)
    return Verdict("world", said)
