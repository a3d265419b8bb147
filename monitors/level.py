"""Level: one bounded quantity, watched for a lasting change within a budget of false alarms.

A window of adaptive length holds what was seen since the last change, as ADWIN's does. Cheap sums of
evidence propose that something moved; then the window is compared before against after at every split,
with the season taken off, at the pace at which this stream moves by itself, and within the budget.
"""

from math import inf
from typing import Literal, TypeGuard

from monitors.alarm import Alarm, Direction, Phase
from monitors.choice import effects
from monitors.comparison import Split, rises
from monitors.dependence import CAUTION, TRUST, Dependence
from monitors.effect import spread
from monitors.rhythm import Rhythm
from monitors.rumour import LOUD, Rumour
from monitors.scene import Scene
from monitors.spec import LevelSpec
from monitors.story import Story
from monitors.stragglers import Stragglers
from monitors.window import Bucket, Window

State = Literal["warming", "quiet", "suspected", "alarm"]
STATES: tuple[State, ...] = ("warming", "quiet", "suspected", "alarm")

LOOK_EVERY = 64
"""Blocks between two comparisons that nothing asked for."""

ONCE = 20.0
"""How many budgets the end of a warm-up may take for harm: it is one look, a budget is for thousands."""

HALF = 0.5
"""The false alarms that those may bring in a time as long as the warm-up, were they for all looks."""

SUSPECT = 100.0
"""How many times the budget of alarms a suspicion may spend."""

GRAVE = 5.0
"""The cheap evidence (nats) from which on it is worth a comparison whether that budget would do."""

STAYED = 400
"""Observations on each side of what is said before it is known how this stream varies."""

ENOUGH = 128
"""Observations from which on a mean says how much single ones vary."""


class Level:
    """Watches a quantity in [0, 1].

    >>> level = Level("loss", LevelSpec(seasons=()))
    >>> for i in range(4000):
    ...     level.update(float(i % 10 == 0 if i < 3000 else i % 3 == 0), time=float(i))
    ...     if level.alarm:
    ...         print(level.alarm.direction, round(level.alarm.before, 2), 3000 < level.alarm.n < 3200)
    worse 0.1 True
    """

    def __init__(self, name: str, spec: LevelSpec) -> None:
        self.name, self._spec, self._size = name, spec, spec.block
        self.n = self._blocks = 0
        self.alarm: Alarm | None = None
        self.state: State = "warming"
        self._rhythm = Rhythm(spec.seasons)
        self._stragglers = Stragglers()
        caution = TRUST if spec.two_sided and not spec.counted else CAUTION
        self._ladder = Dependence(spec.block, 1.0 if spec.counted else 1e-3, caution, spec.memory)
        self._rumour = Rumour(spec.smallest_change)
        self._spread = self._within = 0.0
        self._told_at = 0
        self._since = self._time = -inf
        self._bin_start, self._bin_end, self._offset = inf, -inf, 0.0
        self._bin_n, self._bin_total = 0, 0.0
        self._story = Story(spec)
        self._window = Window(-inf)
        self.rearm()

    @property
    def estimate(self) -> float:
        """The present level: the mean since the last change; 0.0 before the first observation."""
        n, total = self._window.n + self._block_n, self._window.total + self._block_total
        return min(1.0, max(0.0, total / n)) if n else 0.0

    @property
    def direction(self) -> Direction | None:
        """Which way it went, in the state ``alarm``; None in every other."""
        return self._story.direction if self._settled_at >= 0 else None

    @property
    def window(self) -> Window:
        """What is held since the last change, the season taken off: to be read only."""
        return self._window

    def effect(self, n: int) -> float:
        """How many times more the mean of ``n`` observations varies than if they were independent."""
        return self._ladder.reading().at(n).size

    def rearm(self) -> None:
        """Forget the reference: the learner was replaced, or the new level was accepted."""
        self._restart(Window(self._time))
        self._ladder.cut()
        self._block_n, self._block_total = 0, 0.0
        self._story.forget()
        self.alarm = None
        self._warm, self._missed, self._settled_at = False, False, -1
        self.state = "warming"

    def update(self, value: float, time: float) -> None:
        """Take one observation with its event time in seconds; ``alarm`` is then what it brought about."""
        self.alarm = None
        if not self._bin_start <= time < self._bin_end:
            self._turn(time)
        self._bin_n += 1
        self._bin_total += value
        self._block_total += value - self._offset
        self._within += value * (1.0 - value)
        if time > self._time:  # noqa: PLR1730  this runs for every observation: a call to max is dear
            self._time = time
        self._block_n = n = self._block_n + 1
        if n >= self._size:
            self._close()

    def push(self, n: int, total: float, time: float) -> None:
        """Take ``n`` observations as one block by their sum, with the event time of its middle."""
        self.alarm = None
        if not n:
            return
        if not self._bin_start <= time < self._bin_end:
            self._turn(time)
        self._bin_n += n
        self._bin_total += total
        self._block_n += n
        self._block_total += total - n * self._offset
        self._within = -inf  # nobody knows
        self._time = max(self._time, time)
        self._close()

    # ---- seasons

    def _turn(self, time: float) -> None:
        """Another bin of the seasons begins."""
        if self._since == -inf:
            self._since = self._window.since = time
        elif time < self._bin_start:
            self._stragglers.back(self._since, time, self._time)
        if self._bin_n:
            before = self._rhythm.add(self._bin_n, self._bin_total, self._bin_start)
            self._bin_n, self._bin_total = 0, 0.0
            if before:
                self._restate(before)
        width = self._rhythm.width
        self._bin_start, self._bin_end = (time // width * width, 0.0) if width else (-inf, inf)
        if width:
            self._bin_end = self._bin_start + width
            self._offset = self._rhythm.offset(self._bin_start)

    def _restate(self, before: list[list[float]]) -> None:
        """Take the new seasons off what the window holds; the first ones change how it varies as well."""
        restated = self._rhythm.restated(self._window, before)
        self._window = Window(self._window.since, reversed(restated))
        if not any(map(any, before)):
            if self._stragglers.mixed:  # what is held is of all hours: their rhythm cannot be taken off
                self._window = Window(self._time)
            pace = (self._time - self._since) / max(self.n, 1)
            self._ladder.less(lambda n: self._rhythm.roughness(n * pace), self._spread or 1.0)
            self._rumour.forget()
        self._tune()

    # ---- blocks

    def _close(self) -> None:
        block = Bucket(self._block_n, self._block_total, self._time)
        self._block_n, self._block_total = 0, 0.0
        self.n += block.n
        self._blocks += 1
        self._window.add(block)
        if self._spread:
            self._ladder.add(block.total / block.n, self._spread)
        self._listen(block)
        evidence = self._rumour.evidence
        heard = evidence >= LOUD and (self.n >= self._look_at or evidence >= self._looked + LOUD)
        due = heard or self._blocks % LOOK_EVERY == 0
        if 0 <= self._settled_at <= self.n:
            self._settle()
        elif not self._warm and self._warmed_up(block.n):
            self._end_warmup()
        elif due:
            self._look()
        self._say_state()

    def _listen(self, block: Bucket) -> None:
        if self._blocks % LOOK_EVERY == 0 or not self._spread:
            self._tune()
            self._tell_singles()
        before = self._rumour.evidence
        self._rumour.add(block.n, block.total)
        if before < LOUD <= self._rumour.evidence:
            self._look_at = self._heard_at = self.n

    def _tell_singles(self) -> None:
        """What single observations have told since the last time."""
        if self._spread and self._within >= 0.0:
            self._ladder.single(self.n - self._told_at, self._within, self._spread)
            self._told_at, self._within = self.n, 0.0

    def _tune(self) -> None:
        window, sizes = self._window, self._rumour.sizes
        found = [1.0] * len(sizes)
        if window.n >= ENOUGH:
            self._spread = spread(window.mean)
            found = effects(sizes, window.n // 4, self._spread, self._ladder)
        self._rumour.tune(window.mean, found)

    def _say_state(self) -> None:
        if self._settled_at >= 0:
            self.state = "alarm"
        elif not self._warm:
            self.state = "warming"
        else:
            self.state = "suspected" if self._suspects and self._rumour.evidence >= LOUD else "quiet"

    def _restart(self, window: Window) -> None:
        """Go on from this window as the reference."""
        self._window = window
        self._rumour.forget()
        self._look_at = self._heard_at = self.n
        self._suspects = False
        self._looked = 0.0  # the evidence at the last look: so much more of it does not wait for the next
        self._tune()

    # ---- warming up

    def _warmed_up(self, n: int) -> bool:
        """Whether enough is held, night can be told from day (or there are no days), no label is missed."""
        self._stragglers.passed(n)
        if self._window.n < self._spec.warmup:
            return False
        day, known = self._rhythm.shortest, self._rhythm.cycles >= 2
        self._missed |= known and self._stragglers.many
        complete = known and not self._stragglers.many
        return complete or self._time - self._since > 4 * day or not day

    def _end_warmup(self) -> None:
        """Say a rise within the warm-up now; otherwise leave the learning curve out of the reference.

        That the fast labels were better than all are is no rise: where some were missed, none is said.
        """
        self._warm = True
        spec, scene = self._spec, self._scene._replace(young=True)
        once = spec.budget
        if not spec.two_sided:
            once = max(once, min(ONCE * once, HALF * 1e5 / max(self._window.n, 1)))
        split = None if self._missed else scene.split(scene.far(once), once)
        said = split is not None and split.convincing and abs(split.change) >= spec.smallest_change
        if split is not None and said and (split.change > 0 or spec.two_sided):
            self._raise(split)
        else:
            self._restart(self._window.newest(self._window.n // 2))

    # ---- comparing

    @property
    def _scene(self) -> Scene:
        return Scene(self._window, self._ladder, self._rhythm, self._time, self._spec)

    def _look(self) -> None:
        """Compare; while a learner or a change is still on the move, only what is gross is said."""
        self._look_at = self.n + max(self._spec.block, (self.n - self._heard_at) // 32)
        self._looked = self._rumour.evidence
        calm = self._warm and self._settled_at < 0
        if not calm and not rises(self._window, self._gross_change):
            return  # most looks end here: the evidence need not be weighed
        scene, grave = self._scene, calm and self._looked >= GRAVE
        lax = (SUSPECT if grave else 1.0) * self._spec.budget
        far = scene.far(lax)
        split = scene.split(far, self._spec.budget)
        if self._worth_saying(split):
            if calm or self._gross(split):
                self._raise(split)
        elif calm:
            self._suspects = grave and self._worth_saying(scene.split(far, lax))

    def _worth_saying(self, split: Split | None) -> TypeGuard[Split]:
        """Whether a split is convincing, and large enough to speak of."""
        return split is not None and split.convincing and self._story.worth(split.change)

    @property
    def _gross_change(self) -> float:
        """What is gross: after an improvement half as much, the new level is not worth waiting for."""
        better = self._settled_at >= 0 and self._story.improved
        return 0.5 * self._spec.gross if better else self._spec.gross

    def _gross(self, split: Split) -> bool:
        large = split.change >= self._gross_change
        lasted = self._warm or split.n_after >= STAYED  # before, nobody knows how long bursts are here
        return large and lasted and split.n_before >= STAYED and split.score >= 1.6 * split.needed

    # ---- saying

    def _raise(self, split: Split) -> None:
        phase = self._story.phase(split)
        self._say(split, phase)
        self._ladder.forget_step(split.change, spread(split.before))
        begun = self.n - split.n_after
        self._learn_from(split, begun, self._story.since(begun))
        self._settled_at = self.n + max(self._spec.settle, 2 * split.n_after)
        self._restart(self._reference(split, phase))

    def _reference(self, split: Split, phase: Phase) -> Window:
        """What breaks right after an improvement is compared with that; after all else one begins anew."""
        if phase != "first" or split.change > 0 or self._spec.two_sided:
            return Window(self._time)
        held = split.n_after // 2
        return self._window.newest(max(held, STAYED) if split.n_after >= STAYED else held)

    def _say(self, split: Split, phase: Phase) -> None:
        way, season = self._story.way(split.change), self._rhythm.size
        self.alarm = split.alarm(self.name, way, phase, season=season, time=self._time, n=self.n)

    def _learn_from(self, split: Split, begun: int, lasted: float) -> None:
        """Two changes that undo each other are what this stream does: the next one has to be larger."""
        self._rhythm.spoil()
        ended = self._story.step(split.change, begun, lasted)
        if ended is not None:
            # what moves slowly and comes back will do so again
            self._ladder.excursion(*ended, self._spread, min(8.0, 1.0 + split.n_after / 1000.0))

    def _settle(self) -> None:
        """What was seen since the alarm is the new reference: what raised it looked larger than it is."""
        self._settled_at = -1
        self._warm = True
        window = self._window
        late = window.newest(window.n // 2)
        over = self._story.over(self.n, window, late, self._ladder.reading().at(late.n))
        if over is not None:
            self._went_back(over, late)
        else:
            self._story.settled(window.mean)
            self._restart(window)

    def _went_back(self, split: Split, late: Window) -> None:
        """Say that a change is over; what is left of it in the window is no reference."""
        self._story.open = None
        self._say(split, "recovered")
        self._learn_from(split, self.n - split.n_after, split.n_before)
        self._settled_at = self.n + self._spec.settle
        self._restart(late)
