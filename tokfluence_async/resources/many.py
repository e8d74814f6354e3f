"""Many reads at a time, in bounded memory, each with its own result or error."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from attrs import frozen

from tokfluence_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ForbiddenError,
    InsufficientCreditsError,
    RequestError,
    TokfluenceError,
)
from tokfluence_async.models import Post

__all__ = ["Shown", "show_many"]

_EVERYBODY_S = (AuthenticationError, ForbiddenError, InsufficientCreditsError)
"""Answers that every other request would get as well."""


@frozen
class Shown:
    """The result for one id of `Posts.show_many`."""

    post_id: str
    """The id, as the input had it."""
    post: Post | None
    """The post; None if there is an `error`."""
    error: TokfluenceError | None
    """Why there is no post: a `RequestError`, or a `ConfigurationError` for what is no id at all."""


async def show_many(
    show: Callable[[str], Awaitable[Post]],
    post_ids: Iterable[str] | AsyncIterable[str],
    *,
    ordered: bool,
    concurrency: int,
) -> AsyncGenerator[Shown, None]:
    """Call `show` for each id, `concurrency` at a time.

    An error that is not about one post (a wrong key, an empty wallet, a crossed cap), and one that the input raises, is
    raised once the results of all calls that were under way have been handed out: they are paid for. Nothing new is
    begun in the meantime. Leaving the iteration early cancels what is under way.

    Args:
        show: Makes one call.
        post_ids: The ids; taken as places become free.
        ordered: Whether results come in the order of the ids, or as they arrive.
        concurrency: Calls in flight at once; in order, as many again may wait for an earlier one.
    """
    reads = _Reads(show, _Source(post_ids), concurrency=concurrency, ordered=ordered)
    try:
        while True:
            reads.begin()
            task = reads.next_done()
            if task is None:
                if not await reads.progress():
                    break
                continue
            shown = reads.result(task)
            if shown is not None:
                yield shown
    finally:
        await reads.cancel()
    if reads.problem is not None:
        raise reads.problem


class _Reads:
    """The calls that are under way, and those whose results wait to be handed out."""

    def __init__(
        self, show: Callable[[str], Awaitable[Post]], source: _Source, *, concurrency: int, ordered: bool
    ) -> None:
        self.problem: Exception | None = None
        self._show = show
        self._source = source
        self._ordered = ordered
        self._places = asyncio.Semaphore(concurrency)
        self._size = concurrency * 2 if ordered else concurrency
        self._window: deque[asyncio.Task[Shown]] = deque()

    def begin(self) -> None:
        """Begin as many calls as there are places and ids for, without waiting for either."""
        while self._has_room and self._source.ready:
            try:
                post_id = self._source.take()
            except StopAsyncIteration:
                return
            except Exception as error:  # noqa: BLE001 - the input's own; raised when the rest is handed out
                self.problem = error
            else:
                self._window.append(asyncio.create_task(_one(self._show, post_id, self._places)))

    @property
    def _has_room(self) -> bool:
        return self.problem is None and len(self._window) < self._size

    def next_done(self) -> asyncio.Task[Shown] | None:
        """The call whose result is to be handed out now."""
        if self._ordered:
            return self._window[0] if self._window and self._window[0].done() else None
        return next((task for task in self._window if task.done()), None)

    def result(self, task: asyncio.Task[Shown]) -> Shown | None:
        """A call's result; None if it became the `problem`."""
        self._window.remove(task)
        try:
            return task.result()
        except TokfluenceError as error:
            self.problem = self.problem or error
            return None

    async def progress(self) -> bool:
        """Wait until a call is done or an id arrives; False if neither is to come."""
        pending: set[asyncio.Task[Any]] = set(self._window)
        if self._ordered and self._window:
            pending = {self._window[0]}
        if self._has_room and not self._source.exhausted:
            pending.add(self._source.wanted())
        if not pending:
            return False
        await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        return True

    async def cancel(self) -> None:
        """End what is under way."""
        tasks: list[asyncio.Task[Any]] = [*self._window, *self._source.pending()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(show: Callable[[str], Awaitable[Post]], post_id: str, places: asyncio.Semaphore) -> Shown:
    async with places:
        try:
            return Shown(post_id, await show(post_id), None)
        except _EVERYBODY_S:
            raise
        except (RequestError, ConfigurationError) as error:
            return Shown(post_id, None, error)


class _Source:
    """The input, asked for one id at a time, and never while there is no place for it."""

    def __init__(self, post_ids: Iterable[str] | AsyncIterable[str]) -> None:
        self.exhausted = False
        self._async: AsyncIterator[str] | None = None
        self._asked: asyncio.Task[str] | None = None
        if isinstance(post_ids, AsyncIterable):
            self._async = aiter(post_ids)
        else:
            self._plain = iter(post_ids)

    @property
    def ready(self) -> bool:
        """Whether `take` would not have to wait."""
        if self.exhausted:
            return False
        return self._async is None or (self._asked is not None and self._asked.done())

    def take(self) -> str:
        """The next id.

        Raises:
            StopAsyncIteration: There is none.
        """
        try:
            if self._asked is None:
                return next(self._plain)
            asked, self._asked = self._asked, None
            return asked.result()
        except (StopIteration, StopAsyncIteration):
            self.exhausted = True
            raise StopAsyncIteration from None
        except BaseException:
            self.exhausted = True
            raise

    def wanted(self) -> asyncio.Task[str]:
        """What is done as soon as `ready`; asks an async input for its next id."""
        if self._asked is None and self._async is not None:
            self._asked = asyncio.create_task(_ask(self._async))
        if self._asked is None:
            raise TypeError("a plain input is always ready")
        return self._asked

    def pending(self) -> list[asyncio.Task[str]]:
        """What has been asked for and not been taken."""
        return [] if self._asked is None else [self._asked]


async def _ask(source: AsyncIterator[str]) -> str:
    return await anext(source)
