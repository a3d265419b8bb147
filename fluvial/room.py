"""Room: whether there is any on the disks that the embedded log and a SQLite store are on.

SQLite goes on for a while on a full disk, in room that it had before; people should know at once.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from fluvial.engines import is_sqlite
from fluvial.settings import Settings

LEAST = 1 << 20
"""Bytes that must be free: a batch of predictions takes some of them."""


def shortage(folders: Iterable[Path]) -> str:
    """Why one of the folders cannot be written to; empty where all can."""
    return next((why for folder in folders if (why := _shortage(folder))), "")


def folders_of(settings: Settings) -> list[Path]:
    """The folders of this machine in which log and store grow; none where servers have both."""
    found = [settings.log_path.parent] if settings.bootstrap is None else []
    url = settings.store_url
    path = url.database or ""
    if is_sqlite(url) and not path.startswith("file:"):
        found.append(Path(path).parent)
    return list(dict.fromkeys(found))


def _shortage(folder: Path) -> str:
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        return f"{folder}: {error.strerror}; check the disk"
    free = disk.f_bavail * disk.f_frsize
    if disk.f_flag & os.ST_RDONLY:
        return f"the disk of {folder} is read-only; mount it for writing"
    if free < LEAST:
        return f"the disk of {folder} is full, {free} bytes are left; free some space"
    return (
        "" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} may not be written to; correct its rights"
    )
