"""Texts: what texts say by their length, their words, and how many of these are new."""

from collections.abc import Sequence
from zlib import crc32

from monitors.reading import NOT_KNOWN, Reading, percents
from monitors.sizes import NOTHING, Size

LOOKED_AT = 512
"""Characters of a text in which words are looked at one by one."""

WORDS = 16
"""Words of a text that are looked at, evenly over these characters."""

ROOM = 65536
"""Places for words that were seen; two words may share one."""


View = tuple[int, int, Sequence[int]]
"""What is kept of a text: its length, how many words, and checksums of some of them."""


def view_texts(texts: Sequence[object], every: int) -> list[View | None]:
    """Texts without their content; of the first of ``every`` so many also words, which cost the most.

    >>> [(length, tokens, len(words)) for length, tokens, words in view_texts(["the cat", "sat"], 2)]
    [(7, 2, 2), (3, 1, 0)]
    """
    views: list[View | None] = [
        (len(text), text.count(" ") + 1, ()) if isinstance(text, str) else None for text in texts
    ]
    for i in range(0, len(texts), every):
        view, text = views[i], texts[i]
        if view is not None and isinstance(text, str):
            views[i] = view[0], view[1], _words(text)
    return views


def _words(text: str) -> list[int]:
    words = text[:LOOKED_AT].lower().encode("utf-8", "replace").split()
    return [crc32(word) for word in words[:: len(words) // WORDS + 1]]


class Texts:
    """Reads texts.

    >>> texts = Texts(view_texts(["the cat sat"] * 100, 1))
    >>> texts.read(view_texts(["the dog sat"], 1))[2]
    Reading(n=3, total=1.0)
    """

    parts: tuple[str, ...] = ("length", "tokens", "new tokens")
    biased: tuple[str, ...] = ("new tokens",)
    memories = NOT_KNOWN

    def __init__(self, reference: Sequence[View]) -> None:
        self._length = Size([length for length, _, _ in reference], "length", "characters")
        self._tokens = Size([tokens for _, tokens, _ in reference], "", "words")
        seen = bytearray(ROOM)
        for _, _, words in reference:
            for word in words:
                seen[word % ROOM] = 1
        self._seen = bytes(seen)

    def read(self, column: Sequence[View]) -> list[Reading]:
        """Length, number of words, and the share of words that the reference does not have."""
        if not column:
            return [NOTHING] * 3
        lengths, tokens, looked_at = zip(*column, strict=True)
        seen = self._seen
        known = [seen[word % ROOM] for words in looked_at if words for word in words]
        return [
            self._length.read(lengths),
            self._tokens.read(tokens),
            Reading(len(known), float(len(known) - sum(known))),
        ]

    def say(self, part: str, before: float, after: float, blocks: int) -> str:
        """Medians, and the share of new words."""
        if part == "new tokens":
            return percents("words not seen before", before, after)
        return (self._length if part == "length" else self._tokens).say(blocks)
