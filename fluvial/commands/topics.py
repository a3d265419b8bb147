"""topics, produce: make a pipeline's topics and put records into them."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from consumers.record import TopicPartition
from fluvial.commands.common import AsJson, PipelineFile, print_json, print_table, say
from fluvial.config import load
from fluvial.producing import from_file, from_lines, produce
from fluvial.settings import settings
from fluvial.wiring import OUTPUT_ROLES, create_topics, open_log_patiently

Source = Annotated[Path | None, typer.Option("--from", help="A producer file; stdin without.")]
Stream = Annotated[Literal["events", "labels"], typer.Option(help="Where lines of stdin go.")]
Limit = Annotated[int | None, typer.Option(help="The first so many events, and their labels.")]
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
    wait: Wait = 30.0,
) -> None:
    """Append records to a pipeline's topics, from a producer file or from lines of JSON on stdin."""
    pipeline = load(pipeline_file)
    log = open_log_patiently(settings(), wait)
    if source is not None:
        records = from_file(source, limit)
    else:
        records = from_lines(sys.stdin, stream, pipeline.id if stream == "events" else "id")
    sent = produce(pipeline, log, records, resume=resume)
    log.close()
    say(f"{sent['events']} events, {sent['labels']} labels")
