"""Races: of two who decide at once, on whichever of the four ways, one is first and the other is told who."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from consumers.embedded import EmbeddedLog
from consumers.log import Log
from consumers.record import TopicPartition
from fluvial.commands.review import asked
from fluvial.console.app import create
from fluvial.incidents import Incidents
from fluvial.review_feed import ReviewFeed
from fluvial.reviews import Conflict, history, register, review
from fluvial.signing import of_store, signed
from fluvial.store import Store, cursor_table, decision_table, metadata, nonce_table
from fluvial.wiring import create_topics, facts
from monitors.alarm import Alarm
from tests.fluvial.console.visitors import TOKEN, Client, program, visitor
from tests.fluvial.racing import race
from tests.fluvial.world import coins

KEY = b"k" * 32
RACES = 1000
WAYS = ("console", "api", "cli", "topic")
PAIRS = list(combinations_with_replacement(WAYS, 2))


class Desk:
    """A store and a log, with somebody on each of the four ways; every way says how its decision went."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.pipeline = store, coins(slices=["mint"])
        self.path = folder / "log.db"
        self.log = EmbeddedLog(self.path)
        create_topics(self.pipeline, self.log)
        register(store, "coins", 2, facts(self.pipeline))
        app = create(store, token=TOKEN)
        self.browsers = [visitor(app), visitor(app)]
        self.programs = [program(app), program(app)]
        self.csrf = app.state.access.csrf

    def open(self, name: str, at: float) -> None:
        alarm = Alarm("loss", "worse", at, at - 60, 1000, 0.1, 0.4, 500, 500)
        Incidents(self.store).record("coins", 0, [(name, alarm)])

    def ways(self, seat: int, incident: str, who: str, action: str) -> dict[str, Callable[[], str]]:
        """How each way decides; it returns empty, or the name of who was first."""
        wish = {"action": action, "who": who, "reason": "a race"}
        return {
            "console": lambda: self._console(self.browsers[seat], incident, wish),
            "api": lambda: self._api(self.programs[seat], incident, wish),
            "cli": lambda: self._cli(incident, wish),
            "topic": lambda: self._topic(incident, wish),
        }

    def _console(self, browser: Client, incident: str, wish: dict[str, Any]) -> str:
        form = wish | {"csrf": self.csrf, "id": f"{incident}-{wish['who']}"}
        answer = browser.post(f"/incidents/{incident}/reviews", data=form, follow_redirects=False)
        assert answer.status_code in (303, 409), answer.text
        return "" if answer.status_code == 303 else _first(answer.text)

    def _api(self, client: Client, incident: str, wish: dict[str, Any]) -> str:
        answer = client.post(f"/api/v1/incidents/{incident}/reviews", json=wish)
        assert answer.status_code in (200, 409), answer.text
        return "" if answer.status_code == 200 else str(answer.json()["who"])

    def _cli(self, incident: str, wish: dict[str, Any]) -> str:
        try:
            review(self.store, asked(wish | {"incident": incident}), "cli")
        except Conflict as error:
            return error.who
        return ""

    def _topic(self, incident: str, wish: dict[str, Any]) -> str:
        message = wish | {"incident": incident, "id": f"{incident}-{wish['who']}-topic"}
        with closing(EmbeddedLog(self.path)) as log:  # one for each thread
            before = len(self.quarantined(log))
            self.send(message, log)
            self.feed(log).take_in()
            told = [one for one in self.quarantined(log)[before:] if _first(one) != wish["who"]]
        return _first(told[0]) if told else ""

    def send(self, message: dict[str, Any], log: Log) -> None:
        value = json.dumps(signed(message, of_store(KEY))).encode()
        topic = self.pipeline.topic("reviews")
        log.append(topic, value, key=b"", timestamp=int(time.time() * 1000), partition=0)
        log.flush()

    def feed(self, log: Log) -> ReviewFeed:
        return ReviewFeed(self.pipeline, log, self.store, KEY)

    def quarantined(self, log: Log) -> list[str]:
        tp = TopicPartition(self.pipeline.topic("quarantine"), 0)
        span = log.spans([tp])[tp]
        return [(one.value or b"").decode() for one in log.fetch(tp, span.begin, span.end)]


def _first(text: str) -> str:
    """Who was first, as a sentence says it."""
    return next(name for name in ("ann", "bob") if f"{name} has" in text or f"({name} was first)" in text)


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(store, tmp_path)
    yield made
    made.log.close()


def everything(store: Store) -> dict[str, list[str]]:
    """All rows of all tables but what stands there of messages: positions in topics, and used nonces."""
    with store.read() as db:
        return {
            table.name: sorted(map(repr, db.execute(sa.select(table))))
            for table in metadata.sorted_tables
            if table not in (cursor_table, nonce_table)
        }


@pytest.mark.timeout(1800)
def test_of_two_who_decide_at_once_one_is_first_and_the_other_is_told_who(desk: Desk) -> None:
    rng, winners, rounds = random.Random(1), Counter[str](), RACES // len(PAIRS)
    for n in range(rounds * len(PAIRS)):
        left, right = PAIRS[n % len(PAIRS)]
        if rng.random() < 0.5:
            left, right = right, left
        name, action = f"r{n:x}", ("acknowledge", "resolve", "false_alarm")[n % 3]
        desk.open(name, 1_700_000_000.0 + n * 30 * 86400.0)
        seats = desk.ways(0, name, "ann", action)[left], desk.ways(1, name, "bob", action)[right]
        first = race(*seats)
        found = Incidents(desk.store).get(name)
        winner = found.acknowledged_by
        assert first == (["", "ann"] if winner == "ann" else ["bob", ""]), (n, left, right, first)
        taken = history(desk.store, incident=name)
        assert [(one.who, one.action) for one in taken] == [(winner, action)], "one transition"
        assert found.version == 2
        winners[str(winner)] += 1
        if action == "acknowledge":  # so that the next is an incident of its own
            review(desk.store, asked({"action": "resolve", "incident": name, "who": "eve"}), "cli")
    assert min(winners["ann"], winners["bob"]) > RACES // 20, "neither is always first"
    with desk.store.read() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(decision_table)).scalar_one() == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_same_review_a_hundred_times_changes_nothing(desk: Desk, way: str) -> None:
    desk.open("a1", 1_700_000_000.0)
    decide = desk.ways(0, "a1", "ann", "acknowledge")[way]
    assert decide() == ""
    before = everything(desk.store)
    for _ in range(100):
        assert decide() == ""
    assert everything(desk.store) == before


def test_replaying_the_reviews_topic_changes_nothing(desk: Desk) -> None:
    for n in range(5):
        desk.open(f"a{n}", 1_700_000_000.0 + n * 30 * 86400.0)
    wishes: list[dict[str, Any]] = [
        {"action": "acknowledge", "incident": "a0"},
        {"action": "snooze", "incident": "a1", "until": time.time() + 3600},
        {"action": "resolve", "incident": "a2"},
        {"action": "reopen", "incident": "a2"},
        {"action": "comment", "incident": "a3", "reason": "mine"},
        {"action": "pause", "pipeline": "coins"},
        {"action": "set_budget", "pipeline": "coins", "budget": 0.01},
        {"action": "expect", "pipeline": "coins", "name": "sale", "since": 5, "until": 9},
    ]
    for n, wish in enumerate(wishes):
        desk.send(wish | {"who": "ann", "id": f"t{n}"}, desk.log)
    desk.feed(desk.log).take_in()
    assert len(history(desk.store)) == len(wishes)
    assert desk.quarantined(desk.log) == []
    before = everything(desk.store)
    for _ in range(3):
        with desk.store.write() as db:
            db.execute(sa.delete(cursor_table))
        desk.feed(desk.log).take_in()
    assert everything(desk.store) == before
    assert desk.quarantined(desk.log) == []
