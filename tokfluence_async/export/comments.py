"""The comments of many posts, page by page, from any place on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import dropwhile
from math import ceil
from typing import Final, Self

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import ConfigurationError, PostNotFoundError
from tokfluence_async.export.position import Begun, Position
from tokfluence_async.models import CampaignPost, Comment
from tokfluence_async.resources.arguments import checked_count
from tokfluence_async.resources.pagination import Paginator

__all__ = ["Comments", "pages_of", "with_comments"]

PAGE: Final = 200
"""Comments a page: the API's most, as a page costs the same however many there are."""
AHEAD: Final = 256
"""Pages that are read, or under way, before it is their turn: a bound on memory."""
PATIENCE: Final = 1.0
"""Seconds that a cancellation waits for the pages under way, which are paid for."""


def pages_of(posts: Iterable[CampaignPost]) -> int:
    """About how many pages the comments of posts come to, by the number of comments that each post has."""
    return sum(
        max(1, ceil((post.comments or 0) / PAGE))
        for post in posts
        if post.post_id is not None and post.status != "pending"
    )


def with_comments(posts: Iterable[CampaignPost]) -> list[str]:
    """The ids of those posts whose comments can be asked for: they have an id, and their analysis is done."""
    return [post.post_id for post in posts if post.post_id is not None and post.status != "pending"]


class Comments(AsyncIterator[tuple[str, Comment]]):
    """The comments of posts, one by one, each with its post's id: 2 credits a page of 200, one page at least a post.

    Up to `concurrency` posts are read at once, and handed out in their order, each page once. After an error, which
    begins no further page, iterating again goes on where it stopped; so does a new iteration from `position`, which is
    behind whatever was handed out, and what was read ahead is handed out by `arrived`.

    Args:
        tok: An open client.
        post_ids: The video ids.
        resume: Where to begin, as a `Position` or its text; posts before it are left out.
        concurrency: Posts that are read at once. With 1 no page is read before it is asked for; pages that were read
            ahead are paid for, whether or not somebody asks for them.

    Attributes:
        missing: Posts that the API's index does not have. Asking for one is charged.

    Raises:
        ConfigurationError: `resume` is no place, or at none of the posts, or `concurrency` is not 1 or more.
    """

    def __init__(
        self,
        tok: Tokfluence,
        post_ids: Sequence[str],
        *,
        resume: Position | str | None = None,
        concurrency: int = 1,
    ) -> None:
        self._tok = tok
        self._concurrency = checked_count("concurrency", concurrency)
        self._left = deque(post_ids)
        self._window: deque[_Post] = deque()
        """Posts that were begun, up to the latest."""
        self._places: dict[str, Begun] = {}
        """Where each post goes on that was handed out in part, or whole while one before it is not."""
        self._failed: str | None = None
        """The post whose page failed latest."""
        self._items: deque[Comment] = deque()
        self._items_of = ""
        self.missing: list[str] = []
        place = Position.of(resume)
        if place is not None:
            self._places = {place.post_id: place.cursor, **dict(place.ahead)}
            while self._left and self._left[0] != place.post_id:
                self._left.popleft()
            if not self._left:
                raise ConfigurationError(f"there is no post {place.post_id} whose comments could be read")

    @classmethod
    def of_posts(
        cls,
        tok: Tokfluence,
        posts: Iterable[CampaignPost],
        *,
        resume: Position | str | None = None,
        concurrency: int = 1,
    ) -> Self:
        """The comments of a campaign's posts. One whose analysis is unfinished has none yet, and is left out.

        Args:
            tok: An open client.
            posts: The posts.
            resume: Where to begin.
            concurrency: Posts that are read at once.
        """
        return cls(tok, with_comments(posts), resume=resume, concurrency=concurrency)

    @property
    def position(self) -> Position | None:
        """The place behind what was handed out by pages; None at the end."""
        return self._position(self._places)

    @property
    def following(self) -> Position | None:
        """The place without the post whose page failed, or that is read; None where no other is left.

        Where the comments of one post can't be had, those of the other posts can.
        """
        at = self.position
        if at is None:
            return None
        return self._position({**self._places, self._failed or at.post_id: None})

    def _position(self, places: dict[str, Begun]) -> Position | None:
        ids = dict.fromkeys([*(post.post_id for post in self._window), *self._left])
        rest = dropwhile(lambda post_id: places.get(post_id, 0) is None, ids)
        first = next(rest, None)
        if first is None:
            return None
        ahead = tuple((post_id, places[post_id]) for post_id in rest if post_id in places)
        return Position(first, places.get(first, 0) or 0, ahead)

    async def next_page(self) -> tuple[str, Sequence[Comment]]:
        """The next page and its post's id.

        Raises:
            StopAsyncIteration: There is none.
            BudgetExceededError: The credit cap leaves no room for it.
            RequestError: Its call failed, or that of a later post; `position` tells where to go on. Pages that were
                under way have arrived by then.
        """
        self._failed = None
        while True:
            failed = next((post for post in self._window if post.error is not None), None)
            if failed is None:
                self._begin()
            page = next(self._waiting(ahead=False), None)
            if page is not None:
                return page
            if not self._window:
                raise StopAsyncIteration
            if self._under_way:
                await self._progress()
            elif failed is not None and failed.error is not None:
                error, self._failed = failed.error, failed.post_id
                for post in self._window:
                    post.error = None
                raise error

    def arrived(self) -> Iterator[tuple[str, Sequence[Comment]]]:
        """The pages that were read ahead and have arrived, whatever is missing before them.

        For who gives up: what is handed out here is left out of what a new iteration from `position` reads.
        """
        return self._waiting(ahead=True)

    async def aclose(self) -> None:
        """Cancel what is under way. What has arrived stays."""
        under_way = self._under_way
        for task in under_way:
            task.cancel()
        # If this is cancelled, so are the tasks, once more; they are waited for all the same.
        await asyncio.gather(*under_way, return_exceptions=True)

    @property
    def _under_way(self) -> list[asyncio.Task[None]]:
        return [post.task for post in self._window if post.task is not None and not post.task.done()]

    async def _progress(self) -> None:
        """Wait until a page has arrived."""
        under_way = self._under_way
        try:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # A scope of anyio cancels these waits as well: then nothing is waited for.
            with suppress(asyncio.CancelledError):
                await asyncio.wait(under_way, timeout=PATIENCE)
            with suppress(asyncio.CancelledError):
                await self.aclose()
            raise

    def _waiting(self, *, ahead: bool) -> Iterator[tuple[str, Sequence[Comment]]]:
        """Hand out the pages that have arrived, in the order of the posts.

        Args:
            ahead: Whether to go on behind a post that is not finished.
        """
        at = 0
        while at < len(self._window) and (ahead or not at):
            post = self._window[at]
            if not post.pages:
                at += 1
                continue
            page, self._places[post.post_id] = post.pages.popleft()
            self._turn()
            if page is None:
                self.missing.append(post.post_id)
            else:
                yield post.post_id, page

    def _turn(self) -> None:
        """Leave behind the posts at the front that are finished."""
        while self._window and self._window[0].finished:
            del self._places[self._window.popleft().post_id]

    def _begin(self) -> None:
        """Begin the posts and pages that there is room for, the earliest first."""
        window, limit = self._window, self._concurrency
        begun = {post.post_id for post in window}
        while self._left and len(window) < limit * 2 and self._left[0] not in begun:
            post_id = self._left.popleft()
            begun.add(post_id)
            window.append(_Post(self._tok, post_id, self._places.get(post_id, 0)))
            self._turn()
        under_way = len(self._under_way)
        ahead = under_way + sum(len(post.pages) for post in window)
        most = AHEAD if limit > 1 else 1
        for post in window:
            is_next = post is window[0] and not post.pages
            if under_way >= limit or (ahead >= most and not is_next):
                return
            if not post.ended and (post.task is None or post.task.done()):
                post.begin()
                under_way += 1
                ahead += 1

    async def __anext__(self) -> tuple[str, Comment]:
        while not self._items:
            self._items_of, page = await self.next_page()
            self._items.extend(page)
        return self._items_of, self._items.popleft()


class _Post:
    """One post, as far as its comments were read."""

    def __init__(self, tok: Tokfluence, post_id: str, begun: Begun) -> None:
        self.post_id: str = post_id
        self.pages: deque[tuple[Sequence[Comment] | None, Begun]] = deque()
        """What arrived and was not handed out: pages, each with the place behind it; no page if the post is missing."""
        self.ended: bool = begun is None
        """Whether the last page has arrived."""
        self.task: asyncio.Task[None] | None = None
        self.error: Exception | None = None
        self._tok = tok
        self._begun = begun
        self._paginator: Paginator[Comment] | None = None

    @property
    def finished(self) -> bool:
        """Whether all of it was handed out."""
        return self.ended and not self.pages

    def begin(self) -> None:
        """Begin to read the next page."""
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            paginator = self._paginator
            if paginator is None:
                paginator = self._paginator = self._tok.posts.comments(
                    self.post_id, cursor=self._begun or None, limit=PAGE
                )
            page = await paginator.next_page()
        except PostNotFoundError:
            self._add(None, None)
        except Exception as error:  # noqa: BLE001 - for who asks for the next page
            self.error = error
        else:
            self._add(list(page), None if paginator.exhausted else paginator.cursor or 0)

    def _add(self, page: Sequence[Comment] | None, behind: Begun) -> None:
        self.pages.append((page, behind))
        self.ended = behind is None
