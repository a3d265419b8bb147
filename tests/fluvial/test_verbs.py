"""Each verb is found in the part that is said to have it, and the desk's verbs load no more than the desk."""

import subprocess
import sys

import pytest
import typer

from fluvial.cli import PARTS, commandline

DESK = ("desk", "incidents", "review", "scenarios", "notices", "store", "users", "audit")
HEAVY = ("river", "scipy", "kafka", "starlette")

LOADED = f"""
import sys
from fluvial.cli import PARTS, commandline
for part in {DESK}:
    for verb in PARTS[part]:
        commandline(verb)
print(*sorted({set(HEAVY)} & set(sys.modules)))
"""


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_the_verbs_that_are_said_of_it(part: str) -> None:
    for verb in PARTS[part]:
        group = typer.main.get_group(commandline(verb))
        assert sorted(group.commands) == sorted(PARTS[part])


def test_all_verbs_are_offered_where_none_is_named() -> None:
    everything = sorted(verb for verbs in PARTS.values() for verb in verbs)
    for word in ("", "--help", "no-such-verb"):
        assert sorted(typer.main.get_group(commandline(word)).commands) == everything


def test_the_version_needs_no_verb() -> None:
    assert not typer.main.get_group(commandline("--version")).commands


def test_what_people_ask_at_night_waits_for_no_learner() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.split() == []
