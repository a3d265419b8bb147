"""Store: the same promises over SQLite and PostgreSQL, and what it says when it cannot keep them."""

from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.incidents import lock_pipeline
from fluvial.store import (
    SCHEMA,
    Store,
    StoreError,
    StoreUnavailable,
    pipeline_table,
    refusal_table,
    schema_table,
)
from tests.fluvial.racing import race, succeeded


def add_pipeline(store: Store, name: str = "coins", facts: object = None, by: str | None = None) -> None:
    with store.write() as db:
        row = {"pipeline": name, "shards": 1, "facts": facts or {}, "paused": False, "version": 0}
        db.execute(sa.insert(pipeline_table).values(**row, paused_by=by))


def names(store: Store) -> list[str]:
    with store.read() as db:
        return list(db.execute(sa.select(pipeline_table.c.pipeline)).scalars())


def row_of(store: Store) -> Any:
    with store.read() as db:
        return db.execute(sa.select(pipeline_table)).one()


def terminate(db: sa.Connection, url: str) -> None:
    """End the server's side of a PostgreSQL connection, as a restart would."""
    number = db.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:number)"), {"number": number})


def write_through_a_restart(store: Store, url: str) -> None:
    with store.write() as db:
        terminate(db, url)
        db.execute(sa.select(1))


def versions(store: Store) -> list[int]:
    with store.read() as db:
        return list(db.execute(sa.select(schema_table.c.version)).scalars())


def test_what_is_written_is_there_when_the_store_is_opened_again(store_url: str) -> None:
    with closing(Store(store_url)) as store:
        add_pipeline(store)
    with closing(Store(store_url)) as store:
        assert names(store) == ["coins"]


def test_nothing_is_written_when_something_is_raised(store: Store) -> None:
    def write_and_fail() -> None:
        with store.write() as db:
            db.execute(sa.insert(schema_table).values(version=SCHEMA + 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert versions(store) == [SCHEMA]


def test_a_read_sees_one_moment_whatever_others_write_meanwhile(store: Store) -> None:
    count = sa.select(sa.func.count()).select_from(pipeline_table)
    with store.read() as db:
        before = db.execute(count).scalar_one()
        race(lambda: add_pipeline(store))
        assert (before, db.execute(count).scalar_one()) == (0, 0)
    assert names(store) == ["coins"]


def test_a_read_can_write_nothing(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"), store.read() as db:
        db.execute(sa.insert(schema_table).values(version=SCHEMA + 1))
    add_pipeline(store)
    assert names(store) == ["coins"]


def test_a_locked_store_says_what_to_do_and_works_again_once_it_is_free(store: Store, store_url: str) -> None:
    add_pipeline(store)
    hasty = Store(store_url, busy=0.2)
    with closing(hasty):
        with store.write() as db:
            lock_pipeline(db, "coins")
            with (
                pytest.raises(StoreUnavailable, match="holds the lock; end it or wait"),
                hasty.write() as other,
            ):
                lock_pipeline(other, "coins")
        with hasty.write() as other:
            assert lock_pipeline(other, "coins") is not None


def test_a_store_that_somebody_writes_to_can_be_opened_and_read(store: Store, store_url: str) -> None:
    add_pipeline(store)
    with store.write() as db:
        lock_pipeline(db, "coins")
        with closing(Store(store_url, busy=0.2)) as other:
            assert names(other) == ["coins"]


def test_a_new_store_may_be_opened_by_many_at_once(store_url: str) -> None:
    opened = race(*[lambda: Store(store_url)] * 8)
    for store in succeeded(opened):
        with closing(store):
            assert versions(store) == [SCHEMA]
    assert [outcome for outcome in opened if isinstance(outcome, BaseException)] == []


def test_text_that_no_database_takes_is_stored_as_far_as_it_can_be(store: Store) -> None:
    add_pipeline(store, by="a\0b\ud800c\N{SNOWMAN}")
    assert row_of(store).paused_by == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{SNOWMAN}"
    with store.read() as db:
        assert (
            db.execute(sa.select(pipeline_table).where(pipeline_table.c.pipeline == "\0\udc80")).all() == []
        )


def test_numbers_that_are_none_become_null(store: Store) -> None:
    add_pipeline(store, facts={"nan": float("nan"), "inf": [float("inf")], "odd": "\0\ud800"})
    assert row_of(store).facts == {"nan": None, "inf": [None], "odd": "\0\ud800"}


def test_changes_that_are_made_under_the_lock_are_never_lost(store: Store) -> None:
    add_pipeline(store)

    def count_to_ten() -> None:
        for _ in range(10):
            with store.write() as db:
                row = lock_pipeline(db, "coins")
                assert row is not None
                db.execute(sa.update(pipeline_table).values(version=row.version + 1))

    race(*[count_to_ten] * 8)
    assert row_of(store).version == 80


def test_more_threads_than_connections_are_all_served(store: Store) -> None:
    add_pipeline(store)
    assert race(*[lambda: names(store)] * 40) == [["coins"]] * 40


def test_the_password_is_never_shown(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).set(password="hunter2", port=1)
    with pytest.raises(StoreUnavailable, match="nobody answers; start the server") as raised:
        Store(url.render_as_string(hide_password=False), busy=2)
    assert "hunter2" not in str(raised.value)


def test_a_connection_lost_in_the_middle_is_reported_and_replaced(postgres_url: str) -> None:
    with closing(Store(postgres_url)) as store:
        with pytest.raises(StoreUnavailable):
            write_through_a_restart(store, postgres_url)
        add_pipeline(store)
        assert names(store) == ["coins"]


def test_a_connection_lost_at_the_commit_leaves_open_whether_it_was_written(postgres_url: str) -> None:
    with closing(Store(postgres_url)) as store:
        with pytest.raises(StoreUnavailable, match="may be written or not"), store.write() as db:
            terminate(db, postgres_url)
        assert names(store) == []


def test_connections_that_died_while_idle_are_not_noticed(postgres_url: str) -> None:
    with closing(Store(postgres_url)) as store:
        with store.read() as db:
            number = db.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:number, 5000)"), {"number": number})
        add_pipeline(store)
        assert names(store) == ["coins"]


def test_a_fenced_writer_of_a_server_with_other_defaults_is_still_fenced(postgres_url: str) -> None:
    strict = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with strict.connect() as admin:
        database = sa.make_url(postgres_url).database
        admin.execute(
            sa.text(f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'")
        )
        admin.execute(sa.text(f"ALTER DATABASE {database} SET synchronous_commit = off"))
    with closing(Store(postgres_url)) as store, store.write() as db:
        assert db.execute(sa.text("SHOW transaction_isolation")).scalar_one() == "read committed"
        assert db.execute(sa.text("SHOW synchronous_commit")).scalar_one() == "on"


@pytest.mark.parametrize("where", ["server", "database", "user", "address"])
def test_a_commit_is_on_disk_before_it_counts_whatever_postgresql_was_told(
    postgres_url: str, where: str
) -> None:
    name = sa.make_url(postgres_url).database
    told = {
        "database": f"ALTER DATABASE {name} SET",
        "user": f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET",
    }
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as db:  # the tests' own server is started with it off
        if where in told:
            db.execute(sa.text(f"{told[where]} synchronous_commit = off"))
    url = sa.make_url(postgres_url)
    if where == "address":
        url = url.update_query_dict({"options": "-c synchronous_commit=off"})
    with closing(Store(url)) as store:
        for way in (store.write, store.read):
            with way() as db:
                assert db.execute(sa.text("SHOW synchronous_commit")).scalar_one() == "on"
        # and so it is on a connection that replaces a lost one
        with pytest.raises(StoreUnavailable), store.read() as db:
            terminate(db, postgres_url)
        with store.write() as db:
            assert db.execute(sa.text("SHOW synchronous_commit")).scalar_one() == "on"


def test_a_process_that_stands_still_in_a_transaction_is_cut_off_in_the_end(postgres_url: str) -> None:
    with closing(Store(postgres_url)) as store, store.write() as db:
        assert db.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "1min"


def test_a_database_that_does_not_exist_is_to_be_created(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).set(database="nowhere")
    with pytest.raises(StoreError, match="create the database, or correct the address"):
        Store(url)


def test_a_bare_postgresql_address_is_enough(postgres_url: str) -> None:
    with closing(Store(postgres_url.replace("postgresql+psycopg", "postgresql"))) as store:
        assert names(store) == []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    Store(f"sqlite:///{path}").close()
    return path


def test_a_commit_is_on_disk_before_it_counts_on_every_connection_to_a_file(file: Path) -> None:
    def settings(store: Store, meet: Barrier) -> tuple[int, str]:
        with store.read() as db:
            meet.wait(timeout=30)  # each of them holds a connection of its own by now
            asked = [
                db.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("synchronous", "journal_mode")
            ]
        return asked[0], asked[1]

    with closing(Store(f"sqlite:///{file}")) as store:
        meet = Barrier(4)
        assert race(*[lambda: settings(store, meet)] * 4) == [(2, "wal")] * 4, "2 is FULL"
        with store.write() as db:
            assert db.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_a_full_disk_is_reported_and_costs_nothing_that_was_written(file: Path) -> None:
    def fill(store: Store) -> None:
        with store.write() as db:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
            db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            row = {"pipeline": "coins", "shard": 0, "kind": "write", "epoch": 1, "worker": "w", "at": 0.0}
            db.execute(sa.insert(refusal_table).values(**row, what="x" * 99_999))

    with closing(Store(f"sqlite:///{file}")) as store:
        add_pipeline(store)
        with pytest.raises(StoreUnavailable, match="the disk is full; free some space"):
            fill(store)
        assert names(store) == ["coins"]


def test_a_read_only_file_can_be_read_and_says_why_it_cannot_be_written(file: Path) -> None:
    with closing(Store(f"sqlite:///file:{file}?mode=ro&uri=true")) as store:
        assert names(store) == []
        with pytest.raises(StoreUnavailable, match="give this user write access"):
            add_pipeline(store)
    assert not (Path.cwd() / "file:").exists()


def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"these are my notes, not a database" * 100)
    with pytest.raises(StoreError, match="restore it, or name another file"):
        Store(f"sqlite:///{path}", busy=0.1)
    assert path.read_bytes().startswith(b"these are my notes")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="check the path and its rights"):
        Store(f"sqlite:///{tmp_path / 'file' / 'store.db'}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "would forget"),
        ("sqlite:///:memory:", "would forget"),
        ("mysql://me:hunter2@host/db", "mysql is no store"),
        ("postgresql://me:hunter2@host:port/db", "no database URL"),
        ("hunter2", "no database URL"),
        ("", "no database URL"),
    ],
)
def test_an_address_that_cannot_work_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as raised:
        Store(url)
    assert "hunter2" not in str(raised.value)


def test_a_closed_store_leaves_no_connection_behind(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    race(*[lambda: names(store)] * 4)
    store.close()
    assert not file.with_name("store.db-wal").exists(), "the last connection to close takes the log with it"
