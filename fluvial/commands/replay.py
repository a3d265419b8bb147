"""replay: the journal once more: to prove it, to see a moment of it, or to try something else on it."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from fluvial.backtest import Comparison, backtest
from fluvial.commands.common import AsJson, PipelineFile, plain_text, print_json, say
from fluvial.commands.past import Archive, OneShard, archive, definitions
from fluvial.commands.progress import Progress
from fluvial.commands.shown import print_alarms, print_differences, print_scores, print_status
from fluvial.config import Pipeline, load, with_model
from fluvial.errors import ConfigError, Gap
from fluvial.explain import nearest
from fluvial.history import History
from fluvial.moment import Moment, state_at
from fluvial.shard import StepFailed
from fluvial.verify import Verdict
from fluvial.verify import verify as verified
from learners.scoring import SuccessSpec

Verify = Annotated[
    bool, typer.Option("--verify", help="Compare with what was published; so it is without other options.")
]
Until = Annotated[
    str | None, typer.Option(help="Only up to this batch, or this time of the stream: 57, 2013-02-01T06:30.")
]
Without = Annotated[
    list[str] | None, typer.Option(help="Leave out events and labels of a source: source=NAME; repeatable.")
]
Model = Annotated[str | None, typer.Option(help="Try another model expression on the same stream.")]

TITLES = ("original", "variant")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("replay")(replay)


def replay(
    pipeline_file: PipelineFile,
    verify: Verify = False,
    until: Until = None,
    without: Without = None,
    model: Model = None,
    shard: OneShard = None,
    json: AsJson = False,
) -> None:
    """Replay the journal: prove that it gives what was published, show a moment of it, or try a variant.

    Writes nothing. Exit code 3 where something differs or records are gone.
    """
    pipeline = load(pipeline_file)
    moment_wanted = Moment.parse(until) if until else None
    left_out = [_source(text) for text in without or ()]
    variant = with_model(pipeline, model) if model is not None else pipeline
    with archive(pipeline, shard) as found:
        try:
            if left_out or model is not None:
                if verify or until:
                    raise ConfigError("--without and --model go with neither --verify nor --until")
                _try(found, variant, left_out, json=json)
            elif moment_wanted is not None and not verify:
                _look(found, moment_wanted, json=json)
            else:
                _prove(found, moment_wanted, json=json)
        except (Gap, StepFailed) as trouble:
            say(f"cannot be replayed: {plain_text(trouble)}", err=True)
            raise typer.Exit(3) from None


def _source(text: str) -> str:
    key, found, name = text.partition("=")
    if key != "source" or not found or not name:
        raise ConfigError(f"--without {text}: write source=NAME")
    return name


# ---- prove


def _prove(found: Archive, until: Moment | None, *, json: bool) -> None:
    enough = until.reached if until is not None else lambda past: False
    verdicts = []
    for shard in found.shards:
        with Progress(f"shard {shard}") as progress:
            verdicts.append(verified(found.place, shard, until=enough, progress=progress))
    if json:
        print_json([_plain(verdict) for verdict in verdicts])
    else:
        known = definitions(found.place)
        for verdict in verdicts:
            _print_verdict(verdict, known)
    if any(verdict.difference for verdict in verdicts):
        raise typer.Exit(3)


def _plain(verdict: Verdict) -> dict[str, Any]:
    return verdict._asdict() | {"unverified": [stretch._asdict() for stretch in verdict.unverified]}


def _print_verdict(verdict: Verdict, known: Mapping[str, str]) -> None:
    what = f"{verdict.batches:,} batches, {verdict.predictions:,} predictions, {verdict.compared:,} compared"
    say(f"shard {verdict.shard}: {what}: {'DIFFERENT' if verdict.difference else 'identical'}")
    if verdict.difference:
        say(f"  the first difference: {plain_text(verdict.difference)}")
    for first, last, why in verdict.unverified:
        say(f"  batches {first:,} to {last:,} cannot be replayed any more: {plain_text(why)}")
    if verdict.unverified:
        say(f"  verified from batch {verdict.unverified[-1].last + 1:,} on, from a snapshot")
    if others := sum(verdict.others.values()):
        names = ", ".join(f"{n:,} by {known.get(name, name)}" for name, n in verdict.others.items())
        say(f"  {others:,} predictions were made by earlier definitions and are not compared: {names}")
    if verdict.given_up:
        say(f"  {verdict.given_up:,} predictions are of batches that a person gave up")
    say(f"  digest {verdict.digest}")


# ---- look


def _look(found: Archive, until: Moment, *, json: bool) -> None:
    shown = []
    for shard in found.shards:
        with Progress(f"shard {shard}") as progress:
            last, _ = found.place.journal.reached(shard)
            history = History(found.place, shard)
            past = state_at(history, until, progress=progress, last=last)
        shown.append(past.shard.status())
    if json:
        print_json([status.as_json() for status in shown])
    else:
        for status in shown:
            print_status(status)


# ---- try


def _try(found: Archive, variant: Pipeline, without: list[str], *, json: bool) -> None:
    compared = []
    for shard in found.shards:
        with Progress(f"shard {shard}, twice") as progress:
            compared.append(backtest(found.place, shard, variant, without, progress=progress))
    if json:
        print_json([_compared(one) for one in compared])
    else:
        for one in compared:
            _print_comparison(one, without, variant.success)


def _compared(one: Comparison) -> dict[str, Any]:
    return one.beside.as_json() | {
        "shard": one.shard,
        "from_batch": one.since + 1,
        "to_batch": one.batch,
        "left_out": one.sieve.left_out,
        "alarms": [[alarm._asdict() for alarm in some] for some in one.alarms],
        "original": one.original.as_json(),
        "variant": one.variant.as_json(),
    }


def _print_comparison(one: Comparison, without: list[str], goal: SuccessSpec | None) -> None:
    beside = one.beside
    say(
        f"shard {one.shard}: batches {one.since + 1:,} to {one.batch:,}, {one.original.events:,} events; "
        f"both judged on the same {beside.labels:,} labels, each as late as it came"
    )
    if one.since:
        say("  earlier records are gone: both begin there with nothing learned")
    if without:
        gone = one.sieve.left_out
        say(f"  left out: {gone['events']:,} events and {gone['labels']:,} labels")
        for name in (name for name in without if name not in one.sieve.seen):
            say(f"  there is no source {plain_text(name)!r}{nearest(name, list(one.sieve.seen)[:20])}")
    say("")
    print_scores(TITLES, beside, goal.metric if goal else None)
    say("")
    print_differences(beside, TITLES)
    print_alarms(TITLES, one.alarms)
