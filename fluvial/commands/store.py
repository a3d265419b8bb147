"""store status, store upgrade: which version of fluvial a store was made for, and making it this one's."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from fluvial import schema
from fluvial.commands.common import AsJson, print_json, print_table, say
from fluvial.database import Database
from fluvial.settings import settings
from fluvial.tables import SCHEMA

Wait = Annotated[float, typer.Option(help="Seconds to wait for whoever holds a lock on the tables.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    group = typer.Typer(help="The store behind the journal and the desk.", no_args_is_help=True)
    group.command("status")(status)
    group.command("upgrade")(upgrade)
    app.add_typer(group, name="store")


def status(json: AsJson = False) -> None:
    """Show where the store is and whether its tables are this fluvial's; exit 3 where they are not."""
    with _opened(10.0) as database:
        there = None if _is_missing(database) else schema.found(database)
        row = (str(database), there, SCHEMA, _advice(there))
    if json:
        print_json(dict(zip(("store", "schema", "wanted", "todo"), row, strict=True)))
    else:
        print_table(("store", "schema", "wanted", "to do"), [["" if cell is None else cell for cell in row]])
    if there not in (None, SCHEMA):
        raise typer.Exit(3)


def upgrade(wait: Wait = 60.0) -> None:
    """Bring the store's tables to this fluvial's, keeping what is in them; an empty store gets them."""
    with _opened(wait) as database:
        database.make_folder()
        before = schema.upgrade(database)
        done = "nothing to do" if before == SCHEMA else "made" if before is None else f"it was {before}"
        say(f"{database} has schema {SCHEMA}: {done}")


def _advice(there: int | None) -> str:
    if there is None:
        return "nothing: whoever opens it first makes the tables"
    if there < SCHEMA:
        return "stop the workers that use it, then fluvial store upgrade"
    return "use a newer fluvial" if there > SCHEMA else ""


def _is_missing(database: Database) -> bool:
    return database.file is not None and not database.file.exists()  # to look would make the file


@contextmanager
def _opened(patience: float) -> Iterator[Database]:
    url = settings().store_url.render_as_string(hide_password=False)
    with closing(Database(url, busy=patience)) as database:
        yield database
