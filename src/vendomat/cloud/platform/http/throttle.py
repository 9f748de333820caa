"""A throttle in memory: at most so many failures per subject in a window, for one process.

Counts failures only, so an honest crowd behind one address is never slowed. Forgets its oldest subjects rather than
grow without end. What must hold over all processes (sign-in, pickup codes) is counted in the database instead.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from vendomat.kernel import Clock, ErrorCode, VendomatError


class Throttle:
    """`check(subject)` before the try, `note_failure(subject)` after one that failed."""

    def __init__(self, clock: Clock, *, failures_max: int, window_s: float, subjects_max: int = 10_000) -> None:
        self._clock = clock
        self._failures_max = failures_max
        self._window_s = window_s
        self._subjects_max = subjects_max
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, subject: str) -> None:
        """Raises `VendomatError(rate_limited)` with `retry_after_s`."""
        failures = self._failures.get(subject)
        if failures is None:
            return
        start = self._clock.elapsed() - self._window_s
        while failures and failures[0] <= start:
            failures.popleft()
        if not failures:
            del self._failures[subject]
        elif len(failures) >= self._failures_max:
            retry_after_s = max(1, int(failures[0] - start) + 1)
            raise VendomatError(
                ErrorCode.RATE_LIMITED, f"too many failed tries; wait {retry_after_s} s", retry_after_s=retry_after_s
            )

    def note_failure(self, subject: str) -> None:
        failures = self._failures.setdefault(subject, deque(maxlen=self._failures_max))
        failures.append(self._clock.elapsed())
        self._failures.move_to_end(subject)
        while len(self._failures) > self._subjects_max:
            self._failures.popitem(last=False)
