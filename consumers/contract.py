"""Contract: what an event and a label must look like, compiled to one pydantic model each.

pydantic is the parser and the check at once: bytes go in, an Event, a Label or a Rejection comes
out. Nothing here raises on bad input, and nothing guesses: types are decided once, at this edge.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    create_model,
    model_validator,
)

from consumers.cleaning import Fill, spelling
from consumers.event import Event, Label, Rejection, Truth, Value
from consumers.record import Record
from consumers.redaction import rejection, view

FieldType = Literal["number", "integer", "category", "boolean", "text", "time"]

WIDEST = 1e12
"""Numbers beyond this are refused where no range is stated: their squares ruin a model for good."""


class FieldSpec(BaseModel):
    """One declared field of an event."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: FieldType
    description: str = ""
    unit: str = ""
    range: tuple[float, float] | None = None
    values: tuple[str, ...] | None = None
    missing: Literal["reject", "omit"] | Fill = "reject"
    use: Literal["feature", "context"] = "feature"
    pii: bool = False
    casefold: bool = False
    spellings: dict[str, str] = {}
    max_length: int = Field(default=10_000, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _fits(self) -> "FieldSpec":
        if self.range and self.type not in ("number", "integer"):
            raise ValueError(f"range is for numbers and integers, not for {self.type}")
        if self.range and self.range[0] > self.range[1]:
            raise ValueError(f"range starts above its end: {list(self.range)}")
        if (self.values or self.spellings or self.casefold) and self.type != "category":
            raise ValueError(f"values, spellings and casefold are for categories, not for {self.type}")
        if isinstance(self.missing, Fill):
            self._check_fill(self.missing.fill)
        return self

    def _check_fill(self, value: Value) -> None:
        wanted: dict[str, tuple[type, ...]] = {
            "number": (int, float),
            "integer": (int,),
            "boolean": (bool,),
            "category": (str,),
            "text": (str,),
        }
        fits = isinstance(value, wanted.get(self.type, ()))
        if not fits or (isinstance(value, bool) and self.type != "boolean"):
            raise ValueError(f"missing: {{fill: {value!r}}} is no {self.type}")


class LabelSpec(BaseModel):
    """What the truth looks like and when it is given up.

    ``horizon`` is in seconds of event time. ``field`` names the event's own field where the event
    carries its truth; otherwise it comes from the labels topic. ``default`` is learned when the
    horizon passes without a label; without it such events expire unlearned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["boolean", "category", "number"]
    horizon: float = Field(gt=0)
    field: str | None = None
    default: StrictBool | StrictFloat | StrictInt | StrictStr | None = None
    values: tuple[str, ...] | None = None
    description: str = ""
    unit: str = ""


def _annotation(spec: FieldSpec) -> Any:
    low, high = spec.range or (-WIDEST, WIDEST)
    match spec.type:
        case "number":
            return Annotated[StrictFloat, Field(ge=low, le=high, allow_inf_nan=False)]
        case "integer":
            return Annotated[StrictInt, Field(ge=low, le=high)]
        case "boolean":
            return StrictBool
        case "time":
            return datetime
        case "category":
            return StrictStr | StrictInt
        case "text":
            return Annotated[StrictStr, Field(max_length=spec.max_length)]


def _truth_annotation(spec: LabelSpec) -> Any:
    match spec.type:
        case "boolean":
            return StrictBool | Literal[0, 1]
        case "category":
            return StrictStr | StrictInt
        case "number":
            return Annotated[StrictFloat, Field(ge=-WIDEST, le=WIDEST, allow_inf_nan=False)]


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Contract:
    """Reads records of one pipeline.

    ``fields`` in the order in which the learner will see them, always: River's models sum floats
    in that order.
    """

    def __init__(
        self,
        fields: Mapping[str, FieldSpec],
        label: LabelSpec,
        *,
        id_field: str | None = None,
        time_field: str | None = None,
        source_field: str | None = None,
    ) -> None:
        self.fields, self.label = dict(fields), label
        self._id, self._time, self._source = id_field, time_field, source_field
        self.sensitive = frozenset(name for name, spec in fields.items() if spec.pii)
        self._sensitive_label = frozenset({"id", "label"}) if self.sensitive else frozenset()
        self._plan = [(name, self._convert(spec), spec.missing) for name, spec in fields.items()]
        context = {id_field, label.field} | {n for n, s in fields.items() if s.type == "time"}
        context |= {n for n, s in fields.items() if s.use == "context"}
        self.features = [n for n in fields if n not in context]
        self.context = [n for n in fields if n in context and n != label.field]
        self._event = _event_model(fields, label)
        self._label = _label_model(label)

    def event(self, record: Record) -> Event | Rejection:
        """Read one record of the events topic. ``record.value`` must not be None."""
        assert record.value is not None
        try:
            parsed = self._event.model_validate_json(record.value).__dict__
        except ValidationError as error:
            return rejection(error, record.value, self.sensitive)
        values, problem = self._values(parsed)
        if problem:
            return Rejection("out_of_range", problem, view(record.value, self.sensitive))
        label = None if self.label.field is None else self._truth(parsed["label_"])
        if self.label.field is not None and label is None:
            return Rejection(
                "unknown_label", self._unknown(parsed["label_"]), view(record.value, self.sensitive)
            )
        return Event(
            id=str(values[self._id]) if self._id else f"{record.partition}:{record.offset}",
            time=float(values[self._time]) if self._time in values else record.timestamp / 1000,
            features={name: values[name] for name in self.features if name in values},
            context={name: values[name] for name in self.context if name in values},
            source=str(values[self._source]) if self._source in values else None,
            label=label,
        )

    def truth(self, record: Record) -> Label | Rejection:
        """Read one record of the labels topic. ``record.value`` must not be None."""
        assert record.value is not None
        try:
            parsed = self._label.model_validate_json(record.value).__dict__
        except ValidationError as error:
            return rejection(error, record.value, self._sensitive_label)
        value = self._truth(parsed["label"])
        if value is None:
            return Rejection(
                "unknown_label", self._unknown(parsed["label"]), view(record.value, self._sensitive_label)
            )
        moment = parsed["time"]
        when = record.timestamp / 1000 if moment is None else _seconds(moment)
        return Label(str(parsed["id"]), value, when, parsed["source"])

    def _values(self, parsed: Mapping[str, Any]) -> tuple[dict[str, Value], str | None]:
        values: dict[str, Value] = {}
        for (name, convert, missing), value in zip(self._plan, parsed.values(), strict=False):
            if value is None:
                if isinstance(missing, Fill):
                    values[name] = missing.fill
                continue
            values[name] = converted = value if convert is None else convert(value)
            if convert is not None and (problem := self._outside(name, converted)):
                return values, problem
        return values, None

    def _outside(self, name: str, value: Value) -> str | None:
        spec = self.fields[name]
        if spec.type != "category":
            return None
        if spec.values is not None and value not in spec.values:
            return f"{name}: not one of the declared values ({', '.join(spec.values[:8])})"
        if len(str(value)) > 256:
            return f"{name}: a category of more than 256 characters"
        return None

    @staticmethod
    def _convert(spec: FieldSpec) -> Callable[[Any], Value] | None:
        if spec.type == "category":
            return spelling(spec.spellings, casefold=spec.casefold)
        return _seconds if spec.type == "time" else None

    def _truth(self, value: Any) -> Truth | None:
        match self.label.type:
            case "boolean":
                return bool(value)
            case "number":
                return float(value)
        text = str(value)
        return text if self.label.values is None or text in self.label.values else None

    def _unknown(self, value: object) -> str:
        return f"label: {str(value)[:40]!r} is not one of {', '.join(self.label.values or ())[:200]}"


def _event_model(fields: Mapping[str, FieldSpec], label: LabelSpec) -> type[BaseModel]:
    # Fields get neutral names and their own as alias: a field may be called "copy" or "model_x".
    columns: dict[str, Any] = {}
    for index, (name, spec) in enumerate(fields.items()):
        wanted = _annotation(spec)
        if spec.missing == "reject":
            columns[f"field_{index}"] = (wanted, Field(alias=name))
        else:
            columns[f"field_{index}"] = (wanted | None, Field(alias=name, default=None))
    if label.field is not None:
        columns["label_"] = (_truth_annotation(label), Field(alias=label.field))
    return create_model("EventRecord", __config__=ConfigDict(extra="ignore"), **columns)


def _label_model(label: LabelSpec) -> type[BaseModel]:
    return create_model(
        "LabelRecord",
        __config__=ConfigDict(extra="ignore"),
        id=(StrictStr | StrictInt, ...),
        label=(_truth_annotation(label), ...),
        time=(datetime | None, None),
        source=(StrictStr | None, None),
    )
