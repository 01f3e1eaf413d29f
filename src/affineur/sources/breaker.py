"""A circuit breaker: a host that failed several times in a row is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

_FAILURES_ALLOWED = 3
_LONGEST_REST = 60.0


class Breaker:
    """Counts failures in a row; the rest grows from one second, doubling, to a minute.

    When a rest is over one request is let through to try; the others wait for its outcome or for
    the next rest to end.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures, self._closed_until = 0, 0.0

    @property
    def rests_for(self) -> float:
        """The seconds for which the host is not asked, 0 when it is."""
        return max(0.0, self._closed_until - self._clock())

    def allows(self) -> bool:
        """Whether to ask now."""
        if self.rests_for:
            return False
        if self._failures >= _FAILURES_ALLOWED:
            self._rest()
        return True

    def _rest(self, at_least: float = 0.0) -> None:
        rest = max(2.0 ** min(self._failures - _FAILURES_ALLOWED, 10), at_least)
        self._closed_until = self._clock() + min(_LONGEST_REST, rest)

    def succeeded(self) -> None:
        """Note an answer."""
        self._failures, self._closed_until = 0, 0.0

    def failed(self, retry_after: float = 0.0) -> None:
        """Note a failure; `retry_after` is what the host itself asked for, in seconds."""
        self._failures += 1
        if retry_after or self._failures >= _FAILURES_ALLOWED:
            self._rest(retry_after)
