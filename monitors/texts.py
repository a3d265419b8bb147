"""Texts: what texts say by their length, their words, and how many of these are new."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

from monitors.reading import Reading, percents
from monitors.sizes import Size

LOOKED_AT = 512
"""Characters of a text in which words are looked at one by one."""

WORDS = 16
"""Words of a text that are looked at, evenly over these characters."""

ROOM = 65536
"""Places for words that were seen; two words may share one."""


class TextView(NamedTuple):
    """What is kept of a text: its length, how many words, and the places of some of them."""

    length: int
    tokens: int
    words: tuple[int, ...]


def view_text(text: object, *, words: bool) -> TextView | None:
    """A text without its content; its words only where asked for, they cost the most.

    >>> view_text("the cat", words=False), len(view_text("the cat", words=True).words)
    (TextView(length=7, tokens=2, words=()), 2)
    """
    if not isinstance(text, str):
        return None
    return TextView(len(text), text.count(" ") + 1, tuple(_places(text)) if words else ())


def _places(text: str) -> Iterable[int]:
    words = text[:LOOKED_AT].lower().split()
    step = len(words) // WORDS + 1
    return (crc32(word.encode("utf-8", "replace")) % ROOM for word in words[::step])


class Texts:
    """Reads texts.

    >>> texts = Texts([view_text("the cat sat", words=True)] * 100)
    >>> [r.n for r in texts.read([view_text("the dog sat", words=True)])], texts.read([])[2].n
    ([1, 1, 3], 0)
    >>> texts.read([view_text("the dog sat", words=True)])[2].total
    1.0
    """

    parts: tuple[str, ...] = ("length", "tokens", "new tokens")
    biased: tuple[str, ...] = ("new tokens",)

    def __init__(self, reference: Sequence[TextView]) -> None:
        self._length = Size([view.length for view in reference], "length", "characters")
        self._tokens = Size([view.tokens for view in reference], "", "words")
        seen = bytearray(ROOM)
        for view in reference:
            for place in view.words:
                seen[place] = 1
        self._seen = bytes(seen)

    def read(self, column: Sequence[TextView]) -> list[Reading]:
        """Length, number of words, and the share of words that the reference does not have."""
        seen = self._seen
        known = [seen[place] for view in column for place in view.words]
        return [
            self._length.read([view.length for view in column]),
            self._tokens.read([view.tokens for view in column]),
            Reading(len(known), float(len(known) - sum(known))),
        ]

    def say(self, part: str, before: float, after: float, blocks: int) -> str:
        """Medians, and the share of new words."""
        if part == "new tokens":
            return percents("words not seen before", before, after)
        return (self._length if part == "length" else self._tokens).say(blocks)
