"""audit: who did what and who tried to, listed, exported, and proved to be what was written."""

from typing import Annotated, Literal

import typer

from fluvial import trail
from fluvial.audit import Fact
from fluvial.commands.common import AsJson, print_json, print_table, say
from fluvial.commands.desk import Pipeline, day, opened_store
from fluvial.commands.review import login

Many = Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")]
Format = Annotated[Literal["jsonl", "csv"], typer.Option("--format", help="jsonl or csv.")]
Anchor = Annotated[
    str | None, typer.Option(help="NUMBER:HASH of an earlier `verify`: the trail must still hold it.")
]
Why = Annotated[str, typer.Option("--reason", help="What happened to the trail.")]

COLUMNS = ("number", "when", "who", "event", "pipeline", "subject", "channel", "said")
"""What is listed of an entry."""


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    group = typer.Typer(help="Who did what: the audit trail.", no_args_is_help=True)
    group.command("list")(listing)
    group.command("export")(export)
    group.command("verify")(verify)
    group.command("seal")(seal)
    app.add_typer(group, name="audit")


def listing(pipeline: Pipeline = None, limit: Many = 50, json: AsJson = False) -> None:
    """List the newest entries of the audit trail."""
    with opened_store() as store:
        found = trail.entries(store, pipeline=pipeline, limit=limit)
    if json:
        print_json([one._asdict() | {"detail": one.told} for one in found])
    else:
        print_table(COLUMNS, [_row(one) for one in found])


def _row(one: trail.Entry) -> tuple[object, ...]:
    said = one.told.get("why") or one.told.get("action") or one.told.get("role") or ""
    return (
        one.number,
        day(one.at),
        one.who,
        one.event,
        one.pipeline or "",
        one.subject or "",
        one.channel,
        said,
    )


def export(form: Format = "jsonl") -> None:
    """Write the whole audit trail to the output, the oldest first."""
    with opened_store() as store:
        if form == "csv":
            say(trail.csv_line(trail.Entry._fields))
        for one in trail.everything(store):
            say(trail.jsonl(one) if form == "jsonl" else trail.csv_line(one))


def verify(anchor: Anchor = None, json: AsJson = False) -> None:
    """Prove that no entry was changed, taken out or put in; exit code 3 where one was, and which."""
    with opened_store() as store:
        found = trail.verify(store, anchor)
    if json:
        print_json(found._asdict() | {"anchor": found.anchor})
    elif found.why is None:
        say(f"{found.entries:,} entries, all as they were written. Note down: {found.anchor}")
    else:
        say(f"BROKEN: {found.why}; the first {found.entries:,} entries are as they were written")
    if found.why is not None:
        raise typer.Exit(3)


def seal(reason: Why, json: AsJson = False) -> None:
    """Go on with a trail that is broken or was sealed with another key; what is broken stays visible."""
    with opened_store() as store:
        trail.reseal(store, Fact("audit.sealed", login(), "cli", detail={"reason": reason}))
        found = trail.verify(store)
    if json:
        print_json(found._asdict() | {"anchor": found.anchor})
    else:
        say(f"Sealed: {found.anchor}")
