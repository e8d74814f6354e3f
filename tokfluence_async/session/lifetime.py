"""When a client may be used: opened once, on one event loop, until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tokfluence_async.errors import ConfigurationError, UsageError
from tokfluence_async.session.flights import GRACE
from tokfluence_async.session.session import Session

__all__ = ["Lifetime"]


class Lifetime:
    """Holds a client's session from its opening to its closing.

    Args:
        make: Opens a session; called on the event loop that is to use it.
        check: Raises `UsageError` where something that the session needs, and others own, can't be used any more.
    """

    def __init__(self, make: Callable[[], Session], *, check: Callable[[], None] | None = None) -> None:
        self._make = make
        self._check = check
        self._session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._ended: asyncio.Event | None = None
        """Set once a close that has begun is over."""

    def open(self) -> None:
        """Open the session.

        Raises:
            UsageError: It was opened before, or no event loop runs here.
        """
        loop = _running_loop()
        if self._closed:
            raise UsageError("this client was closed; make a new one")
        if self._session is not None:
            raise UsageError("this client is open already; `async with` it once and share it")
        self._session = self._make()
        self._loop = loop

    async def close(self, grace: float = GRACE) -> None:
        """Close the session. Closing twice, or what was never open, is fine.

        Who closes while another is closing waits until that has ended; the first one's grace counts.

        Args:
            grace: Seconds that what is in flight is waited for; infinite is for as long as it takes.

        Raises:
            ConfigurationError: The grace is no number of seconds. Nothing was closed.
            UsageError: It belongs to another event loop.
        """
        seconds = _checked_grace(grace)
        if self._session is None:
            self._closed = True
            return
        if self._ended is not None and self._ended.is_set():
            return
        if _running_loop() is not self._loop:
            raise UsageError("this client belongs to another event loop; close it there")
        if self._ended is not None:
            await self._ended.wait()
            return
        self._closed = True
        self._ended = asyncio.Event()
        try:
            await self._session.close(grace=seconds)
        finally:
            self._ended.set()

    @property
    def credits_remaining(self) -> int | None:
        """The wallet's balance in credits, as the latest answer told it; None before the first."""
        return None if self._session is None else self._session.credits_remaining

    def session(self) -> Session:
        """The session.

        Raises:
            UsageError: It is not open, belongs to another event loop, or lacks what others own.
        """
        if self._session is None or self._closed:
            if self._closed:
                raise UsageError("this client was closed; calls are made inside its `async with` block")
            raise UsageError("this client is not open: use `async with Tokfluence() as tok:`")
        if _running_loop() is not self._loop:
            raise UsageError("this client belongs to another event loop; make one for each loop")
        if self._check is not None:
            self._check()
        return self._session

    def check(self) -> None:
        """See that what the session needs, and others own, can still be used.

        Raises:
            UsageError: It can't.
        """
        if self._check is not None:
            self._check()


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError(
            "no event loop runs here: use `async with Tokfluence() as tok:` inside a coroutine, as `asyncio.run` "
            "runs it"
        ) from None


def _checked_grace(grace: Any) -> float:
    if isinstance(grace, int | float) and not isinstance(grace, bool) and grace >= 0:
        try:
            return float(grace)
        except OverflowError:
            pass
    raise ConfigurationError(f"grace must be a number of seconds, at least 0, not {grace!r}")
