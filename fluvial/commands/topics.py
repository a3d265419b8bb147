"""topics, produce: make a pipeline's topics and put records into them."""

import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from consumers.log import UnknownTopic
from consumers.record import TopicPartition
from fluvial.commands.common import AsJson, PipelineFile, print_json, print_table, say
from fluvial.config import Pipeline, load
from fluvial.errors import ConfigError
from fluvial.opening import open_log_patiently
from fluvial.producing import Outgoing, from_file, from_lines, of_another_time, produce
from fluvial.settings import settings
from fluvial.wiring import OUTPUT_ROLES, create_topics

Source = Annotated[Path | None, typer.Option("--from", help="A producer file; stdin without.")]
Stream = Annotated[Literal["events", "labels"], typer.Option(help="Where lines of stdin go.")]
Limit = Annotated[int | None, typer.Option(help="The first so many events, and their labels.")]
OwnTime = Annotated[
    bool, typer.Option(help="Lines of stdin are of the past: each is dated by its own time, not by now.")
]
Resume = Annotated[bool, typer.Option(help="Leave out what the topics have held already.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for the log before giving up with code 5.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    group = typer.Typer(help="The topics of a pipeline.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(listing)
    app.add_typer(group, name="topics")
    app.command("produce")(produce_records)


def create(pipeline_file: PipelineFile, wait: Wait = 30.0) -> None:
    """Create the topics of a pipeline; those that exist stay as they are."""
    pipeline = load(pipeline_file)
    log = open_log_patiently(settings(), wait)
    for topic, made in create_topics(pipeline, log).items():
        say(f"{'created' if made else 'exists '}  {topic}")
    log.close()


def listing(pipeline_file: PipelineFile, json: AsJson = False, wait: Wait = 30.0) -> None:
    """List the topics of a pipeline with what they hold."""
    pipeline = load(pipeline_file)
    log = open_log_patiently(settings(), wait)
    names = [*pipeline.input_topics, *(pipeline.topic(role) for role in OUTPUT_ROLES)]
    rows = []
    for name, info in log.describe(names).items():
        spans = log.spans([TopicPartition(name, index) for index in range(info.partitions)])
        rows.append((name, info.partitions, sum(span.end - span.begin for span in spans.values())))
    log.close()
    if json:
        print_json([dict(zip(("topic", "partitions", "records"), row, strict=True)) for row in rows])
    else:
        print_table(("topic", "partitions", "records"), rows)


def produce_records(
    pipeline_file: PipelineFile,
    source: Source = None,
    stream: Stream = "events",
    limit: Limit = None,
    resume: Resume = False,
    own_time: OwnTime = False,
    wait: Wait = 30.0,
) -> None:
    """Append records to a pipeline's topics, from a producer file or from lines of JSON on stdin."""
    pipeline = load(pipeline_file)
    if own_time and source is not None:
        raise ConfigError("--own-time is for lines of stdin: a producer file dates its records itself")
    log = open_log_patiently(settings(), wait)
    if source is not None:
        records = from_file(source, limit)
    else:
        records = _of_stdin(pipeline, stream, own_time=own_time)
    try:
        sent = produce(pipeline, log, records, resume=resume)
    except UnknownTopic as error:
        raise UnknownTopic(f"{error} with `fluvial topics create {pipeline_file}`") from None
    log.close()
    say(f"{sent['events']} events, {sent['labels']} labels")


def _of_stdin(pipeline: Pipeline, stream: str, *, own_time: bool) -> Iterator[Outgoing]:
    """The records of standard input; says so where they are of another time than they are dated by."""
    identity, when = (pipeline.id, pipeline.time) if stream == "events" else ("id", "time")
    if when is None:
        if own_time:
            raise ConfigError("--own-time: the pipeline file names no field as `time`, so events have none")
        return from_lines(sys.stdin, stream, identity)
    if own_time:
        return from_lines(sys.stdin, stream, identity, when)
    records = from_lines(sys.stdin, stream, identity)
    first = list(islice(records, 1))
    if first and (said := of_another_time(first[0], when)):
        say(
            f"The first of these {stream} is of {said} and dated now; what is of the past wants --own-time.",
            err=True,
        )
    return chain(first, records)
