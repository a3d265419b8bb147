"""What is done to a field's value before anyone learns from it: missing values and spellings."""

import unicodedata
from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict

from consumers.event import Value


class Fill(BaseModel):
    """The missing rule that puts a fixed value in the place of a missing one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fill: float | int | str | bool


Missing = str | Fill
"""``reject`` (quarantine the record), ``omit`` (leave the field out) or ``{fill: VALUE}``."""


def spelling(variants: Mapping[str, str], *, casefold: bool) -> Callable[[Value], str]:
    """Return a function that gives each spelling of a category one form.

    White space at the ends is dropped, Unicode is composed (NFC), case is folded if asked, and the
    result is looked up in ``variants``. Numbers used as categories become their text.

    >>> one_form = spelling({"n.y.": "nyc"}, casefold=True)
    >>> one_form(" N.Y. "), one_form(12)
    ('nyc', '12')
    """
    table = {_plain(k, casefold): v for k, v in variants.items()}

    def one_form(value: Value) -> str:
        text = _plain(str(value), casefold)
        return table.get(text, text) if table else text

    return one_form


def _plain(text: str, casefold: bool) -> str:
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text.casefold() if casefold else text
