"""FieldMove: how one field looks on the two sides of the onset, and how much the model leans on it."""

from pydantic import BaseModel, Field

from fluvial.console.evidence import Text


class Bar(BaseModel):
    """One bar of a histogram: shares of the events on the two sides."""

    name: Text
    before: float
    after: float


class FieldMove(BaseModel):
    """One field. ``harm`` orders them: the distance of the two sides times the reliance of the model.

    ``lean`` is the share of the model's reliance that is on this field, null where the model does not
    see it or there was no model; ``lean_loss`` is how much the loss of the model of before rises when
    the field's values are shuffled.
    """

    name: Text
    kind: Text
    unit: Text = ""
    n_before: int
    n_after: int
    psi: float | None = Field(description="population stability index; above 0.25 is a large shift")
    certain: bool = Field(description="more than chance makes of it, over all fields")
    distance: float | None = Field(description="Kolmogorov-Smirnov for numbers, total variation for others")
    difference: float | None = Field(None, description="of the means, in standard deviations of before")
    mean_before: float | None = None
    mean_after: float | None = None
    missing_before: float
    missing_after: float
    new: float | None = Field(
        None, description="share of values after that are new, beyond what was always new (categories)"
    )
    factor: float | None = Field(None, description="all values after are about so many times those before")
    lean: float | None = None
    lean_loss: float | None = None
    harm: float = 0.0
    private: bool = Field(False, description="its values are not shown")
    bars: list[Bar] = []


class Refused(BaseModel):
    """Records that could not be read, for one reason, as a share of the events."""

    stream: Text
    reason: Text
    detail: Text
    n_before: int
    n_after: int
    before: float
    after: float
