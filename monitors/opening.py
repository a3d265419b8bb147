"""Opening: when the labels that come are those of all events, and not only of the ones labelled first."""


class Opening:
    """Closed at first: until the labels of the first ``cohort`` events are there, or a horizon has passed.

    What is labelled within minutes differs from what is labelled within days. At the start of a stream
    only the former is known; when the latter joins, nothing has changed. ``horizon`` is in seconds,
    as all times are.

    >>> opening = Opening(cohort=2, horizon=100.0)
    >>> opening.event(0.0); opening.event(1.0); opening.event(2.0)
    >>> opening.outcome(0.0), opening.outcome(2.0), opening.passed(3.0), opening.outcome(1.0)
    (False, False, False, True)
    """

    ENOUGH = 0.98
    """The share of the first events that has to be labelled."""

    def __init__(self, cohort: int, horizon: float) -> None:
        self.open = False
        self._cohort, self._horizon = cohort, horizon
        self._seen = self._known = 0
        self._first = self._last = 0.0

    def event(self, time: float) -> None:
        """An event was predicted."""
        if self._seen < self._cohort:
            if self._seen == 0:
                self._first = self._last = time
            self._seen += 1
            self._last = max(self._last, time)

    def outcome(self, time: float) -> bool:
        """The truth about an event of that time is known; whether it is open now."""
        if not self.open and self._seen and time <= self._last:
            self._known += 1
            self.open = self._seen >= self._cohort and self._known >= self.ENOUGH * self._cohort
        return self.open

    def passed(self, now: float) -> bool:
        """Whether a whole horizon is behind the first event; then it is open as well."""
        whole = self._seen > 0 and now >= self._first + self._horizon
        self.open |= whole
        return whole
