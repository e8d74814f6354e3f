"""Campaigns: creators, and the posts that they delivered, with their fees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Unpack

from attrs import frozen

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.models import Campaign, CampaignPost, Deleted, Influencer, Items, Metrics
from tokfluence_async.protocol import endpoints
from tokfluence_async.protocol.codec import PostEntry, post_entries
from tokfluence_async.resources.arguments import checked_campaign_id, checked_text, refuse_overlap
from tokfluence_async.resources.caller import Caller, CallOptions
from tokfluence_async.resources.submissions import checked_entries
from tokfluence_async.scalars import quoted

__all__ = ["Campaigns"]

_CURRENCY: Final = re.compile("[A-Z]{3}")
_OWN_FIELDS: Final = ("name", "currency", "posts", "urls")


@frozen
class Campaigns:
    """``tok.campaigns``. To load many posts, use `CampaignBuilder`: it previews, batches and resumes.

    Besides what is told at a call, each may raise the errors that `Posts` names for every call.
    """

    _caller: Caller

    async def create(
        self,
        name: str,
        *,
        currency: str | None = None,
        posts: Sequence[PostEntry] = (),
        **options: Unpack[CallOptions],
    ) -> Campaign:
        """Create a campaign: 1 credit, and 25 for each post.

        Args:
            name: Its name, unique in the account.
            currency: ISO 4217 code; the account's own by default.
            posts: Posts to track from the start: URL, creator's handle, and fee in cents.
            **options: What this call does differently.

        Returns:
            The campaign; its `meta` tells which posts were rejected.

        Raises:
            ConfigurationError: The name is blank, the currency no code, a post not of that form or there twice, or an
                option wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            InsufficientCreditsError: The wallet is too low. Nothing was done, nothing charged.
            InvalidCampaignError: The name is taken, or something else is wrong with it. It may have been charged.
            OutcomeUnknownError: It may have been created; repeat it with the error's `request_id` as key only.
            DuplicateRequestError: The key was used before. Nothing was done now, nothing charged.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        entries = checked_entries(posts)
        body: dict[str, Any] = {"name": checked_text("name", name), "posts": post_entries(entries)}
        if currency is not None:
            body["currency"] = checked_text("currency", currency)
            if not _CURRENCY.fullmatch(body["currency"]):
                raise ConfigurationError(
                    f"currency must be an ISO 4217 code such as USD, not {quoted(currency)}"
                )
        refuse_overlap(endpoints.CAMPAIGNS_CREATE, "extra_body", options.get("extra_body"), _OWN_FIELDS)
        return await self._caller.call(
            endpoints.CAMPAIGNS_CREATE, Campaign, body=body, urls=len(entries), options=options
        )

    async def show(self, campaign_id: int, **options: Unpack[CallOptions]) -> Campaign:
        """A campaign's basic facts: 1 credit.

        Args:
            campaign_id: The campaign's number.
            **options: What this call does differently.

        Raises:
            CampaignNotFoundError: There is none with this id in the account. This may be charged.
            ConfigurationError: `campaign_id` is no whole number above zero, or an option wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        number = checked_campaign_id(campaign_id)
        return await self._caller.call(endpoints.CAMPAIGNS_SHOW, Campaign, number, options=options)

    async def metrics(self, campaign_id: int, **options: Unpack[CallOptions]) -> Metrics:
        """A campaign's spend, GMV, ROI, reach and engagement as a whole: 2 credits.

        Args:
            campaign_id: The campaign's number.
            **options: What this call does differently.

        Raises:
            CampaignNotFoundError: There is none with this id in the account. This may be charged.
            ConfigurationError: `campaign_id` is no whole number above zero, or an option wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        number = checked_campaign_id(campaign_id)
        return await self._caller.call(endpoints.CAMPAIGNS_METRICS, Metrics, number, options=options)

    async def posts(self, campaign_id: int, **options: Unpack[CallOptions]) -> Items[CampaignPost]:
        """Every tracked post with its latest figures: 2 credits. One whose analysis runs is ``pending``.

        Should the API page the list, `meta` has a ``next_cursor``, to be passed on by ``extra_query``.

        Args:
            campaign_id: The campaign's number.
            **options: What this call does differently.

        Raises:
            CampaignNotFoundError: There is none with this id in the account. This may be charged.
            ConfigurationError: `campaign_id` is no whole number above zero, or an option wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        number = checked_campaign_id(campaign_id)
        return await self._caller.call(
            endpoints.CAMPAIGNS_POSTS, Items[CampaignPost], number, options=options
        )

    async def influencers(self, campaign_id: int, **options: Unpack[CallOptions]) -> Items[Influencer]:
        """Every creator of a campaign with post count and fees: 2 credits.

        Args:
            campaign_id: The campaign's number.
            **options: What this call does differently.

        Raises:
            CampaignNotFoundError: There is none with this id in the account. This may be charged.
            ConfigurationError: `campaign_id` is no whole number above zero, or an option wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        number = checked_campaign_id(campaign_id)
        return await self._caller.call(
            endpoints.CAMPAIGNS_INFLUENCERS, Items[Influencer], number, options=options
        )

    async def delete(self, campaign_id: int, **options: Unpack[CallOptions]) -> Deleted:
        """Delete a campaign and its tracked posts for good: free. The creators stay in the account's lists.

        Args:
            campaign_id: The campaign's number.
            **options: What this call does differently.

        Raises:
            CampaignNotFoundError: There is none with this id in the account. After a lost answer that was repeated, it
                may be that the first try deleted it.
            ConfigurationError: `campaign_id` is no whole number above zero, or an option wrong. Nothing was sent.
            RequestError: There is no usable answer for another reason; see `Posts`.
        """
        number = checked_campaign_id(campaign_id)
        return await self._caller.call(endpoints.CAMPAIGNS_DELETE, Deleted, number, options=options)
