"""Creators: searching them, and what is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Unpack, cast

from attrs import frozen

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError
from tokfluence_async.models import Creator, Items, Page, Post
from tokfluence_async.protocol import endpoints
from tokfluence_async.resources.arguments import checked_id, checked_parameter, refuse_overlap
from tokfluence_async.resources.caller import Caller, CallOptions
from tokfluence_async.resources.pagination import Cursor, Paginator

__all__ = ["Creators"]

Filter = str | int | float | Decimal | bool | None
_OPTIONS: Final = frozenset(CallOptions.__annotations__)


@frozen
class Creators:
    """``tok.creators``.

    Besides what is told at a call, each may raise the errors that `Posts` names for every call.
    """

    _caller: Caller

    def search(
        self, /, *, cursor: Cursor = None, call: CallOptions | None = None, **filters: Filter
    ) -> Paginator[Creator]:
        """Creators that match: 1 credit a page.

        Args:
            cursor: Where to begin; a `Paginator.cursor` takes an earlier iteration up again.
            call: What each page's call does differently.
            **filters: Passed on as they are, such as ``min_followers``, ``region`` or ``hashtag``: the API does not
                document a complete list. None leaves one out.

        Returns:
            The creators, read as they are iterated. A page's call raises `BudgetExceededError` where the credit cap
            leaves no room for it, and a `RequestError` where it has no usable answer; iterating again goes on there.

        Raises:
            ConfigurationError: The cursor, a filter or an option is wrong. Nothing was sent.
        """
        written: dict[str, str | None] = {}
        for given, value in filters.items():
            name = scalars.text(given) or given
            if name in _OPTIONS:
                raise ConfigurationError(f"{name} is an option, not a filter: pass call={{{name!r}: …}}")
            written[name] = checked_parameter(name, value)
        options = _options(call)
        endpoint = endpoints.CREATORS_SEARCH
        refuse_overlap(endpoint, "extra_query", options.get("extra_query"), ("cursor", *written))
        self._caller.check(endpoint, options)

        async def fetch(at: Cursor) -> Page[Creator]:
            query = {**written, "cursor": at}
            return await self._caller.call(endpoint, Page[Creator], query=query, options=options)

        return Paginator(fetch, cursor=cursor, method=endpoint.method, path=endpoint.path())

    async def show(self, creator_id: str, **options: Unpack[CallOptions]) -> Creator:
        """One creator: 1 credit.

        Args:
            creator_id: A ``tkc_`` id.
            **options: What this call does differently.

        Raises:
            CreatorNotFoundError: There is none with this id. This is charged.
            ConfigurationError: `creator_id` is no id, or an option is wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        creator = checked_id("creator_id", creator_id, endpoints.CREATORS_SHOW)
        return await self._caller.call(endpoints.CREATORS_SHOW, Creator, creator, options=options)

    async def posts(self, creator_id: str, **options: Unpack[CallOptions]) -> Items[Post]:
        """A creator's posts: 25 credits, however many there are.

        Args:
            creator_id: A ``tkc_`` id.
            **options: What this call does differently.

        Raises:
            CreatorNotFoundError: There is none with this id. This is charged.
            ConfigurationError: `creator_id` is no id, or an option is wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        creator = checked_id("creator_id", creator_id, endpoints.CREATORS_POSTS)
        return await self._caller.call(endpoints.CREATORS_POSTS, Items[Post], creator, options=options)


def _options(call: object) -> CallOptions:
    if call is None:
        return {}
    if not isinstance(call, Mapping):
        raise ConfigurationError(
            f"call must map the call's options to their values, which {scalars.quoted(call)} does not"
        )
    # A copy: what it was checked for is what each page's call is made with.
    return cast("CallOptions", {**cast("Mapping[str, Any]", call)})
