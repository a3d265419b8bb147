"""Interval: bounds on a mean that hold at every moment, however often somebody looks.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Time-uniform
central limit theory and asymptotic confidence sequences, Annals of Statistics 52, 2024, theorem 2.2):

    mean ± sd * sqrt(2 (n r² + 1) / (n² r²) * log(sqrt(n r² + 1) / alpha))

It needs no bound on the values. They need not be alike nor independent: what is covered is the mean of
what each value was expected to be given those before it.
"""

from math import inf, log, nan, sqrt

ALPHA = 0.05
"""How often, at most, a sequence leaves out the mean at any moment from ``FIRST`` on."""

FIRST = 100
"""Values before which nothing is said: the theorem is about large numbers of them."""

TIGHTEST = 5_000
"""Where the bounds are tightest, in values; at others they are a little wider."""

_RHO2 = (-2 * log(ALPHA) + log(-2 * log(ALPHA)) + 1) / TIGHTEST


class Sequence:
    """The mean of values that come one by one, with its confidence sequence.

    >>> sequence = Sequence()
    >>> for n in range(1000):
    ...     sequence.add(0.1 if n % 2 else 0.3)
    >>> low, high = sequence.bounds
    >>> round(sequence.mean, 3), low < 0.2 < high, high - low < 0.04
    (0.2, True, True)
    """

    def __init__(self) -> None:
        self.n, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        """Count one value; sums as Welford (1962) keeps them."""
        self.n += 1
        before = value - self.mean
        self.mean += before / self.n
        self._squares += before * (value - self.mean)

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound; infinite before ``FIRST`` values have come."""
        if self.n < FIRST:
            return -inf, inf
        margin = sqrt(self._squares / self.n) * width(self.n)
        return self.mean - margin, self.mean + margin

    @property
    def value(self) -> float:
        """The mean; NaN without values."""
        return self.mean if self.n else nan


def width(n: int) -> float:
    """Half the width of the bounds after ``n`` values, in standard deviations of one value."""
    spread = n * _RHO2 + 1
    return sqrt(2 * spread / (n * n * _RHO2) * log(sqrt(spread) / ALPHA))
