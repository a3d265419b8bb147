"""Schema: an older store becomes today's with all that is in it, a newer one is refused, and never half of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hatchling.builders.wheel import WheelBuilder

from consumers.embedded import EmbeddedLog
from fluvial import schema
from fluvial.database import Database
from fluvial.store import SCHEMA, SchemaMismatch, Store, StoreError, StoreUnavailable, schema_table
from fluvial.tables import metadata
from tests.fluvial.commandline import Commandline
from tests.fluvial.racing import race
from tests.fluvial.stores import make, released, rows_of
from tests.fluvial.world import World, coins, tosses

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty database that is open."""
    with closing(Database(store_url)) as opened:
        yield opened


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from fluvial import schema
from fluvial.database import Database

@sa.event.listens_for(sa.Engine, "commit")
def die_before_it_counts(connection):
    if sa.inspect(connection).has_table("refusal"):
        os.kill(os.getpid(), signal.SIGKILL)

schema.upgrade(Database(sys.argv[1]))
"""
"""Upgrades a store and is killed when all is done but the commit."""


def set_version(store: Database, version: int) -> None:
    with store.write() as db:
        db.execute(sa.update(schema_table).values(version=version))


def shape(database: Database) -> dict[str, Any]:
    """Everything about the tables but the order of their columns."""
    with database.read() as db:
        look = sa.inspect(db)
        return {name: _shape(look, name) for name in sorted(look.get_table_names())}


def _shape(look: sa.Inspector, name: str) -> dict[str, Any]:
    columns = {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in look.get_columns(name)}
    unique = sorted((str(u["name"]), u["column_names"]) for u in look.get_unique_constraints(name))
    indexes = sorted((str(i["name"]), i["column_names"], bool(i["unique"])) for i in look.get_indexes(name))
    return {"columns": columns, "key": look.get_pk_constraint(name), "unique": unique, "indexes": indexes}


def fresh_shape(database: Database) -> dict[str, Any]:
    """The tables of a store that was made today; they are gone again afterwards."""
    Store(database.url).close()
    made = shape(database)
    with database.write() as db:
        metadata.drop_all(db)
    return made


def test_the_revisions_give_the_tables_that_a_new_store_has(database: Database) -> None:
    made_today = fresh_shape(database)
    with database.write() as db:
        schema.migrate(db)
    assert shape(database) == made_today, "the tables changed: raise SCHEMA and write a revision"
    with database.read() as db:
        context = MigrationContext.configure(db, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert schema.found(database) == SCHEMA


def test_the_first_revision_gives_the_tables_that_were_released(database: Database) -> None:
    make(database.url.render_as_string(hide_password=False), 1, empty=True)
    as_released = shape(database)
    with database.write() as db:
        for name in as_released:
            db.execute(sa.text(f"DROP TABLE {name}"))
    with database.write() as db:
        schema.migrate(db, "0001")
    assert shape(database) == as_released


def test_the_number_of_the_tables_is_that_of_the_newest_revision() -> None:
    scripts = ScriptDirectory(str(schema.SCRIPTS))
    names = [script.revision for script in scripts.walk_revisions()]
    assert names == [f"{number:04}" for number in range(SCHEMA, 0, -1)], "a line without forks"


def test_revisions_import_nothing_of_fluvial_that_will_change() -> None:
    for script in (schema.SCRIPTS / "versions").glob("r*.py"):
        assert not re.search(r"^\s*(from|import) fluvial", script.read_text(), re.MULTILINE), script


def test_the_wheel_holds_the_revisions() -> None:
    shipped = {file.relative_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    scripts = {str(path.relative_to(ROOT)) for path in schema.SCRIPTS.rglob("*.py")}
    assert len(scripts) >= SCHEMA + 1
    assert scripts <= shipped


def test_an_older_store_is_refused_until_somebody_upgrades_it(store_url: str) -> None:
    make(store_url, 1)
    for _ in range(2):
        with pytest.raises(
            SchemaMismatch, match=rf"has schema 1, this fluvial wants {SCHEMA}: .*`fluvial store upgrade`"
        ):
            Store(store_url)
    with closing(Database(store_url)) as database:
        assert schema.upgrade(database) == 1
        assert schema.upgrade(database) == SCHEMA, "the second time there is nothing to do"
    Store(store_url).close()


def test_a_newer_store_is_refused_and_left_as_it_is(store_url: str) -> None:
    with closing(Store(store_url)) as store:
        set_version(store, SCHEMA + 1)
        for attempt in (Store, lambda url: schema.upgrade(store)):
            with pytest.raises(SchemaMismatch, match=f"has schema {SCHEMA + 1}.*use a newer fluvial"):
                attempt(store_url)
        assert schema.found(store) == SCHEMA + 1


def test_the_first_release_refuses_an_upgraded_store(store_url: str) -> None:
    # it reads the table schema_version, and makes its own tables where there is none
    make(store_url, 1)
    with closing(Database(store_url)) as database:
        schema.upgrade(database)
    assert rows_of(store_url, "schema_version") == {"schema_version": [{"version": SCHEMA}]}


def dated(row: dict[str, Any]) -> dict[str, Any]:
    """The facts that an incident of an older store has today: it fires since it was opened."""
    unknown = ("escalates_at", "snoozed_by", "snoozed_until", "regressed_from", "scenario", "due_at")
    facts: dict[str, Any] = dict.fromkeys(unknown)
    facts |= {"fires_at": row["opened_at"], "grew_at": row["opened_at"]}
    return facts | {"fingerprint": row["monitor"], "noticed": row["version"]}


def test_all_that_is_in_an_older_store_survives(store_url: str) -> None:
    before = make(store_url, 1)
    with closing(Database(store_url)) as database:
        schema.upgrade(database)
    wanted = {**before, "schema_version": [{"version": SCHEMA}]}
    wanted["decision"] = [{**row, "args": {}} for row in before["decision"]]
    wanted["journal"] = [{**row, "definition": ""} for row in before["journal"]]
    wanted["snapshot"] = [
        {**row, "definition": "", "size": len(row["body"]), "knows": None} for row in before["snapshot"]
    ]
    wanted["refusal"] = [{**row, "kind": "write"} for row in wanted.pop("fence")]
    assert {name: len(rows) for name, rows in wanted.items() if rows}.keys() >= {
        "journal",
        "snapshot",
        "refusal",
    }
    wanted["incident"] = [{**row, **dated(row)} for row in before["incident"]]
    assert rows_of(store_url, *wanted) == wanted
    assert rows_of(store_url, "definition") == {"definition": []}


def test_a_worker_goes_on_with_an_upgraded_store(store_url: str, tmp_path: Path) -> None:
    before = make(store_url, 1)
    with closing(Database(store_url)) as database:
        schema.upgrade(database)
    records = [*tosses(1500, flip_after=900), *tosses(200, first=1500, seed=2)]
    with closing(EmbeddedLog(tmp_path / "log.db")) as log, closing(Store(store_url)) as store:
        world = World(coins(batch=100, snapshot_every=600), log, store)
        with store.write() as db:  # the topics of this test are made anew, so their ids are others
            ids = {name: info.id for name, info in log.describe(world.pipeline.input_topics).items()}
            db.execute(sa.text("UPDATE shard SET topic_ids = :ids"), {"ids": json.dumps(ids)})
        world.feed(iter(records))
        world.run()
        status, verdict = world.status(), world.verify()
        assert (status["events"], status["labels"], status["fates"]["used"]) == (1700, 1700, 1700)
        assert status["outcomes"] == {**status["outcomes"], "learned": 1550, "predict_only": 150}
        assert (verdict.difference, verdict.digest) == (None, status["digest"])
        rows = world.journal.batches(0, 0)
        assert [row.definition for row in rows[:30]] == [""] * len(before["journal"])
        assert [decision.action for decision in rows[30].decisions] == ["reset"], "it had waited"
        assert world.journal.refusals(0)[:2] == [
            ("write", 1, "zombie", "journal"),
            ("write", 2, "zombie", "snapshot"),
        ]
        world.journal.refused(0, "write", 3, "me", "journal")  # its id is one that nothing has
        assert world.decide("reset").action == "reset"


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(store_url: str) -> None:
    before = make(store_url, 1)
    with closing(Database(store_url)) as database:
        with database.write() as db:  # the last of what the upgrade makes is there already
            db.execute(sa.text("CREATE TABLE refusal (mine INTEGER)"))
        shaped = shape(database)
        with pytest.raises(StoreError, match="another version of fluvial, or by something else"):
            schema.upgrade(database)
        assert shape(database) == shaped
        assert rows_of(store_url, *before) == before
        with database.write() as db:
            db.execute(sa.text("DROP TABLE refusal"))
        assert schema.upgrade(database) == 1
    Store(store_url).close()


def test_an_upgrade_that_is_killed_leaves_the_store_as_it_was(store_url: str) -> None:
    before = make(store_url, 1)
    killed = subprocess.run([sys.executable, "-c", KILLED, store_url], check=False, timeout=60, cwd=ROOT)
    assert killed.returncode == -9
    assert rows_of(store_url, *before) == before
    with closing(Database(store_url)) as database:
        assert schema.upgrade(database) == 1


def test_of_many_that_upgrade_at_once_one_does_it(store_url: str) -> None:
    make(store_url, 1)

    def upgrade() -> int | None:
        with closing(Database(store_url, busy=60)) as database:
            return schema.upgrade(database)

    assert sorted(map(str, race(*[upgrade] * 6))) == ["1"] + [str(SCHEMA)] * 5
    Store(store_url).close()


def test_different_stores_may_be_upgraded_at_once(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / f'store-{number}.db'}" for number in range(6)]
    for url in urls:
        make(url, 1)

    def upgrade(url: str) -> int | None:
        with closing(Database(url)) as database:
            return schema.upgrade(database)

    assert race(*[partial(upgrade, url) for url in urls]) == [1] * 6
    assert {tuple(rows_of(url, "schema_version")["schema_version"][0].values()) for url in urls} == {
        (SCHEMA,)
    }


def test_of_many_processes_that_upgrade_at_once_one_does_it(store_url: str) -> None:
    before = make(store_url, 1)
    command = [sys.executable, "-m", "fluvial", "store", "upgrade"]
    env = os.environ | {"FLUVIAL_STORE": store_url}
    running = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert sorted("it was 1" in one for one in said) == [False, False, True]
    assert len(rows_of(store_url, "refusal")["refusal"]) == len(before["fence"])


def test_an_upgrade_waits_for_a_worker_that_writes_and_gives_up_in_words(store_url: str) -> None:
    make(store_url, 1)
    with closing(Database(store_url)) as worker, closing(Database(store_url, busy=0.2)) as database:
        with worker.write() as db:
            db.execute(sa.text("UPDATE journal SET published = published"))
            with pytest.raises(StoreUnavailable, match="holds the lock; end it or wait"):
                schema.upgrade(database)
        assert schema.upgrade(database) == 1


def test_store_status_says_what_is_there_and_what_to_do(
    command: Commandline, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUVIAL_STORE", store_url)
    empty = command("store", "status", "--json")
    assert (empty.code, empty.json["schema"]) == (0, None)
    make(store_url, 1)
    older = command("store", "status")
    assert older.code == 3
    assert "fluvial store upgrade" in older.out
    done = command("store", "upgrade")
    assert (done.code, done.err) == (0, "")
    assert f"has schema {SCHEMA}: it was 1" in done.out
    assert "nothing to do" in command("store", "upgrade").out
    fine = command("store", "status", "--json")
    assert (fine.code, fine.json["schema"], fine.json["wanted"], fine.json["todo"]) == (0, SCHEMA, SCHEMA, "")
    with closing(Database(store_url)) as database:
        set_version(database, SCHEMA + 1)
    assert command("store", "status").code == 3
    assert "use a newer fluvial" in command("store", "upgrade").err


def test_store_status_makes_no_file_and_upgrade_makes_the_tables(
    command: Commandline, tmp_path: Path
) -> None:
    assert command("store", "status").code == 0
    assert not (tmp_path / "store.db").exists()
    assert f"has schema {SCHEMA}: made" in command("store", "upgrade").out
    with closing(Store(f"sqlite:///{tmp_path / 'store.db'}")) as store:
        assert schema.found(store) == SCHEMA


def test_the_password_is_never_shown_by_a_store_command(
    command: Commandline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUVIAL_STORE", "postgresql://fluvial:hunter2@127.0.0.1:1/fluvial")
    for verb in ("status", "upgrade"):
        said = command("store", verb)
        assert said.code == 5
        assert "hunter2" not in said.out + said.err


def test_the_kept_store_is_one_of_a_worker_that_was_at_work() -> None:
    kept = released(1)["rows"]
    assert all(
        kept[table] for table in ("journal", "snapshot", "decision", "fence", "review", "incident", "alarm")
    )
