"""Crashes: a worker that dies around the take-up of a decision leaves nothing behind that a restart does not mend."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from fluvial.owned import Owned
from fluvial.runner import Runner
from tests.fluvial.shadow.drifted import computed, drifted, incident_of, more
from tests.fluvial.world import World


class Killed(BaseException):
    """The worker's process ends here."""


def decide(world: World, decision: str) -> None:
    incident = incident_of(world).id
    match decision:
        case "adopt":
            world.decide("adopt", incident=incident, variant="retrained", pause=True)
        case "exclude_source":
            world.decide("exclude_source", incident=incident, source="B")
        case "include_source":
            world.decide("exclude_source", source="B")
            world.run()
            world.decide("include_source", source="B")
        case "reset_part":
            world.decide("reset_part", part="StandardScaler")
        case "rollback":
            kept = min(one.batch for one in world.shelf.listing(0) if one.batch)
            world.decide("rollback", batch=kept, source="B")


def killed(place: tuple[type, str], world: World, *, after: bool) -> None:
    """Run a worker until it comes to a place, and kill it right before or right after."""
    owner, name = place
    usual = getattr(owner, name)

    def die(self: Any, *args: Any, **more: Any) -> Any:
        taken_up = any(getattr(one, "decisions", None) for one in args if not isinstance(one, list))
        if name == "_process":
            taken_up = any(work.decisions for work in args[0])
        if taken_up and not after:
            raise Killed
        answer = usual(self, *args, **more)
        if taken_up:
            raise Killed
        return answer

    with patch.object(owner, name, die), pytest.raises(Killed):
        world.run()


PLACES = [None, ((Owned, "advance"), False), ((Runner, "_process"), True)]
"""Nowhere; after the journal has the row and before it is stepped; after it is stepped, before a snapshot."""


@pytest.mark.parametrize("decision", ["adopt", "exclude_source", "include_source", "reset_part", "rollback"])
def test_a_worker_killed_while_it_takes_a_decision_up_resumes_as_if_nothing_had_happened(
    tmp_path: Path, decision: str
) -> None:
    digests = set()
    for n, place in enumerate(PLACES):
        folder = tmp_path / str(n)
        folder.mkdir()
        with drifted(folder, source="mint") as world:
            computed(world)
            decide(world, decision)
            if place is not None:
                killed(place[0], world, after=place[1])
            shard = more(world, 100)
            verdict = world.verify()
            assert (verdict.difference, verdict.digest) == (None, shard.state.digest.hex())
            digests.add((shard.state.digest, shard.state.learner.version, shard.state.learner.excluded))
    assert len(digests) == 1
