"""card: compute the evidence card of an incident from the journal, keep it, and show it."""

from typing import Annotated

import typer

from fluvial.card.card import Card
from fluvial.card.causes import worse
from fluvial.card.keep import compute_and_keep
from fluvial.commands.common import AsJson, PipelineFile, plain_text, print_table, say
from fluvial.commands.past import archive, moment
from fluvial.config import load
from fluvial.console.cards import MEASURES, ahead, between, moved_fields, percent, reading, rise, size, told
from fluvial.console.claims import likely
from fluvial.console.phrases import NOTHING, number, span
from fluvial.errors import ConfigError
from fluvial.incidents import Incidents

NAMED = 8
"""Fields and segments that are shown; JSON has all of them."""


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file into the command line."""
    app.command("card")(card)


def card(
    pipeline_file: PipelineFile,
    incident_id: Annotated[str, typer.Argument(help="The incident's id.")],
    json: AsJson = False,
) -> None:
    """Compute the evidence of a drift and keep it for the console: what it costs, what moved, why."""
    pipeline = load(pipeline_file)
    with archive(pipeline) as found:
        incident = Incidents(found.store).get(incident_id)
        if incident.pipeline != pipeline.pipeline:
            raise ConfigError(f"incident {incident_id} is of {incident.pipeline}, not of {pipeline.pipeline}")
        made = compute_and_keep(found.place, found.store, incident_id)
    if json:
        say(made.model_dump_json())
    else:
        _print(made)


def _print(made: Card) -> None:
    say(f"{made.incident}  {made.pipeline}, shard {made.shard}, since {moment(made.onset)} UTC")
    for one in made.findings:
        say(f"  {plain_text(likely(one.cause, one.because))}")
    if made.cost is not None:
        say(f"  {_cost(made)}")
    for why in made.missing:
        say(f"  missing: {plain_text(why)}")
    if made.measures:
        rows = [
            (MEASURES[m.name], reading(m, m.before), reading(m, m.after), f"{rise(m)} ({between(m)})")
            for m in made.measures
        ]
        print_table(("what", "before", "since the onset", "change (95 %)"), rows)
    _print_shards(made)
    _print_moves(made)


def _print_shards(made: Card) -> None:
    if len(made.shards) > 1:
        rows = [
            (s.shard, moment(s.onset), number(s.before), number(s.after), s.n_before, s.n_after)
            for s in made.shards
        ]
        print_table(("shard", "since", "loss before", "after", "labels before", "after"), rows)


def _cost(made: Card) -> str:
    assert made.cost is not None
    between = f" ({number(made.cost.low)} to {number(made.cost.high)})" if made.cost.low is not None else ""
    so_far = f", {number(made.cost.so_far)} so far" if made.cost.so_far is not None else ""
    hit = f"; hit are {percent(made.volume.hit_share)} of the events" if made.volume else ""
    return plain_text(f"costs {number(made.cost.per_hour)} {made.cost.unit} per hour{between}{so_far}{hit}")


def _print_moves(made: Card) -> None:
    if fields := moved_fields(made.fields)[:NAMED]:
        rows = [(f.name, told(f), size(f.psi), percent(f.lean)) for f in fields]
        print_table(("field", "moved", "shift", "model leans"), rows)
    if made.segments and worse(made):
        parts = [
            (f"{s.field} is {s.value}", number(s.before), number(s.after), percent(s.of_change), s.n_after)
            for s in made.segments[:NAMED]
        ]
        print_table(("where", "loss before", "after", "of the change", "labels"), parts)
    if labels := made.labels:
        before = NOTHING if labels.delay_before is None else span(labels.delay_before)
        after = NOTHING if labels.delay_after is None else span(labels.delay_after)
        say(f"labels take {after}, {before} before")
    for deploy in made.context.deploys:
        say(f"definition {deploy.definition} took over {ahead(deploy.events_before_onset)} the onset")
