"""The ledger: predictions and labels find each other in whatever order they come."""

from math import inf

import pytest

from consumers.event import Event, Label
from learners.ledger import Ledger, Waiting


def ledger(**bounds: int) -> Ledger:
    return Ledger(10.0, **({"waiting": 100, "early": 100, "settled": 100} | bounds))


def remember(book: Ledger, *names: str, now: float = 0.0) -> None:
    for name in names:
        event = Event(name, now, {"x": 1.0}, {"town": "A"})
        assert not book.known(event)
        book.remember(event, event.features, (0.5,), now)


def match(book: Ledger, name: str, value: bool = True, now: float = 0.0) -> Waiting | None:
    entry = book.match(Label(name, value, now), now)
    if entry is not None:
        book.settle(entry, value)
    return entry


def overdue(book: Ledger, now: float) -> list[str]:
    found = []
    for entry in book.overdue(now):
        book.expire(entry)
        found.append(entry.id)
    return found


def counted(book: Ledger) -> dict[str, int]:
    return {name: n for name, n in book.counts.items() if n}


def test_what_was_predicted_comes_back_with_its_label_as_it_was() -> None:
    book = ledger()
    remember(book, "a", now=3.0)
    assert match(book, "a") == Waiting("a", 3.0, 13.0, {"x": 1.0}, {"town": "A"}, (0.5,))
    assert counted(book) == {"used": 1}
    assert book.waiting == 0


def test_an_event_is_known_while_it_waits_and_after_it_was_settled() -> None:
    book = ledger()
    remember(book, "a", "b")
    match(book, "b")
    assert book.known(Event("a", 0, {}, {}))
    assert book.known(Event("b", 0, {}, {}))
    assert counted(book) == {"used": 1, "duplicates": 2}


@pytest.mark.parametrize(("again", "fate"), [(True, "duplicate"), (False, "corrected")])
def test_a_second_label_repeats_the_first_or_contradicts_it(again: bool, fate: str) -> None:
    book = ledger()
    remember(book, "a")
    match(book, "a")
    assert match(book, "a", again) is None
    assert counted(book) == {"used": 1, fate: 1}


def test_a_correction_is_measured_against_what_was_learned() -> None:
    book = ledger()
    remember(book, "a")
    match(book, "a", True)
    match(book, "a", False)
    match(book, "a", False)
    match(book, "a", True)
    assert counted(book) == {"used": 1, "corrected": 2, "duplicate": 1}


def test_after_its_horizon_an_event_is_overdue_and_its_label_late() -> None:
    book = ledger()
    remember(book, "a", now=0.0)
    remember(book, "b", now=1.0)
    assert overdue(book, 9.9) == []
    assert overdue(book, 10.0) == ["a"]
    assert match(book, "a") is None
    assert counted(book) == {"expired": 1, "late": 1}
    assert book.waiting == 1


def test_an_early_label_is_kept_for_its_event_and_given_out_once() -> None:
    book = ledger()
    assert match(book, "a") is None
    assert book.early == 1
    assert book.early_label("a") == Label("a", True, 0.0)
    assert book.early_label("a") is None
    assert counted(book) == {}


def test_the_latest_of_several_early_labels_counts() -> None:
    book = ledger()
    for value in (True, False, False):
        match(book, "a", value)
    found = book.early_label("a")
    assert found is not None
    assert found.value is False
    assert counted(book) == {"corrected": 1, "duplicate": 1}


def test_a_repeated_early_label_does_not_wait_longer() -> None:
    book = ledger()
    match(book, "a", now=0.0)
    match(book, "a", now=9.0)
    overdue(book, 10.0)
    assert (book.early, counted(book)) == (0, {"duplicate": 1, "unmatched": 1})


def test_of_too_many_waiting_events_the_oldest_expire() -> None:
    book = ledger(waiting=2)
    remember(book, "a", "b", "c", "d")
    assert (book.waiting, counted(book)) == (2, {"expired": 2})
    assert match(book, "a") is None
    assert match(book, "d") is not None
    assert counted(book) == {"expired": 2, "late": 1, "used": 1}


def test_of_too_many_early_labels_the_oldest_are_unmatched() -> None:
    book = ledger(early=2)
    for name in "abc":
        match(book, name)
    assert (book.early, counted(book)) == (2, {"unmatched": 1})
    assert book.early_label("a") is None


def test_what_was_settled_longest_ago_is_forgotten() -> None:
    book = ledger(settled=1)
    remember(book, "a", "b")
    match(book, "a")
    match(book, "b")
    assert not book.known(Event("a", 0, {}, {}))
    assert match(book, "a") is None
    assert (book.early, counted(book)) == (1, {"used": 2})


def test_what_came_at_a_doubted_time_waits_without_end_until_the_time_is_told() -> None:
    book = ledger()
    remember(book, "a", now=0.0)
    remember(book, "b", now=inf)
    assert overdue(book, 1e9) == ["a"]
    book.date(5.0)
    assert overdue(book, 14.9) == []
    assert overdue(book, 15.0) == ["b"]


def test_an_early_label_of_a_doubted_time_is_dated_too() -> None:
    book = ledger()
    match(book, "a", now=inf)
    book.date(5.0)
    overdue(book, 14.9)
    assert book.early == 1
    overdue(book, 15.0)
    assert counted(book) == {"unmatched": 1}


def test_to_tell_the_time_changes_nothing_that_was_not_in_doubt() -> None:
    book = ledger()
    book.date(1.0)
    remember(book, "a", now=0.0)
    match(book, "z", now=0.0)
    book.date(5.0)
    assert overdue(book, 10.0) == ["a"]
    assert counted(book) == {"expired": 1, "unmatched": 1}
