"""The pipeline file: whatever is wrong in it is named, with its place and what to write instead."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.config import Pipeline, load, parse
from fluvial.durations import seconds
from fluvial.errors import ConfigError

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/pipeline.yaml"))

GOOD = """
pipeline: shop
question: Will the visitor buy?
owner: tests
task: binary
model: >-
  (Select("age", "price", "seen") | preprocessing.StandardScaler()) + OneHot("town")
  | linear_model.LogisticRegression()
id: id
time: at
source: shop
fields:
  id: {type: text}
  at: {type: time}
  shop: {type: category, use: context}
  age: {type: integer, range: [0, 120], missing: {fill: 30}}
  price: {type: number, missing: omit}
  town: {type: category, values: [Paris, London], spellings: {Londres: London}}
label: {type: boolean, horizon: 2h}
recent:
  seen: {of: events, stat: count, by: town, within: 1h}
success: {metric: rocauc, at_least: 0.7}
slices: [town]
baselines: {by: town, last: 30}
topics: {events: shop.clicks}
"""


def with_(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def said(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, name="shop.yaml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("shop.yaml: ") for line in lines)
    return [line.removeprefix("shop.yaml: ") for line in lines]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_is_a_pipeline(path: Path) -> None:
    assert load(path).pipeline


def test_a_good_file_is_read_with_its_durations_and_topics() -> None:
    pipeline = parse(GOOD)
    assert (pipeline.label.horizon, pipeline.recent["seen"].within) == (7200.0, 3600.0)
    assert pipeline.input_topics == ("shop.clicks", "shop.labels")
    assert (pipeline.topic("incidents"), pipeline.shards) == ("shop.incidents", 1)


def test_an_event_that_carries_its_truth_needs_no_labels_topic() -> None:
    pipeline = parse(with_("horizon: 2h", "horizon: 2h, field: bought"))
    assert not pipeline.has_label_topic
    assert pipeline.input_topics == ("shop.clicks",)


@pytest.mark.parametrize(
    ("old", "new", "where", "meant"),
    [
        ("owner: tests", "ownr: tests", "ownr", "owner"),
        ("age: {type:", "age: {tpye:", "fields.age.tpye", "type"),
        ("{fill: 30}", "{fil: 30}", "fields.age.missing.fil", "fill"),
        ("horizon: 2h", "horizn: 2h", "label.horizn", "horizon"),
        ("stat: count", "stt: count", "recent.seen.stt", "stat"),
        ("metric: rocauc", "metrc: rocauc", "success.metrc", "metric"),
        ("{by: town, last: 30}", "{bye: town}", "baselines.bye", "by"),
        ("{events: shop.clicks}", "{evnts: x}", "topics.evnts", "events"),
        ("slices: [town]", "cost: {untt: EUR}", "cost.untt", "unit"),
        ("slices: [town]", "monitor: {blok: 4}", "monitor.blok", "block"),
        ("slices: [town]", "ledger: {wating: 4}", "ledger.wating", "waiting"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(
    old: str, new: str, where: str, meant: str
) -> None:
    assert f"{where}: there is no such key: did you mean {meant!r}?" in said(with_(old, new))


def test_every_mistake_gets_a_line_of_its_own() -> None:
    text = with_("by: town, last", "by: twon, last").replace("slices: [town]", "slices: [towm]")
    assert said(text) == [
        "baselines.by: no field is called 'twon': did you mean 'town'?",
        "slices.0: no field is called 'towm': did you mean 'town'?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("id: id\n", "id: idd\n", "id: no field is called 'idd': did you mean 'id'?"),
        ("time: at\n", "time: att\n", "time: no field is called 'att': did you mean 'at'?"),
        ("source: shop", "source: shpo", "source: no field is called 'shpo': did you mean 'shop'?"),
        (
            "of: events, stat: count",
            "of: agee, stat: mean",
            "recent.seen.of: no field is called 'agee': did you mean 'age'?",
        ),
        (
            "by: town, within",
            "by: [town, shpo], within",
            "recent.seen.by: no field is called 'shpo': did you mean 'shop'?",
        ),
    ],
)
def test_a_reference_to_a_field_that_is_not_declared_is_refused(old: str, new: str, sentence: str) -> None:
    assert said(with_(old, new)) == [sentence]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("task: binary", "task: regression", "label.type: a regression task wants number, not boolean"),
        (
            "horizon: 2h",
            "horizon: 2h, field: town",
            "label.field: 'town' is declared under fields too: the model would see the truth",
        ),
        ("id: id\n", "id: price\n", "id: 'price' must have type text, category or integer, not number"),
        ("time: at\n", "time: age\n", "time: 'age' must have type time, not integer"),
        ("id: {type: text}", "id: {type: text, missing: omit}", "id: 'id' must not be allowed to be missing"),
        (
            "town: {type: category",
            "town: {pii: true, type: category",
            "slices.0: 'town' is private (pii), and a slice shows its values",
        ),
        ("  seen: {of: events", "  town: {of: events", "recent.town: 'town' is the name of a field already"),
        (
            "of: events, stat: count",
            "of: town, stat: count",
            "recent.seen: town has type category: say with equals which value counts as one",
        ),
        (
            "of: events, stat: count",
            "of: town, equals: Lodnon, stat: count",
            "recent.seen.equals: 'Lodnon' is no declared value: did you mean 'London'?",
        ),
        (
            "of: events, stat: count",
            "of: age, equals: '3', stat: count",
            "recent.seen.equals: this is for categories, and age has type integer",
        ),
        (
            "{events: shop.clicks}",
            "{events: a, labels: a}",
            "topics.labels: 'a' is the topic of events already",
        ),
        (
            "{events: shop.clicks}",
            "{events: a.b, reviews: a_b}",
            "topics.reviews: 'a_b' is the topic of events already",
        ),
        ("{events: shop.clicks}", "{labels: shop.events, events: x}", None),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(old: str, new: str, sentence: str | None) -> None:
    if sentence is None:
        assert parse(with_(old, new))
    else:
        assert sentence in said(with_(old, new))


@pytest.mark.parametrize("name", ["a b", "ä", "x" * 250, ".", "..", "a:b", "a/b"])
def test_a_topic_has_a_name_that_kafka_takes(name: str) -> None:
    assert "is no topic name" in said(with_("{events: shop.clicks}", f"{{events: '{name}'}}"))[0]


def test_the_metric_of_success_is_one_of_the_task() -> None:
    text = with_("task: binary", "task: regression").replace("type: boolean", "type: number")
    text = text.replace("LogisticRegression", "LinearRegression")
    assert said(text)[0].startswith("success.metric: a regression task has no 'rocauc': there are mae")


# ---- YAML


def test_a_mistake_of_yaml_is_named_with_its_line_and_column() -> None:
    assert said(with_("owner: tests", "owner: : tests"))[0].startswith("line 4, column 8: ")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("owner: tests", "owner: tests\nowner: others", "line 5: the key 'owner' comes a second time here"),
        ("{type: time}", "{type: time, type: text}", "line 14: the key 'type' comes a second time here"),
        ("  at: {type: time}", "  id: {type: time}", "line 14: the key 'id' comes a second time here"),
        (
            "{Londres: London}",
            "{no: London}",
            "line 18: YAML reads the key no as true or false: put it in quotes",
        ),
        ("{Londres: London}", "{1: London}", "line 18: a key is a text: put it in quotes"),
        ("{Londres: London}", "{null: London}", "line 18: a key is a text: put it in quotes"),
        ("{Londres: London}", "{[a]: London}", "line 18: a key is a text: put it in quotes"),
        ("owner: tests", 'owner: "\\ud800"', "line 4: half a character: write one \\U and not two \\u"),
    ],
)
def test_what_yaml_lets_pass_silently_is_refused_by_its_line(old: str, new: str, line: str) -> None:
    assert said(with_(old, new)) == [line]


def test_merged_keys_may_be_overridden() -> None:
    text = with_("  age: {", "  age: &age {").replace(
        "missing: omit}", "missing: omit}\n  rooms: {<<: *age, range: [1, 9]}"
    )
    pipeline = parse(text)
    assert (pipeline.fields["rooms"].range, pipeline.fields["age"].range) == ((1.0, 9.0), (0.0, 120.0))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("values: [Paris, London]", "values: [yes, no, London]", "fields.town.values.0"),
        ("owner: tests", "owner: on", "owner"),
        ("{events: shop.clicks}", "{events: off}", "topics.events"),
    ],
)
def test_a_word_that_yaml_reads_as_true_or_false_is_pointed_out(old: str, new: str, where: str) -> None:
    quotes = "YAML reads yes, no, on and off as true or false: put it in quotes"
    assert f"{where}: {quotes}" in said(with_(old, new))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("{fill: 30}", "drop", "fields.age.missing: write reject, omit or {fill: VALUE}"),
        ("{fill: 30}", "3", "fields.age.missing: write reject, omit or {fill: VALUE}"),
        ("{fill: 30}", "{fill: yes}", "fields.age: missing: {fill: True} is no integer"),
        ("{fill: 30}", "{fill: 3, x: 4}", "fields.age.missing.x: there is no such key: there are fill"),
        ("{events: shop.clicks}", "7", "topics: this key holds keys of its own"),
        (
            "owner: tests",
            "owner:",
            "owner: a key without a value is empty in YAML: write one, or leave the key out",
        ),
        ("owner: tests", "owner: 7", "owner: must be a text: put it in quotes"),
        ("pipeline: shop", "pipeline: Shop", "pipeline: String should match pattern"),
        ("task: binary", "task: binari", "task: must be 'binary', 'multiclass' or 'regression'"),
        (
            "horizon: 2h",
            "horizon: 2 hours",
            "label.horizon: '2 hours' is no duration: write 90s, 30m, 48h or 7d",
        ),
        ("horizon: 2h", "horizon: on", "label.horizon: True is no duration"),
        ("horizon: 2h", "horizon: .inf", "label.horizon: must be a finite number"),
        ("horizon: 2h", "horizon: 2h, default: 0", "label: default: 0 is no boolean"),
        ("horizon: 2h", "horizon: 2h, default: []", "label.default: must be a valid boolean or"),
        ("slices: [town]", "partitions: yes", "partitions: must be a valid integer"),
        ("slices: [town]", "seed: 1.5", "seed: must be a valid integer"),
        ("slices: [town]", "monitor: {block: yes}", "monitor.block: must be a valid integer"),
        ("range: [0, 120]", "range: [0]", "fields.age.range.1: this key is missing"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_what_to_write(old: str, new: str, sentence: str) -> None:
    lines = said(with_(old, new))
    assert len(lines) == 1
    assert lines[0].startswith(sentence)


@pytest.mark.parametrize(
    "text", ["", "3", "- a", "\x00", "a: &x [*x]", "[" * 5000, "{}", "a: '", "a: 2013-99-99", "&a [*a, *b]"]
)
def test_a_text_that_is_no_pipeline_is_refused_with_a_sentence(text: str) -> None:
    assert said(text)


@given(
    st.text()
    | st.dictionaries(st.sampled_from(list(Pipeline.model_fields)), st.text() | st.integers()).map(str)
)
def test_whatever_the_text_there_is_a_sentence(text: str) -> None:
    assert said(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("owner: Zoë".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml: is no UTF-8 text at byte 9"):
        load(tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("250ms", 0.25),
        ("90s", 90),
        ("1.5m", 90),
        ("48h", 172_800),
        (" 7d ", 604_800),
        ("2w", 1_209_600),
        (5, 5),
    ],
)
def test_a_duration_is_seconds_or_a_number_with_its_unit(text: object, wanted: float) -> None:
    assert seconds(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["", "s", "1", "1.2.3s", "-5s", "5 sec", "1e3s", True, None, [1]])
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)
