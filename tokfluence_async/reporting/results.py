"""A campaign's results, read from the API."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import field, frozen

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import BudgetExceededError
from tokfluence_async.export import tracked_posts
from tokfluence_async.models import Campaign, CampaignPost, Influencer, Metrics
from tokfluence_async.tariff import Tariff

__all__ = ["Results", "read_results", "results_price"]

_HANDLE: Final = re.compile(r"/@([A-Za-z0-9._]{1,64})/")


@frozen(kw_only=True)
class Results:
    """What a campaign came to, at one moment."""

    campaign: Campaign
    metrics: Metrics
    posts: Sequence[CampaignPost] = field(repr=False)
    influencers: Sequence[Influencer] = field(repr=False)
    read_at: datetime

    @property
    def currency(self) -> str:
        """ISO 4217 code of the amounts; empty where the API does not tell."""
        return self.metrics.currency or self.campaign.currency or ""

    @property
    def pending(self) -> int:
        """Posts whose analysis is unfinished."""
        return sum(post.status == "pending" for post in self.posts)


def results_price(tariff: Tariff) -> int:
    """What reading a campaign's results costs, in credits, if its list of posts is one page."""
    calls = ("campaigns.show", "campaigns.metrics", "campaigns.posts", "campaigns.influencers")
    return sum(tariff.price(call) for call in calls)


async def read_results(tok: Tokfluence, campaign_id: int) -> Results:
    """Read a campaign's results: 7 credits, and 2 for each further page of its posts, should the API page them.

    Args:
        tok: An open client.
        campaign_id: The campaign's number.

    Raises:
        CampaignNotFoundError: There is none with this id in the account.
        BudgetExceededError: The credit cap leaves no room for all of it. Nothing was sent.
        RequestError: The API gave no usable answer.
    """
    price, budget = results_price(tok.tariff), tok.spent
    room = budget.remaining
    if room is not None and price > room:
        # Half of the results make no report, and would be paid for.
        raise BudgetExceededError(
            price=price, max_credits=room + budget.committed, committed=budget.committed
        )
    campaign = await tok.campaigns.show(campaign_id)
    metrics = await tok.campaigns.metrics(campaign_id)
    influencers = await tok.campaigns.influencers(campaign_id)
    posts = [post async for post in tracked_posts(tok, campaign_id)]
    return Results(
        campaign=campaign,
        metrics=metrics,
        posts=posts,
        influencers=list(influencers),
        read_at=datetime.now(UTC),
    )


def creator_of(post: CampaignPost) -> str:
    """The creator's name as far as it is known: what the API tells, or what the URL does."""
    told: Any = post.creator_handle or post.extra.get("creator_username")
    if isinstance(told, str) and told:
        return told
    found = _HANDLE.search(post.url or "")
    return found[1] if found else ""


def gmv_of(post: CampaignPost) -> int | None:
    """A post's gross merchandise value in cents, where the API tells it."""
    value: Any = post.extra.get("gmv_cents")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def engagement_of(post: CampaignPost) -> int:
    """Likes, comments, shares and saves together."""
    return sum(each or 0 for each in (post.likes, post.comments, post.shares, post.saves))
