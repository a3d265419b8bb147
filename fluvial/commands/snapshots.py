"""snapshots list, inspect, diff: the states of a shard that are kept, and those that can be rebuilt."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from fluvial import anatomy
from fluvial.commands.common import AsJson, PipelineFile, plain_text, print_json, print_table, say
from fluvial.commands.past import Archive, FirstShard, OneShard, archive, moment
from fluvial.commands.progress import Progress
from fluvial.commands.shown import print_status
from fluvial.config import load
from fluvial.errors import Gap, SnapshotError
from fluvial.history import History, Past
from fluvial.moment import Moment, state_at
from fluvial.shard import StepFailed
from fluvial.shelf import Kept
from fluvial.snapshot import header_of

MOST = 10
"""Weights shown in a difference; JSON has all that moved."""

Number = Annotated[int, typer.Argument(min=0, help="The number of a batch.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    group = typer.Typer(help="The states of a pipeline that are kept.", no_args_is_help=True)
    group.command("list")(listing)
    group.command("inspect")(inspect)
    group.command("diff")(diff)
    app.add_typer(group, name="snapshots")


class Row(NamedTuple):
    """One snapshot: times in seconds since 1970 UTC, ``unusable`` says why it cannot be opened."""

    shard: int
    batch: int
    at: float
    time: float | None
    size: int
    digest: str
    definition: str
    unusable: str | None


def listing(pipeline_file: PipelineFile, shard: OneShard = None, json: AsJson = False) -> None:
    """List the snapshots that are kept, and say of each whether a worker could go on from it."""
    with archive(load(pipeline_file), shard) as found:
        rows = [row for one in found.shards for row in _rows(found, one)]
    if json:
        print_json([row._asdict() for row in rows])
        return
    columns = (
        "shard",
        "batch",
        "stored (UTC)",
        "stream time (UTC)",
        "bytes",
        "digest",
        "definition",
        "usable",
    )
    print_table(columns, [_shown(row) for row in rows])


def _rows(found: Archive, shard: int) -> Iterator[Row]:
    history = History(found.place, shard)
    for kept in found.place.shelf.listing(shard):
        time, why = None, None
        try:
            time = history.opened(kept).shard.state.clock.now / 1000
        except SnapshotError as error:
            why = "another pipeline file made it" if str(error).startswith("state was") else str(error)
        yield Row(shard, kept.batch, kept.at, time, kept.size, kept.digest, kept.definition, why)


def _shown(row: Row) -> tuple[object, ...]:
    usable = "yes" if row.unusable is None else f"no: {row.unusable}"
    front = (row.shard, row.batch, moment(row.at), moment(row.time), f"{row.size:,}")
    return (*front, row.digest[:12], row.definition, usable)


def inspect(pipeline_file: PipelineFile, batch: Number, shard: FirstShard = 0, json: AsJson = False) -> None:
    """Show the state after a batch, from its snapshot or rebuilt from an older one."""
    with archive(load(pipeline_file), shard) as found:
        header = _header(found, shard, batch)
        past = _state(found, shard, batch)
    state = past.shard.state
    parts, shares = anatomy.parts(state.learner.model), anatomy.shares(state)
    if json:
        model = {"expression": past.shard.pipeline.model.strip(), "parts": [one._asdict() for one in parts]}
        status = past.shard.status().as_json()
        print_json({"header": header, "status": status, "model": model, "bytes": shares})
        return
    print_status(past.shard.status())
    say("")
    say(f"model {plain_text(past.shard.pipeline.model)}")
    rows = [(one.path, one.kind, f"{one.size:,}", _figures(one.figures)) for one in parts]
    print_table(("step", "class", "bytes", "grown to"), rows)
    say("")
    say("bytes: " + ", ".join(f"{name} {size:,}" for name, size in shares.items()))
    if header is None:
        say("no snapshot of this batch is kept: the state was rebuilt by replay")
    else:
        print_table(("header", ""), [(name, _flat(value)) for name, value in sorted(header.items())])


def _figures(figures: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in figures.items())


def _flat(value: object) -> object:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else value


def _header(found: Archive, shard: int, batch: int) -> dict[str, Any] | None:
    body = found.place.shelf.body(shard, batch)
    return None if body is None else header_of(body)


def _state(found: Archive, shard: int, batch: int) -> Past:
    """The state after a batch. Raises SnapshotError where neither a snapshot nor a replay gives it."""
    history = History(found.place, shard)
    kept: Kept | None = next((one for one in found.place.shelf.listing(shard) if one.batch == batch), None)
    why = ""
    if kept is not None:
        try:
            return history.opened(kept)
        except SnapshotError as error:
            why = f"the snapshot of batch {batch} cannot be opened ({error}), and "
    try:
        with Progress(f"batch {batch}") as progress:
            return state_at(history, Moment(batch, None), progress=progress)
    except (Gap, StepFailed) as trouble:
        raise SnapshotError(f"{why}the state cannot be rebuilt: {trouble}") from None


def diff(
    pipeline_file: PipelineFile, before: Number, after: Number, shard: FirstShard = 0, json: AsJson = False
) -> None:
    """Show what changed between the states after two batches: counts, scores, monitors, the model."""
    with archive(load(pipeline_file), shard) as found:
        one, other = (_state(found, shard, batch).shard for batch in (before, after))
    facts = [_facts(some.status().as_json()) for some in (one, other)]
    grown = [_growth(some.state.learner.model) for some in (one, other)]
    rows = [(name, *values) for name, values in _pairs(*facts) if values[0] != values[1]]
    rows += [(f"model/{name}", *values) for name, values in _pairs(*grown) if values[0] != values[1]]
    moved = anatomy.moved(one.state.learner.model, other.state.learner.model, most=10**9)
    if json:
        changed = {name: values for name, *values in rows}
        print_json({"changed": changed, "weights": [weight._asdict() for weight in moved]})
        return
    shown = [_changed(row) for row in rows if not _only_in_json(row[0])]
    print_table(("what", f"after batch {before:,}", f"after batch {after:,}", "change"), shown)
    if moved:
        say("")
        rest = f"; these {MOST} most" if len(moved) > MOST else ""
        say(f"{len(moved):,} weights moved{rest}")
        lines = [(w.path, w.feature, f"{w.before:.6g}", f"{w.after:.6g}", f"{w.change:+.4g}") for w in moved]
        print_table(("step", "feature", "before", "after", "change"), lines[:MOST])
    if not rows and not moved:
        say("nothing changed")


def _facts(status: Mapping[str, Any], path: str = "") -> dict[str, object]:
    """A status as flat pairs; slices and histograms are left to JSON."""
    found: dict[str, object] = {}
    for name, value in status.items():
        if name in ("slices", "delays", "batch"):
            continue
        if isinstance(value, Mapping):
            found |= _facts(value, f"{path}{name}/")
        elif isinstance(value, list):
            found |= {f"{path}{name}/{i}": one for i, one in enumerate(value)}
        else:
            found[f"{path}{name}"] = value
    return found


def _only_in_json(name: str) -> bool:
    """Whether it is about a baseline: there are many of these figures."""
    kind, _, predictor = name.partition("/")
    return kind in ("scores", "recent_scores") and not predictor.startswith("model/")


def _growth(model: Any) -> dict[str, object]:
    found: dict[str, object] = {}
    for part in anatomy.parts(model):
        found |= {f"{part.path}/{name}": n for name, n in part.figures.items()} | {
            f"{part.path}/bytes": part.size
        }
    return found


def _pairs(
    one: Mapping[str, object], other: Mapping[str, object]
) -> Iterator[tuple[str, tuple[object, object]]]:
    for name in dict.fromkeys([*one, *other]):
        yield name, (one.get(name), other.get(name))


def _changed(row: tuple[str, Any, Any]) -> tuple[str, ...]:
    name, before, after = row
    if name == "watermark":
        return "stream time (UTC)", moment(before), moment(after), ""
    change = ""
    if isinstance(before, int | float) and isinstance(after, int | float) and not isinstance(after, bool):
        change = f"{after - before:+,}" if isinstance(after - before, int) else f"{after - before:+.4g}"
    return name, _cell(before), _cell(after), change


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain_text(value)[:24]
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"
