"""Campaigns: creators, the posts that they delivered, the fees and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self, cast

from attrs import define, field

from tokfluence_async.models.analysis import ApiResult, Rejected, read_rejected, read_results
from tokfluence_async.models.posts import Music
from tokfluence_async.models.result import ExactId, Model, Result

__all__ = ["Campaign", "CampaignPost", "CreateMeta", "Influencer", "Metrics", "TagCount"]


@define(slots=True, kw_only=True)
class CreateMeta(Model):
    """What became of the posts that a campaign was created with.

    Reading it never fails: the campaign exists and is paid for, and its id must not be lost for a detail.
    What does not fit is kept in `extra`.
    """

    tracked_posts_created: int | None = None
    """How many posts the campaign tracks from the start."""

    api_results: list[ApiResult] = field(factory=list[ApiResult])
    """What became of each post's analysis."""

    rejected: list[Rejected] = field(factory=list[Rejected])
    """Posts that were skipped: the creator can't be resolved, or the URL is malformed."""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a ``meta``, whatever it is.

        Args:
            value: The ``meta`` as the API sent it.
        """
        rest = dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {"raw": value}
        results, rejected = read_results({"meta": rest}), read_rejected({"meta": rest})
        for name in ("api_results", "rejected"):
            if rest.get(name) is None or isinstance(rest[name], list):
                rest.pop(name, None)
        created = rest.get("tracked_posts_created")
        if created is None or type(created) is int:
            rest.pop("tracked_posts_created", None)
        else:
            created = None
        return cls(tracked_posts_created=created, api_results=results, rejected=rejected, extra=rest)


@define(slots=True, kw_only=True)
class Campaign(Result):
    """A campaign of the account."""

    id: int
    """Number of the campaign, the same as in Tokfluence's own dashboard."""

    name: str
    """Name for people, unique in the account."""

    currency: str | None = None
    """ISO 4217 code of every amount in the campaign."""

    tracked_influencers_count: int | None = None
    """How many creators the campaign has."""

    tracked_posts_count: int | None = None
    """How many posts the campaign tracks."""

    archived: bool | None = None
    """Whether the campaign is archived."""

    created_at: datetime | None = None
    """When the campaign was created, in UTC."""

    updated_at: datetime | None = None
    """When the campaign was last changed, in UTC."""

    meta: CreateMeta | None = None
    """What became of the posts it was created with; None on an answer that does not say."""


@define(slots=True, kw_only=True)
class TagCount(Model):
    """A hashtag or mention and how often it occurs."""

    value: str
    """The hashtag without ``#``, or the username without ``@``."""

    count: int | None = None
    """How many of the campaign's posts have it."""


@define(slots=True, kw_only=True)
class Metrics(Result):
    """Key figures of a whole campaign."""

    currency: str | None = None
    """ISO 4217 code of the amounts."""

    spend_cents: int | None = None
    """Total spend, in cents."""

    agency_fee_cents: int | None = None
    """Of it for agencies, in cents."""

    creator_fee_cents: int | None = None
    """Of it for creators, in cents."""

    gmv_cents: int | None = None
    """Gross merchandise value, in cents."""

    roi: float | None = None
    """Return on investment as a ratio: 1.4 is a return of 140 % of the spend."""

    cpm_cents: int | None = None
    """Cost of a thousand views, in cents."""

    total_views: int | None = None
    """Views of all posts."""

    total_likes: int | None = None
    """Likes of all posts."""

    total_engagement: int | None = None
    """Likes, comments, shares and saves of all posts, as the API counts them."""

    engagement_rate: float | None = None
    """Engagement over views, as a ratio: 0.07 is 7 %."""

    posts_published: int | None = None
    """How many of the posts are published."""

    top_hashtags: list[TagCount] = field(factory=list[TagCount])
    """Most frequent hashtags, in the API's order."""

    top_mentions: list[TagCount] = field(factory=list[TagCount])
    """Most frequent mentions, in the API's order."""


@define(slots=True, kw_only=True)
class CampaignPost(Model):
    """A post that a campaign tracks, with its latest figures.

    The API does not document its fields one by one: what is here beside the tracking is as in `Post`. A post whose
    analysis is unfinished may have no figures yet, and a post may be named by its id, its URL or both; one that has
    neither is refused.

    Raises:
        ValueError: Neither a `post_id` nor a `url`.
    """

    post_id: ExactId | None = None
    """Video id: digits, as a string. Where it is None, the video is named by its URL only."""

    url: str | None = None
    """Address of the post on TikTok."""

    status: str | None = None
    """State of the analysis: ``pending`` while it is unfinished; other values are the API's."""

    creator_handle: str | None = None
    """TikTok username or ``tkc_`` id of the creator that the post was attached to."""

    fee_cents: int | None = None
    """Fee for this post, in cents of the campaign's currency."""

    caption: str | None = None
    """Text of the post."""

    published_at: datetime | None = None
    """When the post was published, in UTC."""

    cover_url: str | None = None
    """Address of the cover picture; such addresses expire."""

    duration: float | None = None
    """Length of the video, in seconds."""

    views: int | None = None
    """Views at the time of the last analysis."""

    likes: int | None = None
    """Likes at the time of the last analysis."""

    comments: int | None = None
    """Number of comments at the time of the last analysis."""

    shares: int | None = None
    """Shares at the time of the last analysis."""

    saves: int | None = None
    """Saves at the time of the last analysis."""

    hashtags: list[str] = field(factory=list[str])
    """Hashtags of the caption, without ``#``."""

    mentions: list[str] = field(factory=list[str])
    """Usernames that the caption mentions, without ``@``."""

    music: Music | None = None
    """The sound of the post."""

    is_sponsored: bool | None = None
    """Whether the post is marked as advertising."""

    def __attrs_post_init__(self) -> None:
        if self.post_id is None and self.url is None:
            raise ValueError("a tracked post needs a post_id or a url")


@define(slots=True, kw_only=True)
class Influencer(Model):
    """A creator within a campaign."""

    id: ExactId
    """The creator's ``tkc_`` id."""

    username: str | None = None
    """TikTok username, without ``@``."""

    picture: str | None = None
    """Address of the profile picture."""

    status: str | None = None
    """State of the collaboration, for example ``collaborating``; a string of the API's."""

    tracked_at: datetime | None = None
    """Since when the campaign tracks the creator, in UTC."""

    tracked_posts_count: int | None = None
    """How many of the campaign's posts are the creator's."""

    creator_fee_cents: int | None = None
    """Fees for the creator, in cents."""

    agency_fee_cents: int | None = None
    """Fees for the creator's agency, in cents."""

    gmv_cents: int | None = None
    """Gross merchandise value of the creator's posts, in cents."""
