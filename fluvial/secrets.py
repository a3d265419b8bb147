"""Secrets: files that only their owner can read, made on first use."""

import secrets
from pathlib import Path


def make_once(path: Path, content: bytes) -> bytes:
    """Write a secret file where there is none and return what it holds; of two makers one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return path.read_bytes()
    finally:
        draft.unlink()
    return content


def console_token(path: Path) -> str:
    """The console's access token; a new one where there is none yet."""
    if path.exists():
        return path.read_text().strip()
    return make_once(path, secrets.token_urlsafe(24).encode()).decode().strip()
