"""What kafka-python does with sockets, so that its tests do not fail over it."""

from __future__ import annotations

import pytest

leaves_sockets = pytest.mark.filterwarnings("ignore:unclosed <(socket|ssl):ResourceWarning")
"""For tests with Kafka: a client that is closed while it connects, or whose connection is refused,
leaves the socket to the garbage collector. Collect once after the last such test of a module."""
