"""When a client may be used: opened once, on one event loop, until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tokfluence_async.errors import UsageError
from tokfluence_async.session.flights import GRACE
from tokfluence_async.session.session import Session

__all__ = ["Lifetime"]


class Lifetime:
    """Holds a client's session from its opening to its closing.

    Args:
        make: Opens a session; called on the event loop that is to use it.
    """

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make = make
        self._session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def open(self) -> None:
        """Open the session.

        Raises:
            UsageError: It was opened before.
        """
        if self._closed:
            raise UsageError("this client was closed; make a new one")
        if self._session is not None:
            raise UsageError("this client is open already; `async with` it once and share it")
        self._session = self._make()
        self._loop = asyncio.get_running_loop()

    async def close(self, grace: float = GRACE) -> None:
        """Close the session. Closing twice, or what was never open, is fine.

        Args:
            grace: Seconds that what is in flight is waited for.

        Raises:
            UsageError: It belongs to another event loop.
        """
        if self._session is not None and not self._closed:
            if asyncio.get_running_loop() is not self._loop:
                raise UsageError("this client belongs to another event loop; close it there")
            self._closed = True
            await self._session.close(grace=grace)
        self._closed = True

    @property
    def credits_remaining(self) -> int | None:
        """The wallet's balance in credits, as the latest answer told it; None before the first."""
        return None if self._session is None else self._session.credits_remaining

    def session(self) -> Session:
        """The session.

        Raises:
            UsageError: It is not open, or belongs to another event loop.
        """
        if self._session is None or self._closed:
            if self._closed:
                raise UsageError("this client was closed; calls are made inside its `async with` block")
            raise UsageError("this client is not open: use `async with Tokfluence() as tok:`")
        if asyncio.get_running_loop() is not self._loop:
            raise UsageError("this client belongs to another event loop; make one for each loop")
        return self._session
