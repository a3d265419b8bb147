"""`fluvial explain`: one prediction made again, taken apart, and followed to its end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from consumers.event import Value
from consumers.record import TopicPartition
from fluvial import reviews
from fluvial.ablation import ablate
from fluvial.opening import open_log, open_store
from fluvial.settings import settings
from fluvial.store import snapshot_table
from learners.task import task_named
from tests.fluvial.commandline import Commandline
from tests.fluvial.ran import Toss, ran
from tests.fluvial.shards import towns
from tests.fluvial.world import COINS, START, tosses

PRIVATE = COINS.replace("mint: {type: category, use: context}", "mint: {type: category, pii: true}")
FILLED = COINS.replace("wear: {type: number}", "wear: {type: number, missing: {fill: 0.25}}")


def decide(action: Any, **more: Any) -> None:
    store = open_store(settings())
    reviews.review(store, reviews.Request(action=action, who="ann", pipeline="coins", **more), "cli")
    store.close()


def published(name: str) -> tuple[bytes, dict[str, Any]]:
    log = open_log(settings())
    tp = TopicPartition("coins.predictions", 0)
    span = log.spans([tp])[tp]
    values = [record.value or b"" for record in log.fetch(tp, span.begin, span.end)]
    log.close()
    value = next(value for value in values if json.loads(value)["id"] == name)
    return value, json.loads(value)


def test_a_prediction_is_made_again_bit_for_bit_and_followed_to_its_label(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 1500)
    found = command("explain", file, "coin-1100", "--json").json
    value, shown = published("coin-1100")
    assert found["same"]
    assert found["again"] == value.decode()
    assert found["published"] == shown
    assert found["rebuilt_from"] > 0, "from the snapshot right before it"
    assert found["fate"]["what"] == "learned"
    assert found["fate"]["delay"] == 10.0, "its label came ten seconds later"
    assert found["fate"]["loss"] >= 0.0
    said = command("explain", file, "coin-1100")
    assert said.code == 0
    assert "the same, bit for bit" in said.out
    assert "coins.events:0:1100" in said.out
    assert "came 10 s later" in said.out
    assert "none in force" in said.out


def test_what_the_model_saw_holds_the_recent_statistics_of_that_moment(
    command: Commandline, tmp_path: Path
) -> None:
    text = COINS.replace('Select("weight", "wear")', 'Select("weight", "mint_rate")')
    file = ran(tmp_path, 400, text=text)
    found = command("explain", file, "coin-300", "--json").json
    saw = {one["name"]: one for one in found["contributions"]}
    records = list(tosses(400))
    truths = {key: json.loads(value)["label"] for kind, key, value, _ in records if kind == "labels"}
    before = [f"coin-{i}" for i in range(300 - 11, -1, -1) if i % 2 == 0][:20]
    assert saw["mint_rate"]["value"] == pytest.approx(sum(truths[name] for name in before) / 20)
    assert saw["mint_rate"]["rule"] == "its default"
    assert saw["mint_rate"]["replaced_by"] == 0.5
    assert saw["wear"]["change"] == 0.0, "the model does not look at it"
    assert saw["weight"]["rule"].startswith("median of")
    probability = found["published"]["probability"]
    assert saw["weight"]["without"] + saw["weight"]["change"] == pytest.approx(probability)


def test_decisions_in_force_are_named_with_who_took_them(command: Commandline, tmp_path: Path) -> None:
    records = list(tosses(900))
    file = ran(tmp_path, records[:600])
    decide("reset", reason="new mint")
    decide("pause", reason="bad labels")
    ran(tmp_path, records[600:])
    found = command("explain", file, "coin-200", "--json").json
    assert (found["decisions"]["paused"], found["fate"]["what"]) == (None, "learned")
    found = command("explain", file, "coin-400", "--json").json
    assert found["decisions"]["paused"]["action"] == "pause"
    assert [one["action"] for one in found["decisions"]["exchanged"]] == ["reset"]
    assert found["fate"]["what"] == "predict_only"
    said = command("explain", file, "coin-400").out
    assert "by ann: bad labels" in said
    assert "model reset at batch" in said
    assert "learning was paused" in said


def quiet_then(records: Iterator[Toss], later: int) -> list[Toss]:
    """Tosses whose labels never come, and one more event so many seconds after the last."""
    kept = [one for one in records if one[0] == "events"]
    event = json.dumps({"id": "last", "mint": "A", "weight": 0.0, "wear": 0.0}).encode()
    return [
        *kept,
        *(
            ("events", f"last{i}", event.replace(b"last", b"last%d" % i), START + later * 1000)
            for i in range(3)
        ),
    ]


@pytest.mark.parametrize(
    ("extra", "later", "what", "truth"),
    [
        ("", 60, "waiting", None),
        ("", 3700, "expired", None),
        ("label: {type: boolean, horizon: 1h, default: false}\n", 3700, "learned", False),
    ],
)
def test_a_prediction_without_a_label_waits_expires_or_takes_the_default(
    command: Commandline, tmp_path: Path, extra: str, later: int, what: str, truth: object
) -> None:
    text = COINS.replace("label: {type: boolean, horizon: 1h}\n", "") + extra if extra else COINS
    file = ran(tmp_path, quiet_then(tosses(30), later), text=text)
    fate = command("explain", file, "coin-3", "--json").json["fate"]
    assert (fate["what"], fate["truth"], fate["defaulted"]) == (what, truth, truth is not None)


def test_private_fields_are_masked_wherever_they_are_shown(command: Commandline, tmp_path: Path) -> None:
    records = [(k, n, v.replace(b'"mint": "A"', b'"mint": "Geheim"'), t) for k, n, v, t in tosses(300)]
    file = ran(tmp_path, records, text=PRIVATE)
    said = command("explain", file, "coin-200")
    shown = command("explain", file, "coin-200", "--json")
    assert "Geheim" not in said.out + said.err + shown.out + shown.err
    assert "***" in said.out
    (mint,) = [one for one in shown.json["contributions"] if one["name"] == "mint"]
    assert (mint["value"], mint["replaced_by"]) == ("***", "***")


def test_what_an_earlier_definition_predicted_is_made_again_by_it(
    command: Commandline, tmp_path: Path
) -> None:
    records = list(tosses(600))
    ran(tmp_path, records[:400])
    other = COINS.replace('Select("weight", "wear")', 'Select("wear")')
    file = ran(tmp_path, records[400:], text=other)
    old, new = (command("explain", file, name, "--json").json for name in ("coin-100", "coin-350"))
    assert old["same"]
    assert new["same"]
    assert old["definition"] != new["definition"]
    assert old["published"]["model"] != new["published"]["model"]
    assert old["contributions"][0]["change"] != 0.0, "the old model looked at the weight"
    assert new["contributions"][0]["change"] == 0.0, "the new one does not"


def test_what_other_libraries_predicted_differs_and_says_why(
    command: Commandline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"python": "3.11.7", "river": "0.25.0", "numpy": "2", "fluvial": "0.1.0"}
    with monkeypatch.context() as patch:
        for place in ("fingerprint", "header", "wiring"):
            patch.setattr(f"fluvial.{place}.libraries", lambda: other)
        file = ran(tmp_path, 300)
    said = command("explain", file, "coin-100", "--json")
    assert "river 0.25.0" in said.json["instead"] or "numpy 2" in said.json["instead"]
    assert said.code == 0, "these libraries predict the same all the same"


def test_a_prediction_that_cannot_be_made_again_ends_with_code_three(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 300)
    _, shown = published("coin-100")
    log = open_log(settings())
    forged = json.dumps(shown | {"probability": 0.75}, separators=(",", ":")).encode()
    log.append("coins.predictions", forged, key=b"coin-100", timestamp=START)
    log.flush()
    log.close()
    said = command("explain", file, "coin-100")
    assert said.code == 3
    assert "DIFFERENT" in said.out


def test_what_is_not_found_says_where_was_looked(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, 300)
    nobody = command("explain", file, "coin-999")
    assert nobody.code == 1
    assert "is the id spelled otherwise" in nobody.err
    assert "look further back with --search" in command("explain", file, "coin-1", "--search", "50").err
    log = open_log(settings())
    log.trim(TopicPartition("coins.predictions", 0), 100)  # type: ignore[attr-defined]
    log.close()
    assert "earlier ones are gone" in command("explain", file, "coin-1").err


def test_where_its_records_are_gone_it_cannot_be_made_again(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, 300)
    store = open_store(settings())
    with store.write() as db:
        db.execute(sa.delete(snapshot_table))
    store.close()
    log = open_log(settings())
    log.trim(TopicPartition("coins.events", 0), 150)  # type: ignore[attr-defined]
    log.close()
    said = command("explain", file, "coin-100")
    assert said.code == 1
    assert "cannot be made again: coins.events:0 holds offsets 150" in said.err


def test_a_key_that_is_not_the_id_is_found_in_whichever_partition(
    command: Commandline, tmp_path: Path
) -> None:
    records = [(kind, f"k{name}", value, at) for kind, name, value, at in tosses(200)]
    file = ran(tmp_path, records, extra="partitions: 4\n")
    assert all(command("explain", file, f"coin-{i}", "--json").json["same"] for i in (0, 57, 199))


def test_each_field_is_replaced_as_the_contract_would_have_it() -> None:
    fields: dict[str, Any] = {
        "id": {"type": "text"},
        "a": {"type": "number", "missing": {"fill": 7}},
        "b": {"type": "number", "missing": "omit"},
        "c": {"type": "integer"},
        "d": {"type": "category"},
        "e": {"type": "text"},
        "f": {"type": "number", "missing": "omit"},
    }
    model = 'Select("a", "b", "c") | linear_model.LogisticRegression()'
    pipeline = towns(fields=fields, recent={}, model=model)
    asked: list[dict[str, Value]] = []

    class Asked:
        def predict_proba_one(self, x: dict[str, Value]) -> dict[bool, float]:
            asked.append(x)
            return {True: 0.5 if "b" in x else 0.25, False: 0.5 if "b" in x else 0.75}

    x: dict[str, Value] = {"a": 1.0, "b": 2.0, "c": 3, "d": "x", "e": "words"}
    before: list[dict[str, Value]] = [x | {"c": n, "d": d} for n, d in ((1, "p"), (5, "q"), (9, "q"))]
    found = ablate(pipeline, task_named("binary"), Asked(), x, before)
    assert [(one.name, one.replaced_by, one.rule) for one in found] == [
        ("a", 7.0, "its fill value"),
        ("b", None, "left out"),
        ("c", 5, "median of 3"),
        ("d", "q", "most frequent of 3"),
        ("e", "", "an empty text"),
        ("f", None, "was absent"),
    ]
    assert [one.change for one in found] == [0.0, 0.25, 0.0, 0.0, 0.0, 0.0]
    assert asked[0] == x
    assert "b" not in asked[2]
