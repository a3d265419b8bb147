"""`fluvial snapshots`: which states are kept, what is in them, and what changed between two."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from fluvial import anatomy
from fluvial.opening import open_log, open_store
from fluvial.settings import settings
from fluvial.store import snapshot_table
from learners.expression import build
from tests.fluvial.commandline import Commandline
from tests.fluvial.ran import ran
from tests.fluvial.world import COINS


def test_every_snapshot_is_listed_with_its_times_and_whether_it_can_be_used(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 3000)
    rows = command("snapshots", "list", file, "--json").json
    assert len(rows) >= 3
    assert [row["batch"] for row in rows] == sorted((row["batch"] for row in rows), reverse=True)
    assert all(row["unusable"] is None for row in rows)
    (status,) = command("replay", file, "--until", str(rows[1]["batch"]), "--json").json
    assert (rows[1]["time"], rows[1]["digest"]) == (status["watermark"], status["digest"])
    said = command("snapshots", "list", file)
    assert said.code == 0
    assert said.out.count(" yes") == len(rows)


def test_what_cannot_be_used_says_why(
    command: Commandline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ran(tmp_path, 3000)
    store = open_store(settings())
    with store.write() as db:
        db.execute(sa.update(snapshot_table).where(snapshot_table.c.batch > 40).values(body=b"gone bad" * 9))
    store.close()
    spoilt = command("snapshots", "list", file, "--json").json
    assert "do not begin like a snapshot" in spoilt[0]["unusable"]
    assert spoilt[-1]["unusable"] is None
    monkeypatch.setattr("fluvial.header.libraries", lambda: {"river": "0.99"})
    assert "river was '0.26.1' and is '0.99' now" in command("snapshots", "list", file).out
    (tmp_path / "key").unlink()
    assert "no key here" in command("snapshots", "list", file).out
    assert not (tmp_path / "key").exists(), "who only looks makes no key"


def test_a_state_is_shown_from_its_snapshot_and_rebuilt_where_none_is_kept(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 1500)
    newest = command("snapshots", "list", file, "--json").json[0]["batch"]
    kept = command("snapshots", "inspect", file, str(newest), "--json").json
    assert kept["header"]["batch"] == newest
    assert kept["status"]["events"] == 1500
    assert [part["path"] for part in kept["model"]["parts"]] == [
        "Select",
        "StandardScaler",
        "LogisticRegression",
    ]
    assert kept["model"]["parts"][2]["figures"] == {"weights": 2}
    assert kept["bytes"]["ledger"] > kept["bytes"]["model"] > 0
    between = command("snapshots", "inspect", file, "7", "--json").json
    assert between["header"] is None
    assert between["status"]["batch"] == 7
    assert "rebuilt by replay" in command("snapshots", "inspect", file, "7").out
    assert "after batch" in command("snapshots", "inspect", file, str(newest)).out
    missing = command("snapshots", "inspect", file, "999")
    assert (missing.code, "has no batch 999" in missing.err) == (1, True)


def test_a_state_that_can_neither_be_opened_nor_rebuilt_says_both(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 600)
    newest = str(command("snapshots", "list", file, "--json").json[0]["batch"])
    (tmp_path / "key").unlink()
    log = open_log(settings())
    log.trim(("coins.events", 0), 50)  # type: ignore[attr-defined]
    log.close()
    said = command("snapshots", "inspect", file, newest)
    assert said.code == 1
    assert "there is no key here" in said.err
    assert "coins.events:0 holds offsets 50" in said.err


def test_two_states_differ_in_counts_scores_and_weights(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, 1500)
    found = command("snapshots", "diff", file, "5", "25", "--json").json
    assert found["changed"]["events"][0] < found["changed"]["events"][1]
    assert "scores/base_rate/brier" in found["changed"]
    assert {weight["feature"] for weight in found["weights"]} == {"weight", "wear", "(intercept)"}
    said = command("snapshots", "diff", file, "5", "25")
    assert "stream time (UTC)" in said.out
    assert "3 weights moved" in said.out
    assert "base_rate/brier" not in said.out
    assert "nothing changed" in command("snapshots", "diff", file, "5", "5").out


def test_trees_and_ensembles_tell_how_far_they_have_grown(command: Commandline, tmp_path: Path) -> None:
    model = 'model: Select("weight", "wear") | forest.ARFClassifier(n_models=3, grace_period=20)'
    file = ran(tmp_path, 800, text=COINS.replace(COINS.splitlines()[5], model))
    changed = command("snapshots", "diff", file, "2", "14", "--json").json["changed"]
    nodes = changed["model/ARFClassifier/nodes"]
    assert nodes[1] > nodes[0]
    parts = command("snapshots", "inspect", file, "14", "--json").json["model"]["parts"]
    assert parts[1]["figures"]["models"] == 3
    assert parts[1]["figures"]["leaves"] > 3


def test_steps_of_pipelines_inside_unions_are_found_in_their_order() -> None:
    scaled = '(Select("x") | preprocessing.StandardScaler()) + (Select("y") | preprocessing.MinMaxScaler())'
    model = build(f"{scaled} | linear_model.LogisticRegression()")
    names = ["Select", "StandardScaler", "Select 2", "MinMaxScaler", "LogisticRegression"]
    assert [name for name, _ in anatomy.steps(model)] == names
    assert [path for path, _ in anatomy.steps(build("naive_bayes.GaussianNB()"))] == ["GaussianNB"]
