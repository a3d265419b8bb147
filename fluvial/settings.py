"""Settings: where the log, the store and the secrets are; from the environment, never from argv."""

import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict, SettingsError
from sqlalchemy import URL

from fluvial.engines import is_sqlite, url_of
from fluvial.errors import ConfigError
from fluvial.notify.settings import NotifySettings
from fluvial.signing import Signer, of_reviewer

_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")  # what Kafka takes as a member's name

_ADDRESS = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?")


LEAST_MEMORY = 512
"""MiB that the process that computes shadow tables has at least: with less it could not say what it lacks."""


class Settings(NotifySettings):
    """One machine's settings; each is an environment variable with the prefix ``FLUVIAL_``.

    A variable that is empty counts as not set.
    ``home`` holds what has no place of its own. ``log`` is ``embedded:PATH`` or
    ``kafka://HOST:PORT[,HOST:PORT]``; ``store`` a SQLAlchemy URL of SQLite or PostgreSQL.
    """

    model_config = SettingsConfigDict(env_prefix="FLUVIAL_", env_ignore_empty=True, frozen=True)

    home: Path = Field(
        default=Path(".fluvial"), description="folder for the embedded log, the store and the keys"
    )
    log: str = Field(default="", description="embedded:PATH or kafka://HOST:PORT[,HOST:PORT]")
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        default="plaintext", description="how Kafka is spoken to: encrypted (ssl), with a password (sasl)"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="PLAIN", description="how the password is shown to Kafka"
    )
    kafka_user: str = Field(default="", description="the user that Kafka knows")
    kafka_password_file: Path | None = Field(default=None, description="file with that user's password")
    kafka_ca_file: Path | None = Field(
        default=None, description="certificates to know Kafka by; without it those of the machine"
    )
    kafka_cert_file: Path | None = Field(default=None, description="certificate to show to Kafka")
    kafka_cert_key_file: Path | None = Field(default=None, description="key of that certificate")
    store: str = Field(default="", description="SQLAlchemy URL of SQLite or PostgreSQL")
    store_password_file: Path | None = Field(default=None, description="file with the store's password")
    key_file: Path | None = Field(
        default=None, description="file with the key that seals snapshots and the audit trail"
    )
    reviewer_key_file: Path | None = Field(
        default=None, description="file with a reviewer's own key, to sign reviews for the topic with"
    )
    token_file: Path | None = Field(default=None, description="file with the console's access token")
    webhook_token_file: Path | None = Field(
        default=None, description="file with the token that Alertmanager's webhook shows to the console"
    )
    sign_in: Literal["token", "users"] = Field(
        default="token", description="whether the console's own token opens it, or users' tokens only"
    )
    oidc_issuer: str = Field(
        default="", description="URL of the OpenID Connect provider that vouches for users"
    )
    oidc_client: str = Field(default="", description="what the provider knows the console as")
    oidc_secret_file: Path | None = Field(default=None, description="file with the client's secret")
    oidc_name: str = Field(
        default="preferred_username", description="the claim that is the name beside decisions"
    )
    oidc_groups: str = Field(default="groups", description="the claim with a user's groups")
    oidc_roles: str = Field(
        default="", description="GROUP=ROLE or GROUP=ROLE:PIPELINE+PIPELINE, several with commas"
    )
    alertmanager: str = Field(
        default="", description="URL of the Alertmanager that is silenced about what somebody has"
    )
    alertmanager_user: str = Field(default="", description="the user that Alertmanager knows")
    alertmanager_password_file: Path | None = Field(default=None, description="file with its password")
    shadow: bool = Field(
        default=True, description="whether a worker has shadow tables computed in a process beside it"
    )
    shadow_memory: int = Field(
        default=4096, ge=0, le=1 << 24, description="MiB that this process may take; 0 leaves it unbounded"
    )
    hindsight: int = Field(
        default=20_000, ge=1, description="events after a decision until it is held against its alternatives"
    )
    worker: str = Field(default="", description="this worker's name; host and process id by default")
    leave_at_stop: bool = Field(
        default=False, description="a named worker that stops gives its shards to the others at once"
    )
    session_timeout: float = Field(
        default=6.0,
        gt=0,
        le=86_400,
        description="seconds of silence after which Kafka gives a worker's shards away",
    )
    stuck_timeout: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="seconds without progress after which a worker gives its shards back",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if any("\ud800" <= character <= "\udfff" for character in str(value)):
            raise ValueError("it holds bytes that are no UTF-8 text")
        return value

    @field_validator("worker")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError(f"{value!r}: a name has up to 249 letters, digits, '.', '_' and '-'")
        return value

    @field_validator("shadow_memory")
    @classmethod
    def _is_enough(cls, value: int) -> int:
        if 0 < value < LEAST_MEMORY:
            raise ValueError(f"{value} MiB are too little to begin with: take {LEAST_MEMORY} or more, or 0")
        return value

    @field_validator("alertmanager")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("write http://HOST:PORT or https://HOST:PORT, without a user in it")
        return value

    @property
    def log_path(self) -> Path:
        """The file of the embedded log."""
        return Path(self.log.removeprefix("embedded:")) if self.log else self.home / "log.db"

    @property
    def bootstrap(self) -> str | None:
        """Kafka's bootstrap servers, or None where the log is the embedded one."""
        return self.log.removeprefix("kafka://") if self.log.startswith("kafka://") else None

    @property
    def kafka_options(self) -> dict[str, object]:
        """What Kafka's clients are told about security. Raises ConfigError naming the variable."""
        options: dict[str, object] = {"security_protocol": self.kafka_security.upper()}
        return options | self._kafka_sasl() | self._kafka_ssl()

    def _kafka_sasl(self) -> dict[str, object]:
        if not self.kafka_security.startswith("sasl"):
            self._refuse("sasl_ssl", "kafka_user", "kafka_password_file")
            return {}
        if not self.kafka_user:
            raise ConfigError(f"FLUVIAL_KAFKA_USER: {self.kafka_security} needs a user: set it")
        if self.kafka_password_file is None:
            raise ConfigError(f"FLUVIAL_KAFKA_PASSWORD_FILE: {self.kafka_security} needs a password: set it")
        return {
            "sasl_mechanism": self.kafka_sasl_mechanism,
            "sasl_plain_username": self.kafka_user,
            "sasl_plain_password": _password("FLUVIAL_KAFKA_PASSWORD_FILE", self.kafka_password_file),
        }

    def _kafka_ssl(self) -> dict[str, object]:
        if not self.kafka_security.endswith("ssl"):
            self._refuse("ssl", "kafka_ca_file", "kafka_cert_file", "kafka_cert_key_file")
            return {}
        if self.kafka_cert_key_file and not self.kafka_cert_file:
            raise ConfigError("FLUVIAL_KAFKA_CERT_FILE: a key was given and no certificate: set it")
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        if self.kafka_ca_file:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            _load("FLUVIAL_KAFKA_CA_FILE", lambda: context.load_verify_locations(self.kafka_ca_file))
        if cert := self.kafka_cert_file:
            _load("FLUVIAL_KAFKA_CERT_FILE", lambda: context.load_cert_chain(cert, self.kafka_cert_key_file))
        return {"ssl_context": context}

    def _refuse(self, security: str, *names: str) -> None:
        """Raise ConfigError where something was set that would be of no use, and so may be missed."""
        for name in names:
            if getattr(self, name):
                said = f"it is of no use with FLUVIAL_KAFKA_SECURITY={self.kafka_security}: take {security}"
                raise ConfigError(f"FLUVIAL_{name.upper()}: {said}")

    @property
    def store_url(self) -> URL:
        """The store's URL with its password. Raises ConfigError naming the variable that is wrong."""
        try:
            url = url_of(self.store or URL.create("sqlite", database=str(self.home / "store.db")))
        except ValueError as error:
            raise ConfigError(f"FLUVIAL_STORE: {error}") from None
        if self.store_password_file is None:
            return url
        if is_sqlite(url):
            raise ConfigError("FLUVIAL_STORE_PASSWORD_FILE: SQLite takes no password: set FLUVIAL_STORE too")
        return url.set(password=_password("FLUVIAL_STORE_PASSWORD_FILE", self.store_password_file))

    @property
    def key_path(self) -> Path:
        """The file with the sealing key."""
        return self.key_file or self.home / "key"

    @property
    def reviewer_key(self) -> Signer | None:
        """The key that reviews for the topic are signed with, if it is somebody's own. Raises ConfigError."""
        if self.reviewer_key_file is None:
            return None
        return of_reviewer(_password("FLUVIAL_REVIEWER_KEY_FILE", self.reviewer_key_file))

    @property
    def token_path(self) -> Path:
        """The file with the console's token."""
        return self.token_file or self.home / "token"

    @property
    def webhook_token_path(self) -> Path:
        """The file with the token of Alertmanager's webhook."""
        return self.webhook_token_file or self.home / "webhook-token"

    @property
    def alertmanager_login(self) -> tuple[str, str]:
        """User and password for Alertmanager. Raises ConfigError naming the variable that is wrong."""
        name = "FLUVIAL_ALERTMANAGER_PASSWORD_FILE"
        if self.alertmanager_password_file is None:
            if self.alertmanager_user:
                raise ConfigError(f"{name}: a user was given and no password: set it")
            return "", ""
        if not self.alertmanager_user:
            raise ConfigError("FLUVIAL_ALERTMANAGER_USER: a password was given and no user: set it")
        return self.alertmanager_user, _password(name, self.alertmanager_password_file)

    @property
    def worker_name(self) -> str:
        """What this process is called in journals and locks."""
        return self.worker or f"{os.uname().nodename}-{os.getpid()}"


def _password(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: {error}") from None


def _load(name: str, load: Callable[[], None]) -> None:
    try:
        load()
    except OSError as error:  # what is no certificate is one as well
        raise ConfigError(f"{name}: {error}") from None


def settings() -> Settings:
    """Read the settings. Raises ConfigError naming the variable."""
    try:
        found = Settings()
    except (ValidationError, SettingsError) as error:
        raise ConfigError(_explain(error)) from None
    where = found.log.removeprefix("kafka://").removeprefix("embedded:")
    if found.log and (where == found.log or not where):
        raise ConfigError(f"FLUVIAL_LOG is {found.log!r}: write kafka://HOST:PORT or embedded:PATH")
    return found


def _explain(error: ValidationError | SettingsError) -> str:
    if isinstance(error, SettingsError):
        return str(error)
    problem = error.errors(include_url=False)[0]
    name = "_".join(str(part) for part in problem["loc"]).upper()
    return f"FLUVIAL_{name}: {problem['msg'].removeprefix('Value error, ')}"  # its value may be secret
