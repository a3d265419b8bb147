"""What the tests of this package share: an open store, once in SQLite and once in PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from fluvial.store import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store that is open."""
    with closing(Store(store_url)) as made:
        yield made
