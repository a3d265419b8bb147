"""A broker with a door for each way to show who one is."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.services.kafka_jars import jars
from tests.services.kafka_jvm import HOST, JvmKafka
from tests.services.kafka_settings import Listener, listening
from tests.services.process import free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # how it reads its schemas
    from kafka import KafkaAdminClient
    from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

USER, PASSWORD = "ann", 'p@ss"w/rd'
LOGIN = "org.apache.kafka.common.security"
DOORS = ("SASL_PLAINTEXT", "SSL", "SASL_SSL")


class SecureKafka(JvmKafka):
    """A broker that lets `USER` in with `PASSWORD` (mechanism PLAIN) or a certificate.

    `doors` maps a security protocol to its address; `certificate` is what clients have to trust,
    `client` what they may show, with its key. Tests themselves use `bootstrap`, which asks nothing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ports, doors = (free_port(), free_port()), {protocol: free_port() for protocol in DOORS}
        self.doors = {protocol: f"{HOST}:{port}" for protocol, port in doors.items()}
        self.certificate, key = _certificate(folder, "broker")
        self.client, self.client_key = _certificate(folder, "client")
        store = folder / "store.pem"
        store.write_text(key.read_text() + self.certificate.read_text())
        listeners = [Listener(protocol, protocol, port, port) for protocol, port in doors.items()]
        listeners.append(Listener("OWN", "PLAINTEXT", ports[0], ports[0]))
        word = PASSWORD.replace('"', r"\"").replace("\\", "\\\\")
        changes = {
            **listening(HOST, HOST, ports[1], listeners),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.client),
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "PLAIN",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # those who come through `bootstrap`, and the broker itself
            "allow.everyone.if.no.acl.found": "true",
        }
        for door in ("sasl_plaintext", "sasl_ssl"):
            line = f'{LOGIN}.plain.PlainLoginModule required user_{USER}="{word}";'
            changes[f"listener.name.{door}.plain.sasl.jaas.config"] = line
        super().__init__(folder, changes, ports=ports)

    @contextmanager
    def denied(self, user: str, topic: str) -> Iterator[None]:
        """Meanwhile the user has no right to the topic, not even to know that it exists."""
        resource = ResourcePattern(ResourceType.TOPIC, topic)
        acl = ACL(f"User:{user}", "*", ACLOperation.ALL, ACLPermissionType.DENY, resource)
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap)) as admin:
            admin.create_acls([acl])
            try:
                yield
            finally:
                admin.delete_acls([acl])


@contextmanager
def secure_kafka_in(folder: Path) -> Iterator[SecureKafka]:
    """A running broker with secure doors; raises `UnavailableError`."""
    jars()
    broker = SecureKafka(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
    ]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [*command, "-addext", f"subjectAltName=IP:{HOST}", *files],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return certificate, key
