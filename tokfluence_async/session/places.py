"""Places for requests in flight."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Places"]


class Places:
    """So many places; whoever finds none free waits in line, and repeats go before what has not begun.

    A repeat is of a call that may have been charged, and whose key the API will not remember for ever.

    Args:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        # Each with those who have left in the meantime.
        self._repeats: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """Places that nobody has."""
        return self._free

    def try_acquire(self) -> bool:
        """Take a place, if one is free; while one is, nobody waits."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def acquire(self, *, repeat: bool) -> None:
        """Wait for a place, and take it.

        Args:
            repeat: Whether it is for a request that was sent before.

        Raises:
            asyncio.CancelledError: The caller was cancelled. No place is taken.
        """
        if self.try_acquire():
            return
        line = self._repeats if repeat else self._others
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.release()  # the place came at the same moment
            raise  # whoever leaves is passed over when a place is free

    def release(self) -> None:
        """Give a place back, or on to the next in line."""
        for line in (self._repeats, self._others):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
