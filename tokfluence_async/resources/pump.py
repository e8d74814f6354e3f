"""An async input that runs in one task for the whole of its life, and is asked for one id at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

from attrs import frozen

__all__ = ["Pump", "Step", "close"]


async def close(source: AsyncIterator[str]) -> None:
    """Close an input, if it is a generator; other iterators are left to those who made them."""
    if not isinstance(source, AsyncGenerator):
        return
    try:
        await cast("AsyncGenerator[str, None]", source).aclose()
    except BaseExceptionGroup as group:
        # A task group around a `yield` wraps the GeneratorExit that closes the generator, and that is no error.
        _, errors = group.split(GeneratorExit)
        if errors is not None:
            raise errors from None


@frozen
class Step:
    """What one step of an async input came to: an id, or its end or error."""

    post_id: str = ""
    error: BaseException | None = None

    def value(self) -> str:
        """The id; raises the error if there is none."""
        if self.error is not None:
            raise self.error
        return self.post_id


_PUMPS: set[asyncio.Task[None]] = set()
"""Keeps the tasks alive: one that waits to be asked is otherwise held by nobody but its iteration."""


class Pump:
    """Runs an async input, its end included, in one task: it may hold a context variable, a timeout or a task group.

    Between two ids the input stands at a `yield`, and the task waits to be asked. A scope of the input's own that is
    over meanwhile cancels the task, for it takes it for its own: then the input gets the cancellation, where it stands.
    """

    def __init__(self, source: AsyncIterator[str]) -> None:
        self.begun: bool = False
        """Whether the task has run at all; one that was cancelled before has not closed the input."""
        self._source = source
        self._answer: asyncio.Future[Step] | None = None
        self._kept: deque[Step] = deque()
        """What came of a cancellation, without having been asked for."""
        self._called = asyncio.Event()
        """Set if the input is asked for an id, or is to end."""
        self._stepping = False
        self._ending = False
        self._task = asyncio.create_task(self._run())
        _PUMPS.add(self._task)
        self._task.add_done_callback(self._done)

    def ask(self) -> asyncio.Future[Step]:
        """Ask for one id; not again before that is there."""
        answer: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        if self._kept:
            answer.set_result(self._kept.popleft())
        else:
            self._answer = answer
            self._called.set()
        return answer

    def end(self) -> asyncio.Task[None]:
        """Cancel the step that is under way, and close the input; returns what is done then."""
        self._ending = True
        self._called.set()
        if self._stepping:
            self._task.cancel()
        return self._task

    def check(self) -> None:
        """Raise what closing the input raised; nothing if the task was cancelled."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        self.begun = True
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while True:
            cancelled: asyncio.CancelledError | None = None
            try:
                await self._called.wait()
            except asyncio.CancelledError as error:
                cancelled = error
            if self._ending:
                break
            requests = task.cancelling()
            step = await self._step(cancelled)
            self._give(step)
            if step.error is not None:
                break
            if cancelled is not None and task.cancelling() >= requests:
                break  # no scope of the input's took it back: somebody ends this task, as `asyncio.run` does
        while task.cancelling():
            task.uncancel()  # what the input does in the end is not cancelled, unless it is once more
        await close(self._source)

    async def _step(self, cancelled: asyncio.CancelledError | None) -> Step:
        source: object = self._source
        self._stepping = True
        try:
            if cancelled is None:
                return Step(await anext(self._source))
            if isinstance(source, AsyncGenerator):
                return Step(await cast("AsyncGenerator[str, None]", source).athrow(cancelled))
            return Step(error=cancelled)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the input's own, for the consumer
            return Step(error=error)
        finally:
            self._stepping = False

    def _give(self, step: Step) -> None:
        if self._answer is None:
            self._kept.append(step)
            return
        self._answer.set_result(step)
        self._answer = None
        if not self._ending:
            self._called.clear()

    def _done(self, task: asyncio.Task[None]) -> None:
        _PUMPS.discard(task)
        error = None if task.cancelled() else task.exception()
        self._give(Step(error=error or asyncio.CancelledError()))  # for one who asks though it has ended
