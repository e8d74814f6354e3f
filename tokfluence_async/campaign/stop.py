"""Stopping a load: nothing new is started, what is under way ends."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio

from tokfluence_async.errors import NotSentError, OutcomeUnknownError, UsageError

__all__ = ["Stop", "Stopped"]


class Stopped(Exception):  # noqa: N818 - it ends the work, and is no error: the report says what happened
    """The load was asked to stop."""


class Stop:
    """Whether a load is to stop, and why. The first reason counts.

    Args:
        told: Called once, with the code and the message, when the load is asked to stop.
    """

    def __init__(self, told: Callable[[str, str], None]) -> None:
        self._told = told
        self.code: str | None = None
        self.message: str = ""
        self.short_by: int | None = None
        self._requested = anyio.Event()
        self._waiting: set[anyio.CancelScope] = set()

    @property
    def requested(self) -> bool:
        """Whether the load is to stop."""
        return self.code is not None

    def request(self, code: str, message: str, *, short_by: int | None = None) -> bool:
        """Ask to stop; False if it was asked before.

        Args:
            code: A stable code.
            message: Why, and what to do.
            short_by: Credits by which the cap has to be raised, where that is known and why it stops.
        """
        if self.requested:
            return False
        self.code, self.message, self.short_by = code, message, short_by
        self._requested.set()
        for scope in tuple(self._waiting):
            scope.cancel()
        self._told(code, message)
        return True

    def check(self) -> None:
        """End the work here, if the load is to stop.

        Raises:
            Stopped: It is.
        """
        if self.requested:
            raise Stopped

    @contextmanager
    def interruptible(self) -> Generator[Callable[[], None]]:
        """Interrupt what waits inside when the load is to stop, until it calls what this gives: then it has begun.

        Raises:
            Stopped: The load is to stop, and it had not begun.
        """
        self.check()
        with anyio.CancelScope() as scope:
            self._waiting.add(scope)
            try:
                yield lambda: self._waiting.discard(scope)
            finally:
                self._waiting.discard(scope)
        if scope.cancelled_caught:
            raise Stopped

    @contextmanager
    def closing(self) -> Generator[None]:
        """Take the client's closing for a reason to stop.

        Raises:
            Stopped: The client was closed.
        """
        try:
            yield
        except (UsageError, NotSentError, OutcomeUnknownError):
            self.request("interrupted", "the client was closed under the load; resume it from its load file")
            raise Stopped from None

    async def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the load is to stop."""
        with anyio.move_on_after(seconds):
            await self._requested.wait()
