"""Settings: where the log, the store and the secrets are; from the environment, never from argv."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from fluvial.config import ConfigError


class Settings(BaseSettings):
    """One machine's settings; each is an environment variable with the prefix ``FLUVIAL_``.

    ``home`` holds what has no place of its own. ``log`` is ``embedded:PATH`` or
    ``kafka://HOST:PORT[,HOST:PORT]``; ``store`` a SQLAlchemy URL of SQLite or PostgreSQL.
    """

    model_config = SettingsConfigDict(env_prefix="FLUVIAL_", frozen=True)

    home: Path = Field(default=Path(".fluvial"), description="folder for the embedded log, the store and the keys")
    log: str = Field(default="", description="embedded:PATH or kafka://HOST:PORT[,HOST:PORT]")
    store: str = Field(default="", description="SQLAlchemy URL of SQLite or PostgreSQL")
    store_password_file: Path | None = Field(default=None, description="file with the store's password")
    key_file: Path | None = Field(default=None, description="file with the key that seals snapshots and signs reviews")
    token_file: Path | None = Field(default=None, description="file with the console's access token")
    worker: str = Field(default="", description="this worker's name; host and process id by default")

    @property
    def log_path(self) -> Path:
        """The file of the embedded log."""
        return Path(self.log.removeprefix("embedded:")) if self.log else self.home / "log.db"

    @property
    def bootstrap(self) -> str | None:
        """Kafka's bootstrap servers, or None where the log is the embedded one."""
        return self.log.removeprefix("kafka://") if self.log.startswith("kafka://") else None

    @property
    def store_url(self) -> URL:
        """The store's URL with its password. Raises ConfigError where the file cannot be read."""
        url = make_url(self.store or f"sqlite:///{self.home / 'store.db'}")
        if self.store_password_file is None:
            return url
        try:
            return url.set(password=self.store_password_file.read_text().strip())
        except OSError as error:
            raise ConfigError(f"FLUVIAL_STORE_PASSWORD_FILE: {error}") from None

    @property
    def key_path(self) -> Path:
        """The file with the sealing key."""
        return self.key_file or self.home / "key"

    @property
    def token_path(self) -> Path:
        """The file with the console's token."""
        return self.token_file or self.home / "token"

    @property
    def worker_name(self) -> str:
        """What this process is called in journals and locks."""
        return self.worker or f"{os.uname().nodename}-{os.getpid()}"


def settings() -> Settings:
    """Read the settings. Raises ConfigError naming the variable."""
    found = Settings()
    if found.log and not found.log.startswith(("kafka://", "embedded:")):
        raise ConfigError(f"FLUVIAL_LOG is {found.log!r}: write kafka://HOST:PORT or embedded:PATH")
    return found
