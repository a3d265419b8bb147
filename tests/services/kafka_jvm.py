"""Apache Kafka in Java processes of its own, for machines without Docker."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.services.kafka_jars import jars
from tests.services.kafka_settings import Listener, kafka_answers, kafka_version, listening, settings
from tests.services.process import Child, free_port, guarded, spawn
from tests.services.proxy import Proxy

HOST = "127.0.0.1"
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")  # starts fast, stays small
LOGGING = """
Configuration:
  status: error
  Appenders:
    Console:
      name: STDOUT
      PatternLayout: {pattern: "[%d] %p %m (%c)%n"}
  Loggers:
    Root:
      level: WARN
      AppenderRef: {ref: STDOUT}
"""


class JvmKafka:
    """One broker with its data in a folder: the data outlives the process, the port stays the same.

    `changes` are properties that differ from the usual ones. `ports` are those of clients and of the
    controller, where they must be known before; `quorum` says how the data is formatted.
    """

    def __init__(
        self,
        folder: Path,
        changes: Mapping[str, str] | None = None,
        *,
        ports: tuple[int, int] | None = None,
        quorum: Sequence[str] = ("--standalone",),
        cluster_id: str | None = None,
    ) -> None:
        self.folder = folder
        self.port, self._controller = ports or (free_port(), free_port())
        self.bootstrap = f"{HOST}:{self.port}"
        self.description = f"Apache Kafka {kafka_version()} (JVM, from Maven)"
        self._jars = jars()
        self._child: Child | None = None
        self._format(changes or {}, ["-t", cluster_id or random_id(), *quorum])

    def start(self) -> None:
        """Start the broker unless it is up, and wait until it answers."""
        if self._child and self._child.alive():
            return
        command = self._java("-Xmx512m", "kafka.Kafka", str(self._properties))
        log = self.folder / "kafka.log"
        self._child = spawn("Kafka", guarded(command), log, lambda: kafka_answers(HOST, self.port))

    def stop(self) -> None:
        """Shut the broker down in order."""
        if self._child:
            self._child.stop()

    def kill9(self) -> None:
        """Kill the broker without notice."""
        if self._child:
            self._child.kill9()

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, memory: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        return ["java", memory, *JVM, logging, "-cp", f"{self._jars}/*", *arguments]

    def _format(self, changes: Mapping[str, str], how: Sequence[str]) -> None:
        properties = settings(HOST, self.port, self._controller, str(self.folder / "data"), bind=HOST)
        properties["controller.quorum.bootstrap.servers"] = f"{HOST}:{self._controller}"
        properties |= changes
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (self.folder / "log4j2.yaml").write_text(LOGGING)
        command = self._java("-Xmx128m", "kafka.tools.StorageTool", "format", *how)
        subprocess.run([*command, "-c", str(self._properties)], check=True, capture_output=True, timeout=60)


class ProxiedKafka(JvmKafka):
    """A broker that sends its clients to `proxy`; whoever comes to `direct` does not go through it."""

    def __init__(self, folder: Path) -> None:
        ports, own = (free_port(), free_port()), free_port()
        self.proxy = Proxy(HOST, ports[0])
        clients = Listener("PLAINTEXT", "PLAINTEXT", ports[0], self.proxy.port)
        doors = listening(HOST, HOST, ports[1], [clients, Listener("OWN", "PLAINTEXT", own, own)])
        super().__init__(folder, doors, ports=ports)
        self.bootstrap, self.direct = f"{HOST}:{self.proxy.port}", f"{HOST}:{own}"


@contextmanager
def proxied_kafka_in(folder: Path) -> Iterator[ProxiedKafka]:
    """A running broker behind a proxy; raises `UnavailableError`."""
    jars()  # raises before anything is to be closed
    broker = ProxiedKafka(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        broker.proxy.close()


def random_id() -> str:
    """A random id as Kafka writes it; a leading dash would be read as an option."""
    return "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
