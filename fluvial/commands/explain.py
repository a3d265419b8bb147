"""explain: why one prediction was what it was, and whether it can be made again."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from consumers.event import Value
from consumers.image import Image
from consumers.redaction import MASK
from fluvial import reviews
from fluvial.commands.common import AsJson, PipelineFile, plain_text, print_json, print_table, say
from fluvial.commands.past import Archive, archive, definitions, moment
from fluvial.commands.progress import Progress, told
from fluvial.commands.shown import figure, forecast
from fluvial.config import load
from fluvial.errors import Gap
from fluvial.explaining import Explanation, explain
from fluvial.found import NoSuchPrediction, find
from fluvial.inforce import Taken
from fluvial.shard import StepFailed

METHOD = (
    "Contribution: the forecast as it was minus the forecast with the field replaced, all else being equal. "
    "Fields that speak for each other share what they did, so contributions need not add up."
)

FATES = {
    "learned": "the model learned from it",
    "predict_only": "learning was paused: the model did not learn from it",
    "expired": "no label came within the horizon: nothing was learned from it",
    "waiting": "it still waits for its label",
}


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("explain")(explain_prediction)


def explain_prediction(
    pipeline_file: PipelineFile,
    event_id: Annotated[str, typer.Argument(help="The id of the event.")],
    search: Annotated[
        int, typer.Option(min=1, help="Newest predictions of each partition to look through.")
    ] = 200_000,
    json: AsJson = False,
) -> None:
    """Make a published prediction again from the state right before it; exit code 3 where it differs."""
    pipeline = load(pipeline_file)
    with archive(pipeline) as found, Progress("going back") as progress:
        try:
            said = find(pipeline, found.place.log, event_id, search)
            made = explain(found.place, said, progress=progress)
        except NoSuchPrediction as none:
            say(f"fluvial: {plain_text(none)}", err=True)
            raise typer.Exit(1) from None
        except (Gap, StepFailed) as trouble:
            say(f"fluvial: it cannot be made again: {plain_text(trouble)}", err=True)
            raise typer.Exit(1) from None
        progress.stop()
        if json:
            print_json(_plain(made))
        else:
            _print(made, found)
    if not made.same:
        raise typer.Exit(3)


def _plain(made: Explanation) -> dict[str, Any]:
    private = _private(made)
    return {
        "published": made.found.shown,
        "again": made.again.decode(),
        "same": made.same,
        "batch": made.batch,
        "definition": made.definition,
        "instead": made.instead,
        "rebuilt_from": made.start,
        "contributions": [_masked(one._asdict(), private) for one in made.contributions],
        "context": {n: MASK if n in private else _described(value) for n, value in made.context.items()},
        "decisions": {
            "paused": _taken(made.decisions.paused) if made.decisions.paused else None,
            "exchanged": [_taken(one) for one in made.decisions.exchanged],
            "gaps": [_taken(one) for one in made.decisions.gaps],
        },
        "fate": made.fate._asdict(),
    }


def _private(made: Explanation) -> set[str]:
    return {name for name, spec in made.pipeline.fields.items() if spec.pii}


def _masked(one: dict[str, Any], private: set[str]) -> dict[str, Any]:
    if one["name"] in private:
        return one | {"value": MASK, "replaced_by": MASK}
    return one | {key: _described(one[key]) for key in ("value", "replaced_by")}


def _described(value: Value | None) -> Value | None:
    """A value as it may be shown: of an image its size."""
    return str(value) if isinstance(value, Image) else value


def _taken(one: Taken) -> dict[str, Any]:
    return {"batch": one.batch, "action": one.decision.action, "review": one.decision.review}


def _print(made: Explanation, found: Archive) -> None:
    shown, record = made.found.shown, made.found.record
    task = made.state.learner.task
    said = ", ".join(f"{name} {forecast(value)}" for name, value in task.show(made.forecast).items())
    rows = [
        ("question", made.pipeline.question),
        ("event", f"{shown['id']} at {made.found.source}, {moment(shown.get('time'))} UTC"),
        ("published", f"{record.topic}:{record.partition}:{record.offset}"),
        ("forecast", said),
        ("made again", _verdict(made)),
        ("by", f"shard {shown['shard']}, batch {made.batch}, model {shown['model']}"),
        ("definition", definitions(found.place).get(made.definition, made.definition)),
        *(("decisions", line) for line in _decisions(made, found)),
        ("afterwards", _fate(made)),
    ]
    print_table(("", ""), rows)
    private = _private(made)
    say("")
    columns = ("the model saw", "", "replaced by", "", "forecast then", "contribution")
    strongest_first = sorted(made.contributions, key=lambda one: -abs(one.change))
    print_table(columns, [_line(_masked(one._asdict(), private)) for one in strongest_first])
    say(f"\n{METHOD}")
    if aside := ", ".join(_aside(made, name, value) for name, value in made.context.items()):
        say(f"Not seen by the model: {aside}")


def _aside(made: Explanation, name: str, value: Value) -> str:
    spec = made.pipeline.fields[name]
    if spec.pii:
        return f"{name} {MASK}"
    return (
        f"{name} {moment(value) if spec.type == 'time' and isinstance(value, float) else plain_text(value)}"
    )


def _verdict(made: Explanation) -> str:
    how = f"from the snapshot of batch {made.start}" if made.start else "from the start of the journal"
    if made.same:
        return f"{how}: the same, bit for bit"
    because = f" ({made.instead}; what follows is by the present definition)" if made.instead else ""
    return f"{how}: DIFFERENT{because}: {made.again.decode()}"


def _decisions(made: Explanation, found: Archive) -> Iterator[str]:
    taken = [*made.decisions.exchanged, *made.decisions.gaps]
    known = {
        one.id: one for one in reviews.history(found.store, pipeline=made.pipeline.pipeline, limit=10_000)
    }
    said = [("learning paused since", made.decisions.paused)] if made.decisions.paused else []
    words = {"reset": "model reset at", "rollback": "model rolled back at", "accept_gap": "gap accepted at"}
    words |= {"adopt": "another model adopted at", "reset_part": "a part of the model reset at"}
    said += [(f"source {one.decision.args['source']} excluded since", one) for one in made.decisions.excluded]
    said += [(words[one.decision.action], one) for one in taken]
    for what, one in said:
        review = known.get(one.decision.review)
        by = f" by {review.who}{f': {review.reason}' if review.reason else ''}" if review else ""
        yield f"{what} batch {one.batch}{by}"
    if not said:
        yield "none in force"


def _fate(made: Explanation) -> str:
    fate = made.fate
    if fate.truth is None:
        return FATES[fate.what]
    if fate.defaulted:
        came = f"no label came, so {forecast(fate.truth)} was taken for the truth, in batch {fate.batch}"
    else:
        came = f"the label {forecast(fate.truth)} came {told(fate.delay or 0.0)} later, in batch {fate.batch}"
    return f"{came}; {FATES[fate.what]}; its loss was {figure(fate.loss or 0.0)}"


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    value = "nothing" if one["value"] is None else forecast(one["value"])
    other = "" if one["replaced_by"] is None else forecast(one["replaced_by"])
    change = f"{one['change']:+.4g}" if one["change"] else "0"
    return one["name"], value, other, one["rule"], f"{one['without']:.6g}", change
