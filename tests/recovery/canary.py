"""A canary: notices, through the interpreter's own audit, when something is run, opened or imported."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_WATCHED = (
    *("code.", "compile", "cpython.", "ctypes.", "exec", "ftplib.", "function.__new__", "http.", "import"),
    *("marshal.", "mmap.", "open", "os.", "pathlib.", "pty.", "shutil.", "signal.", "smtplib.", "socket."),
    *("sqlite3.", "subprocess.", "tempfile.", "urllib.", "webbrowser."),
)

_seen: list[str] | None = None


def _hook(event: str, arguments: object) -> None:
    if _seen is not None and event.startswith(_WATCHED):
        _seen.append(f"{event}{arguments!r}"[:200])


sys.addaudithook(_hook)  # for the rest of the process: there is no way to take one away


@contextmanager
def canary() -> Iterator[list[str]]:
    """What happened meanwhile that reading a snapshot must never do."""
    global _seen  # noqa: PLW0603
    _seen = seen = []
    try:
        yield seen
    finally:
        _seen = None
