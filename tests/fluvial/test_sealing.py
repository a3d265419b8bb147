"""Sealing beside the loop: how long it is kept waiting."""

import random
import threading
import time

import pytest

from fluvial.snapshot import seal_packed
from tests.fluvial.world import KEY


@pytest.mark.alone
@pytest.mark.parametrize("packed", ["to be compressed", "to be hashed"])
def test_the_loop_goes_on_while_another_thread_seals(packed: str) -> None:
    """Numbers take their time in zstd and leave little to hash; noise the other way round."""
    if packed == "to be compressed":
        content = b"".join(number.to_bytes(4, "big") for number in range(6_000_000))
    else:
        content = random.Random(1).randbytes(60_000_000)

    def longest_wait() -> float:
        """The longest time that this thread was kept waiting, as a share of the sealing."""
        sealing = threading.Thread(target=seal_packed, args=(content, {}, KEY))
        started = last = time.perf_counter()
        sealing.start()
        longest = 0.0
        while sealing.is_alive():
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        sealing.join()
        return longest / (time.perf_counter() - started)

    assert min(longest_wait() for _ in range(3)) < 0.5
