"""Accounting: after every single record each event and each label is counted in exactly one place."""

import pickle
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fluvial.config import Pipeline
from fluvial.decision import LEARNING_ACTIONS, Decision
from fluvial.shard import Shard
from learners.parts import places
from monitors.status import ShardStatus
from tests.fluvial.shards import Feed, towns

names = st.sampled_from([f"e{n}" for n in range(6)])
truths = st.sampled_from([True, False])
streams = st.sampled_from(["events", "labels"])
gaps = st.sampled_from([0, 0, 1, 5, 9, 11, 40, 101, 1000])


class Accounts(RuleBasedStateMachine):
    """Events and labels of few ids in any order, garbage, decisions, restarts and odd clocks."""

    pipeline: ClassVar[Pipeline] = towns()
    inside: ClassVar[bool] = False

    @initialize()
    def start(self) -> None:
        self.feed = Feed(self.pipeline)
        self.before: ShardStatus | None = None

    @rule(name=names, truth=truths, gap=gaps)
    def event(self, name: str, truth: bool, gap: int) -> None:
        more: dict[str, Any] = {"y_true": truth} if self.inside else {}
        self.feed.event(name, self.feed.now + gap, **more)

    @rule(name=names, truth=truths, gap=gaps)
    def label(self, name: str, truth: bool, gap: int) -> None:
        if not self.inside:
            self.feed.label(name, truth, self.feed.now + gap)

    @rule(name=names, truth=truths)
    def pair(self, name: str, truth: bool) -> None:
        self.event(name, truth, 0)
        self.label(name, truth, 0)

    @rule(stream=streams, value=st.sampled_from([b"", b"{", b"[]", b'{"id": ""}', b'{"id": "e1"}', None]))
    def oddity(self, stream: str, value: bytes | None) -> None:
        if stream == "events" or not self.inside:
            self.feed.put(stream, value)

    @rule(at=st.sampled_from([-1e9, 1e6, 1e9]), name=names)
    def record_of_another_century(self, at: float, name: str) -> None:
        now = self.feed.now
        self.event(name, True, int(at))
        self.feed.now = now

    @rule(action=st.sampled_from(LEARNING_ACTIONS))
    def decision(self, action: str) -> None:
        part = next(iter(places(self.feed.shard.state.learner.model)), "")
        if part or action != "reset_part":
            self.feed.shard.decide(Decision(1, action, "r", {"part": part, "source": "S"}))

    @rule()
    def restart(self) -> None:
        state = pickle.loads(pickle.dumps(self.feed.shard.state))
        self.feed.shard = Shard(self.feed.pipeline, 0, state)

    @invariant()
    def every_event_and_label_is_somewhere(self) -> None:
        status = self.feed.status
        outcomes, fates = status.outcomes, status.fates
        assert status.events + status.labels + status.ignored == len(self.feed.records) + (
            fates["used"] if self.inside else 0
        )
        assert status.predictions == status.events - outcomes["quarantined"] - outcomes["duplicates"]
        assert outcomes["learned"] + outcomes["predict_only"] == fates["used"] + status.defaulted
        assert self.feed.shard.state.learner.board.outcomes == fates["used"] + status.defaulted

    @invariant()
    def nothing_is_held_beyond_its_bound(self) -> None:
        ledger = self.pipeline.ledger
        assert self.feed.status.waiting <= ledger.waiting
        assert self.feed.status.early <= ledger.early

    @invariant()
    def what_is_counted_stays_counted(self) -> None:
        status, before = self.feed.status, self.before
        if before is not None:
            assert all(status.outcomes[name] >= n for name, n in before.outcomes.items())
            assert all(status.fates[name] >= n for name, n in before.fates.items())
            assert status.watermark >= before.watermark
        self.before = status


class AccountsWithDefault(Accounts):
    pipeline = towns(label={"type": "boolean", "horizon": "100s", "default": False})


class AccountsOfTheForgetful(Accounts):
    pipeline = towns(ledger={"waiting": 2, "early": 1, "settled": 2})


class AccountsOfTheForgetfulWithDefault(Accounts):
    pipeline = towns(
        ledger={"waiting": 2, "early": 1, "settled": 2},
        label={"type": "boolean", "horizon": "100s", "default": True},
    )


class AccountsOfEventsWithTheirTruth(Accounts):
    pipeline = towns(label={"type": "boolean", "horizon": "100s", "field": "y_true"})
    inside = True


for machine in (
    Accounts,
    AccountsWithDefault,
    AccountsOfTheForgetful,
    AccountsOfTheForgetfulWithDefault,
    AccountsOfEventsWithTheirTruth,
):
    machine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)

TestAccounts = Accounts.TestCase
TestAccountsWithDefault = AccountsWithDefault.TestCase
TestAccountsOfTheForgetful = AccountsOfTheForgetful.TestCase
TestAccountsOfTheForgetfulWithDefault = AccountsOfTheForgetfulWithDefault.TestCase
TestAccountsOfEventsWithTheirTruth = AccountsOfEventsWithTheirTruth.TestCase
