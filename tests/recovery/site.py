"""Site: where a row of the table is measured, with real services that start when they are asked for."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from tests.services.kafka import any_kafka
from tests.services.postgres import Postgres, any_postgres, fresh_database


class Site:
    """A folder, a Kafka and a PostgreSQL; ``hours`` is how long a soak lasts."""

    def __init__(
        self,
        root: Path,
        kafka: Callable[[], str],
        postgres: Callable[[], Postgres],
        stack: contextlib.ExitStack,
        *,
        hours: float = 1.0,
    ) -> None:
        self._root, self._kafka, self._postgres, self._stack = root, kafka, postgres, stack
        self.hours = hours

    def folder(self, name: str) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._root))

    @cached_property
    def bootstrap(self) -> str:
        """The address of a real Kafka: use topics of your own."""
        return self._kafka()

    @cached_property
    def _server(self) -> Postgres:
        return self._postgres()

    def postgres_url(self) -> str:
        """The URL of an empty PostgreSQL database, another one at each call."""
        return self._stack.enter_context(fresh_database(self._server))

    def store_url(self, kind: str, folder: Path) -> str:
        """The URL of an empty store: ``sqlite`` in the folder, or ``postgres``."""
        return self.postgres_url() if kind == "postgres" else f"sqlite:///{folder / 'store.db'}"


@contextlib.contextmanager
def machine_site(hours: float) -> Iterator[Site]:
    """A site with what this machine has; UnavailableError comes when a part is asked for that it lacks."""
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fluvial-recovery-")))
        yield Site(
            root,
            lambda: stack.enter_context(any_kafka(root / "kafka")).bootstrap,
            lambda: stack.enter_context(any_postgres()),
            stack,
            hours=hours,
        )
