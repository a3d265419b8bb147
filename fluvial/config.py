"""pipeline.yaml, read once: typed, frozen, unknown keys refused with the nearest valid one.

Nobody below this package sees a config object: parts are built from its sections in
:mod:`fluvial.shard`. Each section is declared by the package that uses it.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from consumers.fields import FieldSpec, LabelSpec
from learners.baselines import BaselineSpec
from learners.expression import ExpressionError, build
from learners.recent import RecentSpec
from learners.scoring import SuccessSpec
from learners.task import CostSpec
from monitors.drift import DriftSpec

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class ConfigError(ValueError):
    """What is wrong in a pipeline file, where, and what to write instead."""


def seconds(value: object) -> object:
    """Read a duration such as ``90s``, ``48h`` or ``7d``; numbers are seconds already.

    >>> seconds("36h"), seconds(5)
    (129600.0, 5)
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([\d.]+)\s*(ms|s|m|h|d|w)\s*", value)
    if match is None:
        raise ValueError(f"{value!r} is no duration: write 90s, 30m, 48h or 7d")
    return float(match[1]) * _UNITS[match[2]]


Duration = Annotated[float, BeforeValidator(seconds)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelSection(LabelSpec):
    """The label's contract, with the horizon as people write it."""

    horizon: Duration = Field(default=86400.0, gt=0)


class RecentSection(RecentSpec):
    """One recent statistic, with its window as people write it."""

    within: Duration | None = None


class Topics(_Section):
    """Topic names; those not named are called after the pipeline."""

    events: str = ""
    labels: str = ""
    reviews: str = ""
    predictions: str = ""
    incidents: str = ""
    quarantine: str = ""


class LedgerSection(_Section):
    """How much the ledger keeps in mind."""

    early: int = Field(default=50_000, ge=1)
    settled: int = Field(default=50_000, ge=1)
    waiting: int = Field(default=1_000_000, ge=1)


class Pipeline(_Section):
    """One pipeline: its question, its contract, its model and how people judge it."""

    pipeline: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    question: str
    decision: str = ""
    owner: str
    task: Literal["binary", "multiclass", "regression"]
    model: str
    id: str
    time: str | None = None
    source: str | None = None
    fields: dict[str, FieldSpec] = Field(min_length=1)
    label: LabelSection
    recent: dict[str, RecentSection] = {}
    success: SuccessSpec | None = None
    cost: CostSpec = CostSpec()
    slices: tuple[str, ...] = ()
    baselines: BaselineSpec = BaselineSpec()
    monitor: DriftSpec = DriftSpec()
    ledger: LedgerSection = LedgerSection()
    topics: Topics = Topics()
    partitions: int = Field(default=1, ge=1, le=1000)
    learn: Literal["one-model", "per-partition"] = "one-model"
    seed: int = 1
    batch: int = Field(default=1000, ge=1, le=100_000)
    linger: Duration = Field(default=0.02, ge=0, le=10)
    snapshot_every: int = Field(default=50_000, ge=1)

    @model_validator(mode="after")
    def _refers_to_declared_fields(self) -> "Pipeline":
        wanted = {"id": self.id, "time": self.time, "source": self.source, "baselines.by": self.baselines.by}
        wanted |= {f"slices[{i}]": name for i, name in enumerate(self.slices)}
        for key, recent in self.recent.items():
            by = (recent.by,) if isinstance(recent.by, str) else recent.by or ()
            wanted |= {f"recent.{key}.by[{i}]": name for i, name in enumerate(by)}
            if recent.of not in ("label", "events"):
                wanted[f"recent.{key}.of"] = recent.of
        for key, name in wanted.items():
            if name is not None and name not in self.fields:
                raise ValueError(f"{key}: no field is called {name!r}{_nearest(name, self.fields)}")
        self._check_kinds()
        return self

    def _check_kinds(self) -> None:
        label = {"binary": "boolean", "multiclass": "category", "regression": "number"}[self.task]
        if self.label.type != label:
            raise ValueError(f"label.type: a {self.task} task wants {label}, not {self.label.type}")
        if self.time is not None and self.fields[self.time].type != "time":
            raise ValueError(f"time: the field {self.time!r} must have type time")
        if self.fields[self.id].missing != "reject":
            raise ValueError(f"id: the field {self.id!r} must not be allowed to be missing")
        if clash := sorted(set(self.recent) & set(self.fields)):
            raise ValueError(f"recent: {clash[0]!r} is the name of a field already")

    @model_validator(mode="after")
    def _model_can_be_built(self) -> "Pipeline":
        try:
            build(self.model, seed=self.seed)
        except ExpressionError as error:
            raise ValueError(f"model: {error}") from None
        return self

    def topic(self, role: str) -> str:
        """The name of the topic that plays ``role`` (events, labels, predictions, …)."""
        return str(getattr(self.topics, role) or f"{self.pipeline}.{role}")

    @property
    def has_label_topic(self) -> bool:
        """Whether labels come from a topic of their own."""
        return self.label.field is None

    @property
    def input_topics(self) -> tuple[str, ...]:
        """The topics that a learner reads, in rank order: events before labels."""
        return (self.topic("events"), self.topic("labels"))[: 1 + self.has_label_topic]

    @property
    def shards(self) -> int:
        """How many shards the pipeline has."""
        return 1 if self.learn == "one-model" else self.partitions


def load(path: Path) -> Pipeline:
    """Read a pipeline file. Raises ConfigError with one line for each mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): give the path of a pipeline.yaml") from None
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "pipeline.yaml") -> Pipeline:
    """Read the text of a pipeline file. Raises ConfigError."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: is no YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{name}: must hold a mapping with keys such as {', '.join(list(Pipeline.model_fields)[:4])}")
    try:
        return Pipeline.model_validate(raw)
    except ValidationError as error:
        lines = list(dict.fromkeys(_explain(error)))
        raise ConfigError("\n".join(f"{name}: {line}" for line in lines)) from None


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"] if part not in ("Fill", "literal['reject','omit']"))
        if problem["type"] == "extra_forbidden":
            *parents, key = problem["loc"]
            valid = _keys(Pipeline, [str(part) for part in parents])
            yield f"unknown key {str(key)!r}{' in ' + '.'.join(map(str, parents)) if parents else ''}{_nearest(str(key), valid)}"
        elif problem["type"] == "missing":
            yield f"the key {where!r} is missing"
        else:
            said = problem["msg"].removeprefix("Value error, ")
            yield f"{where}: {said}" if where else said


def _nearest(name: str, valid: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(valid), 1, cutoff=0.5)
    return f": did you mean {close[0]!r}?" if close else f": valid are {', '.join(valid)}"


def _keys(model: type[BaseModel], path: list[str]) -> Mapping[str, Any]:
    """The valid keys at ``path``, found by walking the models; mappings skip one step."""
    steps = iter(path)
    for step in steps:
        field = model.model_fields.get(step)
        if field is None:
            continue
        inner = _models_in(field.annotation)
        if get_origin(field.annotation) is dict:
            next(steps, None)
        if inner:
            model = inner[0]
    return model.model_fields


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (dict, Union, type(int | str), tuple, Annotated):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
