"""incidents: listing them, and acknowledging many of them at once."""

from typing import Annotated

import typer

from fluvial import bulk
from fluvial.commands.common import AsJson, print_json, print_table, say
from fluvial.commands.desk import Pipeline, WhichState, incidents, opened_store, state_named
from fluvial.commands.review import DryRun, Reason, ReviewId, Who, login
from fluvial.console.headlines import headline_of
from fluvial.incidents import Incident

Preview = Annotated[bool, typer.Option("--preview", help="Only show what would be touched.")]

verbs = typer.Typer(help="Incidents; without a verb they are listed.", invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.add_typer(verbs, name="incidents")


@verbs.callback()
def listing(
    context: typer.Context, pipeline: Pipeline = None, state: WhichState = None, json: AsJson = False
) -> None:
    """List incidents; exit code 3 where one is firing."""
    if context.invoked_subcommand is None:
        incidents(pipeline, state, json=json)


@verbs.command("ack")
def acknowledge(
    pipeline: Pipeline = None,
    state: WhichState = None,
    who: Who = "",
    reason: Reason = "",
    review_id: ReviewId = None,
    preview: Preview = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Acknowledge all incidents that nobody has; exit code 4 where somebody else was first on one."""
    with opened_store() as store:
        found = bulk.preview(store, pipeline=pipeline, state=state_named(state))
        if preview:
            _show(found, json=json)
            return
        chosen = [bulk.Chosen(one.id, one.version) for one in found]
        wish = {"who": who or login(), "reason": reason} | ({"id": review_id} if review_id else {})
        outcomes = bulk.acknowledge(store, chosen, wish, "cli", dry_run=dry_run)
    if json:
        print_json([_told(one) for one in outcomes])
    else:
        left = [(one.incident, one.why) for one in outcomes if one.review is None]
        if left:
            print_table(("left alone", "why"), left)
        say(f"{'It would do this: ' if dry_run else ''}{bulk.counted(outcomes)}")
    if any(one.who for one in outcomes):
        raise typer.Exit(4)


def _show(found: list[Incident], *, json: bool) -> None:
    if json:
        print_json([{"id": one.id, "version": one.version, "headline": headline_of(one)} for one in found])
        return
    rows = [(one.id, ", ".join([one.state, *one.marks]), one.pipeline, headline_of(one)) for one in found]
    print_table(("id", "state", "pipeline", "what"), rows)
    say(f"{len(found):,} would be acknowledged; nothing was changed.")


def _told(one: bulk.Outcome) -> dict[str, object]:
    taken = one.review._asdict() if one.review else None
    return {"incident": one.incident, "review": taken, "why": one.why, "who": one.who}
