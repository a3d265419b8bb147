"""Upgrades: a worker with another definition rebuilds by replay, and a rehearsal says before what it changes."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.changes import changes
from fluvial.config import as_written, load, parse
from fluvial.fingerprint import definition, libraries
from fluvial.journal import Definition, Journal
from fluvial.opening import open_log, open_store
from fluvial.settings import settings
from fluvial.store import definition_table, metadata, snapshot_table
from tests.fluvial.commandline import Commandline
from tests.fluvial.ran import ran
from tests.fluvial.world import COINS, START, tosses

LESS = COINS.replace('Select("weight", "wear")', 'Select("weight")')
OTHERS = {"python": "3.12.1", "river": "0.27.0", "numpy": "9.9.9", "pillow": "9.9.9", "fluvial": "0.1.0"}


def other_libraries(patch: pytest.MonkeyPatch) -> None:
    for module in ("fingerprint", "header", "wiring", "changes", "earlier"):
        patch.setattr(f"fluvial.{module}.libraries", lambda: OTHERS)


def predictions() -> list[bytes]:
    log = open_log(settings())
    tp = TopicPartition("coins.predictions", 0)
    span = log.spans([tp])[tp]
    values = [record.value or b"" for record in log.fetch(tp, span.begin, span.end)]
    log.close()
    return values


def everything(folder: Path) -> object:
    """All that the store holds, and every prediction."""
    store = open_store(settings())
    with store.read() as db:
        found = {table.name: db.execute(sa.select(table)).all() for table in metadata.sorted_tables}
    store.close()
    return found, predictions(), sorted(path.name for path in folder.iterdir() if "-" not in path.suffix)


# ---- the worker


@pytest.mark.parametrize("what", ["libraries", "model", "monitor"])
def test_after_an_upgrade_the_worker_rebuilds_by_replay_and_publishes_nothing_twice(
    command: Commandline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
) -> None:
    records = list(tosses(1200))
    ran(tmp_path, records[:1600])
    before = predictions()
    newest = Journal(store := open_store(settings()), "coins").reached(0)[0]
    store.close()
    monkeypatch.setattr("fluvial.reporter.TOLD_EVERY", 0.0)
    text = {"model": LESS, "monitor": COINS.replace("warmup: 500", "warmup: 400")}.get(what, COINS)
    if what == "libraries":
        other_libraries(monkeypatch)
    capsys.readouterr()
    file = ran(tmp_path, records[1600:], text=text)
    said = capsys.readouterr().out
    assert "snapshot left out" in said
    assert "rebuilt from the start of the journal" in said
    assert f"last_batch={newest}" in said, "progress is told"
    assert f"replayed_batches={newest}" in said
    after = predictions()
    assert after[: len(before)] == before
    ids = [json.loads(value)["id"] for value in after]
    assert len(ids) == len(set(ids)) == 1200
    (verdict,) = command("replay", file, "--verify", "--json").json
    assert verdict["difference"] is None
    assert verdict["compared"] == 1200 - len(before)
    assert list(verdict["others"].values()) == [len(before)]
    shown = command("replay", file)
    assert f"{len(before)} predictions were made by earlier definitions and are not compared" in shown.out
    # and a clean stop has left a snapshot that the next start can use
    assert command("snapshots", "list", file, "--json").json[0]["unusable"] is None


# ---- the rehearsal


def test_the_same_definition_is_identical(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, 800)
    before = everything(tmp_path)
    said = command("upgrade", "rehearse", file)
    assert said.code == 0
    assert "identical: switching changes nothing" in said.out
    assert "snapshots stay usable" in said.out
    assert everything(tmp_path) == before, "a rehearsal writes nothing"


def test_another_model_is_shown_beside_the_running_one(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, 1200)
    new = tmp_path / "new.yaml"
    new.write_text(LESS.replace("owner: tests", "owner: somebody else"))
    before = everything(tmp_path)
    said = command("upgrade", "rehearse", str(new), "--events", "300", "--json")
    assert said.code == 3
    assert everything(tmp_path) == before
    (found,) = said.json
    keys = {change["key"]: change["learned"] for change in found["changes"]}
    assert keys == {"owner": False, "model": True}
    tail = found["published"]["predictions"]
    assert 300 <= tail["compared"] < 500
    assert tail["differ"] == tail["compared"]
    assert len(found["published"]["predictions"]["examples"]) == 5
    assert found["replayed"]["labels"] == 1200
    assert found["unusable_snapshots"] == [
        row["batch"] for row in command("snapshots", "list", file, "--json").json
    ]
    assert found["rebuild"]["start"] == 0
    assert found["rebuild"]["records"] == 2400
    assert found["rebuild"]["lost"] == 0
    shown = command("upgrade", "rehearse", str(new), "--events", "300").out
    assert "changes nothing that is learned" in shown
    assert "A switch rebuilds the shard from the start of the journal" in shown
    assert "DIFFERENT" in shown
    # what it says of the new definition is what a worker with it would have predicted
    there = tmp_path / "there"
    there.mkdir()
    (model,) = command("replay", file, "--model", parse(LESS).model, "--json").json
    assert found["replayed"]["scores"][1]["model"] == model["scores"][1]["model"]


def test_other_libraries_are_held_against_what_was_published(
    command: Commandline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ran(tmp_path, 600)
    other_libraries(monkeypatch)
    said = command("upgrade", "rehearse", file, "--json")
    (found,) = said.json
    assert said.code == 0, "these libraries predict the same"
    assert "numpy" in found["not_replayed"]
    assert found["replayed"] is None
    assert {change["key"] for change in found["changes"]} == {
        "library python",
        "library river",
        "library numpy",
        "library pillow",
    }
    assert found["published"]["predictions"]["compared"] == 600
    assert len(found["unusable_snapshots"]) == found["snapshots"]
    assert "cannot be replayed here: it ran with numpy" in command("upgrade", "rehearse", file).out


def test_libraries_that_predict_otherwise_are_found_out(
    command: Commandline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learners.task import BinaryTask  # noqa: PLC0415

    file = ran(tmp_path, 600)
    predict = BinaryTask.predict
    monkeypatch.setattr(
        BinaryTask, "predict", lambda self, model, x: min(1.0, predict(self, model, x) + 1e-12)
    )
    other_libraries(monkeypatch)
    said = command("upgrade", "rehearse", file, "--events", "100", "--json")
    assert said.code == 3
    tail = said.json[0]["published"]["predictions"]
    assert tail["differ"] > 0
    assert tail["largest"] < 1e-11


def test_alarms_of_both_are_told(
    command: Commandline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ran(tmp_path, list(tosses(5000, flip_after=3000)))
    (same,) = command("upgrade", "rehearse", file, "--json").json
    assert len(same["alarms"][0]) > 0
    assert same["alarms"][0] == same["alarms"][1]
    new = tmp_path / "new.yaml"
    new.write_text(COINS.replace("warmup: 500", "warmup: 500, smallest_change: 0.99"))
    said = command("upgrade", "rehearse", str(new), "--json")
    assert said.code == 3
    of_loss = [{one["monitor"] for one in told} & {"loss"} for told in said.json[0]["alarms"]]
    assert of_loss == [{"loss"}, set()]
    assert said.json[0]["published"]["predictions"]["differ"] == 0, "but not one prediction differs"


def test_a_switch_that_could_not_be_rebuilt_is_warned_of(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, 1800)
    log = open_log(settings())
    log.trim(TopicPartition("coins.events", 0), 300)  # type: ignore[attr-defined]
    log.close()
    new = tmp_path / "new.yaml"
    new.write_text(LESS)
    said = command("upgrade", "rehearse", str(new))
    assert said.code == 3
    assert "would leave the shard standing still" in said.out
    (found,) = command("upgrade", "rehearse", file, "--json").json
    assert found["rebuild"]["start"] > 0, "the running definition goes on from its snapshot"
    assert found["rebuild"]["lost"] == 0
    assert found["identical"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("learn", COINS + "learn: per-partition\n"),
        ("topics.events", COINS + "topics: {events: others}\n"),
        ("label.field", COINS.replace("horizon: 1h", "horizon: 1h, field: truth")),
    ],
)
def test_another_stream_is_no_upgrade(command: Commandline, tmp_path: Path, key: str, text: str) -> None:
    ran(tmp_path, 50)
    new = tmp_path / "new.yaml"
    new.write_text(text)
    said = command("upgrade", "rehearse", str(new))
    assert said.code == 2
    assert key in said.err
    assert "another name" in said.err


def test_predictions_that_retention_took_are_not_missed(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, 800)
    log = open_log(settings())
    log.trim(TopicPartition("coins.predictions", 0), 600)  # type: ignore[attr-defined]
    log.close()
    said = command("upgrade", "rehearse", file, "--json")
    assert said.code == 0
    assert 100 <= said.json[0]["published"]["predictions"]["compared"] <= 200


def test_predictions_that_only_one_side_makes_are_counted(command: Commandline, tmp_path: Path) -> None:
    wild = [
        (
            "events",
            f"w{i}",
            json.dumps({"id": f"w{i}", "mint": "A", "weight": 50.0, "wear": 0}).encode(),
            START,
        )
        for i in range(7)
    ]
    ran(tmp_path, [*wild, *tosses(100)])
    new = tmp_path / "new.yaml"
    new.write_text(COINS.replace("weight: {type: number}", "weight: {type: number, range: [-40, 40]}"))
    said = command("upgrade", "rehearse", str(new), "--json")
    assert said.code == 3
    tail = said.json[0]["published"]["predictions"]
    assert (tail["only_first"], tail["only_second"]) == (7, 0)


def test_the_order_of_fields_is_a_difference(tmp_path: Path) -> None:
    old = parse(COINS)
    swapped = COINS.replace("  weight: {type: number}\n", "").replace(
        "  wear: {type: number}\n", "  wear: {type: number}\n  weight: {type: number}\n"
    )
    running = Definition(definition(old), as_written(old), libraries(), 0.0)
    assert [change.key for change in changes(running, parse(swapped))] == ["fields (their order)"]
    assert changes(running, old) == []


def test_a_running_definition_that_the_store_does_not_know_is_still_compared(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 200)
    store = open_store(settings())
    with store.write() as db:
        db.execute(sa.delete(definition_table))
        db.execute(sa.delete(snapshot_table))
    store.close()
    new = tmp_path / "new.yaml"
    new.write_text(LESS)
    said = command("upgrade", "rehearse", str(new))
    assert said.code == 3
    assert "the store knows nothing else of it" in said.out
    assert load(Path(file)).pipeline == "coins"
