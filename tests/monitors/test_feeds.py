"""Feeds: pace, silence, lateness and refusals, each by itself."""

from __future__ import annotations

import random

from monitors.alarm import Alarm
from monitors.feeds import Lateness, Refusals
from monitors.pace import Pace
from monitors.rare import Rare
from monitors.silence import Silence
from monitors.spec import DAY, WEEK, LevelSpec

SPEC = LevelSpec(budget=0.001, smallest_change=0.05, block=32, gross=2.0)
MONDAY = 1_735_516_800.0


def working_hours(weeks: int, *, seed: int = 1, hole: tuple[float, float] = (0.0, 0.0)) -> list[float]:
    """Times of records: ten an hour from eight to six, Monday to Friday; none in the hole (days)."""
    r, found = random.Random(seed), []
    for day in range(7 * weeks):
        for hour in range(8, 18) if day % 7 < 5 else ():
            found += [MONDAY + day * DAY + 3600.0 * (hour + r.random()) for _ in range(10)]
    return sorted(t for t in found if not hole[0] <= (t - MONDAY) / DAY < hole[1])


def heard(silence: Silence, times: list[float], ticks: bool = True) -> list[Alarm]:
    """What is said over these records, with the other topic's records coming every ten minutes."""
    alarms, now = [], times[0]
    for time in times:
        while ticks and now + 600.0 < time:
            now += 600.0
            alarms.append(silence.tick(now))
        now = time
        alarms.append(silence.record(time))
    return [alarm for alarm in alarms if alarm is not None]


def test_nights_and_weekends_are_no_silence() -> None:
    silence = Silence("events", 100, (DAY, WEEK))
    assert heard(silence, working_hours(10)) == []
    assert silence.state == "quiet"


def test_a_day_without_records_is_silence_and_their_return_ends_it() -> None:
    alarms = heard(Silence("events", 100, (DAY, WEEK)), working_hours(10, hole=(50, 51)))
    assert [(a.direction, a.phase, a.severity) for a in alarms] == [
        ("worse", "first", "page"),
        ("better", "recovered", "info"),
    ]
    day = (alarms[0].time - MONDAY) / DAY
    assert 50.4 < day < 50.75, "it is said on the same day"
    assert (alarms[0].part, alarms[0].cause) == ("events", "feed")


def test_silence_is_noticed_by_the_next_record_where_nothing_else_comes() -> None:
    alarms = heard(Silence("events", 100, (DAY, WEEK)), working_hours(10, hole=(50, 52)), ticks=False)
    assert [a.direction for a in alarms] == ["worse"]


def test_without_seasons_there_is_one_rate() -> None:
    r, silence = random.Random(1), Silence("events", 100, ())
    times = [1e9]
    for _ in range(20_000):
        times.append(times[-1] + r.expovariate(0.1))
    assert heard(silence, times, ticks=False) == []
    alarm = silence.tick(times[-1] + 3000.0)
    assert alarm is not None
    assert alarm.onset == times[-1]
    assert silence.tick(times[-1] + 6000.0) is None, "it is said once"


def test_labels_that_come_in_one_go_at_night_are_no_silence_by_day() -> None:
    times = [MONDAY + day * DAY + 7200.0 + i for day in range(40) for i in range(300)]
    assert heard(Silence("labels", 100, (DAY, WEEK)), times) == []


def paced(rate: float, after: float, n: int = 40_000) -> list[Alarm]:
    r, pace, time, alarms = random.Random(2), Pace(SPEC), MONDAY, []
    for i in range(n):
        time += r.expovariate((rate if i < n // 2 else after) / DAY)
        if (alarm := pace.record(time)) is not None:
            alarms.append(alarm)
    return alarms


def test_the_same_pace_is_no_news_and_another_is() -> None:
    assert paced(2000.0, 2000.0) == []
    [faster] = paced(2000.0, 5000.0)
    [slower] = paced(2000.0, 900.0)
    assert (faster.direction, faster.effect > 0, slower.effect < 0) == ("changed", True, True)


def test_a_feed_that_stands_still_for_years_costs_no_loop_over_them() -> None:
    pace = Pace(SPEC)
    for i in range(2000):
        pace.record(MONDAY + 40.0 * i)
    pace.tick(MONDAY + 1e12)
    assert pace.estimate < 0.5


def test_events_that_come_late_are_said_in_the_share_of_lateness() -> None:
    lateness, alarms = Lateness(SPEC, DAY), []
    for i in range(12_000):
        alarms.append(lateness.update(0.0 if i < 10_000 else 7200.0, MONDAY + 40.0 * i))
    [alarm] = [alarm for alarm in alarms if alarm is not None]
    assert (alarm.monitor, alarm.direction) == ("feed:lateness", "worse")
    assert alarm.before < 0.01


def test_records_that_are_refused_are_said_with_their_reason() -> None:
    refusals, alarms, r = Refusals(SPEC), [], random.Random(3)
    for i in range(20_000):
        alarms.append(refusals.record(MONDAY + 40.0 * i))
        if r.random() < (0.001 if i < 15_000 else 0.06):
            refusals.refused("events", "wrong_type" if r.random() < 0.8 else "not_json")
    [alarm] = [alarm for alarm in alarms if alarm is not None]
    assert (alarm.part, alarm.cause) == ("wrong_type", "schema")
    assert "most often events for wrong_type" in alarm.because


def test_one_refused_record_after_a_long_time_without_is_no_news() -> None:
    rare = Rare("refused", SPEC)
    said = [rare.push(32, float(i % 500 == 499), MONDAY + 1000.0 * i) for i in range(3000)]
    assert not any(said)
    assert rare.estimate < 0.01
