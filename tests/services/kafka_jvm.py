"""Apache Kafka in a Java process of its own, for machines without Docker."""

from __future__ import annotations

import base64
import subprocess
import uuid
from pathlib import Path

from tests.services.kafka_jars import jars
from tests.services.kafka_settings import kafka_answers, kafka_version, settings
from tests.services.process import Child, free_port, guarded, spawn

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
    """One broker with its data in a folder: the data outlives the process, the port stays the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.description = f"Apache Kafka {kafka_version()} (JVM, from Maven)"
        self._jars = jars()
        self._child: Child | None = None
        self._format()

    def start(self) -> None:
        """Start the broker unless it is up, and wait until it answers."""
        if self._child and self._child.alive():
            return
        command = self._java("-Xmx512m", "kafka.Kafka", str(self._properties))
        self._child = spawn(
            "Kafka",
            guarded(command),
            self.folder / "kafka.log",
            lambda: kafka_answers("127.0.0.1", self.port),
        )

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

    def _format(self) -> None:
        controller = free_port()
        properties = settings("127.0.0.1", self.port, controller, str(self.folder / "data"), bind="127.0.0.1")
        properties["controller.quorum.bootstrap.servers"] = f"127.0.0.1:{controller}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (self.folder / "log4j2.yaml").write_text(LOGGING)
        tool = ("kafka.tools.StorageTool", "format", "--standalone", "-t", _cluster_id())
        command = self._java("-Xmx128m", *tool, "-c", str(self._properties))
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def _cluster_id() -> str:
    """A random id as Kafka writes it; a leading dash would be read as an option."""
    return "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
