"""The API as a caller uses it. Not run: it is the type checkers that have to be content with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, assert_type

import aiohttp

import tokfluence_async
from tokfluence_async import (
    AISearchResults,
    Analysis,
    APIError,
    Budget,
    Campaign,
    CampaignPost,
    Charge,
    Comment,
    CreateMeta,
    Creator,
    CreditsSettled,
    Deleted,
    Event,
    Influencer,
    Items,
    Metrics,
    OutcomeUnknownError,
    Page,
    Paginator,
    Post,
    PostEntry,
    Price,
    Progress,
    RequestEnded,
    ResponseInfo,
    Shown,
    Tariff,
    Tokfluence,
    TokfluenceError,
)
from tokfluence_async.otel import instrument

assert_type(tokfluence_async.__version__, str)


def encoder(campaign_id: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
    return {"campaign": campaign_id, "links": [url for url, _, _ in posts]}


def clients(session: aiohttp.ClientSession, connector: aiohttp.BaseConnector) -> list[Tokfluence]:
    return [
        Tokfluence(),
        Tokfluence(
            "tkf_live_…", base_url="http://127.0.0.1:8420", timeout=30, max_retries=0, max_credits=100
        ),
        Tokfluence(session=session),
        Tokfluence(connector=connector, trace_configs=[aiohttp.TraceConfig()]),
        Tokfluence(tariff=Tariff({"posts.show": Price(2)}), analyze_encoder=encoder),
    ]


async def campaigns(tok: Tokfluence) -> None:
    created = await tok.campaigns.create("Spring", currency="EUR", posts=[("https://…", "alice", 50_000)])
    assert_type(created, Campaign)
    assert_type(created.id, int)
    assert_type(created.meta, CreateMeta | None)
    assert_type(created.created_at, datetime | None)
    assert_type(created.response, ResponseInfo)
    assert_type(created.response.credits_remaining, int | None)
    assert_type(created.response.headers, Mapping[str, str])
    assert_type(created.response.body, bytes)
    assert_type(await tok.campaigns.show(1, timeout=5), Campaign)
    assert_type(await tok.campaigns.metrics(1), Metrics)
    assert_type(await tok.campaigns.posts(1), Items[CampaignPost])
    assert_type(await tok.campaigns.influencers(1), Items[Influencer])
    assert_type(await tok.campaigns.delete(1), Deleted)


async def posts(tok: Tokfluence, more: AsyncIterator[str]) -> None:
    post = await tok.posts.show("7234567890123456789", max_retries=1, extra_headers={"X-Trace": "1"})
    assert_type(post, Post)
    assert_type(post.views, int | None)
    assert_type(post.hashtags, list[str])
    assert_type(post.to_dict(), dict[str, Any])
    assert_type(await tok.posts.analyze(["https://…"]), Analysis)
    assert_type(
        await tok.posts.analyze([("https://…", None, 0)], campaign_id=1, idempotency_key="batch-1"), Analysis
    )

    comments = tok.posts.comments("7234567890123456789", limit=200, cursor=50)
    assert_type(comments, Paginator[Comment])
    async for comment in comments:
        assert_type(comment, Comment)
    async for page in comments.pages():
        assert_type(page, Page[Comment])
        assert_type(page[0], Comment)
        assert_type(page[:2], list[Comment])
    assert_type(comments.cursor, int | str | None)
    assert_type(comments.exhausted, bool)

    async for shown in tok.posts.show_many(["1", "2"], ordered=False, timeout=5):
        assert_type(shown, Shown)
        assert_type(shown.post, Post | None)
        assert_type(shown.error, TokfluenceError | None)
    async with aclosing(tok.posts.show_many(more)) as many:
        assert_type(await anext(many), Shown)


async def creators(tok: Tokfluence) -> None:
    async for creator in tok.creators.search(region="DE", min_followers=1000, call={"timeout": 5.0}):
        assert_type(creator, Creator)
    assert_type(await tok.creators.show("tkc_1"), Creator)
    assert_type(await tok.creators.posts("tkc_1"), Items[Post])
    found = await tok.ai_search("german cooks", max_results=5, extra_body={"beta": True})
    assert_type(found, AISearchResults)
    assert_type(found[0], Creator)
    assert_type(found.interpreted_filters, dict[str, Any])


async def settings(tok: Tokfluence) -> None:
    async with tok as same:
        assert_type(same, Tokfluence)
    assert_type(tok.with_options(timeout=3, extra_headers={"X-A": "1"}), Tokfluence)
    part = tok.budget(max_credits=1000)
    assert_type(part, Tokfluence)
    assert_type(part.spent, Budget)
    assert_type(part.spent.charged, Charge)
    assert_type(part.spent.remaining, int | None)
    assert_type(tok.credits_remaining, int | None)
    assert_type(tok.estimate({"posts.show": 200}, urls=50), int)
    await tok.close(grace=1)


async def errors(tok: Tokfluence) -> None:
    try:
        await tok.campaigns.create("Spring")
    except OutcomeUnknownError as error:
        assert_type(error.request_id, str | None)
    except APIError as error:
        assert_type(error.code, str)
        assert_type(error.status, int)
        assert_type(error.retry_after, float | None)


def observing(tok: Tokfluence) -> None:
    def note(event: Event) -> None:
        match event:
            case RequestEnded(status=status, elapsed=elapsed):
                assert_type(status, int | None)
                assert_type(elapsed, float)
            case CreditsSettled(charged_max=charged_max):
                assert_type(charged_max, int)
            case _:
                pass

    end = tok.events.subscribe(note)
    end()
    instrument(tok.events)()
    with Progress(tok.events) as progress:
        assert_type(progress, Progress)
        assert_type(progress.in_flight, int)
