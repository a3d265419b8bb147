"""Measure the monitors and print the table: ``python -m tests.bars [ROW ...] [--seed N] [--write]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from tests.bars import picture
from tests.bars.contenders import OURS
from tests.bars.draw import Drawn, drawn
from tests.bars.flights import KEPT
from tests.bars.row import EVERYBODY
from tests.bars.rows import BY_NAME, ROWS
from tests.bars.table import head, line, merged, put

PAGE = Path(__file__).resolve().parents[2] / "docs" / "monitors.md"
DIARY = ("| | began | said | what | before | after | evidence / needed |", "|--:|---|---|---|--:|--:|---|")


def main() -> int:
    """Measure what is asked for; the exit code is 1 where a bar is not reached."""
    asked, began = _arguments(), time.perf_counter()
    if asked.picture:
        picture.draw()
        return 0
    for text in head():
        print(text, flush=True)
    found: list[Drawn] = []
    rows = [BY_NAME[name] for name in asked.rows] or ROWS
    for one in drawn(rows, asked.who, asked.seed, asked.jobs):
        found.append(one)
        print(line(one.row, one.verdicts), flush=True)
        keep(one, asked.seed)
        if asked.write and not asked.seed:
            write(one)
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return int(sum(missed(one) for one in found if OURS in one.verdicts) > 0)


def missed(one: Drawn) -> bool:
    """Say it where our monitor does not reach a bar."""
    verdict = one.verdicts[OURS]
    if not verdict.met:
        print(f"NOT MET: {one.row.name}: {one.row.bar}: {verdict.figure}", *verdict.more, file=sys.stderr)
    return not verdict.met


def keep(one: Drawn, seed: int) -> None:
    """Leave what was said in every run of ours under build/, to be looked into."""
    if OURS not in one.runs:
        return
    KEPT.mkdir(parents=True, exist_ok=True)
    runs = [getattr(run, "said", run) for run in one.runs[OURS]]
    (KEPT / f"{one.row.name}-{seed}.json").write_text(json.dumps(runs))


def write(one: Drawn) -> None:
    """Put this row into the page."""
    page = PAGE.read_text()
    page = put(page, "bars", merged(page, one))
    if one.row.name == "flights" and OURS in one.verdicts:
        page = put(page, "flights", [*DIARY, *(f"| {text} |" for text in one.verdicts[OURS].more)])
    PAGE.write_text(page)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bars", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all, or some of: {', '.join(BY_NAME)}")
    parser.add_argument("--seed", type=int, default=0, help="another number draws everything anew")
    parser.add_argument(
        "--who", default=",".join(EVERYBODY), help="contenders, with commas between (default: all)"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument(
        "--write", action="store_true", help=f"also write these rows into docs/{PAGE.name} (those of seed 0)"
    )
    parser.add_argument("--picture", action="store_true", help=f"only draw docs/{picture.PATH.name}")
    asked = parser.parse_args()
    asked.who = [name for name in EVERYBODY if name in asked.who.split(",")]
    if unknown := sorted(set(asked.rows) - set(BY_NAME)):
        parser.error(f"there is no row {unknown[0]}: there are {', '.join(BY_NAME)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
