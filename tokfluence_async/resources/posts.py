"""Posts: what the index knows of them, their comments, and having them analysed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Unpack

from attrs import frozen

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.models import Analysis, Comment, Page, Post
from tokfluence_async.protocol import endpoints
from tokfluence_async.protocol.codec import PostEntry
from tokfluence_async.resources.caller import Caller, CallOptions
from tokfluence_async.resources.many import Shown, show_many
from tokfluence_async.resources.pagination import Cursor, Paginator
from tokfluence_async.resources.submissions import checked_entries

__all__ = ["Posts"]

MAX_COMMENTS_PAGE = 200


@frozen
class Posts:
    """``tok.posts``."""

    _caller: Caller

    async def show(self, post_id: str, **options: Unpack[CallOptions]) -> Post:
        """A post as the index has it: 1 credit. For fresh figures, have its URL analysed first.

        Args:
            post_id: The video id: the digits at the end of a post's URL.
            **options: What this call does differently.

        Returns:
            The post; its `response` tells how the answer came.

        Raises:
            PostNotFoundError: The index does not have it. This is charged.
            ConfigurationError: `post_id` is no id, such as a URL. Nothing was sent.
        """
        return await self._caller.call(endpoints.POSTS_SHOW, Post, post_id, **options)

    def show_many(
        self,
        post_ids: Iterable[str] | AsyncIterable[str],
        *,
        ordered: bool = True,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Shown, None]:
        """Many posts as the index has them, 1 credit each, several at a time.

        Ids are taken from the input as places become free, so memory is bounded for an input of any length. Leaving the
        iteration early cancels the calls that are under way; where it is not left by the end of a loop, close it by
        `contextlib.aclosing`.

        Args:
            post_ids: The video ids; any iterable, or async iterable.
            ordered: Whether the results come in the order of the input, or as they arrive.
            **options: What each of the calls does differently.

        Returns:
            An iterator of results; each has the post or the error that its call ended with. An answer that every other
            call would get as well (401, 402, 403), a crossed credit cap, and an error of the input's own end the
            iteration, once the results of all calls under way have been handed out.

        Raises:
            ConfigurationError: An option is not acceptable. Nothing was sent.
            UsageError: The client is not open. Nothing was sent.
        """
        if isinstance(post_ids, str):
            raise ConfigurationError("post_ids must be a list of ids, not a single string")
        self._caller.check(endpoints.POSTS_SHOW, options)
        return show_many(
            lambda post_id: self.show(post_id, **options),
            post_ids,
            ordered=ordered,
            concurrency=self._caller.options.concurrency,
        )

    def comments(
        self,
        post_id: str,
        *,
        cursor: Cursor = None,
        limit: int | None = None,
        **options: Unpack[CallOptions],
    ) -> Paginator[Comment]:
        """A post's comments: 2 credits a page.

        Args:
            post_id: The video id.
            cursor: Comments to skip; a `Paginator.cursor` takes an earlier iteration up again.
            limit: Comments a page, 200 at most; 50 by default.
            **options: What each page's call does differently.

        Returns:
            The comments, read as they are iterated. A page's call raises what `show` raises.

        Raises:
            ConfigurationError: The limit is out of range.
        """
        if limit is not None and not 1 <= limit <= MAX_COMMENTS_PAGE:
            raise ConfigurationError(f"a page holds 1 to {MAX_COMMENTS_PAGE} comments, not {limit}")

        async def fetch(at: Cursor) -> Page[Comment]:
            query = {"cursor": at, "limit": limit}
            return await self._caller.call(
                endpoints.POSTS_COMMENTS, Page[Comment], post_id, query=query, **options
            )

        return Paginator(fetch, cursor=cursor)

    async def analyze(
        self,
        posts: Sequence[str] | Sequence[PostEntry],
        *,
        campaign_id: int | None = None,
        **options: Unpack[CallOptions],
    ) -> Analysis:
        """Submit posts for analysis: 25 credits for each URL submitted, whether it is accepted or not.

        This is one call. For more than a batch, use `CampaignBuilder`: it drops duplicates, says the price first, and
        survives lost answers and crashes.

        Args:
            posts: URLs; with a campaign also posts of URL, creator's handle, and fee in cents.
            campaign_id: The campaign that is to track them; None analyses without one.
            **options: What this call does differently. Give an `idempotency_key` that is kept, if the process may die
                before the answer is seen.

        Returns:
            What the API said about each URL, as far as it did.

        Raises:
            ConfigurationError: There is no URL, or one is there twice. Nothing was sent.
            InsufficientCreditsError: The wallet is too low; nothing was done.
            OutcomeUnknownError: It may have been applied; repeat it with the error's `request_id` as key only.
            DuplicateRequestError: The key was used before; nothing was done now.
        """
        entries = checked_entries(posts)
        if not entries:
            raise ConfigurationError("there is no URL to analyse")
        body = self._caller.analyze_encoder(campaign_id, entries)
        return await self._caller.call(
            endpoints.POSTS_ANALYZE, Analysis, body=body, urls=len(entries), **options
        )
