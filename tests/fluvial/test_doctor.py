"""doctor: everything a worker needs is looked at, and what is wrong comes with what to do about it."""

import gc
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from consumers.embedded import EmbeddedLog
from fluvial.commands import doctor
from fluvial.commands.doctor import CODECS, Finding, codecs, crc, examine
from fluvial.config import Pipeline
from fluvial.settings import Settings
from fluvial.store import SCHEMA, Store, schema_table
from fluvial.wiring import create_topics
from tests.fluvial.commandline import Commandline
from tests.fluvial.world import COINS, coins


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedLog]:
    with closing(EmbeddedLog(tmp_path / "log.db")) as made:
        yield made


def found(here: Settings, what: str, pipeline: Pipeline | None = None) -> Finding:
    """What is found about one thing."""
    (finding,) = (finding for finding in examine(here, pipeline) if finding.what == what)
    assert finding.ok or finding.advice, finding
    return finding


def missing(name: str) -> object:
    raise ImportError(f"No module named {name!r}")


def test_on_a_sound_machine_everything_is_found_well(command: Commandline, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(COINS)
    assert command("topics", "create", str(tmp_path / "pipeline.yaml")).code == 0
    said = command("doctor", str(tmp_path / "pipeline.yaml"), "--json")
    assert [finding for finding in said.json if not finding["ok"]] == []
    assert said.code == 0
    looked_at = {finding["what"] for finding in said.json}
    assert looked_at == {
        *(f"codec {codec}" for codec in CODECS),
        *("crc32c", "key file", "embedded log", "topics", "store", "clock", "durable commits"),
    }


def test_what_is_wrong_ends_with_three_and_says_what_to_do(command: Commandline, tmp_path: Path) -> None:
    assert command("doctor").code == 0
    (tmp_path / "key").chmod(0o644)
    said = command("doctor")
    assert said.code == 3
    (line,) = (line for line in said.out.splitlines() if line.startswith("WRONG"))
    assert f"chmod 600 {tmp_path / 'key'}" in line


def test_a_codec_that_is_missing_is_named_with_what_to_install() -> None:
    found = list(codecs(missing))
    assert [finding.what for finding in found] == [f"codec {codec}" for codec in CODECS]
    assert not any(finding.ok for finding in found)
    assert all("install" in finding.advice for finding in found)


def test_checksums_in_python_are_too_slow() -> None:
    assert crc().ok
    assert "several times slower" in crc(missing).advice


def test_a_key_that_others_can_read_is_to_be_closed(here: Settings) -> None:
    assert found(here, "key file").ok
    here.key_path.chmod(0o640)
    finding = found(here, "key file")
    assert (finding.ok, finding.advice) == (False, f"chmod 600 {here.key_path}")


def test_a_key_that_is_no_key_is_reported(here: Settings) -> None:
    here.key_path.write_bytes(b"short")
    assert "restore the key" in found(here, "key file").seen
    here.key_path.unlink()
    here.key_path.mkdir()
    assert "cannot be read" in found(here, "key file").seen


def test_a_token_that_others_can_read_is_to_be_closed(here: Settings) -> None:
    here.token_path.write_text("sixteen-letters!")
    here.token_path.chmod(0o604)
    assert found(here, "token file").advice == f"chmod 600 {here.token_path}"
    here.token_path.chmod(0o600)
    assert found(here, "token file").ok


def test_topics_that_are_missing_are_to_be_made(here: Settings, log: EmbeddedLog) -> None:
    finding = found(here, "topics", coins())
    assert not finding.ok
    assert "coins.events does not exist" in finding.seen
    assert "fluvial topics create" in finding.advice
    create_topics(coins(), log)
    assert found(here, "topics", coins()).ok


def test_topics_with_other_partitions_are_named(here: Settings, log: EmbeddedLog) -> None:
    create_topics(coins(), log)
    finding = found(here, "topics", coins(partitions=3))
    assert not finding.ok
    assert "has 1 partitions" in finding.seen


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # kafka-python leaves refused sockets open
def test_a_broker_that_does_not_answer_is_found_and_the_rest_is_still_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(doctor, "PATIENCE", 1.0)
    here = Settings(home=tmp_path, log="kafka://127.0.0.1:1")
    with caplog.at_level(logging.CRITICAL, logger="kafka"):  # what it logs would hold on to the sockets
        findings = list(examine(here, coins()))
    (wrong,) = (finding for finding in findings if not finding.ok)
    assert (wrong.what, "FLUVIAL_LOG" in wrong.advice) == ("Kafka", True)
    assert findings[-1].what == "durable commits"
    gc.collect()  # the sockets are found here, and not in the next test


@pytest.mark.parametrize(
    "log", ["embedded:/dev/null/log.db", "embedded:/proc/log.db"], ids=["no folder", "no rights"]
)
def test_a_log_that_cannot_be_opened_is_found(tmp_path: Path, log: str) -> None:
    finding = found(Settings(home=tmp_path, log=log), "embedded log")
    assert not finding.ok
    assert "FLUVIAL_LOG" in finding.advice


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://ann:hunter2@127.0.0.1:1/x", "nobody answers"),
        ("mysql://ann:hunter2@127.0.0.1/x", "no store"),
        ("sqlite:////dev/null/store.db", "check the path"),
    ],
)
def test_a_store_that_cannot_be_opened_is_found(tmp_path: Path, url: str, seen: str) -> None:
    finding = found(Settings(home=tmp_path, store=url), "store")
    assert not finding.ok
    assert seen in finding.seen
    assert "hunter2" not in finding.seen
    assert "FLUVIAL_STORE" in finding.advice


def test_a_store_of_another_version_is_found(here: Settings) -> None:
    with closing(Store(here.store_url)) as store, store.write() as db:
        db.execute(sa.update(schema_table).values(version=SCHEMA + 1))
    assert "use a newer fluvial" in found(here, "store").seen


def test_a_server_whose_commits_do_not_survive_a_power_cut_is_found(
    postgres_url: str, tmp_path: Path
) -> None:
    here = Settings(home=tmp_path, store=postgres_url)
    with closing(Store(postgres_url)) as store, store.read() as db:
        fsync = db.execute(sa.text("SHOW fsync")).scalar_one()
    finding = found(here, "durable commits")
    assert finding.ok == (fsync == "on")
    assert finding.ok or "turn fsync on" in finding.advice
    assert found(here, "clock").ok


@pytest.mark.parametrize("limit", ["SKEW", "BUILT"])
def test_a_clock_that_is_wrong_is_found(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(doctor, limit, {"SKEW": -1.0, "BUILT": 1e12}[limit])
    finding = found(Settings(home=tmp_path, store=store_url), "clock")
    postgres = store_url.startswith("postgresql")
    assert finding.ok == (postgres != (limit == "SKEW"))
    assert finding.ok or "NTP" in finding.advice
