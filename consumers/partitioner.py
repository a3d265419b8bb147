"""Partitioner: which partition a key belongs to, the same on every log and in every client."""

from functools import lru_cache
from struct import unpack_from

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return the 32-bit MurmurHash2 of ``data`` as Kafka's Java client computes it.

    Source: org.apache.kafka.common.utils.Utils.murmur2, read as an unsigned number.

    >>> murmur2(b"21") - 2**32, murmur2(b"foobar") - 2**32
    (-973932308, -790332482)
    """
    size = len(data)
    words = size // 4
    state = _SEED ^ size
    for word in unpack_from(f"<{words}I", data):
        mixed = word * _MIX & _WORD
        state = (state * _MIX & _WORD) ^ ((mixed ^ mixed >> 24) * _MIX & _WORD)
    if size % 4:
        state = (state ^ int.from_bytes(data[words * 4 :], "little")) * _MIX & _WORD
    state = (state ^ state >> 13) * _MIX & _WORD
    return state ^ state >> 15


@lru_cache(maxsize=8_192)
def partition_for(key: bytes | None, partitions: int) -> int:
    """Return the partition of ``key`` among ``partitions``; without a key it is partition 0.

    >>> partition_for(b"flight-17", 4)
    3
    """
    if key is None or partitions == 1:
        return 0
    return (murmur2(key) & 0x7FFFFFFF) % partitions
