"""Producing: lines of the past are dated by their own time, and whoever forgets it is told."""

import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from consumers.record import TopicPartition
from fluvial.config import load
from fluvial.errors import ConfigError
from fluvial.opening import open_log
from fluvial.producing import from_lines
from fluvial.settings import settings
from tests.fluvial.commandline import Commandline

NEW_YEAR = 1_293_840_000_000
"""2011 began, in milliseconds."""

FILE = """
pipeline: bikes
question: How many bikes will be rented?
decision: How many to bring.
owner: Fleet desk <fleet@example.org>
task: regression
model: linear_model.LinearRegression()
id: id
time: begins
fields:
  id: {type: text, use: context}
  begins: {type: time}
  temp: {type: number}
label: {type: number, horizon: 2d}
success: {metric: mae, at_most: 60}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLUVIAL_HOME", str(tmp_path))
    (tmp_path / "pipeline.yaml").write_text(FILE)
    return "pipeline.yaml"


def feed(patch: pytest.MonkeyPatch, *said: dict[str, object]) -> None:
    patch.setattr("sys.stdin", io.StringIO("\n".join(json.dumps(one) for one in said) + "\n\n"))


def timestamps(file: str, stream: str, n: int) -> list[int]:
    topic = load(Path(file)).topic(stream)
    with closing(open_log(settings())) as log:
        return [record.timestamp for record in log.fetch(TopicPartition(topic, 0), 0, n)]


def test_lines_of_the_past_are_dated_by_their_own_time(
    command: Commandline, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("topics", "create", file).code == 0
    feed(
        monkeypatch,
        {"id": "a", "begins": "2011-01-01T00:00:00Z", "temp": 1.0},
        {"id": "b", "begins": "2011-01-01 01:00", "temp": 1.0},
        {"id": "c", "begins": NEW_YEAR / 1000 + 7200.5, "temp": 1.0},
    )
    done = command("produce", file, "--own-time")
    assert (done.code, done.out, done.err) == (0, "3 events, 0 labels\n", "")
    assert timestamps(file, "events", 3) == [NEW_YEAR, NEW_YEAR + 3_600_000, NEW_YEAR + 7_200_500]
    feed(monkeypatch, {"id": "a", "label": 3, "time": "2011-01-01T02:00:00+01:00"})
    assert command("produce", file, "--own-time", "--stream", "labels").code == 0
    assert timestamps(file, "labels", 1) == [NEW_YEAR + 3_600_000]


def test_who_dates_the_past_by_now_is_told_once(
    command: Commandline, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("topics", "create", file)
    old = {"id": "a", "begins": "2011-01-01T00:00:00Z", "temp": 1.0}
    feed(monkeypatch, old, old)
    said = command("produce", file)
    assert (said.code, said.out) == (0, "2 events, 0 labels\n")
    assert said.err.count("is of 2011-01-01 and dated now; what is of the past wants --own-time") == 1
    for harmless in ({"id": "a", "begins": "2999-01-01"}, {"id": "a", "begins": "noon"}, {"id": "a"}):
        feed(monkeypatch, harmless)
        assert command("produce", file).err == ""
    feed(monkeypatch)
    assert command("produce", file).out == "0 events, 0 labels\n"


def test_a_line_without_a_time_of_its_own_is_named(
    command: Commandline, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"line 2: None in 'begins' is no time: write seconds"):
        list(from_lines(['{"id": "a", "begins": 5}', '{"id": "b"}'], "events", "id", "begins"))
    with pytest.raises(ConfigError, match=r"line 1: '1969-12-31' in 'begins' is no time"):
        list(from_lines(['{"id": "a", "begins": "1969-12-31"}'], "events", "id", "begins"))
    Path(file).write_text(FILE.replace("time: begins\n", "", 1))
    refused = command("produce", file, "--own-time")
    assert refused.code == 2
    assert "names no field as `time`" in refused.err
    refused = command("produce", file, "--own-time", "--from", "producer.py")
    assert (refused.code, "a producer file dates its records itself" in refused.err) == (2, True)


def test_topics_that_are_not_there_can_be_made_by_the_command_that_is_named(
    command: Commandline, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, {"id": "a", "begins": 5, "temp": 1.0})
    missing = command("produce", file)
    assert missing.code != 0
    assert (
        "topic bikes.events does not exist: create it with `fluvial topics create pipeline.yaml`"
        in missing.err
    )
