"""The table of bars as Markdown, and the page that it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.bars.contenders import OURS
from tests.bars.draw import Drawn
from tests.bars.judges import Verdict
from tests.bars.row import EVERYBODY, Row
from tests.bars.rows import ROWS

BEGIN, END = "<!-- {} -->", "<!-- end of {} -->"


def head() -> Iterator[str]:
    """The two lines above the first row."""
    yield "| stream | bar | " + " | ".join(EVERYBODY) + " |"
    yield "|---|---|" + "---|" * len(EVERYBODY)


def line(row: Row, verdicts: dict[str, Verdict], before: str = "") -> str:
    """One row: the figure of each contender and whether it reaches the bar, or what was told of it before."""
    cells = before.removeprefix("| ").removesuffix(" |").split(" | ")[2:] or ["–"] * len(EVERYBODY)
    for at, name in enumerate(EVERYBODY):
        if name in verdicts:
            cells[at] = shown(verdicts[name], loud=name == OURS)
    return "| " + " | ".join([row.stream, row.bar, *cells]) + " |"


def shown(verdict: Verdict, *, loud: bool) -> str:
    """A figure with its mark; ours is loud where it does not reach the bar."""
    if verdict.met:
        return f"{verdict.figure} ✓"
    return f"**{verdict.figure} ✗**" if loud else f"{verdict.figure} ✗"


def merged(page: str, drawn: Drawn) -> list[str]:
    """The lines of the whole table: this row, and for the others what a page says of them."""
    told = {text.split(" | ")[0].removeprefix("| "): text for text in page.splitlines()}
    name = drawn.row.stream
    told[name] = line(drawn.row, drawn.verdicts, told.get(name, ""))
    return [*head(), *(told[row.stream] for row in ROWS if row.stream in told)]


def put(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with these lines between its two marks of this name. Raises ValueError where it has none."""
    begin, end = BEGIN.format(name), END.format(name)
    before, mark, rest = page.partition(begin)
    _, other, after = rest.partition(end)
    if not (mark and other):
        raise ValueError(f"the page has no {begin} … {end}")
    return "\n".join([before + begin, "", *lines, "", end + after])
