"""The partitioner gives the numbers that Kafka's own clients give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.partitioner import murmur2, partition_for
from tests.services.kafka import KafkaConsumer  # noqa: F401  loads kafka-python without its warnings

# org.apache.kafka.common.utils.UtilsTest.testMurmur2
VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "expected"), VECTORS.items())
def test_the_hash_agrees_with_the_vectors_of_the_java_client(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected % 2**32


@given(st.binary(max_size=70))
def test_the_hash_agrees_with_kafka_python(key: bytes) -> None:
    from kafka.partitioner.default import murmur2 as theirs  # noqa: PLC0415

    assert murmur2(key) == theirs(key)


@given(st.binary(max_size=20), st.integers(1, 64))
def test_a_partition_is_one_of_the_topic(key: bytes, partitions: int) -> None:
    assert partition_for(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_no_key_is_partition_0() -> None:
    assert partition_for(None, 8) == 0
