"""Spellings: every way to write a category ends in one form, and that form stays what it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.cleaning import Fill, spelling


def test_variants_case_and_white_space_end_in_one_form() -> None:
    one_form = spelling({"N.Y.": "nyc", "new york": "nyc"}, casefold=True)
    assert {one_form(text) for text in ("n.y.", " N.Y.\n", "New York", "NYC", "nyc ")} == {"nyc"}


def test_letters_that_look_the_same_are_the_same() -> None:
    one_form = spelling({}, casefold=False)
    assert one_form("a\u0308") == one_form("ä") == "ä"


def test_case_counts_where_nobody_asked_to_fold_it() -> None:
    assert spelling({}, casefold=False)("JFK") != spelling({}, casefold=False)("jfk")


def test_a_number_is_the_category_of_its_text() -> None:
    assert spelling({"12": "twelve"}, casefold=False)(12) == "twelve"
    assert spelling({}, casefold=False)(12) == "12"


def test_the_target_of_a_spelling_is_final() -> None:
    one_form = spelling({"a": "b", "b": "c"}, casefold=False)
    assert (one_form("a"), one_form("b")) == ("b", "c")


@pytest.mark.parametrize("casefold", [False, True])
@given(text=st.text())
def test_a_form_is_its_own_form_in_composed_unicode(casefold: bool, text: str) -> None:
    one_form = spelling({}, casefold=casefold)
    form = one_form(text)
    assert one_form(form) == form
    assert unicodedata.is_normalized("NFC", form)


@given(st.text(st.sampled_from("aAzZäÄéÉßσςΣ 1")))
def test_folding_forgets_case(text: str) -> None:
    one_form = spelling({}, casefold=True)
    assert one_form(text.upper()) == one_form(text.lower()) == one_form(text)


@pytest.mark.parametrize("value", [0, 0.5, "", False])
def test_a_fill_keeps_the_type_it_was_given(value: object) -> None:
    assert type(Fill(fill=value).fill) is type(value)  # type: ignore[arg-type]
