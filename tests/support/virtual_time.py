"""An asyncio event loop on which time passes only when everybody waits, and then at once.

A test that "sleeps" ten minutes on it takes milliseconds, and the same steps happen in the same order on
every run. Real sockets work, but nothing waits for them; threads are not waited for.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")


class DeadlockError(RuntimeError):
    """Every task waits, and nothing is scheduled that could wake one."""


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0  # not 0, so that a time taken for a duration shows

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            return super().select(0)
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise DeadlockError("every task waits, and nothing is scheduled")
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def timers(self) -> int:
        """Timers that are set and not cancelled."""
        scheduled: list[asyncio.TimerHandle] = vars(self)["_scheduled"]  # typeshed does not know it
        return sum(not handle.cancelled() for handle in scheduled)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in virtual time, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
