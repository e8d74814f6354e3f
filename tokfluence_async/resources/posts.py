"""Posts: what the index knows of them, their comments, and having them analysed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Final, Unpack

from attrs import frozen

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.models import Analysis, Comment, Page, Post
from tokfluence_async.protocol import endpoints
from tokfluence_async.protocol.codec import PostEntry
from tokfluence_async.resources.arguments import (
    checked_campaign_id,
    checked_count,
    checked_id,
    refuse_overlap,
    refuse_table,
)
from tokfluence_async.resources.caller import Caller, CallOptions
from tokfluence_async.resources.many import Shown, show_many
from tokfluence_async.resources.pagination import Cursor, Paginator
from tokfluence_async.resources.submissions import checked_entries, refuse_dropped
from tokfluence_async.scalars import quoted

__all__ = ["Posts"]

MAX_COMMENTS_PAGE: Final = 200
"""Comments that a page holds at most."""
_OWN_FIELDS: Final = ("campaign_id", "posts", "urls")


@frozen
class Posts:
    """``tok.posts``.

    Besides what is told at a call, every call of the client may raise these; the tree of them all, with what each means
    for the wallet, is told in `tokfluence_async.errors`.

    Raises:
        ConfigurationError: An argument or an option is wrong. Nothing was sent.
        UsageError: The client is not open, or belongs to another event loop. Nothing was sent.
        BudgetExceededError: The credit cap leaves no room for the call. Nothing was sent.
        NotSentError: The request never left. Nothing was charged.
        OutcomeUnknownError: Its answer was lost, also when it was repeated. A POST was applied once at most; of a read
            each try may have been charged.
        DecodeError: The API answered with success, but not as it documents. It was charged.
        AuthenticationError, InsufficientCreditsError, ForbiddenError: The key, the wallet or the plan does not allow
            it. Nothing was charged.
        RateLimitedError: Too many requests, also when it was repeated. Nothing was charged.
        ServerError: The API failed. Unless it is an `UpstreamError`, which the API refunds, it may have been charged.
    """

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
            ConfigurationError: `post_id` is no id, such as a URL, or an option is wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        video = checked_id("post_id", post_id, endpoints.POSTS_SHOW)
        return await self._caller.call(endpoints.POSTS_SHOW, Post, video, options=options)

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
        `contextlib.aclosing`. A generator given as input is closed with the iteration, however that ends: ids were
        taken ahead from it. Any other iterator is left as it is.

        Args:
            post_ids: The video ids; any iterable, or async iterable.
            ordered: Whether the results come in the order of the input, or as they arrive.
            **options: What each of the calls does differently.

        Returns:
            An iterator of results; each has the post or the error that its call ended with. An answer that every other
            call would get as well (401, 402, 403) and a crossed credit cap (`BudgetExceededError`) end the iteration:
            no call is begun any more, calls under way are waited for, each id that was taken from the input gets its
            result (a `NotSentError` if its call was not begun), and then the error is raised. An error of the input's
            own is raised likewise, once the ids before it have their results.

        Raises:
            ConfigurationError: `post_ids` is no iterable of ids, or an option is wrong. Nothing was sent.
            UsageError: The client is not open. Nothing was sent.
        """
        _check_ids(post_ids)
        self._caller.check(endpoints.POSTS_SHOW, options)
        self._caller.lifetime.session()
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
            The comments, read as they are iterated. A page's call raises `PostNotFoundError` where the index does not
            have the post (this is charged), `BudgetExceededError` where the credit cap leaves no room for the page, and
            another `RequestError` where it has no usable answer; iterating again goes on with that page.

        Raises:
            ConfigurationError: `post_id` is no id, the limit out of range, the cursor none, an option is wrong, or
                `extra_query` sets the limit or the cursor. Nothing was sent.
        """
        endpoint = endpoints.POSTS_COMMENTS
        video = checked_id("post_id", post_id, endpoint)
        path = endpoint.path(video)
        size = None if limit is None else checked_count("limit", limit, most=MAX_COMMENTS_PAGE)
        refuse_overlap(endpoint, "extra_query", options.get("extra_query"), ("cursor", "limit"))
        self._caller.check(endpoint, options)

        async def fetch(at: Cursor) -> Page[Comment]:
            query = {"cursor": at, "limit": size}
            return await self._caller.call(endpoint, Page[Comment], video, query=query, options=options)

        return Paginator(fetch, cursor=cursor, method=endpoint.method, path=path)

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
            posts: URLs, or posts of URL, creator's handle, and fee in cents. Handles and fees belong to a campaign:
                without one they must be None and 0, unless the client's own `analyze_encoder` sends them.
            campaign_id: The campaign that is to track them; None analyses without one.
            **options: What this call does differently. Give an `idempotency_key` that is kept, if the process may die
                before the answer is seen.

        Returns:
            What the API said about each URL, as far as it did.

        Raises:
            ConfigurationError: There is no URL, one is there twice, a handle or fee is given without a campaign,
                `extra_body` sets what an argument decides, or an argument or option is wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            InsufficientCreditsError: The wallet is too low. Nothing was done, nothing charged.
            OutcomeUnknownError: It may have been applied; repeat it with the error's `request_id` as key only.
            DuplicateRequestError: The key was used before. Nothing was done now, nothing charged.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        entries = checked_entries(posts)
        if not entries:
            raise ConfigurationError("posts is empty: there is no URL to analyse")
        number = None if campaign_id is None else checked_campaign_id(campaign_id)
        # A list of the encoder's own: the price goes by this one.
        body = self._caller.analyze_encoder(number, entries.copy())
        if number is None:
            refuse_dropped(entries, body)
        endpoint = endpoints.POSTS_ANALYZE
        refuse_overlap(endpoint, "extra_body", options.get("extra_body"), (*_OWN_FIELDS, *body))
        return await self._caller.call(endpoint, Analysis, body=body, urls=len(entries), options=options)


def _check_ids(post_ids: object) -> None:
    if isinstance(post_ids, str | bytes):
        raise ConfigurationError("post_ids must be a list of ids, not a single string")
    refuse_table("post_ids", post_ids)
    if not isinstance(post_ids, Iterable | AsyncIterable):
        raise ConfigurationError(
            f"post_ids must be a list of ids, or another iterable, not {quoted(post_ids)}"
        )
