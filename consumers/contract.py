"""Contract: what an event and a label must look like, compiled to one pydantic validator each.

pydantic is the parser and the check at once: bytes go in, an Event, a Label or a Rejection comes
out. Nothing here raises on bad input, and nothing guesses: types are decided once, at this edge.
Of a key that comes twice in one object the last value counts; keys that nobody declared are not
looked at.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any

from pydantic import ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from consumers.cleaning import spelling
from consumers.event import Event, Label, Rejection, Truth, Value
from consumers.fields import LONGEST_NAME, FieldSpec, LabelSpec
from consumers.image import Image, read_image
from consumers.imagefile import LONGEST, NoImage
from consumers.record import Record
from consumers.redaction import Shown, rejection, view

LARGEST_ID = 10**40
"""A whole number used as an id or a category; a UUID has 39 digits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Contract:
    """Reads records of one pipeline.

    ``fields`` in the order in which the learner will see them, always: River's models sum floats
    in that order. A label finds its event by the id as text, spelled as the event's id field is.
    ``private`` says whether any field is: then nothing undeclared of a record may be shown, nor its key.
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
        self._id, self._time, self._source = id_field, time_field, source_field
        context = {id_field} | {n for n, s in fields.items() if s.type == "time" or s.use == "context"}
        self.features = [name for name in fields if name not in context]
        self.context = [name for name in fields if name in context]
        self._label, self._truth_field = label, label.field
        self._class = spelling({}, casefold=False)
        self._event_validator = _event_validator(fields, label, id_field)
        self._label_validator = _label_validator(label)
        self._conversions = [(n, c) for n, s in fields.items() if (c := _conversion(s)) is not None]
        self._declared = [(n, frozenset(s.values)) for n, s in fields.items() if s.values is not None]
        self._fills = [(n, s.filled) for n, s in fields.items() if s.filled is not None and n != id_field]
        self._omitted = [n for n, s in fields.items() if s.missing == "omit" and n != id_field]
        self._label_id = dict(self._conversions).get(id_field or "", str)
        self._events_shown, self._labels_shown = _shown(fields, label)
        self.private = any(spec.pii for spec in fields.values())

    def event(self, record: Record) -> Event | Rejection:
        """Read one record of the events topic. ``record.value`` must not be None."""
        assert record.value is not None
        try:
            values = self._event_validator.validate_json(record.value)
        except ValidationError as error:
            return rejection(error, record.value, self._events_shown, self._truth_field)
        filled = self._clean(values)
        label = None if self._truth_field is None else self._truth(values.pop(self._truth_field))
        if (problem := self._problem(values, label)) is not None:
            return Rejection(*problem, view(record.value, self._events_shown))
        when, source = values.get(self._time), values.get(self._source)
        name = str(values[self._id]) if self._id else f"{record.partition}:{record.offset}"
        context = {name: values.pop(name) for name in self.context if name in values}
        return Event(
            name,
            record.timestamp / 1000 if when is None else when,
            values,  # what is left are the features, in the order of the contract as the validator is
            context,
            None if source is None else str(source),
            label,
            filled,
        )

    def truth(self, record: Record) -> Label | Rejection:
        """Read one record of the labels topic. ``record.value`` must not be None."""
        assert record.value is not None
        try:
            values = self._label_validator.validate_json(record.value)
        except ValidationError as error:
            return rejection(error, record.value, self._labels_shown, "label")
        name, value, when = (
            str(self._label_id(values["id"])),
            self._truth(values["label"]),
            values.get("time"),
        )
        if value is None or not name:
            problem = self._unknown("label") if value is None else _empty("id")
            return Rejection(*problem, view(record.value, self._labels_shown))
        moment = record.timestamp / 1000 if when is None else seconds_of(when)
        return Label(name, value, moment, values["source"])

    def _clean(self, values: dict[str, Any]) -> tuple[str, ...]:
        """Put values into the form that is promised; the names of those that were filled in."""
        for name, convert in self._conversions:
            if (value := values.get(name)) is not None:
                values[name] = convert(value)
        filled: tuple[str, ...] = ()
        for name, fill in self._fills:
            if values[name] is None:
                values[name] = fill
                filled += (name,)
        for name in self._omitted:
            if values[name] is None:
                del values[name]
        return filled

    def _problem(self, values: Mapping[str, Any], label: Truth | None) -> tuple[str, str] | None:
        """The reason and the sentence of what the validator could not see; None where all is well."""
        if self._id is not None and values[self._id] == "":
            return _empty(self._id)
        for name, allowed in self._declared:
            if (value := values.get(name)) is not None and value not in allowed:
                return "out_of_range", f"{name[:60]}: is none of the declared values"
        if label is None and self._truth_field is not None:
            return self._unknown(self._truth_field)
        return None

    def _truth(self, value: Any) -> Truth | None:
        """The truth in the label's type; None for a class that is not among the declared ones."""
        if self._label.type == "boolean":
            return bool(value)
        if self._label.type == "number":
            return float(value)
        name = self._class(value)
        return name if name and (self._label.values is None or name in self._label.values) else None

    def _unknown(self, field: str) -> tuple[str, str]:
        known = ", ".join(self._label.values or ())
        return "unknown_label", f"{field[:60]}: is none of the classes {known}"[:300].strip()


def _shown(fields: Mapping[str, FieldSpec], label: LabelSpec) -> tuple[Shown, Shown]:
    """What may be shown of events and of labels: with a private field, ids and truths are private too."""
    private = {name for name, spec in fields.items() if spec.pii}
    images = {name for name, spec in fields.items() if spec.type == "image"}
    if not private:
        return Shown.of((), (), images), Shown.of((), (), ())
    truth = set() if label.field is None else {label.field}
    return Shown.of(fields, private | truth, images), Shown.of(("time", "source"), ("id", "label"), ())


def _empty(field: str) -> tuple[str, str]:
    return "missing_field", f"{field[:60]}: is empty"


def seconds_of(moment: datetime) -> float:
    """Seconds since 1970 UTC; a time without a zone is in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _conversion(spec: FieldSpec) -> Callable[[Any], Value] | None:
    if spec.type == "category":
        return spelling(spec.spellings, casefold=spec.casefold)
    return seconds_of if spec.type == "time" else None


def _event_validator(
    fields: Mapping[str, FieldSpec], label: LabelSpec, id_field: str | None
) -> SchemaValidator:
    columns = {}
    for name, spec in fields.items():
        if name == id_field:
            columns[name] = core_schema.typed_dict_field(_id_schema(spec))
        elif spec.missing == "reject":
            columns[name] = core_schema.typed_dict_field(_schema(spec))
        else:
            columns[name] = _optional(_schema(spec))
    if label.field is not None:
        columns[label.field] = core_schema.typed_dict_field(_truth_schema(label))
    return SchemaValidator(core_schema.typed_dict_schema(columns, extra_behavior="ignore"))


def _label_validator(label: LabelSpec) -> SchemaValidator:
    columns = {
        "id": core_schema.typed_dict_field(_name_schema()),
        "label": core_schema.typed_dict_field(_truth_schema(label)),
        "time": _optional(core_schema.datetime_schema()),
        "source": _optional(core_schema.str_schema(strict=True, max_length=LONGEST_NAME)),
    }
    return SchemaValidator(core_schema.typed_dict_schema(columns, extra_behavior="ignore"))


def _optional(schema: CoreSchema) -> core_schema.TypedDictField:
    """A key that may be absent or null; either way it is there as None, in its place."""
    nullable = core_schema.nullable_schema(schema)
    return core_schema.typed_dict_field(core_schema.with_default_schema(nullable, default=None))


def _schema(spec: FieldSpec) -> CoreSchema:
    low, high = spec.bounds
    match spec.type:
        case "number":
            return core_schema.float_schema(strict=True, allow_inf_nan=False, ge=low, le=high)
        case "integer":
            return core_schema.int_schema(strict=True, ge=ceil(low), le=floor(high))
        case "category":
            return _name_schema()
        case "text":
            return core_schema.str_schema(strict=True, max_length=spec.max_length)
        case "image":
            return _image_schema(spec.size)
    return core_schema.bool_schema(strict=True) if spec.type == "boolean" else core_schema.datetime_schema()


def _image_schema(size: int) -> CoreSchema:
    def read(text: str) -> Image:
        try:
            return read_image(text, size)
        except NoImage as problem:
            raise PydanticCustomError(problem.reason, "{said}", {"said": str(problem)}) from None

    text = core_schema.str_schema(strict=True, max_length=LONGEST)
    return core_schema.no_info_after_validator_function(read, text)


def _id_schema(spec: FieldSpec) -> CoreSchema:
    match spec.type:
        case "text":
            return core_schema.str_schema(strict=True, max_length=min(spec.max_length, LONGEST_NAME))
        case "integer" if spec.range is None:
            return core_schema.int_schema(strict=True, ge=-LARGEST_ID, le=LARGEST_ID)
    return _schema(spec)


def _name_schema() -> CoreSchema:
    text = core_schema.str_schema(strict=True, max_length=LONGEST_NAME)
    number = core_schema.int_schema(strict=True, ge=-LARGEST_ID, le=LARGEST_ID)
    return core_schema.union_schema([text, number], mode="left_to_right")


def _truth_schema(spec: LabelSpec) -> CoreSchema:
    match spec.type:
        case "boolean":
            yes_or_no: list[CoreSchema | tuple[CoreSchema, str]]
            yes_or_no = [core_schema.bool_schema(strict=True), core_schema.literal_schema([0, 1])]
            return core_schema.union_schema(yes_or_no, mode="left_to_right")
        case "category":
            return _name_schema()
        case "number":
            return _schema(FieldSpec(type="number"))
