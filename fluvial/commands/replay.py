"""replay: the journal once more, to prove that it gives the same model."""

from typing import Annotated

import typer

from fluvial.commands.common import AsJson, PipelineFile, print_json
from fluvial.commands.run import opened
from fluvial.config import load
from fluvial.place import place_of
from fluvial.replay import Gap
from fluvial.settings import settings
from fluvial.verify import Verdict, verify


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("replay")(replay)


def replay(
    pipeline_file: PipelineFile,
    _verify: Annotated[bool, typer.Option("--verify", help="Compare with what was published.")] = True,
    json: AsJson = False,
) -> None:
    """Replay the journal from nothing; exit 0 where all is identical, 3 with the first difference."""
    pipeline = load(pipeline_file)
    with opened(settings(), 10.0) as (log, store):
        place = place_of(pipeline, log, store, key=None)
        try:
            found = [verify(place, shard) for shard in range(pipeline.shards)]
        except Gap as gap:
            typer.echo(f"cannot be replayed: {gap}", err=True)
            raise typer.Exit(3) from None
    if json:
        print_json([verdict._asdict() for verdict in found])
    else:
        for verdict in found:
            typer.echo(_line(verdict))
    if any(verdict.difference for verdict in found):
        raise typer.Exit(3)


def _line(verdict: Verdict) -> str:
    what = f"shard {verdict.shard}: {verdict.batches} batches, {verdict.predictions} predictions"
    return f"{what}, {verdict.difference or 'identical'}  {verdict.digest}"
