"""upgrade rehearse: what a new pipeline file, or new libraries, would change, before anybody switches."""

from typing import Annotated, Any

import typer

from fluvial.changes import Change
from fluvial.commands.common import AsJson, PipelineFile, plain_text, print_json, print_table, say
from fluvial.commands.past import OneShard, archive, moment
from fluvial.commands.progress import Progress, told
from fluvial.commands.shown import print_alarms, print_differences, print_scores
from fluvial.config import Pipeline, load
from fluvial.errors import Gap
from fluvial.fingerprint import definition
from fluvial.rehearsal import Rehearsal, rehearse
from fluvial.shard import StepFailed

PUBLISHED, REPLAYED = ("published", "new"), ("running", "new")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    group = typer.Typer(help="Changing the model, the pipeline file or the libraries.", no_args_is_help=True)
    group.command("rehearse")(rehearse_upgrade)
    group.callback()(_group)
    app.add_typer(group, name="upgrade")


def _group() -> None:
    """Changing the model, the pipeline file or the libraries."""


def rehearse_upgrade(
    pipeline_file: PipelineFile,
    events: Annotated[int, typer.Option(min=1, help="The newest predictions that are compared.")] = 10_000,
    shard: OneShard = None,
    json: AsJson = False,
) -> None:
    """Replay the past under a new pipeline file or new libraries and compare; writes nothing.

    Exit code 0 where all is identical, 3 where something differs.
    """
    pipeline = load(pipeline_file)
    found = []
    with archive(pipeline, shard) as past:
        for number in past.shards:
            if not past.place.journal.reached(number)[0]:
                continue  # a shard that has not begun has nothing to compare
            try:
                with Progress(f"shard {number}") as progress:
                    found.append(rehearse(past.place, past.store, number, events, progress=progress))
            except (Gap, StepFailed) as trouble:
                say(f"the new definition cannot take over: {plain_text(trouble)}", err=True)
                raise typer.Exit(3) from None
    if json:
        print_json([_plain(one, pipeline) for one in found])
    else:
        _print_definitions(found[0], pipeline)
        for one in found:
            _print(one, pipeline)
    if not all(one.identical for one in found):
        raise typer.Exit(3)


def _plain(one: Rehearsal, pipeline: Pipeline) -> dict[str, Any]:
    return {
        "shard": one.shard,
        "identical": one.identical,
        "running": one.running_name,
        "new": definition(pipeline),
        "changes": [change._asdict() for change in one.changes],
        "published": one.tail.as_json(),
        "replayed": one.runs.as_json() if one.runs else None,
        "not_replayed": one.not_replayed,
        "alarms": [[alarm._asdict() for alarm in some] for some in one.alarms],
        "rebuild": one.rebuild._asdict(),
        "unusable_snapshots": [kept.batch for kept in one.unusable],
        "snapshots": one.kept,
    }


def _print_definitions(one: Rehearsal, pipeline: Pipeline) -> None:
    since = f"since {moment(one.running.at)} UTC" if one.running else "the store knows nothing else of it"
    new = definition(pipeline)
    say(f"running: {one.running_name} ({since})")
    say(f"new:     {new}{' (the same)' if new == one.running_name else ''}")
    if one.changes:
        say("")
        print_table(("what differs", "running", "new", ""), map(_change, one.changes))


def _change(change: Change) -> tuple[str, str, str, str]:
    effect = "" if change.learned else "changes nothing that is learned"
    before, after = (_text(value) for value in (change.before, change.after))
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    return change.key, _cut(before, at), _cut(after, at), effect


def _text(value: object) -> str:
    return "-" if value is None else " ".join(plain_text(value).split())


def _cut(text: str, at: int, most: int = 60) -> str:
    """The part of a long text in which it begins to differ."""
    start = max(0, min(at - 20, len(text) - most))
    return f"{'…' if start else ''}{text[start : start + most]}{'…' if start + most < len(text) else ''}"


def _print(one: Rehearsal, pipeline: Pipeline) -> None:
    goal = pipeline.success.metric if pipeline.success else None
    say(f"\nshard {one.shard}: the newest {one.tail.pairs:,} predictions, as published and anew")
    if sum(one.tail.alone):
        say(f"  only published: {one.tail.alone[0]:,}, only anew: {one.tail.alone[1]:,}")
    print_differences(one.tail, PUBLISHED)
    if one.tail.labels:
        say(f"judged on the {one.tail.labels:,} labels of these")
        print_scores(PUBLISHED, one.tail, goal, lately=False)
        say("")
    if one.runs is not None:
        say(f"both replayed from the start, judged on {one.runs.labels:,} labels")
        print_scores(REPLAYED, one.runs, goal)
        say("")
    elif one.not_replayed:
        say(f"the running definition cannot be replayed here: {plain_text(one.not_replayed)}")
    print_alarms(("running", "new"), one.alarms)
    say(f"\n{_switch(one)}")
    say("identical: switching changes nothing" if one.identical else "DIFFERENT: see above")


def _switch(one: Rehearsal) -> str:
    rebuild = one.rebuild
    if rebuild.lost:
        return (
            f"A switch would leave the shard standing still: it has to be rebuilt, and the records of batch "
            f"{rebuild.lost:,} and before are gone. Keep running the old definition."
        )
    start = f"the snapshot of batch {rebuild.start:,}" if rebuild.start else "the start of the journal"
    steps = f"{rebuild.batches:,} batches, {rebuild.records:,} records, about {told(rebuild.seconds)}"
    said = f"A switch rebuilds the shard from {start}: {steps} on this machine."
    if not one.unusable:
        return f"{said} All {one.kept} snapshots stay usable."
    batches = ", ".join(f"{kept.batch:,}" for kept in one.unusable)
    return f"{said} {len(one.unusable)} of {one.kept} snapshots become unusable: of batches {batches}."
