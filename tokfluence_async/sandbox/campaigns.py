"""Campaigns, the posts that they track, and what those come to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field

from tokfluence_async.sandbox.posts import gmv_cents, post_payload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokfluence_async.sandbox.clock import SandboxClock
    from tokfluence_async.sandbox.creators import Creator

_TOP = 10


@define
class TrackedPost:
    """A post that a campaign tracks. All times are seconds on the sandbox clock."""

    video_id: str
    url: str
    creator: Creator
    fee_cents: int
    tracked_at: float
    listed_at: float
    """When the campaign first lists it."""
    ready_at: float
    """When its analysis is done."""


def _no_posts() -> dict[str, TrackedPost]:
    return {}


@define
class Campaign:
    """A campaign of one account. All times are seconds on the sandbox clock."""

    id: int
    name: str
    currency: str
    created_at: float
    updated_at: float
    posts: dict[str, TrackedPost] = field(factory=_no_posts)
    """By video id: however often a video is submitted, it is tracked once."""

    def track(self, post: TrackedPost) -> bool:
        """Track a post; False if the campaign does so already, and then nothing changes."""
        if post.video_id in self.posts:
            return False
        self.posts[post.video_id] = post
        self.updated_at = post.tracked_at
        return True

    def listed(self, now: float) -> list[TrackedPost]:
        """The posts that the campaign lists by now."""
        return [post for post in self.posts.values() if post.listed_at <= now]

    def payload(self, clock: SandboxClock) -> dict[str, Any]:
        """The campaign as create and show have it."""
        return {
            "id": self.id,
            "name": self.name,
            "currency": self.currency,
            "tracked_influencers_count": len({post.creator.id for post in self.posts.values()}),
            "tracked_posts_count": len(self.posts),
            "archived": False,
            "created_at": clock.iso(self.created_at),
            "updated_at": clock.iso(self.updated_at),
        }

    def metrics(self, now: float) -> dict[str, Any]:
        """The campaign's figures, over the posts whose analysis is done."""
        spend = sum(post.fee_cents for post in self.posts.values())
        done = [post for post in self.listed(now) if post.ready_at <= now]
        stats = [post_payload(post.video_id, post.url, post.creator.username) for post in done]
        views = sum(each["views"] for each in stats)
        engagement = sum(each["likes"] + each["comments"] + each["shares"] for each in stats)
        gmv = sum(gmv_cents(post.video_id) for post in done)
        return {
            "currency": self.currency,
            "spend_cents": spend,
            "agency_fee_cents": 0,
            "creator_fee_cents": spend,
            "gmv_cents": gmv,
            "roi": round((gmv - spend) / spend, 4) if spend else None,
            "cpm_cents": round(spend * 1000 / views) if views else None,
            "total_views": views,
            "total_likes": sum(each["likes"] for each in stats),
            "total_engagement": engagement,
            "engagement_rate": round(engagement / views, 4) if views else 0.0,
            "posts_published": len(done),
            "top_hashtags": _top(tag for each in stats for tag in each["hashtags"]),
            "top_mentions": _top(name for each in stats for name in each["mentions"]),
        }

    def influencers(self, clock: SandboxClock) -> list[dict[str, Any]]:
        """The campaign's creators, in the order in which they came to it."""
        by_creator: dict[str, list[TrackedPost]] = {}
        for post in self.posts.values():
            by_creator.setdefault(post.creator.id, []).append(post)
        return [
            {
                "id": creator,
                "username": posts[0].creator.username,
                "picture": f"https://cdn.tokfluence.test/creators/{creator}.jpg",
                "status": "collaborating",
                "tracked_at": clock.iso(posts[0].tracked_at),
                "tracked_posts_count": len(posts),
                "creator_fee_cents": sum(post.fee_cents for post in posts),
                "agency_fee_cents": 0,
                "gmv_cents": sum(gmv_cents(post.video_id) for post in posts),
            }
            for creator, posts in by_creator.items()
        ]


def tracked_payload(post: TrackedPost, clock: SandboxClock) -> dict[str, Any]:
    """A tracked post as campaigns.posts has it: with its statistics once its analysis is done."""
    done = post.ready_at <= clock.now()
    known: dict[str, Any] = {
        "post_id": post.video_id,
        "url": post.url,
        "status": "analyzed" if done else "pending",
        "creator_id": post.creator.id,
        "creator_username": post.creator.username,
        "fee_cents": post.fee_cents,
        "tracked_at": clock.iso(post.tracked_at),
    }
    if done:
        known |= post_payload(post.video_id, post.url, post.creator.username)
        known["gmv_cents"] = gmv_cents(post.video_id)
    return known


def _top(values: Iterable[str]) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in Counter(values).most_common(_TOP)]
