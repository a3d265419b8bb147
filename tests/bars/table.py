"""The table of bars as Markdown, and the page that it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.bars.draw import Drawn
from tests.bars.judges import Verdict
from tests.bars.row import EVERYBODY, Row
from tests.bars.rows import ROWS

BEGIN, END = "<!-- {} -->", "<!-- end of {} -->"


def head() -> Iterator[str]:
    """The two lines above the first row."""
    yield "| stream | bar | " + " | ".join(EVERYBODY) + " |"
    yield "|---|---|" + "---|" * len(EVERYBODY)


def line(row: Row, verdicts: dict[str, Verdict]) -> str:
    """One row: the figure of each contender, and whether it reaches the bar."""
    cells = [shown(verdicts.get(name), loud=name == EVERYBODY[0]) for name in EVERYBODY]
    return "| " + " | ".join([row.stream, row.bar, *cells]) + " |"


def shown(verdict: Verdict | None, *, loud: bool) -> str:
    """A figure with its mark; ours is loud where it does not reach the bar."""
    if verdict is None:
        return "–"
    if verdict.met:
        return f"{verdict.figure} ✓"
    return f"**{verdict.figure} ✗**" if loud else f"{verdict.figure} ✗"


def merged(page: str, drawn: Iterable[Drawn]) -> list[str]:
    """The lines of the whole table: these rows, and for the others what a page says of them."""
    told = {text.split(" | ")[0].removeprefix("| "): text for text in page.splitlines()}
    told |= {one.row.stream: line(one.row, one.verdicts) for one in drawn}
    return [*head(), *(told[row.stream] for row in ROWS if row.stream in told)]


def put(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with these lines between its two marks of this name. Raises ValueError where it has none."""
    begin, end = BEGIN.format(name), END.format(name)
    before, mark, rest = page.partition(begin)
    _, other, after = rest.partition(end)
    if not (mark and other):
        raise ValueError(f"the page has no {begin} … {end}")
    return "\n".join([before + begin, "", *lines, "", end + after])
