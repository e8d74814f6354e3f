"""Creators: searching them, and what is known of one."""

from __future__ import annotations

from typing import Unpack

from attrs import frozen

from tokfluence_async.models import Creator, Items, Page, Post
from tokfluence_async.protocol import endpoints
from tokfluence_async.resources.caller import Caller, CallOptions
from tokfluence_async.resources.pagination import Cursor, Paginator

__all__ = ["Creators"]

Filter = str | int | float | bool | None


@frozen
class Creators:
    """``tok.creators``."""

    _caller: Caller

    def search(
        self, *, cursor: Cursor = None, call: CallOptions | None = None, **filters: Filter
    ) -> Paginator[Creator]:
        """Creators that match: 1 credit a page.

        Args:
            cursor: Where to begin; a `Paginator.cursor` takes an earlier iteration up again.
            call: What each page's call does differently.
            **filters: Passed on as they are, such as ``min_followers``, ``region`` or ``hashtag``: the API does not
                document a complete list. None leaves one out.

        Returns:
            The creators, read as they are iterated.
        """

        async def fetch(at: Cursor) -> Page[Creator]:
            query = {**filters, "cursor": at}
            return await self._caller.call(
                endpoints.CREATORS_SEARCH, Page[Creator], query=query, **(call or {})
            )

        return Paginator(fetch, cursor=cursor)

    async def show(self, creator_id: str, **options: Unpack[CallOptions]) -> Creator:
        """One creator: 1 credit.

        Args:
            creator_id: A ``tkc_`` id.
            **options: What this call does differently.

        Raises:
            CreatorNotFoundError: There is none with this id. This is charged.
        """
        return await self._caller.call(endpoints.CREATORS_SHOW, Creator, creator_id, **options)

    async def posts(self, creator_id: str, **options: Unpack[CallOptions]) -> Items[Post]:
        """A creator's posts: 25 credits, however many there are.

        Args:
            creator_id: A ``tkc_`` id.
            **options: What this call does differently.

        Raises:
            CreatorNotFoundError: There is none with this id. This is charged.
        """
        return await self._caller.call(endpoints.CREATORS_POSTS, Items[Post], creator_id, **options)
