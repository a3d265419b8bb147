"""What the README and docs say is what the product does."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup as Group

from fluvial.cli import commandline
from monitors.alarm import CAUSES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/README.md")])


def commands(text: str) -> list[str]:
    """The lines of all shell blocks, and inline commands."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def verbs(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every verb of the command line."""
    if isinstance(command, Group):
        return [verb for name, sub in command.commands.items() for verb in verbs(sub, (*path, name))]
    return [path]


CLI = typer.main.get_command(commandline())
SAID = [
    (page.name, line) for page in PAGES for line in commands(page.read_text()) if line.startswith("fluvial ")
]


@pytest.mark.parametrize(("page", "line"), SAID, ids=lambda value: value[:60])
def test_every_command_that_is_shown_is_understood(page: str, line: str) -> None:
    command: Any = CLI
    words = shlex.split(line, comments=True)[1:]
    while isinstance(command, Group) and not (command.invoke_without_command and not words):
        assert words[0] in command.commands, f"{page}: fluvial has no {words[0]}"
        command = command.commands[words.pop(0)]
    with command.make_context("fluvial", words) as context:
        assert context.params is not None


def test_every_verb_is_in_the_readme() -> None:
    missing = [verb for verb in verbs(CLI) if f"fluvial {' '.join(verb)}" not in README]
    assert missing == []


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {
        word
        for page in PAGES
        for word in re.findall(r"`?\bmake ([a-z]+)`?", page.read_text())
        if f"`make {word}`" in page.read_text() or f"\nmake {word}\n" in page.read_text()
    }
    assert {"demo", "test", "check", "bench", "help"} <= shown <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if not link.startswith("http") and not (page.parent / link).exists()]
    assert broken == []


def test_every_file_of_the_product_that_is_named_on_the_page_about_it_exists() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    there = {path.name for path in ROOT.glob("[a-z]*/**/*.py")}
    assert set(re.findall(r"`(?:\w+/)?(\w+\.py)`", page)) - there == set()


def test_the_manual_says_of_every_cause_what_to_do() -> None:
    manual = (ROOT / "docs" / "operating.md").read_text()
    section = manual.partition("A cause is a pointer")[2].partition("\n#")[0]
    assert set(re.findall(r"^- \*(\w+)\*: ", section, re.MULTILINE)) == set(CAUSES) - {""}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text())
    links = [(page.parent / path if path else page, name) for path, name in links if "://" not in path]
    assert [name for path, name in links if name not in headings(path)] == []


def headings(page: Path) -> set[str]:
    """The names of a page's headings, as links call them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


HALTS = [
    "the journal needs these records to rebuild the model",
    "the next to be learned is",
    "does not exist: create it",
    "was made anew",
    "records that differ from the",
    "the journal jumps from",
    "cannot be read",
    "the pipeline file says",
    "goes on from batch",
]


@pytest.mark.parametrize("said", HALTS)
def test_every_reason_for_a_shard_to_stand_still_is_in_the_manual(said: str) -> None:
    sources = [path.read_text() for path in (ROOT / "fluvial").glob("*.py")]
    assert any(said in " ".join(text.replace('"', "").split()) for text in sources), "nothing says this"
    assert said in " ".join((ROOT / "docs" / "operating.md").read_text().split())
