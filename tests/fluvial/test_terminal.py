"""What comes from events is hostile text: nothing that is printed can take a terminal over."""

import re
import string
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fluvial.commands.common import plain_log, plain_text, print_table, say
from monitors.metrics import Metrics
from monitors.status import ShardStatus

COMMANDS = sorted((Path(__file__).parents[2] / "fluvial").rglob("*.py"))

ESCAPES = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://x\x1b\\link",
    "\x9b31m",
    "a\rb",
    "a\x08b",
    "\x1bP+q\x1b\\",
    "\u202eevil",
    "a\u200bb",
    "\u2028",
    "\x7f",
    "\ud800",
    "\ufeff",
]


@pytest.mark.parametrize("text", ESCAPES, ids=ascii)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert plain_text(text).isprintable()


@given(st.text())
def test_text_is_one_line_of_the_same_length_and_plain_text_stays_as_it_is(text: str) -> None:
    shown = plain_text(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert plain_text(shown) == shown
    if text.isprintable() and "\xa0" not in text:
        assert shown == text


@pytest.mark.parametrize("text", ESCAPES, ids=ascii)
def test_lines_and_tables_are_plain(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one {text}\ntwo")
    say(text, err=True)
    print_table(("column",), [(text,), ("[bold]x[/bold]",)])
    out, err = capsys.readouterr()
    assert all(character.isprintable() or character == "\n" for character in out + err)
    assert "two\n" in out
    assert "[bold]x[/bold]" in out


def test_log_entries_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    *steps, render = structlog.get_config()["processors"]
    structlog.configure(processors=[*steps, plain_log, structlog.dev.ConsoleRenderer(colors=False)])
    try:
        structlog.get_logger().info("said", why="\x1b[31m", labels={"x": "\x1b"}, event_of=["\x9b"])
    finally:
        structlog.reset_defaults()
    said = capsys.readouterr().out
    assert not set(said) - set(string.printable) - {"\ufffd"}
    assert "\x1b" not in said
    assert render is not None


def test_whatever_is_printed_goes_through_the_same_door() -> None:
    found = {
        path.name: re.findall(
            r"(?<![\w.>])(?:typer\.echo|typer\.secho|print|sys\.std(?:out|err)\.write)\(", path.read_text()
        )
        for path in COMMANDS
    }
    doctests_aside = {
        name: uses for name, uses in found.items() if uses and name not in ("clock.py", "config.py")
    }
    assert set(doctests_aside) == {"common.py"}, "print with say, print_table or print_json"


HOSTILE = 'x"} 1\nfluvial_up{evil="\\\x1b[31m,\u202e\x00'
"""A value that would add a series of its own, were it written into a scrape as it is."""


def test_a_label_that_comes_from_events_adds_no_series_of_its_own() -> None:
    registry = CollectorRegistry()
    status = ShardStatus("flights", 0, monitors={f"loss:{HOSTILE}": ("quiet", 0.1), HOSTILE: ("alarm", 0.2)})
    Metrics(registry).publish(status)
    text = generate_latest(registry).decode()
    families = list(text_string_to_metric_families(text))
    names = {sample.name for family in families for sample in family.samples}
    assert "fluvial_up" not in names
    shown = {
        sample.labels["monitor"]
        for family in families
        for sample in family.samples
        if "monitor" in sample.labels
    }
    assert {HOSTILE, f"loss:{HOSTILE}"} <= shown
