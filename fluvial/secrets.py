"""Secrets: files that only their owner can read, made on first use."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from fluvial.errors import ConfigError, SnapshotError

SHORTEST = 16
"""Characters that the console's token must have: an empty file must not open the door."""


def read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """Read a secret file, or write what ``make`` gives where there is none; of two makers one wins.

    Raises OSError.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, make())
        path.hardlink_to(draft)  # whole or not at all, and never over another one
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave an empty secret behind


def load_key(path: Path) -> bytes:
    """Read the sealing key, or make one (readable by its owner alone) where there is none."""
    try:
        key = read_or_make(path, lambda: secrets.token_bytes(32))
    except OSError as error:
        raise SnapshotError(f"the key {path} cannot be read: {error.strerror}; correct its rights") from None
    if len(key) < 32:
        raise SnapshotError(
            f"{path} holds fewer than 32 bytes: restore the key, or delete the file to rebuild"
        )
    return key


def console_token(path: Path) -> str:
    """The console's access token; a new one where there is none yet. Raises ConfigError."""
    try:
        token = read_or_make(path, lambda: secrets.token_urlsafe(24).encode()).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token {path} cannot be read: {error}") from None
    if len(token) < SHORTEST:
        raise ConfigError(
            f"{path} holds fewer than {SHORTEST} characters: write a longer token, or delete the file"
        )
    return token
