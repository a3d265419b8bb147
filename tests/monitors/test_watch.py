"""The watch over a shard: each planted fault is seen, named, and calls whom it should; calm calls nobody."""

from __future__ import annotations

import pickle
import random

import pytest

from monitors.alarm import Alarm
from monitors.causes import Causes
from monitors.spec import MonitorSpec
from monitors.watch import Watch
from tests.monitors.faults import DAY, START, WHAT, Fault, Stream, pages

N, AT = 36_000, 30_000


def flips(r: random.Random, town: str, source: str) -> float:
    return 0.9 if source == "q" else 0.1


def trouble_in_one_town(r: random.Random, town: str, source: str) -> float:
    return 0.9 if town == "C" else 0.1


def worse(r: random.Random, town: str, source: str) -> float:
    return 0.3


def hours_later(r: random.Random, wrong: bool) -> float:
    return 6 * 3600.0 + r.expovariate(1 / 3600.0)


def wrong_ones_later(r: random.Random, wrong: bool) -> float:
    return r.expovariate(1 / 3600.0) * (30.0 if wrong else 1.0)


def a_week(r: random.Random, wrong: bool) -> float:
    return 6.5 * DAY


def unsure(r: random.Random) -> float:
    return r.choice((0.4, 0.6))


CALLS = {
    "the world": (Fault(AT, error=worse), ("loss", "world")),
    "a source that flips labels": (Fault(AT, error=flips), ("labels:source", "source")),
    "one slice": (Fault(AT, error=trouble_in_one_town), ("loss:town", "source")),
    "labels that come late": (Fault(AT, delay=hours_later), ("labels:delay", "feed")),
    "wrong ones labelled later": (Fault(AT, delay=wrong_ones_later), ("loss", "feed")),
    "labels that stop": (Fault(AT, labelled=False), ("feed:silence", "feed")),
    "events that stop": (Fault(AT, comes=False), ("feed:silence", "feed")),
    "records that are refused": (Fault(AT, refused=0.1), ("feed:quarantine", "schema")),
    "less sure while labels are late": (
        Fault(AT, chance=unsure, error=lambda r, t, s: 0.4, delay=a_week),
        ("estimated_loss", "world"),
    ),
    "harm with an input that moved": (Fault(AT, x=lambda x: 2.54 * x, error=worse), ("loss", "world")),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_fault_calls_somebody_and_names_its_cause(name: str) -> None:
    fault, expected = CALLS[name]
    alarms = Stream(fault).run(N)
    assert expected in pages(alarms), alarms
    onset = min(alarm.onset for alarm in alarms if (alarm.monitor, alarm.cause) == expected)
    assert all(alarm.because for alarm in alarms)
    assert onset > START + 14 * DAY, "it was there before the fault"


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_said_over_months_in_which_nothing_happens(seed: int) -> None:
    assert Stream(seed=seed, a_day=1000).run(60_000) == []


def test_wrong_ones_labelled_later_from_the_start_are_no_change() -> None:
    def late(r: random.Random, wrong: bool) -> float:
        return 3 * DAY if wrong else 3600.0

    assert pages(Stream(delay=late).run(40_000)) == []


def test_an_input_that_moves_while_the_loss_does_not_is_information() -> None:
    alarms = Stream(Fault(AT, x=lambda x: 2.54 * x)).run(N)
    assert {(alarm.monitor, alarm.severity) for alarm in alarms} == {("field:x", "info")}


def test_what_moved_beside_a_loss_is_in_its_reason() -> None:
    alarms = Stream(Fault(AT, x=lambda x: 2.54 * x, error=worse)).run(N)
    [loss] = [alarm for alarm in alarms if alarm.monitor == "loss"]
    assert "x: " in loss.because


def test_parts_of_a_loss_that_has_called_do_not_call_again() -> None:
    alarms = Stream(Fault(AT, error=worse)).run(N)
    assert [alarm.monitor for alarm in alarms if alarm.severity == "page"] == ["loss"]
    assert "loss:town" in {alarm.monitor for alarm in alarms}


def test_what_gets_better_calls_nobody() -> None:
    alarms = Stream(Fault(AT, error=lambda r, town, source: 0.01)).run(N)
    assert ("loss", "better", "info") in {(a.monitor, a.direction, a.severity) for a in alarms}
    assert pages(alarms) == []


def test_it_goes_on_after_pickling_as_if_nothing_had_happened() -> None:
    ran: list[list[Alarm]] = []
    for cut in (False, True):
        stream, alarms = Stream(Fault(6000, error=worse, refused=0.2)), []
        stream.watch = Watch(stream.spec, stream.what)
        for i, (now, topic, thing) in enumerate(sorted(stream._records(8000), key=lambda one: one[:2])):
            if cut and i % 1013 == 0:
                stream.watch = pickle.loads(pickle.dumps(stream.watch))
            stream._feed(now, topic, thing)
            alarms += stream.watch.drain()
        ran.append(alarms)
    assert ran[0] == ran[1] != []


def test_its_names_are_the_same_from_the_first_moment_on() -> None:
    fresh = Watch(MonitorSpec(), WHAT)
    stream = Stream()
    stream.run(3000)
    assert list(stream.watch.standings) == list(fresh.standings)
    assert set(fresh.standings) == {
        *("loss", "loss:town", "estimated_loss", "prediction", "confidence"),
        *("labels:truth", "labels:delay", "labels:share", "labels:source"),
        *("feed:rate", "feed:silence", "feed:lateness", "feed:quarantine", "field:x", "field:town"),
    }
    assert all(0.0 <= level <= 1.0 for _, level in stream.watch.standings.values())


def test_where_the_event_brings_its_truth_there_are_no_label_feeds() -> None:
    names = set(Watch(MonitorSpec(), WHAT._replace(apart=False, task="regression")).standings)
    assert not names & {"labels:delay", "labels:share", "estimated_loss", "confidence"}


def test_an_exchanged_model_begins_anew_and_the_inputs_do_not() -> None:
    stream = Stream()
    stream.run(30_000)
    assert {state for state, _ in stream.watch.standings.values()} <= {"quiet", "suspected"}
    stream.watch.exchanged(stream.end)
    warming = {name for name, (state, _) in stream.watch.standings.items() if state == "warming"}
    of_the_model = {"loss", "loss:town", "estimated_loss", "prediction", "confidence", "labels:source"}
    assert warming == of_the_model


def test_a_third_of_the_budget_is_for_the_loss_and_further_fields_make_no_more_noise() -> None:
    spec = MonitorSpec(budget=3.0)
    assert spec.level.budget == 1.0
    assert 40 * spec.share(40).budget == pytest.approx(2.0)


def test_what_soon_went_back_is_not_behind_a_change_that_lasted() -> None:
    """A field that was missing for two hours explains no loss of ten weeks, but one of the same day."""
    causes, day = Causes(2 * DAY), DAY
    gone = Alarm("field:x", "changed", 20.1 * day, 20.0 * day, 9, 0.0, 0.9, 5, 4, part="missing")
    back = gone._replace(phase="recovered", time=20.2 * day, onset=20.1 * day)
    for alarm in (gone, back):
        causes.note(alarm)
    slow = Alarm("loss", "worse", 90.0 * day, 20.0 * day, 9, 0.1, 0.4, 5, 4)
    assert causes.near(slow) == []
    assert causes.near(slow._replace(time=20.15 * day)) == [gone]


def test_what_began_long_before_is_not_behind_a_change_because_it_was_said_meanwhile() -> None:
    """A share of late truths that has fallen since August explains no loss that rises since November."""
    causes, day = Causes(3 * DAY), DAY
    summer = Alarm("labels:truth", "changed", 108.0 * day, 0.0, 9, 0.30, 0.18, 5, 4)
    causes.note(summer)
    loss = Alarm("loss", "worse", 125.0 * day, 97.0 * day, 9, 0.24, 0.34, 5, 4)
    assert causes.near(loss) == []
    assert causes.near(loss._replace(onset=30.0 * day)) == [summer], "a slow change began nobody knows when"
