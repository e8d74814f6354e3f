"""Many reads at a time, in bounded memory, each with its own result or error."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
)
from typing import Any, cast

from attrs import frozen

from tokfluence_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ForbiddenError,
    InsufficientCreditsError,
    NotSentError,
    RequestError,
    TokfluenceError,
)
from tokfluence_async.models import Post
from tokfluence_async.protocol.endpoints import POSTS_SHOW
from tokfluence_async.resources.pump import Pump, Step, close

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
    """Why there is no post: what the call ended with; a `ConfigurationError` for what is no id at all; a `NotSentError`
    if the call was not begun, because the iteration was about to end with another's error."""


async def show_many(
    show: Callable[[str], Awaitable[Post]],
    post_ids: Iterable[str] | AsyncIterable[str],
    *,
    ordered: bool,
    concurrency: int,
) -> AsyncGenerator[Shown, None]:
    """Call `show` for each id, `concurrency` at a time.

    An error that is not about one post (a wrong key, an empty wallet, a crossed cap), and one that the input raises, is
    raised once each id that was taken from the input has its result: calls under way are paid for, and are waited for.
    After the former no call is begun any more; what was taken and waits for a place gets a `NotSentError`.

    Leaving the iteration early cancels what is under way. However it ends, a generator that is the input is closed: ids
    were taken ahead from it, so that nobody could go on with it. Other iterators are left to those who made them.

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
        """What to raise in the end."""
        self._verdict: Exception | None = None
        """What a call ended with that every other would end with as well."""
        self._show = show
        self._source = source
        self._ordered = ordered
        self._places = asyncio.Semaphore(concurrency)
        self._size = concurrency * 2 if ordered else concurrency
        self._window: deque[asyncio.Task[Shown | None]] = deque()

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
                self._window.append(asyncio.create_task(self._one(post_id)))

    @property
    def _has_room(self) -> bool:
        return self.problem is None and len(self._window) < self._size

    async def _one(self, post_id: str) -> Shown | None:
        async with self._places:
            if self._verdict is not None:
                return _not_begun(post_id, self._verdict)
            try:
                return Shown(post_id, await self._show(post_id), None)
            except TokfluenceError as error:
                if isinstance(error, _EVERYBODY_S) or not isinstance(
                    error, RequestError | ConfigurationError
                ):
                    self._end(error)
                return Shown(post_id, None, error)
            except Exception as error:  # noqa: BLE001 - no error of a call; raised when the rest is handed out
                self._end(error)
                return None

    def _end(self, verdict: Exception) -> None:
        self._verdict = self._verdict or verdict
        self.problem = self.problem or verdict

    def next_done(self) -> asyncio.Task[Shown | None] | None:
        """The call whose result is to be handed out now."""
        if self._ordered:
            return self._window[0] if self._window and self._window[0].done() else None
        return next((task for task in self._window if task.done()), None)

    def result(self, task: asyncio.Task[Shown | None]) -> Shown | None:
        """A call's result; None if it became the `problem` and is no error of the API's."""
        self._window.remove(task)
        return task.result()

    async def progress(self) -> bool:
        """Wait until a call is done or an id arrives; False if neither is to come."""
        pending: set[asyncio.Future[Any]] = set(self._window)
        if self._ordered and self._window:
            pending = {self._window[0]}
        if self._has_room and not self._source.exhausted:
            pending.add(self._source.wanted())
        if not pending:
            return False
        await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        return True

    async def cancel(self) -> None:
        """End what is under way, and the input."""
        tasks: list[asyncio.Task[Any]] = [*self._window, *self._source.end()]
        for task in self._window:
            task.cancel()
        try:
            # If this is cancelled, so are the tasks, once more; they are waited for all the same.
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await self._source.close()


def _not_begun(post_id: str, verdict: Exception) -> Shown:
    try:
        path = POSTS_SHOW.path(post_id)
    except ConfigurationError as error:
        return Shown(post_id, None, error)
    message = f"not begun, for the call for another post ended with {type(verdict).__name__}: {verdict}"
    return Shown(post_id, None, NotSentError(message, method=POSTS_SHOW.method, path=path, attempts=0))


class _Source:
    """The input, asked for one id at a time, and never while there is no place for it."""

    def __init__(self, post_ids: Iterable[str] | AsyncIterable[str]) -> None:
        self.exhausted = False
        self._async: AsyncIterator[str] | None = None
        self._pump: Pump | None = None
        self._asked: asyncio.Future[Step] | None = None
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
            return asked.result().value()
        except (StopIteration, StopAsyncIteration):
            self.exhausted = True
            raise StopAsyncIteration from None
        except BaseException:
            self.exhausted = True
            raise

    def wanted(self) -> asyncio.Future[Step]:
        """What is done as soon as `ready`; asks an async input for its next id."""
        if self._asked is None:
            if self._async is None:
                raise TypeError("a plain input is always ready")
            self._pump = self._pump or Pump(self._async)
            self._asked = self._pump.ask()
        return self._asked

    def end(self) -> list[asyncio.Task[None]]:
        """Begin to close an async input; what is returned is to be waited for before `close`."""
        return [] if self._pump is None else [self._pump.end()]

    async def close(self) -> None:
        """Close the input, if it is a generator."""
        if self._pump is not None and self._pump.begun:
            self._pump.check()
        elif self._async is not None:
            await close(self._async)
        else:
            plain: object = self._plain
            if isinstance(plain, Generator):
                cast("Generator[str, None, None]", plain).close()
