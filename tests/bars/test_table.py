"""The table: what it shows, how single rows are measured anew, and that the page has all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bars.contenders import OURS
from tests.bars.draw import Drawn, judged
from tests.bars.judges import Verdict
from tests.bars.row import EVERYBODY
from tests.bars.rows import ROWS
from tests.bars.table import head, line, merged, put, shown

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "monitors.md").read_text()


def drawn(index: int, figure: str, met: bool = True) -> Drawn:
    return Drawn(ROWS[index], {OURS: Verdict(figure, met)}, {})


def test_a_bar_that_we_miss_is_loud_and_one_that_others_miss_is_not() -> None:
    assert shown(Verdict("3", False), loud=True) == "**3 ✗**"
    assert shown(Verdict("3", False), loud=False) == "3 ✗"
    assert shown(Verdict("0", True), loud=True) == "0 ✓"


def test_a_line_has_a_cell_for_each_contender() -> None:
    cells = line(ROWS[0], {OURS: Verdict("0", True)}).split(" | ")
    assert len(cells) == len(next(head()).split(" | ")) == 2 + len(EVERYBODY)
    assert cells[2:4] == ["0 ✓", "–"]


def test_a_contender_who_was_not_asked_keeps_what_was_told_of_it() -> None:
    before = line(ROWS[0], {"never": Verdict("7", True), OURS: Verdict("1", True)})
    after = line(ROWS[0], {OURS: Verdict("2", True)}, before)
    assert after == line(ROWS[0], {"never": Verdict("7", True), OURS: Verdict("2", True)})


def test_rows_measured_anew_replace_their_lines_and_leave_the_others() -> None:
    page = "\n".join(merged("", drawn(1, "second")))
    page = "\n".join(merged(page, drawn(0, "first")))
    lines = page.splitlines()
    assert ["first" in lines[2], "second" in lines[3], len(lines)] == [True, True, 4]
    assert "otherwise" in "\n".join(merged(page, drawn(1, "otherwise")))


def test_what_is_written_stands_between_its_marks_and_the_rest_stays() -> None:
    page = "head\n<!-- bars -->\nold\n<!-- end of bars -->\nfoot\n"
    assert put(page, "bars", ["new"]) == "head\n<!-- bars -->\n\nnew\n\n<!-- end of bars -->\nfoot\n"
    with pytest.raises(ValueError, match="the page has no <!-- flights -->"):
        put(page, "flights", [])


def test_what_cannot_be_measured_here_meets_nothing() -> None:
    one = judged(ROWS[0], (OURS,), [{OURS: "no such file"}]).verdicts[OURS]
    assert one == ("NOT MEASURED: no such file", False, ())


def test_names_and_streams_of_rows_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len({row.stream for row in ROWS}) == len(ROWS)


def test_the_page_has_every_row_with_the_bar_of_today_and_no_other() -> None:
    told = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| .+ \|$", PAGE.partition("<!-- end of bars -->")[0], re.MULTILINE
    )
    assert [one for one in told if one[0] != "stream"] == [(row.stream, row.bar) for row in ROWS]


def test_every_alarm_of_the_year_is_explained() -> None:
    diary = PAGE.partition("<!-- flights -->")[2].partition("<!-- end of flights -->")
    numbers = re.findall(r"^\| (\d+) \|", diary[0], re.MULTILINE)
    explained = re.findall(r"^(\d+)\. \S", diary[2], re.MULTILINE)
    assert numbers
    assert explained == numbers
