"""Reviews about one shard: trying it again, accepting its gap, bringing an earlier model back."""

from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from fluvial.incidents import Incidents
from fluvial.journal import Batch, Entry, Journal
from fluvial.reviews import (
    ACTIONS,
    EFFECTS,
    Action,
    Conflict,
    NotPossible,
    Request,
    Review,
    history,
    register,
    review,
)
from fluvial.shelf import Shelf, Snapshot
from fluvial.store import Store, shard_table
from monitors.alarm import Alarm
from tests.fluvial.racing import race, succeeded

GONE = "coins.events:1 holds offsets 100 to 500, not 0 to 90"
LOSS = {"after": 3, "batches": 2, "records": 90, "positions": {}, "skipped": {"coins.events:1": [90, 100]}}


class Desk:
    """The pipeline coins with three shards, whose shard 1 stands still, and dice with a single one."""

    def __init__(self, store: Store) -> None:
        self.store, self.incidents = store, Incidents(store)
        register(store, "coins", 3, {})
        register(store, "dice", 1, {})
        self.journal, self.shelf = Journal(store, "coins"), Shelf(store, "coins")
        self.epochs = [self.journal.acquire(shard, "worker").epoch for shard in range(3)]
        self.halt()

    def halt(self, why: str | None = GONE, loss: Any = LOSS) -> None:
        self.journal.halt(1, self.epochs[1], why)
        if why is None:
            self.incidents.went_on("coins", 1)
        else:
            self.incidents.stands_still("coins", 1, why, gives_up=loss)

    @property
    def halted(self) -> str:
        """The id of the newest incident of a shard that stands still."""
        return next(one.id for one in self.incidents.listing(pipeline="coins") if one.monitor == "halt")

    def drifted(self) -> str:
        """The id of an incident of shard 1 that is no halt."""
        self.incidents.record("coins", 1, [("a1", Alarm("loss", "worse", 1.7e9, 1.7e9, 9, 0.1, 0.4, 5, 4))])
        return "a1"

    def keep(self, shard: int, *batches: int) -> None:
        for batch in batches:
            self.shelf.save(shard, self.epochs[shard], Snapshot(batch, {}, "", "", b""))

    def says(self, who: str, action: Action, *, pipeline: str = "coins", **more: Any) -> Review:
        """Take a review, on the pipeline unless an incident is named."""
        subject = {} if "incident" in more else {"pipeline": pipeline}
        return review(self.store, Request(action=action, who=who, **subject, **more), "cli")

    def told(self, shard: int) -> list[tuple[str, dict[str, Any]]]:
        """What a shard was told and has not taken up."""
        return [(one.action, dict(one.args)) for one in self.journal.pending(shard)]

    def takes_up(self, shard: int, **said: Any) -> None:
        """Let a shard take up its decisions; ``said`` is what the journal says of them."""
        with self.store.read() as db:
            last = db.execute(
                sa.select(shard_table.c.last_batch).where(shard_table.c.shard == shard)
            ).scalar()
        taken = [one._replace(args={**one.args, **said}) for one in self.journal.pending(shard)]
        entry = Entry(shard, self.epochs[shard], Batch((last or 0) + 1, {}, taken, 0))
        assert self.journal.append([entry]) == []


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_every_action_says_what_it_does_before_it_is_taken() -> None:
    assert set(EFFECTS) == set(ACTIONS)


@pytest.mark.parametrize("action", ["resume_shard", "accept_gap"])
def test_only_the_shard_that_stands_still_is_told(desk: Desk, action: Action) -> None:
    taken = desk.says("ann", action, shard=1)
    assert taken.effect.startswith("Shard 1 ")
    assert [desk.told(shard) for shard in range(3)] == [[], [(action, {})], []]


@pytest.mark.parametrize("action", ["resume_shard", "accept_gap"])
def test_the_incident_of_a_shard_that_stands_still_knows_which_it_is(desk: Desk, action: Action) -> None:
    taken = desk.says("ann", action, incident=desk.halted)
    assert "Shard 1 " in taken.effect
    assert desk.told(1) == [(action, {})]
    assert desk.incidents.get(desk.halted).acknowledged_by == "ann"
    with pytest.raises(NotPossible, match="is about shard 1 and not about shard 2"):
        desk.says("bob", action, incident=desk.halted, shard=2)


@pytest.mark.parametrize("action", ["resume_shard", "accept_gap"])
def test_a_shard_that_runs_can_neither_be_tried_again_nor_go_on_behind_a_gap(
    desk: Desk, action: Action
) -> None:
    for shard in (0, 2):
        with pytest.raises(NotPossible, match=f"shard {shard} of coins does not stand still"):
            desk.says("ann", action, shard=shard)
    with pytest.raises(NotPossible, match="shards 0 to 2 and no shard 3"):
        desk.says("ann", action, shard=3)
    with pytest.raises(NotPossible, match="a1 is about no shard that stands still"):
        desk.says("ann", action, incident=desk.drifted())
    assert desk.told(0) == desk.told(1) == desk.told(2) == []


def test_after_the_shard_went_on_there_is_nothing_to_decide(desk: Desk) -> None:
    first = desk.says("ann", "accept_gap", incident=desk.halted)
    desk.takes_up(1, **LOSS)
    desk.halt(None)
    assert desk.incidents.get(desk.halted).verdict == "went_on"
    assert desk.says("ann", "accept_gap", incident=desk.halted) == first._replace(repeated=True)
    for who, action in (("bob", "accept_gap"), ("ann", "resume_shard"), ("bob", "acknowledge")):
        with pytest.raises(NotPossible, match="shard 1 runs again"):
            desk.says(who, action, incident=desk.halted)  # type: ignore[arg-type]
    assert desk.told(1) == []


def test_accepting_the_same_gap_again_changes_nothing(desk: Desk) -> None:
    first = desk.says("ann", "accept_gap", incident=desk.halted)
    for subject in ({"incident": desk.halted}, {"shard": 1}) * 50:
        assert desk.says("ann", "accept_gap", **subject) == first._replace(repeated=True)
    assert desk.told(1) == [("accept_gap", {})]


def test_who_accepts_a_gap_that_somebody_else_accepted_is_told_who(desk: Desk) -> None:
    desk.says("ann", "accept_gap", incident=desk.halted)
    for subject in ({"incident": desk.halted}, {"shard": 1}):
        with pytest.raises(Conflict, match="ann has accepted the gap of shard 1") as raised:
            desk.says("bob", "accept_gap", **subject)
        assert raised.value.who == "ann"
    assert not desk.says("bob", "resume_shard", shard=1).repeated, "trying is no contradiction"


def test_of_two_who_accept_at_once_one_is_told_of_the_other(desk: Desk) -> None:
    for _ in range(20):
        outcomes = race(
            lambda: desk.says("ann", "accept_gap", shard=1),
            lambda: desk.says("bob", "accept_gap", incident=desk.halted),
        )
        (winner,) = succeeded(outcomes)
        (loser,) = (outcome for outcome in outcomes if isinstance(outcome, BaseException))
        assert isinstance(loser, Conflict), loser
        assert loser.who == winner.who
        desk.takes_up(1)


def test_another_gap_after_the_first_can_be_accepted_as_well(desk: Desk) -> None:
    desk.says("ann", "accept_gap", shard=1)
    desk.takes_up(1, **LOSS)
    assert not desk.says("ann", "accept_gap", shard=1).repeated
    assert desk.told(1) == [("accept_gap", {})]


def test_a_shard_that_was_tried_in_vain_can_be_tried_again(desk: Desk) -> None:
    first = desk.says("ann", "resume_shard", incident=desk.halted)
    assert desk.says("ann", "resume_shard", incident=desk.halted) == first._replace(repeated=True)
    desk.journal.tried(1, desk.epochs[1], desk.journal.pending(1), GONE)
    second = desk.says("ann", "resume_shard", incident=desk.halted)
    assert (second.repeated, second.id != first.id) == (False, True)
    assert desk.told(1) == [("resume_shard", {"tried": GONE}), ("resume_shard", {})]


def test_a_gap_that_was_accepted_stays_accepted_when_it_was_tried_in_vain(desk: Desk) -> None:
    first = desk.says("ann", "accept_gap", shard=1)
    desk.journal.tried(1, desk.epochs[1], desk.journal.pending(1), GONE)
    assert desk.says("ann", "accept_gap", shard=1) == first._replace(repeated=True)


def test_while_a_topic_is_missing_nobody_can_accept_what_nobody_knows(desk: Desk) -> None:
    desk.halt("the topic coins.events does not exist: create it", None)
    with pytest.raises(NotPossible, match="create it; then try shard 1 again"):
        desk.says("ann", "accept_gap", incident=desk.halted)
    assert not desk.says("ann", "resume_shard", incident=desk.halted).repeated


@pytest.mark.parametrize("action", ["keep_learning", "pause", "reset", "resolve", "false_alarm"])
def test_what_does_not_help_a_shard_that_stands_still_is_refused(desk: Desk, action: Action) -> None:
    with pytest.raises(NotPossible, match=r"shard 1 stands still: .* try the shard again"):
        desk.says("ann", action, incident=desk.halted)
    assert desk.incidents.get(desk.halted).state == "firing"


def test_an_incident_that_was_left_open_by_a_crash_can_be_resolved(desk: Desk) -> None:
    desk.journal.halt(1, desk.epochs[1], None)
    desk.says("ann", "resolve", incident=desk.halted)
    assert desk.incidents.get(desk.halted).verdict == "resolve"


# ---- rollback


def test_a_rollback_tells_its_shard_to_which_batch(desk: Desk) -> None:
    desk.keep(2, 0, 12, 20)
    taken = desk.says("ann", "rollback", shard=2, batch=12, reason="better before")
    assert taken.effect == (
        "Rolled back to the model of batch 12 of shard 2; the offset stays; "
        "what came since is not learned again."
    )
    assert [desk.told(shard) for shard in range(3)] == [[], [], [("rollback", {"batch": 12})]]
    assert history(desk.store)[0] == taken


def test_a_rollback_needs_a_snapshot_that_is_kept_and_says_which_there_are(desk: Desk) -> None:
    with pytest.raises(NotPossible, match="shard 2 of coins has no snapshot of batch 12: there is none yet"):
        desk.says("ann", "rollback", shard=2, batch=12)
    desk.keep(2, 0, 10, 20)
    desk.keep(0, 12)
    with pytest.raises(NotPossible, match="has no snapshot of batch 12: there are 20, 10, 0"):
        desk.says("ann", "rollback", shard=2, batch=12)
    assert desk.told(2) == []


def test_a_batch_that_was_given_up_is_no_choice(desk: Desk) -> None:
    desk.keep(1, 0, 3, 4)
    desk.says("ann", "accept_gap", shard=1)
    with desk.store.write() as db:
        db.execute(sa.update(shard_table).where(shard_table.c.shard == 1).values(last_batch=5))
    desk.takes_up(1, **LOSS)
    desk.keep(1, 6)
    with pytest.raises(NotPossible, match="no snapshot of batch 4: there are 6, 3, 0"):
        desk.says("ann", "rollback", shard=1, batch=4)
    assert not desk.says("ann", "rollback", shard=1, batch=3).repeated


def test_a_pipeline_of_several_shards_rolls_back_one_of_them(desk: Desk) -> None:
    desk.keep(1, 12)
    with pytest.raises(NotPossible, match="each shard of coins has batches of its own: name one"):
        desk.says("ann", "rollback", batch=12)
    with pytest.raises(NotPossible, match="shards 0 to 2 and no shard 3"):
        desk.says("ann", "rollback", batch=12, shard=3)


def test_a_pipeline_of_one_shard_needs_no_shard(desk: Desk) -> None:
    journal = Journal(desk.store, "dice")
    epoch = journal.acquire(0, "worker").epoch
    Shelf(desk.store, "dice").save(0, epoch, Snapshot(7, {}, "", "", b""))
    desk.says("ann", "rollback", pipeline="dice", batch=7)
    assert [dict(one.args) for one in journal.pending(0)] == [{"batch": 7}]


def test_on_an_incident_another_batch_is_another_decision(desk: Desk) -> None:
    desk.keep(1, 0, 12, 20)
    subject = {"incident": desk.drifted(), "shard": 1}
    first = desk.says("ann", "rollback", batch=20, **subject)
    assert desk.says("ann", "rollback", batch=20, **subject) == first._replace(repeated=True)
    assert not desk.says("ann", "rollback", batch=12, **subject).repeated
    assert not desk.says("ann", "rollback", batch=20, **subject).repeated
    assert [args["batch"] for _, args in desk.told(1)] == [20, 12, 20]


@pytest.mark.parametrize("other", [{"batch": 20}, {"shard": 0}])
def test_an_id_that_was_used_for_another_batch_or_shard_conflicts(desk: Desk, other: dict[str, Any]) -> None:
    for shard in (0, 2):
        desk.keep(shard, 12, 20)
    wish: dict[str, Any] = {"shard": 2, "batch": 12, "id": "r1"}
    desk.says("ann", "rollback", **wish)
    assert desk.says("ann", "rollback", **wish).repeated
    with pytest.raises(Conflict, match="used by ann for something else"):
        desk.says("ann", "rollback", **(wish | other))
    assert len(desk.told(2)) == 1


@pytest.mark.parametrize(
    "wish",
    [
        {"action": "rollback"},
        {"action": "rollback", "batch": -1},
        {"action": "rollback", "batch": 1 << 60},
        {"action": "rollback", "batch": 1.5},
        {"action": "resume_shard"},
        {"action": "accept_gap"},
        {"action": "accept_gap", "shard": -1},
        {"action": "accept_gap", "shard": 1, "batch": 3},
        {"action": "pause", "shard": 1},
        {"action": "reset", "batch": 3},
    ],
)
def test_a_wish_that_does_not_say_what_it_concerns_is_no_request(wish: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Request.model_validate(wish | {"who": "ann", "pipeline": "coins"})
