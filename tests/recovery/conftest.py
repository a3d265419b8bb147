"""The site of the tests: its Kafka and its PostgreSQL are those of the whole run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.site import Site


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site. Tests that need Kafka or PostgreSQL also name `kafka_bootstrap` or `postgres_url`: for the mark."""
    with contextlib.ExitStack() as stack:
        yield Site(
            tmp_path,
            lambda: request.getfixturevalue("kafka_bootstrap"),
            lambda: request.getfixturevalue("_postgres"),
            stack,
        )
