"""Measure recovery and print the table: ``python -m tests.recovery [ROW ...] [--full] [--write]``."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import structlog

from tests.recovery.site import machine_site
from tests.recovery.table import ROWS, Finding, chosen, markdown, merged

PAGE = Path(__file__).resolve().parents[2] / "docs" / "recovery.md"
HEAD = """# Recovery, measured

Made by `make soak` on {cores} cores; `make soak ARGS=ROW` measures one row anew. Every row is a promise, what came out
when it was tried, and the figure it has to reach. `tests/recovery` has a short draw of each row that runs with all tests.

"""


def main() -> int:
    """Measure what is asked for; the exit code is 1 where a promise is not met."""
    asked = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    findings: list[Finding] = []

    def measured() -> Iterator[Finding]:
        with machine_site(asked.hours) as site:
            for row in chosen(asked.rows):
                findings.append(row.measure(site, full=asked.full))
                yield findings[-1]

    for line in markdown(measured()):
        print(line, flush=True)
        if asked.write and findings:
            known = PAGE.read_text() if PAGE.exists() else ""
            PAGE.write_text(HEAD.format(cores=os.cpu_count()) + "\n".join(merged(known, findings)) + "\n")
    for finding in findings:
        if not finding.met:
            print(f"NOT MET: {finding.promise}: {finding.figure}", file=sys.stderr)
    return int(any(not finding.met for finding in findings))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.recovery", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all, or some of: {', '.join(names)}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="as many as the promise speaks of (hours)")
    size.add_argument("--short", action="store_false", dest="full", help="a few of each (the default)")
    parser.add_argument("--hours", type=float, default=1.0, help="how long the full soak lasts")
    parser.add_argument("--write", action="store_true", help=f"also write these rows into docs/{PAGE.name}")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.rows) - set(names)):
        parser.error(f"there is no row {unknown[0]}: there are {', '.join(names)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
