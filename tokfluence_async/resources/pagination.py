"""Paged lists: item by item, or page by page, from any cursor on."""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError, DecodeError, TokfluenceError
from tokfluence_async.models import Model, Page

__all__ = ["Cursor", "Paginator"]

T = TypeVar("T", bound=Model)
Cursor: TypeAlias = int | str | None
"""A place in a paged list: what the API gave as ``meta.next_cursor``, or None for the beginning."""


class Paginator(Generic[T]):
    """A paged list, read as it is iterated. Each page is a call, and is charged as one.

    ``async for item in paginator`` gives items, ``async for page in paginator.pages()`` pages. An empty page does not
    end the list; only a page without a next cursor does. A list is read once: iterated again, it goes on where it
    stopped, and gives nothing after its end. Pages that are asked for amid the items of one begin with that one.

    Tasks may share a list: each item, or page, goes to one of them, and each page is read once. Where reading one
    fails, all that wait for it get the error.

    Args:
        fetch: Gets the page at a cursor.
        cursor: Where to begin; None is the beginning.
        method: HTTP method of the pages' calls, for errors.
        path: Their path, likewise.

    Raises:
        ConfigurationError: `cursor` is nothing that a cursor can be.

    Attributes:
        cursor: Where a later paginator takes the list up. Iterating pages, it is the place behind the page that was
            handed out last; iterating items, it stays on a page until the page's last item was handed out. After an
            error it is the page that failed. None before the first page, and after the last.
        exhausted: Whether the end was reached.
    """

    def __init__(
        self,
        fetch: Callable[[Cursor], Awaitable[Page[T]]],
        *,
        cursor: Cursor = None,
        method: str = "",
        path: str = "",
    ) -> None:
        cursor = _checked(cursor)
        self._fetch = fetch
        self._method = method
        self._path = path
        self._seen = {str(cursor or 0)}
        self._items: deque[T] = deque()
        self._following: Page[T] | None = None
        self._repeated: DecodeError | None = None
        self._reading = asyncio.Lock()
        self._failures = 0
        self._failure: TokfluenceError | None = None
        """What the latest of them was."""
        self.cursor: Cursor = cursor
        self.exhausted: bool = False

    def __aiter__(self) -> AsyncIterator[T]:
        """The list's items, page after page.

        Raises:
            DecodeError: The API gave a cursor for the second time; going on would never end. The items of the page
                that it came with are handed out before.
            RequestError: A page's call failed; iterating again tries it once more.
        """
        return _Items(self)

    def pages(self) -> AsyncIterator[Page[T]]:
        """The list's pages.

        Raises:
            DecodeError: The API gave a cursor for the second time; going on would never end. The page that it came
                with is handed out before.
            RequestError: A page's call failed; iterating again tries it once more.
        """
        return _Pages(self)

    async def next_page(self) -> Page[T]:
        """The next page.

        Raises:
            StopAsyncIteration: There is none.
            DecodeError: As for `pages`.
            RequestError: As for `pages`.
        """
        failures = self._failures
        async with self._reading:
            page = self._following
            if page is None:
                page = await self._read(failures)
            self._items.clear()
            self._turn(page)
            return page

    async def next_item(self) -> T:
        """The next item, from a further page where that is needed.

        Raises:
            StopAsyncIteration: There is none.
            DecodeError: As for `pages`.
            RequestError: As for `pages`.
        """
        failures = self._failures
        while not self._items:
            async with self._reading:
                if self._items:  # another task has read them while this one waited
                    break
                page = self._following = await self._read(failures)
                self._items.extend(page)
                if not self._items:
                    self._turn(page)
        item = self._items.popleft()
        if not self._items and self._following is not None:
            self._turn(self._following)
        return item

    async def _read(self, failures: int) -> Page[T]:
        """The page at the cursor.

        Args:
            failures: How many there had been when it was asked for.
        """
        if self._failure is not None and self._failures > failures:
            # Of the read that this one has waited for: trying it again may be charged again.
            raise copy.copy(self._failure)
        if self._repeated is not None:
            raise self._repeated
        if self.exhausted:
            raise StopAsyncIteration
        try:
            return await self._fetch(self.cursor)
        except TokfluenceError as error:
            self._failures += 1
            self._failure = copy.copy(error)  # without its traceback, which would lead back here
            raise

    def _turn(self, page: Page[T]) -> None:
        """Go on to the place behind a page."""
        self._following = None
        following = page.next_cursor
        if following is None or following == "":
            following = None
            self.exhausted = True
        elif str(following) in self._seen:
            self._repeated = DecodeError(
                f"the API gave the cursor {following!r} for the second time",
                json_path="$.meta.next_cursor",
                body=page.response.body,
                method=self._method,
                path=self._path,
                attempts=page.response.attempts,
                request_id=page.response.request_id,
                credits_remaining=page.response.credits_remaining,
            )
            return
        else:
            self._seen.add(str(following))
        self.cursor = following


def _checked(cursor: object) -> Cursor:
    if cursor is None:
        return None
    place = scalars.whole(cursor)
    if place is not None and -scalars.LARGEST <= place <= scalars.LARGEST:
        return place
    text = scalars.text(cursor)
    if not text:
        raise ConfigurationError(
            f"cursor must be a whole number or text, or None, not {scalars.quoted(cursor)}"
        )
    return text


# Classes rather than generators: one that is left in the middle has nothing to clean up.


class _Items(AsyncIterator[T]):
    def __init__(self, paginator: Paginator[T]) -> None:
        self._paginator = paginator

    async def __anext__(self) -> T:
        return await self._paginator.next_item()


class _Pages(AsyncIterator[Page[T]], Generic[T]):
    def __init__(self, paginator: Paginator[T]) -> None:
        self._paginator = paginator

    async def __anext__(self) -> Page[T]:
        return await self._paginator.next_page()
