"""`fluvial replay` as people type it: proof, a look at a moment, a variant."""

from pathlib import Path

import pytest

from fluvial.opening import open_log
from fluvial.settings import settings
from tests.fluvial.commandline import Commandline
from tests.fluvial.ran import ran
from tests.fluvial.world import COINS, START

MODEL = 'Select("weight") | linear_model.LogisticRegression()'


def test_proof_is_what_it_does_without_options(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path)
    said = command("replay", file)
    assert said.code == 0
    assert "600 predictions, 600 compared: identical" in said.out
    (verdict,) = command("replay", file, "--verify", "--json").json
    assert (verdict["difference"], verdict["compared"], verdict["unverified"]) == (None, 600, [])


def test_a_difference_is_told_and_ends_with_code_three(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path)
    log = open_log(settings())
    log.append("coins.predictions", b'{"id":"x","shard":0,"source":"coins.events:0:700"}', timestamp=START)
    log.flush()
    log.close()
    said = command("replay", file)
    assert said.code == 3
    assert "DIFFERENT" in said.out
    assert "coins.events:0:700" in said.out


def test_a_moment_is_a_batch_or_a_time(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path)
    said = command("replay", file, "--until", "3")
    assert said.code == 0
    assert "shard 0 after batch 3" in said.out
    assert "rolling_rate" in said.out
    (status,) = command("replay", file, "--until", "2023-11-14T22:18:20", "--json").json
    assert status["watermark"] >= START / 1000 + 300
    (before,) = command("replay", file, "--until", str(status["batch"] - 1), "--json").json
    assert before["watermark"] < START / 1000 + 300
    assert before["digest"] != status["digest"]
    assert command("replay", file, "--until", "999").code == 3
    assert "no batch 999" in command("replay", file, "--until", "999").err
    refused = command("replay", file, "--until", "noon")
    assert (refused.code, "neither the number of a batch nor a time" in refused.err) == (2, True)
    (verdict,) = command("replay", file, "--until", "3", "--verify", "--json").json
    assert (verdict["batches"], verdict["difference"]) == (3, None)


def test_a_moment_before_the_newest_snapshot_is_replayed_from_an_older_one(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 3000)  # with a snapshot after every thousand records
    times = [command("replay", file, "--until", f"2023-11-14T22:{m}", "--json").json[0] for m in (14, 40, 55)]
    assert [status["batch"] for status in times] == sorted({status["batch"] for status in times})
    (latest,) = command("replay", file, "--until", "2033-01-01", "--json").json
    assert latest["events"] == 3000


def test_a_variant_is_shown_beside_the_original(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, extra="source: mint\n")
    said = command("replay", file, "--model", MODEL)
    assert said.code == 0
    assert "same 600 labels" in said.out
    assert "Predictions:" in said.out
    assert "Alarms: original 0, variant 0" in said.out
    (found,) = command("replay", file, "--model", MODEL, "--without", "source=A", "--json").json
    assert found["left_out"] == {"events": 300, "labels": 300}
    assert found["predictions"]["only_first"] == 300
    misspelt = command("replay", file, "--without", "source=a")
    assert "there is no source 'a'" in misspelt.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--without", "mint=A"], "write source=NAME"),
        (["--model", "linear_model.LogReg()"], "did you mean linear_model.LogisticRegression"),
        (["--model", MODEL, "--until", "3"], "go with neither"),
        (["--shard", "1"], "has the shards 0 to 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    command: Commandline, tmp_path: Path, words: list[str], said: str
) -> None:
    refused = command("replay", ran(tmp_path, 20), *words)
    assert refused.code == 2
    assert said in refused.err


def test_where_nothing_has_run_it_says_so_and_makes_no_key(command: Commandline, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(COINS)
    said = command("replay", str(tmp_path / "pipeline.yaml"))
    assert said.code == 1
    assert "no batch of 'coins'" in said.err
    assert not (tmp_path / "key").exists()
