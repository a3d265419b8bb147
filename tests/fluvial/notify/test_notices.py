"""Notices: people are told once of what changes, whoever restarts, and nobody waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from fluvial.incidents import Incident, Incidents
from fluvial.notify import outbox
from fluvial.notify.grafana import Grafana, annotation
from fluvial.notify.notice import CALLS, Kind, Notice, NotSent
from fluvial.notify.noticing import NEWS, Noticing
from fluvial.notify.outbox import Outbox, listing, standings
from fluvial.notify.sender import Sender
from fluvial.notify.webhook import WINDOW, Webhook, sign, verify
from fluvial.reviews import Action, Request, register, review
from fluvial.store import Store, incident_table, notice_table
from monitors.alarm import Alarm
from tests.fluvial.notify.receivers import HttpReceiver, serving
from tests.fluvial.racing import race
from tests.waiting import wait_until

NOON = 1_700_000_000.0
KEY = b"a key that nobody guesses"
CONSOLE = "https://console.example.org"


class Deaf:
    """A channel that keeps what it is told, or fails."""

    kinds: tuple[Kind, ...] = (*CALLS, "decided")

    def __init__(self, name: str = "webhook", *, fails: bool = False) -> None:
        self.name, self.fails, self.told = name, fails, list[Notice]()

    def send(self, notice: Notice) -> None:
        if self.fails:
            raise NotSent("nobody is there")
        self.told.append(notice)


class Desk:
    """A store with one pipeline, and a channel that hears of it."""

    def __init__(self, store: Store) -> None:
        self.store, self.incidents, self.channel = store, Incidents(store), Deaf()
        self.handled()

    def handled(self, **rules: Any) -> None:
        register(self.store, "coins", 1, {"review": rules})

    def alarm(self, name: str, days: float = 0.0, **changes: Any) -> None:
        at = NOON + days * 86400.0
        alarm = Alarm("loss", "worse", at, at - 60, 1000, 0.1, 0.4, 500, 500)._replace(**changes)
        self.incidents.record("coins", 0, [(name, alarm)])

    def says(self, who: str, action: Action, incident: str = "a1", **more: Any) -> None:
        review(self.store, Request(action=action, who=who, incident=incident, **more), "cli")

    def facts(self, incident: str = "a1", **facts: Any) -> Incident:
        with self.store.write() as db:
            db.execute(sa.update(incident_table).where(incident_table.c.id == incident).values(facts))
        return self.incidents.get(incident)

    def look(self, *channels: Deaf) -> list[str]:
        """Look for news and send what is due: the kinds that were told, in their order."""
        used: Sequence[Any] = channels or [self.channel]
        Noticing(self.store, used, CONSOLE).look()
        before = len(self.channel.told)
        sender = Sender(self.store, used, CONSOLE)
        for one in used:
            for _ in range(5):  # of one incident one at a time
                sender.send(one)
        return [one.kind for one in self.channel.told[before:] if one.kind != "decided"]


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with serving(HttpReceiver()) as server:
        yield server


# ---- what people are told


def test_an_incident_is_told_once_with_its_sentence_and_where_to_look(desk: Desk) -> None:
    desk.alarm("a1")
    assert desk.look() == ["opened"]
    body = desk.channel.told[0].body
    assert body["title"] == "coins: needs somebody"
    assert body["text"].startswith("The loss rose from 0.100 to 0.400")
    assert body["link"] == f"{CONSOLE}/incidents/a1"
    for _ in range(5):
        assert desk.look() == []


def test_what_is_held_back_or_expected_or_passed_is_told_nobody(desk: Desk) -> None:
    desk.handled(pending=600)
    desk.alarm("a1")
    assert desk.look() == []
    desk.alarm("a2", 0.1, direction="better", phase="recovered", severity="info")
    assert desk.look() == []
    wish = {"name": "sale", "since": NOON + 29 * 86400, "until": NOON + 31 * 86400}
    review(desk.store, Request(action="expect", who="eve", pipeline="coins", **wish), "cli")
    desk.alarm("a3", 30)
    assert desk.look() == []


def test_the_end_of_the_hold_is_told_although_nothing_else_happens(desk: Desk) -> None:
    desk.handled(pending=600)
    desk.alarm("a1")
    assert desk.look() == []
    desk.facts(fires_at=time.time() - 1, due_at=time.time() - 1)
    assert desk.look() == ["opened"]


def test_every_change_of_an_incident_is_told_once(desk: Desk) -> None:
    desk.alarm("a1")
    assert desk.look() == ["opened"]
    desk.facts(escalates_at=time.time() - 1, due_at=time.time() - 1)
    assert desk.look() == ["escalated"]
    desk.says("ann", "acknowledge")
    assert desk.look() == []
    for n in range(3):
        desk.alarm(f"b{n}", 0.1 + n / 10, phase="worse")
    assert desk.look() == ["worse"], "once for each time that somebody took it"
    desk.says("ann", "acknowledge")
    desk.alarm("c1", 0.9, phase="worse")
    assert desk.look() == ["worse"]
    desk.says("ann", "snooze", until=time.time() + 60)
    assert desk.look() == []
    desk.facts(snoozed_until=time.time() - 1, acknowledged_at=time.time() - 60, due_at=time.time() - 1)
    assert desk.look() == ["snooze_over"]
    desk.says("ann", "resolve")
    assert desk.look() == ["resolved"]
    desk.alarm("a2", 30)
    assert desk.look() == ["regressed"]
    assert desk.channel.told[-1].body["text"].endswith("It was resolved before: incident a1.")


def test_what_is_old_is_no_news(desk: Desk) -> None:
    desk.alarm("a1")
    past = time.time() - NEWS - 60
    desk.facts(fires_at=past, opened_at=past, grew_at=past)
    assert desk.look() == []


def test_decisions_go_to_channels_that_draw_them_and_to_no_other(desk: Desk) -> None:
    desk.alarm("a1")
    desk.says("ann", "acknowledge", reason="mine")
    desk.look()
    told = [one for one in desk.channel.told if one.kind == "decided"]
    assert [one.body["text"] for one in told] == [
        "ann acknowledged it: mine. You have it; learning goes on as it is."
    ]
    assert "decided" not in Webhook.kinds
    assert "decided" in Grafana.kinds


def test_the_cost_is_told_where_the_shard_says_it(desk: Desk) -> None:
    from fluvial.store import shard_table  # noqa: PLC0415

    status = {"recent_scores": {"model": {"cost": 0.531}}, "cost_unit": "EUR"}
    row = {"pipeline": "coins", "shard": 0, "epoch": 1, "owner": "w", "last_batch": 0, "topic_ids": {}}
    with desk.store.write() as db:
        db.execute(sa.insert(shard_table).values(**row, status=status))
    desk.alarm("a1")
    desk.look()
    assert "At present a prediction costs 0.531 EUR on average." in desk.channel.told[0].body["text"]


def test_hostile_text_is_told_as_text(desk: Desk) -> None:
    desk.alarm("a1", monitor="loss:town", part="town=\u202eevil\r\nBcc: all@example.org")
    desk.look()
    body = desk.channel.told[0].body
    assert "\u202e" not in body["text"]


# ---- retries and restarts


def test_what_cannot_be_sent_waits_longer_each_time_and_arrives(desk: Desk) -> None:
    desk.alarm("a1")
    desk.channel.fails = True
    waits = []
    for _ in range(4):
        desk.look()
        (row,) = listing(desk.store)
        waits.append(row["next_at"] - time.time())
        assert (row["trouble"], row["sent_at"]) == ("nobody is there", None)
        with desk.store.write() as db:
            db.execute(sa.update(notice_table).values(next_at=time.time() - 1))
    assert waits == pytest.approx([5, 10, 20, 40], abs=4)
    assert standings(desk.store, "coins")["webhook"].failed == 4
    assert standings(desk.store, "coins")["webhook"].delay > 0
    desk.channel.fails = False
    assert desk.look() == ["opened"]
    assert standings(desk.store, "coins")["webhook"][:3] == (1, 4, 0)
    assert standings(desk.store, "coins")["webhook"].delay == 0


def test_what_could_not_be_sent_for_a_day_is_given_up_and_counted(desk: Desk) -> None:
    desk.alarm("a1")
    desk.channel.fails = True
    Noticing(desk.store, [desk.channel], "").look()
    with desk.store.write() as db:
        db.execute(sa.update(notice_table).values(at=time.time() - outbox.GIVEN_UP - 1))
    desk.look()
    assert standings(desk.store, "coins")["webhook"][:3] == (0, 1, 1)
    assert desk.look() == []


def test_a_claim_of_somebody_who_died_runs_out(desk: Desk) -> None:
    desk.alarm("a1")
    Noticing(desk.store, [desk.channel], "").look()
    (claimed,) = Outbox(desk.store, "webhook").claimed()
    assert desk.look() == [], "somebody else has it"
    with desk.store.write() as db:
        db.execute(sa.update(notice_table).values(next_at=time.time() - 1))
    assert desk.look() == ["opened"]
    assert desk.channel.told[0].id == claimed.id, "so that whoever is told twice can know"


def test_of_many_senders_at_once_one_sends(desk: Desk) -> None:
    for n in range(5):
        desk.alarm(f"a{n}", 30.0 * n)
    race(*[Noticing(desk.store, [desk.channel], "").look] * 4)
    sender = Sender(desk.store, [desk.channel], "")
    race(*[lambda: sender.send(desk.channel)] * 4)
    told = [one.subject for one in desk.channel.told]
    assert sorted(set(told)) == sorted(told) == [f"a{n}" for n in range(5)]


def test_of_one_incident_the_first_is_told_first(desk: Desk) -> None:
    desk.alarm("a1")
    desk.channel.fails = True
    desk.look()
    desk.says("ann", "resolve")
    desk.channel.fails = False
    assert desk.look() == [], "the first waits for its next try"
    with desk.store.write() as db:
        db.execute(sa.update(notice_table).values(next_at=time.time() - 1))
    assert desk.look() == ["opened", "resolved"]


def test_a_channel_that_hangs_holds_up_neither_the_others_nor_the_desk(desk: Desk) -> None:
    gate = threading.Event()

    class Hanging(Deaf):
        def send(self, notice: Notice) -> None:
            gate.wait(20)
            super().send(notice)

    slow, fast = Hanging("mail"), Deaf("webhook")
    with Sender(desk.store, [slow, fast], ""):
        for n in range(5):
            desk.alarm(f"a{n}", 30.0 * n)
        wait_until(
            lambda: len([one for one in fast.told if one.kind == "opened"]) == 5, "the other channel tells"
        )
        assert slow.told == []
        desk.says("ann", "acknowledge", "a0")
        gate.set()


def test_trouble_is_said_once_and_its_end_once(desk: Desk) -> None:
    desk.channel.fails = True
    sender = Sender(desk.store, [desk.channel], "")
    with capture_logs() as logs:
        for n in range(3):
            desk.alarm(f"a{n}", 30.0 * n)
        Noticing(desk.store, [desk.channel], "").look()
        sender.send(desk.channel)
        desk.channel.fails = False
        with desk.store.write() as db:
            db.execute(sa.update(notice_table).values(next_at=time.time() - 1))
        sender.send(desk.channel)
    said = [one["event"] for one in logs if one["event"].startswith("notices")]
    assert said == ["notices wait", "notices are sent again"]


# ---- the signed webhook


def test_the_webhook_is_signed_and_can_be_verified(desk: Desk, receiver: HttpReceiver) -> None:
    desk.alarm("a1")
    desk.look(Webhook(f"{receiver.url}/hook?team=1", KEY))  # type: ignore[arg-type]
    (posted,) = receiver.posted
    assert posted.path == "/hook?team=1"
    assert (posted.json["incident"], posted.json["kind"]) == ("a1", "opened")
    assert posted.json["id"] == posted.headers["Fluvial-Id"]
    assert verify(KEY, posted.headers, posted.body, time.time())
    assert not verify(KEY, posted.headers, posted.body + b" ", time.time())
    assert not verify(KEY + b"x", posted.headers, posted.body, time.time())
    assert not verify(KEY, posted.headers, posted.body, time.time() + WINDOW + 2), "too late: a replay"
    assert not verify(KEY, {}, posted.body, time.time())
    later = posted.headers | {"Fluvial-Timestamp": str(int(time.time()) + 100)}
    assert not verify(KEY, later, posted.body, time.time()), "the time is signed too"


def test_a_signature_is_what_the_manual_says() -> None:
    assert sign(b"key", "1", b"{}") == "v1=" + __import__("hmac").new(b"key", b"1.{}", "sha256").hexdigest()


@pytest.mark.parametrize("answer", [500, 404, 301, 307, None])
def test_what_is_no_success_is_tried_again(desk: Desk, receiver: HttpReceiver, answer: int | None) -> None:
    receiver.answers = [answer, 204]
    desk.alarm("a1")
    hook = Webhook(receiver.url, KEY)
    desk.look(hook)  # type: ignore[arg-type]
    assert standings(desk.store, "coins")["webhook"][:2] == (0, 1)
    with desk.store.write() as db:
        db.execute(sa.update(notice_table).values(next_at=time.time() - 1))
    desk.look(hook)  # type: ignore[arg-type]
    assert standings(desk.store, "coins")["webhook"][:2] == (1, 1)
    assert [one.path for one in receiver.posted] == ["/", "/"], "a redirect is not followed"
    assert len({one.headers["Fluvial-Id"] for one in receiver.posted}) == 1


def test_a_restart_in_between_loses_nothing_and_tells_nothing_twice(
    desk: Desk, receiver: HttpReceiver
) -> None:
    receiver.answers = [500, 200]
    hook = Webhook(receiver.url, KEY)
    desk.alarm("a1")
    with Sender(desk.store, [hook], CONSOLE):
        wait_until(lambda: len(receiver.posted) == 1, "it is tried")
        wait_until(lambda: listing(desk.store)[0]["trouble"], "it failed")
    with desk.store.write() as db:
        db.execute(sa.update(notice_table).values(next_at=time.time() - 1))
    with Sender(desk.store, [hook], CONSOLE):
        wait_until(lambda: listing(desk.store)[0]["sent_at"], "it is sent")
        desk.alarm("a2", 30)
        wait_until(lambda: len(receiver.posted) == 3, "the next is sent")
    assert [one.json["incident"] for one in receiver.posted] == ["a1", "a1", "a2"]


# ---- Grafana


def test_markup_from_events_is_no_markup_in_grafana() -> None:
    body = {"title": "t", "text": "loss where town is <img src=x>", "link": "", "at": 1.5}
    told = annotation(Notice(1, "k", "grafana", "coins", "opened", "a1", body, 0.0, 0))
    assert (told["text"], told["time"]) == ("t\nloss where town is &lt;img src=x&gt;", 1500)


def test_grafana_gets_incidents_and_decisions_as_annotations(desk: Desk, receiver: HttpReceiver) -> None:
    desk.alarm("a1")
    desk.says("ann", "acknowledge", reason="mine")
    desk.look(Grafana(f"{receiver.url}/", "glsa_secret"))  # type: ignore[arg-type]
    assert {one.path for one in receiver.posted} == {"/api/annotations"}
    assert {one.headers["Authorization"] for one in receiver.posted} == {"Bearer glsa_secret"}
    told = {one.json["tags"][1]: one.json for one in receiver.posted}
    assert told["incident"]["tags"] == ["fluvial", "incident", "opened", "coins"]
    assert told["decision"]["text"].splitlines()[1].startswith("ann acknowledged it: mine")
    assert told["decision"]["text"].endswith(f"{CONSOLE}/incidents/a1")
    assert told["incident"]["time"] == pytest.approx(time.time() * 1000, abs=60_000)
