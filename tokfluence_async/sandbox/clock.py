"""The sandbox's own clock, which a test can move forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class SandboxClock:
    """Seconds since the sandbox started, plus whatever `advance` added.

    Rate limits, analysis delays, wallet refills and remembered request ids are all measured on it. Latencies
    and stalls are not: they are really waited for.

    Args:
        source: A monotonic clock, in seconds.
        epoch: Unix time of the first reading, in seconds; today's time if not given.
    """

    def __init__(self, source: Callable[[], float] = time.monotonic, *, epoch: float | None = None) -> None:
        self._source = source
        self._epoch = time.time() if epoch is None else epoch
        self._started = source()
        self._offset = 0.0

    @property
    def offset(self) -> float:
        """Seconds that `advance` has added so far."""
        return self._offset

    def now(self) -> float:
        """Seconds on the sandbox clock."""
        return self._source() - self._started + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Args:
            seconds: How far.

        Raises:
            ValueError: If that were backwards, or nowhere that can be named.
        """
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"the clock only moves forward, by a finite number of seconds; not by {seconds}")
        self._offset += seconds

    def rewind(self) -> None:
        """Forget every `advance`."""
        self._offset = 0.0

    def host_time(self) -> float:
        """Unix time as the client's machine has it: what an HTTP date must be reckoned from."""
        return self._epoch + self._source() - self._started

    def unix(self, moment: float) -> float:
        """Unix time of a moment on this clock."""
        return self._epoch + moment

    def iso(self, moment: float) -> str:
        """A moment on this clock in the API's notation, such as ``2026-05-15T10:00:00Z``."""
        return iso(self.unix(moment))


def iso(unix: float) -> str:
    """A Unix time in the API's notation, such as ``2026-05-15T10:00:00Z``."""
    return datetime.fromtimestamp(int(unix), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
