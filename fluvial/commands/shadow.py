"""shadow: what other models would have made of the events since a drift, in a terminal."""

import os
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import uuid4

import typer

from fluvial.commands.common import AsJson, plain_text, print_json, print_table
from fluvial.commands.past import key_if_any
from fluvial.commands.progress import Progress
from fluvial.commands.run import opened
from fluvial.config import Pipeline
from fluvial.console.phrases import number
from fluvial.earlier import NotHere, pipeline_of
from fluvial.errors import ConfigError
from fluvial.incidents import Incident, Incidents, is_drift
from fluvial.journal import Journal
from fluvial.place import place_of
from fluvial.settings import settings
from fluvial.shadow.jobs import Job, Jobs
from fluvial.shadow.requests import ask
from fluvial.shadow.told import against
from fluvial.shadow.work import Bench
from fluvial.store import Store

WhichIncident = Annotated[str, typer.Argument(help="The incident's id.")]
Candidate = Annotated[str | None, typer.Option(help="A model expression to be held beside the others.")]
Window = Annotated[
    str | None, typer.Option(help="Retrain from these batches, as 120:180; 120: means up to now.")
]
Without = Annotated[str | None, typer.Option(help="Leave out what a source brought: source=NAME.")]
Shard = Annotated[int | None, typer.Option("--shard", help="The shard; that of the incident without.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("shadow")(shadow)


def shadow(
    incident: WhichIncident,
    candidate: Candidate = None,
    window: Window = None,
    without: Without = None,
    shard: Shard = None,
    json: AsJson = False,
) -> None:
    """Hold the model beside others on the events since a drift; with an option, or where none is there, anew.

    Exit code 3 where it cannot be computed.
    """
    here = settings()
    with opened(here, 10.0) as (log, store):
        found = Incidents(store).get(incident)
        wish = {"candidate": candidate, "window": window, "source": _source(without), "shard": shard}
        job = None if any((candidate, window, without)) else _newest(store, found, shard)
        if job is None:
            pipeline = _pipeline(store, found)
            with store.write() as db:
                name = ask(db, found, wish, field=pipeline.source, again=uuid4().hex[:8])
            place = place_of(
                pipeline, log, store, key_if_any(here), worker=f"{here.worker_name}-{os.getpid()}"
            )
            job = _computed(Bench(place, store), Jobs(store), found.pipeline, name, place.worker)
    _show(job, found.id, json=json)


def _source(text: str | None) -> str | None:
    if text is None:
        return None
    key, _, name = text.partition("=")
    if key != "source" or not name:
        raise ConfigError(f"--without {text}: write source=NAME")
    return name


def _newest(store: Store, incident: Incident, shard: int | None) -> Job | None:
    wanted = incident.shard if shard is None else shard
    done = [job for job in Jobs(store).of(incident.id, "table") if job.state == "done"]
    return next((job for job in done if job.shard == wanted), None)


def _pipeline(store: Store, incident: Incident) -> Pipeline:
    """The pipeline as it last ran. Raises ConfigError where it cannot run here."""
    if not is_drift(incident.monitor):
        raise ConfigError(f"{incident.id} is about no drift: there is nothing to be held beside the model")
    journal = Journal(store, incident.pipeline)
    last, _ = journal.reached(incident.shard)
    rows = journal.batches(incident.shard, last - 1, last)
    try:
        return pipeline_of(journal, rows[0].definition if rows else "")
    except NotHere as why:
        raise ConfigError(f"{incident.pipeline} cannot be replayed here: {why}") from None


def _computed(bench: Bench, jobs: Jobs, pipeline: str, name: str, worker: str) -> Job:
    with Progress("shadow table") as progress:
        job = jobs.claim(pipeline, worker, name)
        if job is not None:
            bench.compute(job, progress)
    found = jobs.named(name)
    assert found is not None
    return found


def _show(job: Job, incident: str, *, json: bool) -> None:
    if json:
        shown = job._asdict() | {"state": job.state}
        print_json(shown)
    elif job.result is not None:
        _print(job.result, incident)
    if job.result is None:
        typer.echo(f"no shadow table: {plain_text(job.failed or f'it is {job.state} elsewhere')}", err=True)
        raise typer.Exit(3)


def _print(table: dict[str, Any], incident: str) -> None:
    metric = table["metric"]
    typer.echo(
        f"shard {table['shard']}: events after batch {table['onset_batch']:,}, up to batch "
        f"{table['to_batch']:,}; all judged on the same {table['n']:,} labels, each as late as it came"
    )
    if table["suspects"]:
        names = plain_text(", ".join(table["suspects"]))
        typer.echo(f"  {table['left_out']:,} labels of {names} are nobody's truth here: they are left out")
    columns = (
        "model",
        "name",
        "loss",
        *([metric] if metric else []),
        f"cost ({table['unit']})",
        "difference",
    )
    print_table(columns, [_row(row, metric) for row in table["variants"]])
    typer.echo(
        f"computed in {table['seconds']:.0f} s; adopt one with: "
        f"fluvial review adopt {incident} --variant NAME --reason WHY"
    )


def _row(row: dict[str, Any], metric: str | None) -> Sequence[object]:
    figures = [number(row["loss"]), *([number(row["metric"])] if metric else []), number(row["cost"])]
    return (f"{row['title']}: {row['says']}", row["name"], *figures, against(row))
