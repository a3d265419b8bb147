"""Reading metrics as Prometheus does: through what is served, never through the inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """The samples of one scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        families = text_string_to_metric_families(generate_latest(registry).decode())
        self.samples = [Read(s.name, dict(s.labels), s.value) for family in families for s in family.samples]

    def of(self, name: str, **labels: str) -> Iterator[Read]:
        """Samples of a series with at least these labels."""
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample

    def values(self, name: str, by: str, **labels: str) -> dict[str, float]:
        """The values of a series by one of its labels."""
        return {sample.labels[by]: sample.value for sample in self.of(name, **labels)}

    def sum(self, name: str, **labels: str) -> float:
        """The values of a series added up."""
        return sum(sample.value for sample in self.of(name, **labels))

    def one(self, name: str, **labels: str) -> float | None:
        """The one value of a series, None where it is absent."""
        found = list(self.of(name, **labels))
        assert len(found) <= 1, found
        return found[0].value if found else None


class Read(NamedTuple):
    """A sample as it was served."""

    name: str
    labels: dict[str, str]
    value: float
