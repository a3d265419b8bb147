"""Stream time: it follows the records, never goes back, and does not fall for one wrong date."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fluvial.clock import StreamClock

PATIENCE = 100


def told(times: list[int]) -> list[int]:
    clock, found = StreamClock(PATIENCE), []
    for time in times:
        clock.advance(time)
        found.append(clock.now)
    return found


def test_it_is_the_newest_time_while_records_follow_one_another() -> None:
    assert told([1000, 1001, 1050, 1020, 1150]) == [0, 1001, 1050, 1050, 1150]


def test_a_leap_is_believed_when_the_next_record_confirms_it() -> None:
    assert told([1000, 1001, 5000, 5001]) == [0, 1001, 1001, 5001]


def test_a_leap_that_the_next_record_does_not_confirm_never_happened() -> None:
    assert told([1000, 1001, 10**15, 1002, 10**15, 1003]) == [0, 1001, 1001, 1002, 1002, 1003]


def test_of_two_leaps_in_a_row_the_nearer_is_believed() -> None:
    assert told([1000, 1001, 10**15, 2000, 2001]) == [0, 1001, 1001, 2000, 2001]
    assert told([1000, 1001, 2000, 10**15, 2001]) == [0, 1001, 1001, 2000, 2001]


def test_a_wrong_first_record_is_forgotten() -> None:
    assert told([10**15, 1000, 1001]) == [0, 1000, 1001]


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_it_never_goes_back_and_never_beyond_what_two_records_in_a_row_say(times: list[int]) -> None:
    found = told(times)
    assert found == sorted(found)
    furthest = max([0, *(min(pair) for pair in pairwise(times))])
    assert all(now <= furthest + PATIENCE for now in found)


@given(st.lists(st.integers(0, PATIENCE), min_size=2))
def test_a_stream_without_leaps_is_never_doubted_after_its_first_record(steps: list[int]) -> None:
    times = [10**12 + sum(steps[: n + 1]) for n in range(len(steps))]
    assert told(times)[1:] == times[1:]
