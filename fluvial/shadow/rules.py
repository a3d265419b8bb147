"""Rules: what people can decide about the learner by a shadow table, what it tells the shards, what it does.

The table is the newest one of the incident's shard that has the variant, so that the numbers in the
sentence are those that the person looked at.
"""

import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.evidence import calling
from fluvial.incidents import Incident, is_drift
from fluvial.life_rules import tuning
from fluvial.review import NotPossible, Request
from fluvial.shadow.forgetting import forgets, refuse_part
from fluvial.shadow.jobs import Job, enqueue, jobs_of
from fluvial.shadow.lineup import AS_IS
from fluvial.shadow.readiness import model_job
from fluvial.shadow.requests import ask, window_of
from fluvial.shadow.told import against
from fluvial.store import decision_table

NONE: Mapping[str, Any] = MappingProxyType({})


class Told(NamedTuple):
    """What shards are told to do: one decision for each of them."""

    action: str
    shards: Iterable[int]
    args: Mapping[str, Any] = NONE


class Case(NamedTuple):
    """A request with what it is about: the pipeline's row, the incident, the one shard it concerns."""

    request: Request
    course: Any
    incident: Incident | None
    shard: int | None

    @property
    def every(self) -> range:
        """All shards of the pipeline."""
        return range(self.course.shards)

    @property
    def concerned(self) -> Iterable[int]:
        """The shards that the request is about."""
        return self.every if self.shard is None else [self.shard]


def refuse(db: sa.Connection, case: Case) -> None:
    """Raise NotPossible where a request cannot be taken."""
    request, pipeline = case.request, str(case.course.pipeline)
    match request.action:
        case "adopt":
            _adoptable(db, case)
        case "retrain":
            _about_a_drift(case)
            if request.window is not None:
                window_of(request.window)
        case "reset_part":
            refuse_part(db, case.course, request.part, case.concerned)
        case "include_source":
            if request.source not in (held := excluded(db, pipeline)):
                raise NotPossible(
                    f"the source {request.source!r} of {pipeline} is not excluded; {_listed(held)}"
                )
        case "exclude_source":
            if request.source in excluded(db, pipeline) and request.since is None:
                raise NotPossible(f"the source {request.source!r} of {pipeline} is excluded already")


def told(db: sa.Connection, case: Case) -> list[Told]:
    """What the shards are told, in this order."""
    request = case.request
    first: list[Told] = []
    if request.pause and not case.course.paused:
        first.append(Told("pause", case.every))
    source = request.source
    if request.action == "rollback" and source is not None:
        first.append(Told("exclude_source", case.every, {"source": source}))
    match request.action:
        case "rollback":
            return [*first, Told("rollback", case.concerned, {"batch": request.batch})]
        case "adopt":
            return [*first, *_adopts(db, case)]
        case "exclude_source":
            return [Told("exclude_source", case.every, {"source": source}), *_rebuilds(case)]
        case "include_source":
            return [Told("include_source", case.every, {"source": source})]
        case "reset_part":
            return [Told("reset_part", case.concerned, {"part": request.part})]
        case action:
            return [Told(action, case.concerned, tuning(request))]


def afterwards(db: sa.Connection, case: Case, review: str, decided: Iterable[Told]) -> None:
    """Ask for what has to be computed once a review is taken: models to be adopted, a window's table."""
    if case.request.action == "retrain" and case.incident is not None:
        wish = {"window": case.request.window, "shard": case.shard}
        ask(db, case.incident, wish, field=case.course.facts.get("source"), again=review)
    for one in decided:
        if one.action != "adopt":
            continue
        for shard in one.shards:
            asked = {"incident": case.request.incident, "args": dict(one.args), "review": review}
            enqueue(db, model_job(review, shard), "model", case.course.pipeline, shard, asked)


def effect(db: sa.Connection, case: Case) -> str | None:
    """What a request does, with its numbers; None for what the usual sentence says."""
    request = case.request
    match request.action:
        case "adopt":
            job, row = _adoptable(db, case)
            assert job.result is not None
            sentence = (
                f"Shard {job.shard} goes on with this model: {row['title'].lower()}, which {row['says']}. "
                f"{_numbers(row, job.result)} It is made up to the batch that takes it up; its monitors warm "
                "up again. Undone by a rollback to the batch before."
            )
        case "retrain":
            window = request.window or "the onset to now"
            return f"A model is retrained from {window} beside the shard, then offered; nothing changes yet."
        case "reset_part":
            sentence = forgets(db, str(case.course.pipeline), str(request.part), case.concerned)
        case "exclude_source":
            sentence = _excluding(case)
        case "include_source":
            sentence = f"What {request.source} brings is learned again from the next batch on."
        case _:
            return None
    return f"{sentence}{also(request)}"


def also(request: Request) -> str:
    """What a rollback or an adoption does beside, with a space before it; empty where it does no more."""
    said = " Learning is paused with it." if request.pause else ""
    if request.action == "rollback" and request.source is not None:
        said += f" What {request.source} brings is not learned from then on."
    return said


def excluded(db: sa.Connection, pipeline: str) -> dict[str, str]:
    """The sources that people have excluded, taken up or not, sorted; and the reviews that say so."""
    column = decision_table.c
    query = sa.select(column.action, column.args, column.review).where(
        column.pipeline == pipeline, column.action.in_(("exclude_source", "include_source"))
    )
    held: dict[str, str] = {}
    for action, args, review in db.execute(query.order_by(column.id)):
        source = str(args.get("source"))
        if action == "exclude_source":
            held.setdefault(source, review)
        else:
            held.pop(source, None)
    return dict(sorted(held.items()))


def offered(db: sa.Connection, incident: str) -> list[tuple[Job, dict[str, Any]]]:
    """The variants that can be adopted, each with the newest table that has it, the best first."""
    found: dict[tuple[int, str], tuple[Job, dict[str, Any]]] = {}
    for job in jobs_of(db, incident, "table"):
        for row in (job.result or {}).get("variants", []):
            if row["name"] != AS_IS and row["failed"] is None and row["loss"] is not None:
                found.setdefault((job.shard, row["name"]), (job, row))
    return sorted(found.values(), key=lambda one: (one[0].shard, one[1]["loss"]))


# ---- details


def _about_a_drift(case: Case) -> Incident:
    incident = case.incident
    if incident is None or not is_drift(incident.monitor) or not calling(incident.evidence):
        raise NotPossible(f"{case.request.action} is about a drift: name its incident")
    return incident


def _adoptable(db: sa.Connection, case: Case) -> tuple[Job, dict[str, Any]]:
    incident, wanted = _about_a_drift(case), case.request.variant
    rows = [one for one in offered(db, incident.id) if one[0].shard == case.shard]
    for job, row in rows:
        if row["name"] == wanted:
            return job, row
    if not rows:
        raise NotPossible(
            f"there is no shadow table of {incident.id} for shard {case.shard} yet: wait for it, or compute "
            f"it with `fluvial shadow {incident.id}`"
        )
    names = _listed([row["name"] for _, row in rows])
    raise NotPossible(f"the shadow table has no variant {wanted!r} that can be adopted; {names}")


def _adopts(db: sa.Connection, case: Case) -> list[Told]:
    job, row = _adoptable(db, case)
    recipe = row["recipe"]
    known = excluded(db, str(case.course.pipeline))
    also_out = [name for name in recipe["without"] if name not in known]
    args = {"variant": row["name"], "job": job.id, "recipe": recipe}
    return [
        *(Told("exclude_source", case.every, {"source": name}) for name in also_out),
        Told("adopt", [job.shard], args),
    ]


def _rebuilds(case: Case) -> list[Told]:
    since = _since(case)
    if since is None:
        return []
    return [Told("adopt", case.every, {"rebuild": {"since": since, "without": [case.request.source]}})]


def _since(case: Case) -> float | None:
    """From which moment on a source is to be unlearned: as was said, or the onset; None for from now on."""
    if case.request.since is not None:
        return case.request.since
    called = calling(case.incident.evidence) if case.incident is not None else []
    return float(called[0]["onset"]) if called else None


def _excluding(case: Case) -> str:
    name, since = case.request.source, _since(case)
    now = f"From the next batch on what {name} brings is predicted and scored but not learned"
    if since is None:
        return f"{now}; what it taught before stays learned. Undone by including it again."
    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(since))
    return (
        f"{now}, and the model is made again without what it brought since {day} UTC. Undone by including it "
        "again and a rollback to the batch before."
    )


def _numbers(row: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    own = next(one for one in table["variants"] if one["name"] == AS_IS)
    return (
        f"On {table['n']:,} labels since the onset its loss was {row['loss']:.4g} against {own['loss']:.4g}: "
        f"{against(row)}."
    )


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    return f"there are {', '.join(known)}" if known else "there is none"
