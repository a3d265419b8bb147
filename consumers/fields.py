"""FieldSpec and LabelSpec: what a pipeline file says about its fields and its truth."""

from math import isfinite, isnan
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from consumers.cleaning import Fill, spelling
from consumers.image import LARGEST, SMALLEST, USUAL

FieldType = Literal["number", "integer", "category", "boolean", "text", "time", "image"]

WIDEST = 1e12
"""Numbers beyond this are refused where no range is stated: their squares ruin a model for good."""

LONGEST_NAME = 256
"""Characters of an id, a category, a class or a source: each is kept in mind, many at a time."""

_KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "category": (str,),
    "text": (str,),
}


def _fits(value: object, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    if isinstance(value, str) and kind == "category":
        return 0 < len(value) <= LONGEST_NAME
    if isinstance(value, int | float) and not (isfinite(value) and abs(value) <= WIDEST):
        return False
    return isinstance(value, _KINDS.get(kind, ()))


def _rule(value: object) -> str | None:
    if isinstance(value, dict | Fill):
        return "a fixed value"
    return "a word" if value in ("reject", "omit") else None


Missing = Annotated[
    Annotated[Literal["reject", "omit"], Tag("a word")] | Annotated[Fill, Tag("a fixed value")],
    Discriminator(
        _rule,
        custom_error_type="missing_rule",
        custom_error_message="write reject, omit or {fill: VALUE}",
    ),
]
"""``reject`` (quarantine the record), ``omit`` (leave the field out) or ``{fill: VALUE}``."""


class FieldSpec(BaseModel):
    """One declared field of an event.

    ``range`` holds both its ends; an infinite end stands for WIDEST. ``values`` are the categories
    there are, in the form that ``spellings`` and ``casefold`` give them. ``use: context`` keeps a
    field from the model, for slices, recent statistics and display. ``pii`` keeps its value out of
    whatever is shown. ``max_length`` is in characters and bounds a text. ``size`` is the
    edge, in pixels, of the square that an image is standardised to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: FieldType
    description: str = ""
    unit: str = ""
    range: tuple[float, float] | None = None
    values: tuple[str, ...] | None = Field(default=None, min_length=1)
    missing: Missing = "reject"
    use: Literal["feature", "context"] = "feature"
    pii: bool = False
    casefold: bool = False
    spellings: dict[str, str] = {}
    max_length: int = Field(default=10_000, ge=1, le=1_000_000, strict=True)
    size: int = Field(default=USUAL, ge=SMALLEST, le=LARGEST, strict=True)

    @model_validator(mode="after")
    def _holds_together(self) -> "FieldSpec":
        self._check_range()
        if (self.values or self.spellings or self.casefold) and self.type != "category":
            raise ValueError(f"values, spellings and casefold are for categories, not for {self.type}")
        if "max_length" in self.model_fields_set and self.type != "text":
            raise ValueError(f"max_length is for texts, not for {self.type}")
        if "size" in self.model_fields_set and self.type != "image":
            raise ValueError(f"size is for images, not for {self.type}")
        _check_values(self.values, self.spellings, casefold=self.casefold)
        self._check_fill()
        return self

    def _check_fill(self) -> None:
        if not isinstance(self.missing, Fill):
            return
        if self.type == "image":
            raise ValueError("missing: no image can be filled in: write reject or omit")
        if not _fits(self.missing.fill, self.type):
            raise ValueError(f"missing: {{fill: {self.missing.fill!r}}} is no {self.type}")
        if self.values and self.filled not in self.values:
            raise ValueError(f"missing: {{fill: {self.missing.fill!r}}} is none of the values")

    def _check_range(self) -> None:
        if self.range is None:
            return
        if self.type not in ("number", "integer"):
            raise ValueError(f"range is for numbers and integers, not for {self.type}")
        low, high = self.range
        if isnan(low) or isnan(high) or low > high:
            raise ValueError(f"range goes from the smallest to the largest value, not {[low, high]}")

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that are let in."""
        low, high = self.range or (-WIDEST, WIDEST)
        return low if isfinite(low) else -WIDEST, high if isfinite(high) else WIDEST

    @property
    def filled(self) -> float | int | str | bool | None:
        """What stands in for a missing value, in the field's own type; None where nothing does."""
        if not isinstance(self.missing, Fill):
            return None
        match self.type:
            case "number":
                return float(self.missing.fill)
            case "category":
                return spelling(self.spellings, casefold=self.casefold)(self.missing.fill)
        return self.missing.fill


class LabelSpec(BaseModel):
    """What the truth looks like and when it is given up.

    ``horizon`` is in seconds of stream time. ``field`` names the event's own field where the event
    carries its truth; otherwise it comes from the labels topic. ``default`` is learned when the
    horizon passes without a label; without it such events expire unlearned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["boolean", "category", "number"]
    horizon: float = Field(gt=0, allow_inf_nan=False)
    field: str | None = None
    default: StrictBool | StrictFloat | StrictInt | StrictStr | None = None
    values: tuple[str, ...] | None = Field(default=None, min_length=1)
    description: str = ""
    unit: str = ""

    @model_validator(mode="after")
    def _holds_together(self) -> "LabelSpec":
        if self.values and self.type != "category":
            raise ValueError(f"values are for categories, not for {self.type}")
        _check_values(self.values, {}, casefold=False)
        if self.default is not None and not _fits(self.default, self.type):
            raise ValueError(f"default: {self.default!r} is no {self.type}")
        if self.values and self.default is not None and self.default not in self.values:
            raise ValueError(f"default: {self.default!r} is none of the values")
        return self

    @property
    def truth_by_default(self) -> Any:
        """The default as the label's own type; None where there is none."""
        return float(self.default) if self.type == "number" and self.default is not None else self.default


def _check_values(values: tuple[str, ...] | None, spellings: dict[str, str], *, casefold: bool) -> None:
    """Refuse a declared value that no record can ever have."""
    one_form = spelling(spellings, casefold=casefold)
    for value in values or ():
        if not _fits(value, "category"):
            raise ValueError(f"values: a value has between 1 and {LONGEST_NAME} characters, not {len(value)}")
        if (read := one_form(value)) != value and read not in (values or ()):
            raise ValueError(f"values: {value!r} is read as {read!r}, which is not among them")
