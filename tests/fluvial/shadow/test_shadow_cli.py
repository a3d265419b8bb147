"""`fluvial shadow` and `fluvial review`: the same tables and decisions in a terminal."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluvial.config import as_written
from fluvial.fingerprint import definition, libraries
from tests.fluvial.commandline import Commandline
from tests.fluvial.shadow.drifted import computed, drifted, incident_of, told
from tests.fluvial.world import KEY, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("FLUVIAL_HOME", str(tmp_path))
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "key").chmod(0o600)
    with drifted(tmp_path) as made:
        pipeline = made.pipeline
        made.journal.define(definition(pipeline), as_written(pipeline), libraries())
        yield made


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commandline:
    return Commandline(monkeypatch, capsys)


def test_a_table_is_shown_where_it_is_there_and_else_computed(world: World, command: Commandline) -> None:
    incident = incident_of(world).id
    said = command("shadow", incident)
    assert said.code == 0, said.err
    assert re.search(
        r"events after batch \d+, up to batch 90; all judged on the same [\d,]+ labels", said.out
    )
    assert "Retrained from a window: knows every label from batch" in said.out
    told = said.out.rpartition("adopt one with: fluvial ")[2].split()
    assert command(*["frozen" if word == "NAME" else word for word in told], "--dry-run").code == 0
    again = command("shadow", incident, "--json").json
    assert (again["state"], again["result"]["to_batch"]) == ("done", 90)
    assert command("shadow", incident, "--json").json["id"] == again["id"], "it is there"


def test_a_candidate_and_a_window_are_held_beside_the_others(world: World, command: Commandline) -> None:
    incident = incident_of(world).id
    model = 'Select("weight") | linear_model.LogisticRegression()'
    found = command("shadow", incident, "--candidate", model, "--window", "35:40", "--json").json["result"]
    rows = {row["name"]: row for row in found["variants"]}
    assert rows["candidate"]["recipe"]["model"] == model
    assert (rows["retrained"]["recipe"]["first"], rows["retrained"]["recipe"]["last"]) == (34, 40)
    bad = command("shadow", incident, "--candidate", 'Select("height") | linear_model.LogisticRegression()')
    assert (bad.code, "no field is called 'height'" in bad.err) == (3, True)
    assert command("shadow", incident, "--without", "B").code == 2


def test_a_dry_run_says_what_would_be_done_and_the_decision_does_it(
    world: World, command: Commandline
) -> None:
    computed(world)
    words = ("review", "adopt", incident_of(world).id, "--variant", "retrained", "--who", "ann")
    would = command(*words, "--dry-run")
    assert would.out.startswith("It would do this: Shard 0 goes on with this model: retrained from a window")
    assert told(world) == []
    assert command(*words).out == would.out.replace("It would do this", "Done")
    assert [action for action, _, _ in told(world)] == ["adopt"]
    assert command(*words).out.startswith("Already so")


def test_what_an_action_needs_is_asked_for(world: World, command: Commandline) -> None:
    for words, said in (
        (("adopt",), "adopt needs variant"),
        (("exclude_source",), "exclude_source needs source"),
        (("reset", "--source", "B"), "source is not for reset"),
        (("exclude_source", "--source", "B", "--since", "yesterday"), "--since: 'yesterday' is neither"),
        (("exclude_source", "--source", "B", "--since", "57"), "--since 57: write a time"),
    ):
        answer = command("review", words[0], "--pipeline", "coins", "--who", "ann", *words[1:])
        assert (answer.code, said in answer.err) == (2, True), answer.err
