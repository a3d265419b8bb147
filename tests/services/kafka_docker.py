"""Apache Kafka in a container, where a Docker engine is at hand."""

from __future__ import annotations

from testcontainers.core.container import DockerContainer

from tests.services.kafka_settings import kafka_answers, kafka_version, settings
from tests.services.process import free_port
from tests.waiting import wait_until

CONTROLLER_PORT = 9093


class DockerKafka:
    """One broker in a container: its data outlives a kill, its port stays the same."""

    def __init__(self) -> None:
        self.port = free_port()
        self.description = f"Apache Kafka {kafka_version()} (Docker)"
        self._container = DockerContainer(f"apache/kafka:{kafka_version()}")
        # a fixed port, the same inside and outside: a published random port would change at a restart
        self._container.with_bind_ports(self.port, self.port)
        self._host = self._container.get_docker_client().host()
        self.bootstrap = f"{self._host}:{self.port}"
        self._made = False
        self._configure()

    def start(self) -> None:
        """Start the broker unless it is up, and wait until it answers."""
        if self._made:
            self._container.get_wrapped_container().start()  # does nothing to a container that runs
        else:
            self._container.start()
            self._made = True
        wait_until(lambda: kafka_answers(self._host, self.port), "Kafka in Docker answers", deadline_s=90)

    def stop(self) -> None:
        """Shut the broker down in order."""
        self._container.get_wrapped_container().stop(timeout=20)

    def kill9(self) -> None:
        """Kill the broker without notice."""
        self._container.get_wrapped_container().kill()

    def remove(self) -> None:
        """Remove the container and its data."""
        self._container.stop()
        self._container.get_docker_client().client.close()

    def _configure(self) -> None:
        properties = settings(self._host, self.port, CONTROLLER_PORT, "/tmp/kafka", bind="0.0.0.0")
        properties["controller.quorum.voters"] = f"1@127.0.0.1:{CONTROLLER_PORT}"
        for name, value in properties.items():
            self._container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
