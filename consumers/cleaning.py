"""What is done to a field's value before anyone learns from it: missing values and spellings."""

import unicodedata
from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict

from consumers.event import Value


class Fill(BaseModel):
    """The missing rule that puts a fixed value in the place of a missing one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fill: float | int | str | bool


def spelling(variants: Mapping[str, str], *, casefold: bool) -> Callable[[Value], str]:
    """Return a function that gives each spelling of a category one form.

    White space at the ends is dropped, Unicode is composed (NFC), case is folded if asked, and the
    result is looked up in ``variants``, whose values are final. Numbers used as categories become
    their text.

    >>> one_form = spelling({"n.y.": "nyc"}, casefold=True)
    >>> one_form(" N.Y. "), one_form(12)
    ('nyc', '12')
    """
    form = _folded if casefold else _plain
    table = {form(variant): meant for variant, meant in variants.items()}
    if not table:
        return form

    def one_form(value: Value) -> str:
        text = form(value)
        return table.get(text, text)

    return one_form


def _plain(value: Value) -> str:
    text = (value if isinstance(value, str) else str(value)).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _folded(value: Value) -> str:
    # Folding can take a composed letter apart again, and composing can bring a capital back to light.
    return _plain(_plain(_plain(value).casefold()).casefold())
