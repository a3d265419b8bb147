"""The table: what it says of results, and that none of its rows is empty."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.recovery.site import Site
from tests.recovery.table import ROWS, Finding, Missing, Row, markdown, merged, not_plugged_in, part
from tests.services.parts import UnavailableError


class Counts(NamedTuple):
    kills: int
    ok: bool


def row(result: Any) -> Row:
    return Row("x", "it holds", "0 lost", lambda site: result, lambda site: result)


@pytest.mark.parametrize("result", [Counts(3, True), {"kills": 3, "ok": True}])
def test_counts_that_are_ok_meet_the_promise(site: Site, result: Any) -> None:
    assert row(result).measure(site, full=False) == ("it holds", "kills 3", "0 lost", True)


@pytest.mark.parametrize("result", [Counts(3, False), {"kills": 3, "ok": False}])
def test_counts_that_are_not_ok_do_not(site: Site, result: Any) -> None:
    assert not row(result).measure(site, full=True).met


def test_a_row_that_nobody_wrote_is_told_loudly_and_not_met(site: Site) -> None:
    nobody = not_plugged_in("nobody")
    finding = Row("x", "it holds", "0 lost", nobody, nobody).measure(site, full=False)
    assert not finding.met
    assert finding.figure == "MISSING: there is no tests/recovery/nobody.py"
    assert "**NO**" in list(markdown([finding]))[-1]


def test_a_row_whose_module_is_there_and_not_called_is_not_met_either(site: Site) -> None:
    crash = not_plugged_in("crash")
    assert "does not call it" in Row("x", "it holds", "0 lost", crash, crash).measure(site, full=True).figure


def test_a_row_whose_services_are_missing_is_not_met(site: Site) -> None:
    def lacking(_site: Site) -> Any:
        raise UnavailableError("no java")

    assert row(None)._replace(short=lacking).measure(site, full=False)[1::2] == (
        "NOT MEASURED: no java",
        False,
    )


def test_a_mistake_inside_a_module_is_not_taken_for_a_missing_module(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("import nothing_like_this\n")
    monkeypatch.setattr("tests.recovery.__path__", [str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="nothing_like_this"):
        part("broken")
    with pytest.raises(Missing):
        part("absent")


def test_names_of_rows_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_every_row_of_the_table_has_what_measures_it() -> None:
    empty = [row.name for row in ROWS if "not_plugged_in" in row.full.__qualname__]
    assert empty == [], "write how tests/recovery/table.py calls what measures these"


def test_rows_measured_anew_replace_their_lines_and_leave_the_others() -> None:
    first, second = (Finding(row.promise, "a | b", "all", True) for row in ROWS[:2])
    page = "\n".join(merged("", [second]))
    page = "\n".join(merged(page, [first]))
    assert page.splitlines()[2:] == list(markdown([first, second]))[2:]
    worse = second._replace(figure="c", met=False)
    assert merged(page, [worse])[2:] == list(markdown([first, worse]))[2:]
