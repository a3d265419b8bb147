"""A full disk, and one that comes back read-only: the worker says so, waits, and loses nothing."""

import os
from pathlib import Path

import pytest

from tests.recovery import disk
from tests.services.parts import REQUIRE, UnavailableError


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_disk_that_is_full_or_read_only_costs_no_record_and_no_file(tmp_path: Path) -> None:
    try:
        found = disk.episodes(2, 1, tmp_path)
    except UnavailableError as why:
        if os.environ.get(REQUIRE):
            pytest.fail(f"small disks are required ({REQUIRE}): {why}", pytrace=False)
        pytest.skip(str(why))
    assert found["ok"], found
    assert found["noticed_worst_s"] <= disk.NOTICED
    assert found["caught_up_worst_s"] <= disk.BACK
    assert (found["full_disks"], found["of_them_refused_writes"]) == (1, 1), "the disk was really full"
