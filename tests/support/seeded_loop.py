"""An event loop on virtual time that runs what is ready in an order drawn from a seed, and counts its steps.

asyncio promises no more about the order of tasks than that each is run; code about money must not rely on more. What is
ready may also have to wait while other things happen, as on a machine that is busy.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context
from random import Random
from typing import Any, TypeVar

__all__ = ["EPOCH", "SeededLoop", "StuckError", "run_seeded"]

T = TypeVar("T")
EPOCH = 1_790_000_000.0
"""The wall clock at the start of every simulation, in Unix seconds."""


class StuckError(AssertionError):
    """Every task waits, and nothing is scheduled that could wake one; or there is no end to it."""


class _Clock(selectors.DefaultSelector):
    """Jumps to the next timer instead of waiting, unless a thread is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.threads:
            return super().select(0 if timeout == 0 else 0.5)
        if timeout is None:
            raise StuckError("every task waits, and nothing is scheduled")
        self.now += timeout
        return []


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    def __init__(self, number: int, *args: Any, **options: Any) -> None:
        self._number = number
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self._number

    __eq__ = object.__eq__


class SeededLoop(asyncio.SelectorEventLoop):
    """The loop. Its `steps` number the moments at which something can be made to happen: a crash, for one."""

    def __init__(self, rand: Random, *, max_steps: int = 200_000) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)
        self.steps = 0
        self._rand = rand
        self._max_steps = max_steps
        self._tasks = 0
        self._at: dict[int, list[Callable[[], None]]] = {}
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        return self._clock.now

    def wall_clock(self) -> float:
        """Unix seconds."""
        return EPOCH + self._clock.now

    def at_step(self, steps: int, callback: Callable[[], None]) -> None:
        """Call back so many steps from now, between two callbacks of the loop."""
        self._at.setdefault(self.steps + max(steps, 1), []).append(callback)

    @contextmanager
    def thread_at_work(self) -> Generator[None]:
        """Meanwhile, wait for real: time stands still until the thread has answered."""
        self._clock.threads += 1
        try:
            yield
        finally:
            self._clock.threads -= 1

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, *, context: Context | None = None
    ) -> asyncio.Future[Any]:
        self._tasks += 1
        return _Task(self._tasks, coro, loop=loop, context=context)

    def _write_to_self(self) -> None:
        # Without threads nobody needs waking.
        if self._clock.threads:
            super()._write_to_self()  # type: ignore[misc]  # typeshed does not know it

    def _run_once(self) -> None:
        self.steps += 1
        if self.steps > self._max_steps:
            raise StuckError(f"no end after {self.steps} steps")
        for callback in self._at.pop(self.steps, ()):
            callback()
        ready: deque[asyncio.Handle] = vars(self)["_ready"]
        if len(ready) < 2:
            super()._run_once()  # type: ignore[misc]  # typeshed does not know it
            return
        handles = list(ready)
        self._rand.shuffle(handles)
        now = self._rand.randint(1, len(handles))
        ready.clear()
        ready.extend(handles[:now])
        super()._run_once()  # type: ignore[misc]  # typeshed does not know it
        ready.extend(handles[now:])


def run_seeded(main: Callable[[SeededLoop], Coroutine[Any, Any, T]], seed: str) -> T:
    """Run a coroutine to its end on a loop of this seed."""
    loop = SeededLoop(Random(seed))
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()
