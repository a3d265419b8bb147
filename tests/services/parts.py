"""Which real parts took part in a test run, which could not, and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import pytest

PARTS = {
    "kafka": "Kafka",
    "postgres": "PostgreSQL",
    "prometheus": "Prometheus",
    "alertmanager": "Alertmanager",
    "promtool": "promtool",
    "browser": "browser",
}
REQUIRE = "FLUVIAL_REQUIRE"
REQUIRED_WITH = {"alertmanager": "prometheus", "promtool": "prometheus"}  # one name asks for all three


class UnavailableError(Exception):
    """This machine cannot provide a real part; the message says what to install."""


class Described(Protocol):
    """Anything that can name itself in the summary."""

    @property
    def description(self) -> str: ...


P = TypeVar("P", bound=Described)


class Parts:
    """The record of one test run: ``noted`` is part → what the summary says of it."""

    def __init__(self) -> None:
        self._required = {name.strip() for name in os.environ.get(REQUIRE, "").split(",")} - {""}
        self.noted: dict[str, list[str]] = {}
        if unknown := self._required - set(PARTS):
            raise pytest.UsageError(f"{REQUIRE} names unknown parts: {', '.join(sorted(unknown))}")

    def use(self, part: str, start: Callable[[], P]) -> P:
        """Start a part and note it; without it the test is skipped, or fails where the part is required."""
        try:
            service = start()
        except UnavailableError as why:
            reason = str(why)
        else:
            self._note(part, service.description)
            return service
        self._note(part, f"no: {reason}")
        if {part, REQUIRED_WITH.get(part, part)} & self._required:
            pytest.fail(f"{PARTS[part]} is required ({REQUIRE}): {reason}", pytrace=False)
        pytest.skip(f"no {PARTS[part]}: {reason}")

    def summary(self) -> Iterator[str]:
        """One line per part, in a fixed order."""
        width = max(len(title) for title in PARTS.values())
        for part, title in PARTS.items():
            yield f"{title:<{width}}  {' and '.join(self.noted.get(part, ['not asked for']))}"

    def add(self, noted: Mapping[str, Sequence[str]]) -> None:
        """Note what another process of this run has noted."""
        for part, lines in noted.items():
            for line in lines:
                self._note(part, line)

    def _note(self, part: str, line: str) -> None:
        noted = self.noted.setdefault(part, [])
        if line not in noted:
            noted.append(line)
