"""Several shards: each has its own model and its own table; what concerns a source concerns all of them."""

from pathlib import Path

from fluvial.incidents import Incidents
from fluvial.shadow.asked import Asked
from fluvial.shadow.jobs import Jobs, enqueue
from monitors.alarm import Alarm
from tests.fluvial.shadow.drifted import computed, told
from tests.fluvial.world import START, coins, embedded_world, tosses

SHARDS = range(4)


def test_of_four_shards_one_adopts_and_all_leave_a_source_out(tmp_path: Path) -> None:
    told_by_hand = {"warmup": 500_000, "seasons": []}
    several = {"learn": "per-partition", "partitions": 4, "snapshot_every": 400, "source": "mint"}
    pipeline = coins(**several, monitor=told_by_hand)
    world = embedded_world(tmp_path, pipeline)
    world.feed(tosses(2000))
    world.run()
    world.feed(tosses(1200, seed=2, first=2000, flip_after=2000))
    world.run()
    onset = START / 1000 + 2000
    alarm = Alarm("loss", "worse", onset + 900, onset, 1000, 0.1, 0.4, 500, 500)
    Incidents(world.store).record("coins", 2, [("fault", alarm)])
    with world.store.write() as db:
        for shard in (1, 3):
            enqueue(db, f"t{shard}", "table", "coins", shard, Asked("fault", onset=onset).as_json())
    tables = [job for job in computed(world) if job.incident == "fault"]
    assert sorted(job.shard for job in tables) == [1, 2, 3]
    world.decide("adopt", incident="fault", variant="retrained")
    world.decide("adopt", incident="fault", variant="frozen", shard=3)
    world.decide("exclude_source", incident="fault", source="A")
    assert [(action, shard) for action, shard, _ in told(world)] == [
        ("adopt", 2),
        ("adopt", 3),
        *(("exclude_source", shard) for shard in SHARDS),
        *(("adopt", shard) for shard in SHARDS),
    ]
    computed(world)
    assert {job.state for job in Jobs(world.store).of("fault", "model")} == {"done"}
    world.feed(tosses(800, seed=3, first=3200, flip_after=0))
    owned = world.run().owned
    assert [owned[shard].shard.state.learner.version for shard in SHARDS] == [2, 2, 3, 3]
    for shard in SHARDS:
        verdict = world.verify(shard)
        assert (verdict.difference, verdict.digest) == (None, owned[shard].shard.state.digest.hex())
    world.log.close()
    world.store.close()
