"""All thirteen calls, against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from tokfluence_async import (
    AccountBannedError,
    APIError,
    AuthenticationError,
    CampaignNotFoundError,
    ConfigurationError,
    CreatorNotFoundError,
    DuplicateRequestError,
    ForbiddenError,
    InsufficientCreditsError,
    InvalidCampaignError,
    MissingParameterError,
    OutcomeUnknownError,
    PlanRequiredError,
    PostNotFoundError,
    Tokfluence,
)
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

VIDEO = "7234567890123456789"
URL = f"https://www.tiktok.com/@alice/video/{VIDEO}"
OTHER = "https://www.tiktok.com/@bob/video/7234567890123456790"


def spent(sandbox: Sandbox) -> int:
    return sandbox.ledger().net


async def a_campaign(tok: Tokfluence) -> int:
    return (await tok.campaigns.create("Spring", posts=[(URL, "alice", 50_000), (OTHER, None, 0)])).id


async def test_campaigns_create(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    campaign = await tok.campaigns.create("Spring", currency="EUR", posts=[(URL, "alice", 50_000)])
    assert (campaign.name, campaign.currency, campaign.tracked_posts_count) == ("Spring", "EUR", 1)
    assert campaign.meta is not None
    assert campaign.meta.tracked_posts_created == 1
    assert campaign.response.status in {200, 201}
    assert spent(tokfluence_sandbox) == 26 == tok.estimate({"campaigns.create": 1}, urls=1)
    (sent,) = tokfluence_sandbox.requests()
    assert json.loads(sent.body) == {
        "name": "Spring",
        "currency": "EUR",
        "posts": [{"url": URL, "creator_handle": "alice", "fee_cents": 50_000}],
    }
    assert sent.request_id == campaign.response.request_id
    assert tok.spent.charged_min == tok.spent.charged_max == 26


async def test_campaigns_show_metrics_posts_influencers_delete(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    number = await a_campaign(tok)
    before = spent(tokfluence_sandbox)
    shown = await tok.campaigns.show(number)
    assert (shown.id, shown.name) == (number, "Spring")
    assert isinstance(shown.created_at, datetime)
    assert (await tok.campaigns.metrics(number)).spend_cents == 50_000
    assert [post.post_id for post in await tok.campaigns.posts(number)] == [VIDEO, "7234567890123456790"]
    assert {each.username for each in await tok.campaigns.influencers(number)} == {"alice", "bob"}
    deleted = await tok.campaigns.delete(number)
    assert deleted.response.status == 204
    assert spent(tokfluence_sandbox) - before == 1 + 2 + 2 + 2 + 0
    with pytest.raises(CampaignNotFoundError):
        await tok.campaigns.show(number)


async def test_posts_show_and_analyze(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    with pytest.raises(PostNotFoundError) as caught:
        await tok.posts.show(VIDEO)
    assert caught.value.path == f"/v1/posts/{VIDEO}"
    analysis = await tok.posts.analyze([URL])
    assert [each.post_id for each in analysis.results] == [VIDEO]
    post = await tok.posts.show(VIDEO)
    assert (post.post_id, post.response.attempts) == (VIDEO, 1)
    assert (
        post.response.credits_remaining
        == tok.credits_remaining
        == tokfluence_sandbox.wallet(f"tkf_live_{'sandbox0' * 4}")
    )
    assert spent(tokfluence_sandbox) == 1 + 25 + 1
    assert json.loads(tokfluence_sandbox.requests("posts.analyze")[0].body) == {"urls": [URL]}


async def test_posts_analyze_into_a_campaign(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    campaign = await tok.campaigns.create("Empty")
    await tok.posts.analyze([(URL, "alice", 7), (OTHER, None, 0)], campaign_id=campaign.id)
    assert tokfluence_sandbox.tracked(campaign.id) == [VIDEO, "7234567890123456790"]
    assert json.loads(tokfluence_sandbox.requests("posts.analyze")[0].body) == {
        "campaign_id": campaign.id,
        "posts": [{"url": URL, "creator_handle": "alice", "fee_cents": 7}, {"url": OTHER, "fee_cents": 0}],
    }
    assert spent(tokfluence_sandbox) == 1 + 50


async def test_creators(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    tokfluence_sandbox.seed({"creators": ["alice"]})
    found = [creator async for creator in tok.creators.search(min_followers=0)]
    assert len(found) >= 200
    pages = len(tokfluence_sandbox.requests("creators.search"))
    one = await tok.creators.show(found[0].id)
    assert one.username == found[0].username
    await tok.creators.posts(one.id)
    assert spent(tokfluence_sandbox) == pages + 1 + 25
    with pytest.raises(CreatorNotFoundError):
        await tok.creators.show("tkc_nobody")


async def test_search_passes_filters_on(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    search = tok.creators.search(
        region="DE",
        hashtag="a&b",
        min_engagement_rate=0.5,
        verified=True,
        skipped=None,
        call={"max_retries": 0},
    )
    await search.next_page()
    (sent,) = tokfluence_sandbox.requests("creators.search")
    assert parse_qs(sent.query) == {
        "region": ["DE"],
        "hashtag": ["a&b"],
        "min_engagement_rate": ["0.5"],
        "verified": ["true"],
    }


async def test_ai_search(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    results = await tok.ai_search("german cooks with many followers", max_results=3)
    assert len(results) <= 3
    assert isinstance(results.interpreted_filters, dict)
    assert spent(tokfluence_sandbox) == 25
    assert json.loads(tokfluence_sandbox.requests()[0].body) == {
        "query": "german cooks with many followers",
        "max_results": 3,
    }


async def test_comments(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    tokfluence_sandbox.seed({"posts": [URL]})
    first = await tok.posts.comments(VIDEO, limit=5).next_page()
    assert len(first) <= 5
    everything = [comment.comment_id async for comment in tok.posts.comments(VIDEO, limit=200)]
    small = tok.posts.comments(VIDEO, limit=7)
    assert [comment.comment_id async for comment in small] == everything
    assert small.exhausted
    pages = len(tokfluence_sandbox.requests("posts.comments"))
    assert spent(tokfluence_sandbox) == 2 * pages
    skipped = [comment.comment_id async for comment in tok.posts.comments(VIDEO, cursor=len(everything) // 2)]
    assert skipped == everything[len(everything) // 2 :]


# Errors, by what the API says


@pytest.mark.parametrize(
    ("standing", "kind"),
    [
        ("revoked", AuthenticationError),
        ("banned", AccountBannedError),
        ("no_plan", PlanRequiredError),
        ("forbidden", ForbiddenError),
    ],
)
async def test_standings(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, tokfluence_key: str, standing: Any, kind: type[APIError]
) -> None:
    tokfluence_sandbox.set_standing(tokfluence_key, standing)
    with pytest.raises(kind) as caught:
        await tok.posts.show(VIDEO)
    assert type(caught.value) is kind
    assert len(tokfluence_sandbox.requests()) == 1
    assert tokfluence_key not in str(caught.value)


async def test_an_empty_wallet(tok: Tokfluence, tokfluence_sandbox: Sandbox, tokfluence_key: str) -> None:
    tokfluence_sandbox.set_wallet(tokfluence_key, 24)
    with pytest.raises(InsufficientCreditsError) as caught:
        await tok.posts.analyze([URL])
    assert caught.value.credits_remaining == 24
    assert tok.spent.charged_max == 0


async def test_a_name_that_is_taken(tok: Tokfluence) -> None:
    await tok.campaigns.create("Spring")
    with pytest.raises(InvalidCampaignError):
        await tok.campaigns.create("Spring")


async def test_a_parameter_that_the_api_does_not_take(tok: Tokfluence) -> None:
    with pytest.raises(MissingParameterError):
        await tok.creators.search(min_followers="many").next_page()


async def test_a_key_of_the_caller_s_is_used_once(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    await tok.posts.analyze([URL], idempotency_key="batch-1")
    with pytest.raises(DuplicateRequestError):
        await tok.posts.analyze([URL], idempotency_key="batch-1")
    assert spent(tokfluence_sandbox) == 25


@pytest.mark.parametrize("phase", ["before_charge", "after_charge", "after_tracking", "mid_response"])
async def test_a_lost_answer_to_a_purchase_never_buys_twice(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, phase: Any
) -> None:
    tokfluence_sandbox.add_fault(effect="reset", phase=phase, call="posts.analyze")
    if phase == "before_charge":
        await tok.posts.analyze([URL])
    else:
        with pytest.raises(OutcomeUnknownError) as caught:
            await tok.posts.analyze([URL])
        key = caught.value.request_id
        assert key is not None
        with pytest.raises(DuplicateRequestError):
            await tok.posts.analyze([URL], idempotency_key=key)
    assert spent(tokfluence_sandbox) == 25
    assert tok.spent.charged_min <= 25 <= tok.spent.charged_max
    assert len({each.request_id for each in tokfluence_sandbox.requests("posts.analyze")}) == 1


async def test_a_lost_read_is_repeated_and_counted(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    tokfluence_sandbox.seed({"posts": [URL]})
    tokfluence_sandbox.add_fault(effect="reset", phase="after_tracking", call="posts.show")
    post = await tok.posts.show(VIDEO)
    assert post.response.attempts == 2
    assert spent(tokfluence_sandbox) == 2
    assert (tok.spent.charged_min, tok.spent.charged_max) == (1, 2)


# Options of a call


async def test_extra_headers_query_and_body(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    await tok.campaigns.create(
        "A", extra_headers={"X-Trace": "1"}, extra_query={"debug": True}, extra_body={"x": [1]}
    )
    (sent,) = tokfluence_sandbox.requests()
    assert "x-trace" in {name.lower() for name in sent.header_names}
    assert sent.query == "debug=true"
    assert json.loads(sent.body) == {"name": "A", "posts": [], "x": [1]}


REFUSED: list[Callable[[Tokfluence], Awaitable[Any]]] = [
    lambda tok: tok.posts.show(""),
    lambda tok: tok.posts.show(".."),
    lambda tok: tok.posts.show("1\n2"),
    lambda tok: tok.posts.show(URL),
    lambda tok: tok.posts.show(None),  # type: ignore[arg-type]
    lambda tok: tok.campaigns.show(-1),
    lambda tok: tok.campaigns.show(True),
    lambda tok: tok.posts.show("1", idempotency_key="a"),
    lambda tok: tok.posts.show("1", extra_body={"a": 1}),
    lambda tok: tok.posts.show("1", timeout=0),
    lambda tok: tok.posts.show("1", timeout=float("nan")),
    lambda tok: tok.posts.show("1", max_retries=-1),
    lambda tok: tok.posts.show("1", extra_headers={"Authorization": "Bearer x"}),
    lambda tok: tok.posts.show("1", extra_headers={"X-Request-Id": "x"}),
    lambda tok: tok.posts.show("1", extra_headers={"X-A": "1\r\nX-B: 2"}),
    lambda tok: tok.posts.show("1", extra_query={"a": "\ud800"}),
    lambda tok: tok.posts.show("1", extra_query={"a": [1]}),  # type: ignore[dict-item]
    lambda tok: tok.posts.analyze([]),
    lambda tok: tok.posts.analyze(URL),
    lambda tok: tok.posts.analyze([URL, OTHER, URL]),
    lambda tok: tok.posts.analyze([" "]),
    lambda tok: tok.posts.analyze([(URL, "alice", 1.5)]),  # type: ignore[arg-type]
    lambda tok: tok.posts.analyze([URL], idempotency_key="a\nb"),
    lambda tok: tok.posts.analyze([URL], idempotency_key=""),
    lambda tok: tok.posts.analyze([URL], extra_body={"posts": [{"url": OTHER}]}),
    lambda tok: tok.campaigns.create(" "),
    lambda tok: tok.campaigns.create("A", extra_body={"posts": [{"url": OTHER}]}),
    lambda tok: tok.campaigns.create("A", extra_body={"a": {1}}),
    lambda tok: tok.campaigns.create("A", posts=[(URL, "alice", 0), (URL, "bob", 0)]),
    lambda tok: tok.ai_search(""),
    lambda tok: tok.ai_search("cooks", max_results=51),
    lambda tok: tok.posts.comments("1", limit=201).next_page(),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
async def test_what_is_wrong_is_refused_before_anything_is_sent(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, number: int
) -> None:
    with pytest.raises(ConfigurationError):
        await REFUSED[number](tok)
    assert tokfluence_sandbox.requests() == []
    assert tok.spent.committed == 0


@pytest.mark.parametrize(
    ("post_id", "path"),
    [
        ("../campaigns/1", "/v1/posts/..%2Fcampaigns%2F1"),
        ("%2e%2e", "/v1/posts/%252e%252e"),
        ("1?a=b#c", "/v1/posts/1%3Fa%3Db%23c"),
        ("ü", "/v1/posts/%C3%BC"),
    ],
)
async def test_ids_are_quoted_into_paths(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, post_id: str, path: str
) -> None:
    with pytest.raises(PostNotFoundError):
        await tok.posts.show(post_id)
    assert [each.path for each in tokfluence_sandbox.requests()] == [path]
