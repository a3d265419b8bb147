"""What the tests of this package share: an open store, in SQLite and in PostgreSQL, and the command line."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fluvial.secrets import load_key
from fluvial.store import Store
from tests.fluvial.commandline import Commandline


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store that is open."""
    with closing(Store(store_url, key=lambda: load_key(tmp_path / "key"))) as made:
        yield made


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commandline:
    """Runs `fluvial` with a home of its own: `command("incidents", "--json").code`."""
    for name in [name for name in os.environ if name.startswith("FLUVIAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLUVIAL_HOME", str(tmp_path))
    return Commandline(monkeypatch, capsys)
