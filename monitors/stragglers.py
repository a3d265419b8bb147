"""Stragglers: observations that come long after others whose events are younger, as late labels do.

What is labelled fast differs from what is labelled slowly: where wrong predictions take longer, the
first labels are nearly all right ones. When the others join, nothing has changed.
"""

SLOWLY = 1000.0
"""Observations over which shares are averaged."""

MANY = 0.01
"""The share of stragglers from the older half of all time so far that is worth waiting for.

Delays that leave so few of those behind have brought all but a hundredth of the labels of that half.
"""

MIXED = 0.05
"""The share of observations out of their hour from which on a stretch of stream is of no hour."""


class Stragglers:
    """Shares of the newest observations, by the times (seconds) of their events.

    >>> stragglers = Stragglers()
    >>> for i in range(2000):
    ...     if i % 10 == 0:
    ...         stragglers.back(since=0.0, time=0.3 * i, newest=float(i))
    ...     stragglers.passed(1)
    >>> stragglers.many, stragglers.mixed
    (True, True)
    """

    def __init__(self) -> None:
        self._back = self._old = 0
        self._backs = self._olds = 0.0

    def back(self, since: float, time: float, newest: float) -> None:
        """An observation is of an earlier hour than the last one; so far times go from since to newest."""
        self._back += 1
        self._old += time < 0.5 * (since + newest)

    def passed(self, n: int) -> None:
        """So many observations came."""
        weight = min(n / SLOWLY, 1.0)
        self._backs += weight * (self._back / n - self._backs)
        self._olds += weight * (self._old / n - self._olds)
        self._back = self._old = 0

    @property
    def many(self) -> bool:
        """Whether so much of the older half still comes that it cannot be what is to come."""
        return self._olds > MANY

    @property
    def mixed(self) -> bool:
        """Whether neighbours are of different hours."""
        return self._backs > MIXED
