"""The comments of many posts, page by page, from any place on."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from math import ceil
from typing import Any, Final, Self

from attrs import field, frozen

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import ConfigurationError, PostNotFoundError
from tokfluence_async.models import CampaignPost, Comment
from tokfluence_async.resources.pagination import Paginator

__all__ = ["Comments", "Position", "pages_of", "place_of", "with_comments"]

PAGE: Final = 200
"""Comments a page: the API's most, as a page costs the same however many there are."""


def _check_post_id(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"a place in the comments has a post's id as text, not {value!r}")


def _check_cursor(_: object, __: object, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ConfigurationError(
            f"a place in the comments has a cursor that is a number or text, not {value!r}"
        )


@frozen
class Position:
    """A place in the comments of many posts, as text ``POST_ID:CURSOR``.

    Raises:
        ConfigurationError: The id is no text, or the cursor neither a number nor text.
    """

    post_id: str = field(validator=_check_post_id)
    cursor: int | str = field(default=0, validator=_check_cursor)
    """What the API gave as the next cursor; 0 for the post's first comment."""

    @classmethod
    def of(cls, place: Any) -> Position | None:
        """A place as a caller gives it.

        Args:
            place: A place, or its text; None stays None.

        Raises:
            ConfigurationError: It is neither.
        """
        if place is None or isinstance(place, Position):
            return place
        if not isinstance(place, str):
            raise ConfigurationError(f"a place in the comments is a Position or its text, not {place!r}")
        return cls.parse(place)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a place from its text.

        Raises:
            ConfigurationError: It is none.
        """
        post_id, _, cursor = text.strip().partition(":")
        readable = cursor.isprintable() and " " not in cursor
        if not (post_id.isascii() and post_id.isdecimal() and readable):
            raise ConfigurationError(
                f"{text!r} is no place in the comments: a post's id and a cursor, such as 7568533133424000001:200"
            )
        return cls(post_id, int(cursor) if cursor.isascii() and cursor.isdecimal() else cursor or 0)

    def __str__(self) -> str:
        return f"{self.post_id}:{self.cursor}"


def place_of(resource: str, resume: Any) -> Position | None:
    """Where reading a resource begins; None for its beginning.

    Args:
        resource: What is read.
        resume: The place that the caller gave.

    Raises:
        ConfigurationError: It is no place, or there are none in this resource.
    """
    place = Position.of(resume)
    if place is not None and resource != "comments":
        raise ConfigurationError(f"{resource} are read at once: only comments can be resumed")
    return place


def pages_of(posts: Iterable[CampaignPost]) -> int:
    """About how many pages the comments of posts come to, by the number of comments that each post has."""
    return sum(
        max(1, ceil((post.comments or 0) / PAGE))
        for post in posts
        if post.post_id is not None and post.status != "pending"
    )


class Comments(AsyncIterator[tuple[str, Comment]]):
    """The comments of posts, one by one, each with its post's id: 2 credits a page of 200, one page at least a post.

    Posts are read in order, one page at a time. After an error, iterating again, or a new iteration from `position`,
    goes on where it stopped.

    Args:
        tok: An open client.
        post_ids: The video ids.
        resume: Where to begin, as a `Position` or its text; posts before it are left out.

    Attributes:
        position: The page that is read next, or failed; None before the first and after the last.
        missing: Posts that the API's index does not have. Asking for one is charged.

    Raises:
        ConfigurationError: `resume` is no place, or at none of the posts.
    """

    def __init__(
        self, tok: Tokfluence, post_ids: Sequence[str], *, resume: Position | str | None = None
    ) -> None:
        self._tok = tok
        self._left = deque(post_ids)
        self._items: deque[Comment] = deque()
        self._post_id = self._items_of = ""
        self._paginator: Paginator[Comment] | None = None
        self.missing: list[str] = []
        self.position: Position | None = Position.of(resume)
        if self.position is not None:
            while self._left and self._left[0] != self.position.post_id:
                self._left.popleft()
            if not self._left:
                raise ConfigurationError(
                    f"there is no post {self.position.post_id} whose comments could be read"
                )

    @property
    def following(self) -> Position | None:
        """The first comment of the post behind the one that is read; None where there is none.

        Where the comments of one post can't be had, those of the posts after it can.
        """
        return Position(self._left[1]) if len(self._left) > 1 else None

    @classmethod
    def of_posts(
        cls, tok: Tokfluence, posts: Iterable[CampaignPost], *, resume: Position | str | None = None
    ) -> Self:
        """The comments of a campaign's posts. One whose analysis is unfinished has none yet, and is left out.

        Args:
            tok: An open client.
            posts: The posts.
            resume: Where to begin.
        """
        return cls(tok, with_comments(posts), resume=resume)

    async def next_page(self) -> tuple[str, Sequence[Comment]]:
        """The next page and its post's id.

        Raises:
            StopAsyncIteration: There is none.
            BudgetExceededError: The credit cap leaves no room for it.
            RequestError: Its call failed; `position` tells where.
        """
        while True:
            if self._paginator is None:
                self._begin_post()
            paginator, post_id = self._paginator, self._post_id
            if paginator is None:
                raise StopAsyncIteration
            try:
                page = await paginator.next_page()
            except PostNotFoundError:
                self.missing.append(post_id)
                self._end_post()
                continue
            if paginator.exhausted:
                self._end_post()
            else:
                self.position = Position(post_id, paginator.cursor or 0)
            return post_id, list(page)

    def _begin_post(self) -> None:
        if not self._left:
            return
        self._post_id = self._left[0]
        at = self.position
        cursor = at.cursor if at is not None and at.post_id == self._post_id else 0
        self._paginator = self._tok.posts.comments(self._post_id, cursor=cursor or None, limit=PAGE)
        self.position = Position(self._post_id, cursor)

    def _end_post(self) -> None:
        self._paginator = None
        self._left.popleft()
        self.position = Position(self._left[0]) if self._left else None

    async def __anext__(self) -> tuple[str, Comment]:
        while not self._items:
            self._items_of, page = await self.next_page()
            self._items.extend(page)
        return self._items_of, self._items.popleft()


def with_comments(posts: Iterable[CampaignPost]) -> list[str]:
    """The ids of those posts whose comments can be asked for: they have an id, and their analysis is done."""
    return [post.post_id for post in posts if post.post_id is not None and post.status != "pending"]
