"""Flights with a planted fault: from a moment on one airport's feed says the contrary of what happened.

``python -m tests.fluvial.shadow.flights`` plays the full draw: 20,000 events after each decision.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from examples.flights.producer import records
from fluvial.config import as_written, checked, load
from fluvial.incidents import Incidents
from fluvial.shadow.dispatch import Dispatch
from fluvial.shadow.jobs import Jobs
from fluvial.shadow.work import Bench
from monitors.alarm import Alarm
from tests.fluvial.world import World, embedded_world

FILE = Path(__file__).parents[3] / "examples" / "flights" / "pipeline.yaml"
SUSPECT = "EWR"
DECISIONS = ("pause", "rollback", "retrain", "exclude")

Row = tuple[str, str, bytes, int]


class Draw(NamedTuple):
    """How many flights come before the fault, until somebody decides, and after that.

    Whoever pauses has to be quick: ``quick`` flights after the fault the poison has hardly been learned.
    """

    before: int
    until: int
    after: int
    quick: int = 150

    @property
    def flights(self) -> int:
        """All of them."""
        return self.before + self.until + self.after


SHORT, FULL = Draw(15_000, 600, 3_000), Draw(30_000, 2_000, 20_000)


def poisoned(draw: Draw) -> Iterator[Row]:
    """The first flights of the year, the labels of one airport turned round after ``draw.before`` flights."""
    origins: dict[str, str] = {}
    events = 0
    for stream, key, value, at in records(draw.flights):
        said = json.loads(value)
        if stream == "events":
            events += 1
            origins[said["id"]] = said["origin"]
        elif events > draw.before and origins[said["id"]] == SUSPECT:
            value = json.dumps(said | {"label": not said["label"]}).encode()  # noqa: PLW2901
        yield stream, key.decode(), value, at


def up_to(stream: Iterator[Row], events: int) -> Iterator[Row]:
    """The records up to so many more events."""
    for row in stream:
        yield row
        events -= row[0] == "events"
        if events == 0:
            return


def opened(folder: Path) -> World:
    """The world in a folder: flights, of which the airport is the source."""
    written = as_written(load(FILE)) | {"source": "origin", "snapshot_every": 2_000}
    written["monitor"] = {"warmup": 500_000}  # the fault is told by hand, and nothing else
    return embedded_world(folder, checked(written, name="flights"))


def feed(world: World, rows: Iterator[Row]) -> None:
    """Let records come and be learned."""
    while chunk := list(islice(rows, 20_000)):
        world.feed(iter(chunk))
    world.run()


def begin(folder: Path, draw: Draw) -> None:
    """Play what comes before the fault."""
    world = opened(folder)
    with closing(world.log), closing(world.store):
        feed(world, up_to(poisoned(draw), draw.before))


class Play:
    """One decision on such a stream; ``table`` is the shadow table at that moment, ``later`` hindsight.

    ``begun`` is a folder in which everything before the fault has been played by ``begin``.
    """

    def __init__(self, folder: Path, draw: Draw, decision: str, begun: Path) -> None:
        for name in ("log.db", "store.db"):
            shutil.copy(begun / name, folder)
        stream = poisoned(draw)
        onset = 0
        for _, _, _, onset in up_to(stream, draw.before):  # noqa: B007 - its last one is wanted
            pass
        self.world = opened(folder)
        with closing(self.world.log), closing(self.world.store):
            until = draw.quick if decision == "pause" else draw.until
            feed(self.world, up_to(stream, until))
            self.incident = self._called(onset)
            self.table = self._computed("table")
            self._decide(decision)
            feed(self.world, up_to(stream, draw.after))
            self.later = self._computed("hindsight", draw.after)
            self.digest = self.world.status()["digest"]
            self.verdict = self.world.verify()

    def ratio(self) -> float:
        """The loss of what was decided over that of the best alternative."""
        rows = {row["name"]: row["loss"] for row in self.later["variants"]}
        own = rows.pop("as_is")
        return float(own / min(loss for loss in rows.values() if loss is not None))

    def _called(self, onset: int) -> str:
        """An incident as the monitors would open it, at once: they need more flights than are played."""
        at = onset / 1000
        alarm = Alarm("loss", "worse", at + 86_400, at, 9_000, 0.2, 0.3, 8_000, 1_000)
        because = alarm._replace(cause="source", because=f"origin={SUSPECT} carries 90% of the change")
        Incidents(self.world.store).record(self.world.pipeline.pipeline, 0, [("fault", because)])
        return "fault"

    def _computed(self, kind: Any, events: int = 1) -> dict[str, Any]:
        Dispatch(self.world.pipeline, self.world.store, events).look()
        bench = Bench(self.world.place(), self.world.store)
        while bench.one():
            pass
        job = Jobs(self.world.store).of(self.incident, kind)[0]
        assert job.result is not None, job.failed
        return job.result

    def _decide(self, decision: str) -> None:
        decide, incident = self.world.decide, {"incident": self.incident}
        match decision:
            case "pause":
                decide("pause", **incident)
            case "rollback":
                kept = [one.batch for one in self.world.shelf.listing(0)]
                before = max(batch for batch in kept if batch <= self.table["onset_batch"])
                decide("rollback", batch=before, source=SUSPECT, **incident)
            case "retrain":
                decide("exclude_source", source=SUSPECT)
                self.world.run()
                decide("retrain", window="1:", **incident)
                self._computed("table")
                decide("adopt", variant="retrained", **incident)
            case "exclude":
                decide("exclude_source", source=SUSPECT, **incident)
        self._computed("table")
        self.world.run()


def main() -> None:
    """Play the full draw and print what came of each decision."""
    with tempfile.TemporaryDirectory() as before:
        begin(Path(before), FULL)
        for decision in sys.argv[1:] or DECISIONS:
            with tempfile.TemporaryDirectory() as folder:
                play = Play(Path(folder), FULL, decision, Path(before))
            same = play.verdict.difference is None and play.verdict.digest == play.digest
            said = {"decision": decision, "ratio": round(play.ratio(), 4), "labels": play.later["n"]}
            rows = {row["name"]: round(row["loss"], 5) for row in play.later["variants"]}
            print(json.dumps({**said, "same_digest": same, "losses": rows}), flush=True)


if __name__ == "__main__":
    main()
