"""A rate limit on a strict sliding window."""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """At most `limit` requests in any stretch of `span` seconds, wherever it begins.

    Only requests that were let through count against the limit; `worst` counts all that arrived.

    Args:
        limit: Requests a window; 0 = no limit.
        span: The window's length, in seconds.
    """

    __slots__ = ("_accepted", "_arrived", "_limit", "_span", "refused", "worst")

    def __init__(self, limit: int, span: float) -> None:
        self._limit = limit
        self._span = span
        self._accepted: deque[float] = deque()
        self._arrived: deque[float] = deque()
        self.worst: int = 0
        """The most requests that arrived in any one window, refused ones included."""
        self.refused: int = 0
        """How many requests were refused."""

    def arrive(self, now: float) -> float:
        """Note a request.

        Args:
            now: Seconds on the sandbox clock.

        Returns:
            Seconds until there is room for it; 0 if there is now.
        """
        since = now - self._span
        arrived = self._arrived
        arrived.append(now)
        while arrived[0] <= since:
            arrived.popleft()
        self.worst = max(self.worst, len(arrived))
        if not self._limit:
            return 0.0
        accepted = self._accepted
        while accepted and accepted[0] <= since:
            accepted.popleft()
        if len(accepted) < self._limit:
            return 0.0
        # Never 0: rounding must not turn "not yet" into "now".
        return max(accepted[0] + self._span - now, 1e-9)

    def accept(self, now: float) -> None:
        """Count a request that was let through."""
        if self._limit:
            self._accepted.append(now)

    def refuse(self) -> None:
        """Count a request that was turned away."""
        self.refused += 1
