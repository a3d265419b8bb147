"""notices: what people were told of, what waits, and whether the channels work."""

import time
from typing import Any

import typer

from fluvial.commands.common import AsJson, print_json, print_table
from fluvial.commands.desk import Pipeline, day, opened_store
from fluvial.errors import ConfigError
from fluvial.notify import outbox
from fluvial.notify.channels import channels_of
from fluvial.notify.notice import Channel, Notice, NotSent
from fluvial.settings import settings


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    group = typer.Typer(help="What people are told of incidents, and how.", no_args_is_help=True)
    group.command("list")(listing)
    group.command("test")(try_out)
    app.add_typer(group, name="notices")


def listing(pipeline: Pipeline = None, json: AsJson = False) -> None:
    """List notices and what became of them, the newest first."""
    with opened_store() as store:
        found = outbox.listing(store, pipeline)
    if json:
        print_json(found)
        return
    rows = [(day(one["at"]), one["channel"], one["kind"], one["subject"], _became(one)) for one in found]
    print_table(("when", "channel", "kind", "about", "became"), rows)


def _became(one: dict[str, Any]) -> str:
    if one["sent_at"] is not None:
        return "sent"
    said = f"{one['attempts']} tries in vain: {one['trouble']}" if one["trouble"] else "waits"
    return said if one["next_at"] is not None else f"given up after {said}"


def try_out(json: AsJson = False) -> None:
    """Send a test notice by every channel that is configured; exit code 3 where one fails."""
    channels = channels_of(settings())
    if not channels:
        raise ConfigError(
            "no channel is configured: set FLUVIAL_NOTIFY_WEBHOOK, FLUVIAL_SMTP or FLUVIAL_GRAFANA"
        )
    said = {channel.name: _tried(channel) for channel in channels}
    if json:
        print_json({name: {"sent": not trouble, "trouble": trouble} for name, trouble in said.items()})
    else:
        print_table(("channel", "became"), [(name, trouble or "sent") for name, trouble in said.items()])
    if any(said.values()):
        raise typer.Exit(3)


def _tried(channel: Channel) -> str:
    """Why a test notice could not be sent; empty where it was."""
    now = time.time()
    body = {
        "kind": "test",
        "title": "fluvial: a test",
        "text": "Somebody tried whether this arrives.",
        "link": "",
    }
    notice = Notice(0, f"test/{now}", channel.name, "test", "test", "test", body | {"at": now}, now, 0)
    try:
        channel.send(notice)
    except NotSent as error:
        return str(error)
    return ""
