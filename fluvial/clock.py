"""StreamClock: what time it is in a stream, read from its records alone."""


class StreamClock:
    """The newest record time that can be believed, in milliseconds since 1970 UTC; it never goes back.

    A record that leaps more than ``patience`` milliseconds ahead is doubted. It is believed when the
    next record leaps too, and then only as far as the nearer of the two: one record with a wrong
    date must not end the wait for every label. The very first record is a leap as well.

    >>> clock = StreamClock(patience=1_000)
    >>> for time in (5_000, 5_100, 999_999, 5_200, 9_000, 9_100):
    ...     clock.advance(time)
    ...     print(clock.now, clock.doubted)
    0 5000
    5100 None
    5100 999999
    5200 None
    5200 9000
    9100 None
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.now = 0
        self.doubted: int | None = None

    def advance(self, timestamp: int) -> None:
        """Take the time of the next record; ``doubted`` holds it where it is not believed yet."""
        doubted, self.doubted = self.doubted, None
        if doubted is not None and timestamp > self.now + self.patience:
            self.now = min(doubted, timestamp)
        if timestamp > self.now + self.patience:
            self.doubted = timestamp
        elif timestamp > self.now:
            self.now = timestamp
