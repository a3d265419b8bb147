"""shard: which shards a pipeline has, which stand still and why, and letting one go on."""

from typing import Annotated, Any

import typer

from fluvial.commands.common import AsJson, plain_text, print_json, print_table, say
from fluvial.commands.desk import day, opened_store, shards_of
from fluvial.commands.review import DryRun, Name, Reason, ReviewId, Who, asked, login, take
from fluvial.console.phrases import loss
from fluvial.incidents import Incident
from fluvial.options import standing_incident
from fluvial.store import Store

Index = Annotated[int, typer.Argument(help="The shard's number; see `fluvial shard list`.")]
AcceptGap = Annotated[
    bool, typer.Option("--accept-gap", help="Go on behind what cannot be replayed; this cannot be undone.")
]

verbs = typer.Typer(help="Who has a pipeline's shards, and letting one go on.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.add_typer(verbs, name="shard")


@verbs.command("list")
def listing(pipeline: Name, json: AsJson = False) -> None:
    """List a pipeline's shards; exit code 3 where one stands still."""
    with opened_store() as store:
        rows = shards_of(store, pipeline)
        found = [(row, _standing(store, pipeline, row.shard) if row.halted else None) for row in rows]
    if json:
        print_json([_shown(row, incident) for row, incident in found])
    else:
        columns = ("shard", "owner", "epoch", "batch", "halted since", "why")
        print_table(columns, [_row(row, incident) for row, incident in found])
    if any(row.halted for row in rows):
        raise typer.Exit(3)


@verbs.command("resume")
def resume(
    pipeline: Name,
    shard: Index,
    accept_gap: AcceptGap = False,
    who: Who = "",
    reason: Reason = "",
    review_id: ReviewId = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Try a shard again that stands still; with --accept-gap it goes on behind what is lost."""
    action = "accept_gap" if accept_gap else "resume_shard"
    with opened_store() as store:
        incident = _standing(store, pipeline, shard)
        subject: dict[str, Any] = {"incident": incident.id} if incident else {"pipeline": pipeline}
        wish = {"action": action, **subject, "shard": shard, "reason": reason, "id": review_id}
        take(store, asked(wish | {"who": who or login()}), json=json, dry_run=dry_run)
    if incident is not None and not json:
        _say_what_it_costs(incident, accepted=accept_gap)


def _say_what_it_costs(incident: Incident, *, accepted: bool) -> None:
    said = incident.evidence[-1]
    say(f"It stands still because: {plain_text(said['why'])}")
    if said["gives_up"] is not None:
        what = "Given up" if accepted else "With --accept-gap would be given up"
        say(f"{what}: {plain_text(loss(said['gives_up']))}")
    say(f"What came of it: fluvial incident {incident.id}")


def _standing(store: Store, pipeline: str, shard: int) -> Incident | None:
    with store.read() as db:
        return standing_incident(db, pipeline, shard)


def _row(row: Any, incident: Incident | None) -> tuple[object, ...]:
    since = day(incident.opened_at) if incident else ""
    return row.shard, row.owner, row.epoch, row.last_batch, since, row.halted or ""


def _shown(row: Any, incident: Incident | None) -> dict[str, Any]:
    shown = {"shard": row.shard, "owner": row.owner, "epoch": row.epoch, "batch": row.last_batch}
    shown |= {"halted": row.halted, "halted_since": incident.opened_at if incident else None}
    return shown | {"incident": incident.id if incident else None}
