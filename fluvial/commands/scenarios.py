"""scenarios, proposals, approve, decline: what is expected, and what waits for a second person."""

from typing import Annotated, Any

import typer

from fluvial import approvals, scenarios
from fluvial.commands.common import AsJson, print_json, print_table
from fluvial.commands.desk import Pipeline, day, opened_store
from fluvial.commands.review import DryRun, Reason, ReviewId, Who, asked, login, take
from fluvial.errors import ConfigError

Title = Annotated[str, typer.Argument(help="What it is called: summer sale, outage of the billing feed.")]
Pipelines = Annotated[list[str], typer.Option("--pipeline", help="The pipeline; repeat it for several.")]
Since = Annotated[str, typer.Option("--from", help="Where it begins, in event time: 2026-12-24T18:00.")]
Until = Annotated[str, typer.Option("--until", help="Where it ends, in event time.")]
Expires = Annotated[str | None, typer.Option(help="When it counts no more, by the clock; 400 days without.")]
Monitors = Annotated[str | None, typer.Option(help="Only these monitors, with commas: loss,feed:rate.")]
Concerns = Annotated[str | None, typer.Option(help="Only these fields or parts, with commas: carrier=UA.")]
Every = Annotated[bool, typer.Option("--all", help="Those that no longer count as well.")]
Id = Annotated[str, typer.Argument(help="Its id, as the list has it.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    group = typer.Typer(help="What is expected to happen, and calls nobody.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(listing)
    group.command("remove")(remove)
    app.add_typer(group, name="scenarios")
    app.command("proposals")(proposals)
    app.command("approve")(approve)
    app.command("decline")(decline)


def add(
    name: Title,
    pipeline: Pipelines,
    since: Since,
    until: Until,
    expires: Expires = None,
    monitors: Monitors = None,
    concerns: Concerns = None,
    who: Who = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Register a scenario: incidents that fall into it open as expected and call nobody."""
    wish = {"action": "expect", "name": name, "since": since, "until": until, "expires": expires}
    wish |= {"monitors": monitors, "concerns": concerns, "who": who or login(), "reason": reason}
    requests = [asked(wish | {"pipeline": one}) for one in dict.fromkeys(pipeline)]
    with opened_store() as store:
        for request in requests:
            take(store, request, json=json, dry_run=dry_run)


def listing(pipeline: Pipeline = None, every: Every = False, json: AsJson = False) -> None:
    """List the scenarios that count, the newest first."""
    with opened_store() as store:
        found = scenarios.listing(store, pipeline, every=every)
    if json:
        print_json([one._asdict() for one in found])
        return
    columns = ("id", "pipeline", "name", "from", "until", "only", "expires (clock)", "who")
    print_table(columns, [_row(one) for one in found])


def _row(one: scenarios.Scenario) -> tuple[str, ...]:
    only = ", ".join([*one.monitors, *one.concerns])
    ends = f"removed by {one.removed_by}" if one.removed_by else day(one.expires_at)
    return one.id, one.pipeline, one.name, day(one.since), day(one.until), only, ends, one.who


def remove(
    scenario: Id, who: Who = "", reason: Reason = "", dry_run: DryRun = False, json: AsJson = False
) -> None:
    """End a scenario: what comes from now on calls again."""
    with opened_store() as store:
        with store.read() as db:
            found = scenarios.find(db, scenario)
        if found is None:
            raise ConfigError(f"there is no scenario {scenario}: see `fluvial scenarios list`")
        wish = {"action": "unexpect", "pipeline": found.pipeline, "of": scenario, "reason": reason}
        take(store, asked(wish | {"who": who or login()}), json=json, dry_run=dry_run)


def proposals(pipeline: Pipeline = None, json: AsJson = False) -> None:
    """List what waits for a second person."""
    with opened_store() as store:
        found = approvals.listing(store, pipeline)
    if json:
        print_json(found)
        return
    rows = [
        (one["id"], one["pipeline"], one["action"], one["incident"] or "", one["who"], day(one["expires_at"]))
        for one in found
    ]
    print_table(("id", "pipeline", "action", "incident", "who", "expires"), rows)


def approve(
    proposal: Id,
    who: Who = "",
    reason: Reason = "",
    review_id: ReviewId = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Approve what somebody else proposed: it is taken now."""
    wish = {"action": "approve", "reason": reason, "who": who, "id": review_id}
    _settle(proposal, wish, json=json, dry_run=dry_run)


def decline(
    proposal: Id,
    who: Who = "",
    reason: Reason = "",
    review_id: ReviewId = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Decline what was proposed: it is not taken."""
    wish = {"action": "decline", "reason": reason, "who": who, "id": review_id}
    _settle(proposal, wish, json=json, dry_run=dry_run)


def _settle(proposal: str, wish: dict[str, Any], *, json: bool, dry_run: bool) -> None:
    with opened_store() as store:
        wish |= {"pipeline": approvals.pipeline_of(store, proposal), "of": proposal}
        take(store, asked(wish | {"who": wish["who"] or login()}), json=json, dry_run=dry_run)
