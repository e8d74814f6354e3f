"""The documented answer of every endpoint, decoded and encoded again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.models import (
    AISearchResults,
    Analysis,
    ApiResult,
    Campaign,
    CampaignPost,
    Comment,
    CreateMeta,
    Creator,
    Deleted,
    Influencer,
    Items,
    Metrics,
    Music,
    Page,
    Post,
    Rejected,
    TagCount,
)
from tokfluence_async.protocol.codec import decode, decode_data

GOLDEN = Path(__file__).parent / "golden"
TEN = datetime(2026, 5, 15, 10, 0, tzinfo=UTC)
VIDEO = "7234567890123456789"

CAMPAIGN: dict[str, Any] = {
    "id": 4711,
    "name": "Spring 2026 launch",
    "currency": "USD",
    "tracked_influencers_count": 1,
    "tracked_posts_count": 1,
    "archived": False,
    "created_at": TEN,
    "updated_at": TEN,
}
POST = Post(
    post_id=VIDEO,
    url=f"https://www.tiktok.com/@alice/video/{VIDEO}",
    caption="Spring is here ✨ #wwe",
    published_at=datetime(2026, 5, 14, 18, 30, tzinfo=UTC),
    cover_url="https://example.test/cover.jpg",
    duration=34.0,
    views=1240000,
    likes=84000,
    comments=5100,
    shares=1500,
    saves=700,
    hashtags=["wwe"],
    mentions=["bob"],
    music=Music(title="original sound", author="alice", original=True),
    is_sponsored=True,
)
CREATOR = Creator(id="tkc_a1b2c3d4e5f6a7b8", username="alice", follower_count=120000)

EXPECTED: dict[str, tuple[Any, Any]] = {
    "campaigns_create": (
        Campaign,
        Campaign(
            **CAMPAIGN,
            meta=CreateMeta(
                tracked_posts_created=1,
                api_results=[ApiResult(post_id=VIDEO, status="analyzed")],
                rejected=[],
            ),
        ),
    ),
    "campaigns_show": (Campaign, Campaign(**CAMPAIGN)),
    "campaigns_metrics": (
        Metrics,
        Metrics(
            currency="USD",
            spend_cents=50000,
            agency_fee_cents=0,
            creator_fee_cents=50000,
            gmv_cents=120000,
            roi=1.4,
            cpm_cents=40,
            total_views=1240000,
            total_likes=84000,
            total_engagement=91300,
            engagement_rate=0.0736,
            posts_published=1,
            top_hashtags=[TagCount(value="wwe", count=1)],
        ),
    ),
    "campaigns_posts": (
        Items[CampaignPost],
        Items(
            data=[
                CampaignPost(
                    post_id=VIDEO,
                    url=f"https://www.tiktok.com/@alice/video/{VIDEO}",
                    status="analyzed",
                    fee_cents=50000,
                    published_at=datetime(2026, 5, 14, 18, 30, tzinfo=UTC),
                    views=1240000,
                    likes=84000,
                    hashtags=["wwe"],
                    music=Music(title="Low Tide", author="alice", original=True),
                    is_sponsored=False,
                ),
                CampaignPost(
                    post_id="7234567890123456790",
                    url="https://www.tiktok.com/@alice/video/7234567890123456790",
                    status="pending",
                ),
            ]
        ),
    ),
    "campaigns_influencers": (
        Items[Influencer],
        Items(
            data=[
                Influencer(
                    id="tkc_a1b2c3d4e5f6a7b8",
                    username="alice",
                    picture="https://...",
                    status="collaborating",
                    tracked_at=TEN,
                    tracked_posts_count=1,
                    creator_fee_cents=50000,
                    agency_fee_cents=0,
                    gmv_cents=120000,
                )
            ]
        ),
    ),
    "posts_show": (Post, POST),
    "creators_posts": (Items[Post], Items(data=[POST])),
    "posts_comments": (
        Page[Comment],
        Page(
            data=[
                Comment(
                    comment_id="7300000000000000001",
                    text="Where is it from?",
                    published_at=TEN,
                    likes=12,
                    reply_count=1,
                    author_username="carol",
                    author_picture="https://example.test/carol.jpg",
                ),
                Comment(
                    comment_id="7300000000000000002",
                    text="The link is in the profile",
                    published_at=datetime(2026, 5, 15, 10, 5, tzinfo=UTC),
                    likes=3,
                    reply_count=0,
                    parent_comment_id="7300000000000000001",
                    author_username="alice",
                    author_picture="https://example.test/alice.jpg",
                ),
            ],
            meta={"total": 120, "next_cursor": 2},
        ),
    ),
    "creators_search": (
        Page[Creator],
        Page(
            data=[
                Creator(
                    id="tkc_a1b2c3d4e5f6a7b8",
                    username="alice",
                    follower_count=120000,
                    engagement_rate=0.0736,
                    region="US",
                    extra={"verified": True},
                )
            ],
            meta={"total": 31, "next_cursor": "c2"},
        ),
    ),
    "creators_show": (Creator, CREATOR),
    "ai_search": (
        AISearchResults,
        AISearchResults(
            data=[Creator(id="tkc_a1b2c3d4e5f6a7b8", username="alice", engagement_rate=0.0, region="US")],
            meta={
                "interpreted_filters": {"min_followers": 100000, "region": "US", "hashtag": "wrestling"},
                "total_matches": 48,
                "model": "example-model",
                "cost": 25,
            },
        ),
    ),
    "posts_analyze": (
        Analysis,
        Analysis(
            data={"accepted": 1},
            meta={
                "api_results": [{"post_id": VIDEO, "status": "analyzed"}],
                "rejected": [
                    "https://www.tiktok.com/@alice",
                    {
                        "url": "https://example.test/video/1",
                        "reason": "not a TikTok URL",
                        "code": "malformed_url",
                    },
                ],
            },
        ),
    ),
}


def body_of(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def test_every_golden_file_is_expected() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_answer_decodes_to_the_model(name: str) -> None:
    tp, expected = EXPECTED[name]
    result = decode_data(tp, body_of(name))
    assert type(result) is type(expected)
    assert result == expected


@pytest.mark.parametrize("name", EXPECTED)
def test_the_model_goes_to_json_and_back(name: str) -> None:
    tp, _ = EXPECTED[name]
    result = decode_data(tp, body_of(name))
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain == result.to_dict()
    assert decode(tp, plain) == result


def test_to_dict_speaks_the_api_s_own_names() -> None:
    campaign = decode_data(Campaign, body_of("campaigns_show"))
    documented = json.loads(body_of("campaigns_show"))["data"]
    assert campaign.to_dict() == {**documented, "meta": None}
    post = decode_data(Post, body_of("posts_show"))
    documented = json.loads(body_of("posts_show"))["data"]
    assert post.to_dict() == {**documented, "published_at": "2026-05-14T18:30:00Z"}


def test_a_page_tells_where_it_stands() -> None:
    comments = decode_data(Page[Comment], body_of("posts_comments"))
    assert (comments.next_cursor, comments.total) == (2, 120)
    assert decode_data(Page[Creator], body_of("creators_search")).next_cursor == "c2"
    assert decode_data(Page[Creator], b'{"data": []}').next_cursor is None


def test_a_search_tells_what_it_understood() -> None:
    found = decode_data(AISearchResults, body_of("ai_search"))
    assert found[0].username == "alice"
    assert found.interpreted_filters["hashtag"] == "wrestling"
    assert (found.total_matches, found.model, found.cost) == (48, "example-model", 25)
    silent = decode_data(AISearchResults, b'{"data": []}')
    assert (silent.interpreted_filters, silent.total_matches, silent.model, silent.cost) == (
        {},
        None,
        None,
        None,
    )


def test_an_analysis_tells_each_outcome() -> None:
    analysis = decode_data(Analysis, body_of("posts_analyze"))
    assert analysis.results == [ApiResult(post_id=VIDEO, status="analyzed")]
    assert analysis.rejected == [
        Rejected(url="https://www.tiktok.com/@alice"),
        Rejected(url="https://example.test/video/1", reason="not a TikTok URL", code="malformed_url"),
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_a_deletion_has_no_content(body: bytes) -> None:
    assert decode_data(Deleted, body) == Deleted()
