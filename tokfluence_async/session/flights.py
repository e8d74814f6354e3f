"""What is under way in a session, so that closing it can wait, and then interrupt."""

from __future__ import annotations

import asyncio
from typing import Final

from tokfluence_async.errors import UsageError

__all__ = ["GRACE", "Flight", "Flights"]

GRACE: Final = 5.0
"""Seconds that closing waits for what is under way, unless told otherwise."""


class Flight:
    """Something that is under way in the current task."""

    __slots__ = ("_before", "interrupted", "task", "under_way")

    def __init__(self, task: asyncio.Task[object]) -> None:
        self.task: asyncio.Task[object] = task
        self.interrupted: bool = False
        self.under_way: bool = False
        """Whether a request of it has left, or may have, and has not ended."""
        self._before = task.cancelling()

    def interrupt(self) -> None:
        """End it, by the same means as `asyncio.timeout` does."""
        self.interrupted = True
        self.task.cancel()

    def was_interrupted(self) -> bool:
        """Whether a `CancelledError` that has just been caught came from `interrupt`, and from nobody else.

        Call it once. The task counts as not cancelled afterwards, if so.
        """
        return self.interrupted and self.task.uncancel() <= self._before


class Flights:
    """The flights of one session."""

    def __init__(self) -> None:
        self.closed: bool = False
        self._under_way: set[Flight] = set()
        self._landed: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self) -> Flight:
        """Note that something begins in the current task; followed by `end`.

        Raises:
            UsageError: The session is closing, or closed.
        """
        if self.closed:
            raise UsageError("this client was closed; calls are made inside its `async with` block")
        task = asyncio.current_task()
        if task is None:
            raise UsageError("calls are made inside an asyncio task, such as `asyncio.run` makes")
        flight = Flight(task)
        self._under_way.add(flight)
        return flight

    def end(self, flight: Flight) -> None:
        """Note that it has ended."""
        self._under_way.discard(flight)
        if self._landed is not None and not self._under_way and not self._landed.done():
            self._landed.set_result(None)

    async def close(self, grace: float) -> None:
        """Let nothing new begin, wait, and interrupt what is still under way then.

        Args:
            grace: Seconds to wait. What is interrupted has as many again to end, at least a few.
        """
        self.closed = True
        try:
            await self._wait(grace)
        finally:
            for flight in tuple(self._under_way):
                flight.interrupt()
        await self._wait(max(grace, GRACE))

    async def _wait(self, seconds: float) -> None:
        if self._under_way:
            self._landed = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._landed], timeout=seconds)
