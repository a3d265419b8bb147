"""StreamClock: what time it is in a stream, read from its records alone."""

from math import inf


class StreamClock:
    """The newest record time that can be believed, in milliseconds since 1970 UTC; it never goes back.

    A record that leaps more than ``patience`` milliseconds ahead is doubted. It is believed when the
    next record leaps too, and then only as far as the nearer of the two: one record with a wrong
    date must not end everybody's wait for a label. The very first record is a leap as well.

    >>> clock = StreamClock(patience=1_000)
    >>> [clock.advance(time) and clock.now for time in (5_000, 5_100, 999_999, 5_200, 9_000, 9_100)]
    [0, 5000, 5000, 5200, 5200, 9000]
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.now = 0
        self._doubted: int | None = None

    def advance(self, timestamp: int) -> bool:
        """Take the time of the next record; always true, so that it can be read on the spot."""
        doubted, self._doubted = self._doubted, None
        if timestamp > self.now + self._patience:
            if doubted is not None:
                self.now = min(doubted, timestamp)
            if timestamp > self.now + self._patience:
                self._doubted = timestamp
                return True
        self.now = max(self.now, timestamp)
        return True
