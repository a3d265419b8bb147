"""Room: a disk on which nothing can be written is noticed before SQLite notices it."""

import os
from pathlib import Path

import pytest

from fluvial.room import LEAST, folders_of, shortage
from fluvial.settings import Settings


def on_disk(monkeypatch: pytest.MonkeyPatch, free: int, flags: int = 0) -> None:
    """Let every disk look like this; what a real one does is tried in tests/recovery."""
    found = os.statvfs_result((4096, 1, 1000, free, free, 9, 9, 9, flags, 255))
    monkeypatch.setattr(os, "statvfs", lambda folder: found)


def test_a_disk_with_room_is_fine(tmp_path: Path) -> None:
    assert shortage([tmp_path]) == ""
    assert shortage([]) == ""


@pytest.mark.parametrize(("free", "is_short"), [(0, True), (LEAST - 1, True), (LEAST, False)])
def test_a_disk_with_hardly_any_room_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, is_short: bool
) -> None:
    on_disk(monkeypatch, free)
    said = shortage([tmp_path])
    assert bool(said) == is_short
    assert not said or f"is full, {free} bytes are left; free some space" in said


def test_a_disk_that_is_mounted_for_reading_alone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk(monkeypatch, 1 << 30, os.ST_RDONLY)
    assert shortage([tmp_path]) == f"the disk of {tmp_path} is read-only; mount it for writing"


def test_a_folder_that_may_not_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda folder, mode: not mode & os.W_OK)  # root may do everything
    assert shortage([tmp_path]) == f"{tmp_path} may not be written to; correct its rights"


def test_the_first_folder_in_trouble_is_named(tmp_path: Path) -> None:
    assert shortage([tmp_path, tmp_path / "gone"]).startswith(f"{tmp_path / 'gone'}: No such file")


@pytest.mark.parametrize(
    ("log", "store", "folders"),
    [
        ("", "", ["home"]),
        ("embedded:logs/log.db", "", ["logs", "home"]),
        ("kafka://here:9092", "", ["home"]),
        ("kafka://here:9092", "postgresql://here/fluvial", []),
        ("", "postgresql://here/fluvial", ["home"]),
        ("kafka://here:9092", "sqlite:///data/store.db", ["data"]),
        ("kafka://here:9092", "sqlite:///file:data/store.db?mode=rw&uri=true", []),
    ],
)
def test_only_folders_of_this_machine_are_looked_at(log: str, store: str, folders: list[str]) -> None:
    assert folders_of(Settings(home=Path("home"), log=log, store=store)) == [
        Path(folder) for folder in folders
    ]
