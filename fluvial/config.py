"""pipeline.yaml, read once: typed, frozen, unknown keys refused with the nearest valid one.

Nobody below this package sees a config object: parts are built from its sections in
:mod:`fluvial.shard`. Each section is declared by the package that uses it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from consumers.fields import FieldSpec, LabelSpec
from fluvial.crosscheck import mistakes
from fluvial.durations import Duration
from fluvial.errors import ConfigError
from fluvial.explain import explain
from fluvial.review_spec import ReviewSpec
from fluvial.trial import Question, TrialFailed, try_out
from learners.baselines import BaselineSpec
from learners.expression import ExpressionError
from learners.recent import RecentSpec
from learners.scoring import SuccessSpec
from learners.task import CostSpec
from monitors.spec import DAY, WEEK, MonitorSpec

Count = Annotated[int, Field(strict=True)]
"""A whole number; yes and no, which YAML reads as true and false, are none."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelSection(LabelSpec):
    """The label's contract, with the horizon as people write it."""

    horizon: Duration = Field(default=86400.0, gt=0, allow_inf_nan=False)


class RecentSection(RecentSpec):
    """One recent statistic, with its window as people write it."""

    within: Duration | None = None


class MonitorSection(MonitorSpec):
    """How watchful the monitors are, with seasons as people write them."""

    seasons: tuple[Duration, ...] = Field(default=(DAY, WEEK), max_length=3, strict=False)


class ReviewSection(ReviewSpec):
    """What happens to incidents and decisions, with durations as people write them."""

    pending: Duration = Field(default=0.0, ge=0, le=30 * 86400, allow_inf_nan=False)
    escalate: Duration = Field(default=3600.0, ge=0, le=365 * 86400, allow_inf_nan=False)
    regress: Duration = Field(default=7 * 86400.0, ge=0, le=365 * 86400, allow_inf_nan=False)
    expires: Duration = Field(default=3600.0, gt=0, le=365 * 86400, allow_inf_nan=False)


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

    early: Count = Field(default=50_000, ge=1)
    settled: Count = Field(default=50_000, ge=1)
    waiting: Count = Field(default=1_000_000, ge=1)


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
    monitor: MonitorSection = MonitorSection()
    review: ReviewSection = ReviewSection()
    ledger: LedgerSection = LedgerSection()
    topics: Topics = Topics()
    partitions: Count = Field(default=1, ge=1, le=1000)
    learn: Literal["one-model", "per-partition"] = "one-model"
    seed: Count = 1
    batch: Count = Field(default=1000, ge=1, le=100_000)
    linger: Duration = Field(default=0.02, ge=0, le=10)
    snapshot_every: Count = Field(default=50_000, ge=1)
    standby: Literal["warm", "cold"] = "warm"

    @model_validator(mode="after")
    def _holds_together(self) -> "Pipeline":
        if found := list(mistakes(self)):
            raise ValueError("\n".join(found))
        try:
            try_out(
                Question(
                    self.task, self.model, self.seed, self.id, self.fields, list(self.recent), self.label
                )
            )
        except (ExpressionError, TrialFailed) as error:
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
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): give the path of a pipeline.yaml"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8 text at byte {error.start}") from None
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "pipeline.yaml") -> Pipeline:
    """Read the text of a pipeline file. Raises ConfigError."""
    raw = _read(text, name)
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{name}: must hold a mapping with keys such as {', '.join(list(Pipeline.model_fields)[:4])}"
        )
    return checked(raw, name=name)


def checked(raw: Mapping[str, Any], *, name: str) -> Pipeline:
    """A pipeline of what a file called ``name`` holds. Raises ConfigError."""
    try:
        return Pipeline.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{name}: {line}" for line in explain(error, raw, Pipeline))) from None


def as_written(pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline as JSON can carry it, without what is as by default; ``checked`` reads it again."""
    return pipeline.model_dump(mode="json", exclude_defaults=True)


def as_yaml(value: Mapping[str, Any]) -> str:
    """A JSON value as YAML, in the order that it has.

    >>> print(as_yaml({"question": "Late?", "fields": {"a": {"type": "number"}}}), end="")
    question: Late?
    fields:
      a:
        type: number
    """
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)


def with_model(pipeline: Pipeline, expression: str, *, name: str = "--model") -> Pipeline:
    """The same pipeline with another model, checked as if a file said so. Raises ConfigError."""
    return checked(as_written(pipeline) | {"model": expression}, name=name)


def _read(text: str, name: str) -> Any:
    """What a YAML text holds. Raises ConfigError, also for keys that come twice: YAML takes the last one."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        found = next(_objections(node, set()), None)
        raw = None if found else yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{name}: {where}{error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: is no YAML: {str(error).splitlines()[0]}") from None
    if found:
        raise ConfigError(f"{name}: {found}")
    return raw


def _objections(node: yaml.Node | None, seen: set[int]) -> Iterator[str]:
    """What YAML lets pass and a pipeline file does not: in the order of lines."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    match node:
        case yaml.SequenceNode():
            for item in node.value:
                yield from _objections(item, seen)
        case yaml.MappingNode():
            yield from _bad_keys(node)
            for part in (part for pair in node.value for part in pair):
                yield from _objections(part, seen)
        case yaml.ScalarNode() if any("\ud800" <= sign <= "\udfff" for sign in node.value):
            yield f"line {node.start_mark.line + 1}: half a character: write one \\U and not two \\u"


def _bad_keys(node: yaml.MappingNode) -> Iterator[str]:
    """Keys that come twice in one mapping, or that are no text."""
    before: set[str] = set()
    for key, _ in node.value:
        line, kind = f"line {key.start_mark.line + 1}", key.tag.rpartition(":")[2]
        if kind == "bool":
            yield f"{line}: YAML reads the key {key.value} as true or false: put it in quotes"
        elif kind not in ("str", "merge"):
            yield f"{line}: a key is a text: put it in quotes"
        elif key.value in before:
            yield f"{line}: the key {key.value!r} comes a second time here"
        before.add(str(key.value))
