from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tokfluence_async.sandbox import Switches

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sandbox.conftest import Api

    OpenApi = Callable[..., AbstractAsyncContextManager[Api]]
    Url = Callable[..., str]

pytestmark = pytest.mark.anyio

OTHER_KEY = "tkf_live_" + "b" * 32
CREATED = "2027-01-15T08:00:00Z"


async def test_create_answers_as_documented(api: Api) -> None:
    url = "https://www.tiktok.com/@alice/video/7234567890123456789"
    answer = await api.call(
        "POST",
        "/v1/campaigns",
        {
            "name": "Spring 2026 launch",
            "currency": "EUR",
            "posts": [{"url": url, "creator_handle": "alice", "fee_cents": 50000}],
        },
    )
    assert answer.status == 201
    assert answer.payload == {
        "data": {
            "id": 4711,
            "name": "Spring 2026 launch",
            "currency": "EUR",
            "tracked_influencers_count": 1,
            "tracked_posts_count": 1,
            "archived": False,
            "created_at": CREATED,
            "updated_at": CREATED,
        },
        "meta": {
            "tracked_posts_created": 1,
            "api_results": [{"postId": "7234567890123456789", "status": "analyzed"}],
            "rejected": [],
        },
    }
    assert answer.credits == 1_000_000 - 26
    assert (await api.get("/v1/campaigns/4711")).payload == {"data": answer.data}


async def test_create_tracks_what_it_can_and_charges_for_all(api: Api, url: Url) -> None:
    posts = [
        {"url": url(1), "creator_handle": "@Alice"},
        {"url": url(2), "creator_handle": "ghostly"},
        {"url": "https://example.com/", "creator_handle": "alice"},
        {"url": url(1), "creator_handle": "alice"},
    ]
    answer = await api.create(posts=posts)
    assert answer.status == 201
    assert answer.data["tracked_posts_count"] == answer.meta["tracked_posts_created"] == 1
    assert [(each["url"], each["code"]) for each in answer.meta["rejected"]] == [
        (url(2), "creator_not_found"),
        ("https://example.com/", "invalid_url"),
    ]
    assert all(each["reason"] for each in answer.meta["rejected"])
    assert len(answer.meta["api_results"]) == 2
    ledger = api.sandbox.ledger()
    assert ledger.net == 1 + 25 * 4
    assert ledger.videos == {"7300000000000000001": 2, "7300000000000000002": 1}


async def test_a_name_is_unique_within_the_account_only(api: Api) -> None:
    first = await api.campaign("Spring")
    again = await api.create("Spring")
    assert (again.status, again.code) == (422, "invalid_campaign")
    assert await api.campaign("Spring", key=OTHER_KEY) != first
    assert (await api.call("DELETE", f"/v1/campaigns/{first}")).status == 204
    assert await api.campaign("Spring") != first


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_parameter"),
        ({"name": ""}, "missing_parameter"),
        ({"name": 7}, "missing_parameter"),
        ([], "missing_parameter"),
        ({"name": "x" * 256}, "invalid_campaign"),
        ({"name": "A", "currency": "dollars"}, "invalid_campaign"),
        ({"name": "A", "currency": "usd"}, "invalid_campaign"),
        ({"name": "A", "currency": 840}, "invalid_campaign"),
        ({"name": "A", "posts": {}}, "missing_parameter"),
        ({"name": "A", "posts": ["url"]}, "missing_parameter"),
        ({"name": "A", "posts": [{"creator_handle": "alice"}]}, "missing_parameter"),
        ({"name": "A", "posts": [{"url": "u", "creator_handle": 5}]}, "missing_parameter"),
        ({"name": "A", "posts": [{"url": "u", "fee_cents": 1.5}]}, "missing_parameter"),
        ({"name": "A", "posts": [{"url": "u", "fee_cents": -1}]}, "missing_parameter"),
        ({"name": "A", "posts": [{"url": "u", "fee_cents": True}]}, "missing_parameter"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_for_nothing(api: Api, body: Any, code: str) -> None:
    answer = await api.call("POST", "/v1/campaigns", body)
    assert (answer.status, answer.code, answer.credits) == (422, code, 1_000_000)
    assert not api.sandbox.ledger().entries


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe\xff", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_refused(api: Api, body: bytes) -> None:
    answer = await api.call("POST", "/v1/campaigns", data=body)
    assert (answer.status, answer.code) == (422, "missing_parameter")


async def test_metrics_add_up(api: Api, url: Url) -> None:
    posts = [
        {"url": url(number), "creator_handle": f"maker{number % 2}", "fee_cents": 1000} for number in range(6)
    ]
    campaign = await api.campaign(posts=posts)
    metrics = (await api.get(f"/v1/campaigns/{campaign}/metrics")).data
    listed = (await api.get(f"/v1/campaigns/{campaign}/posts")).data
    assert list(metrics) == [
        "currency", "spend_cents", "agency_fee_cents", "creator_fee_cents", "gmv_cents", "roi", "cpm_cents",
        "total_views", "total_likes", "total_engagement", "engagement_rate", "posts_published",
        "top_hashtags", "top_mentions",
    ]  # fmt: skip
    assert metrics["spend_cents"] == metrics["creator_fee_cents"] == 6000
    assert metrics["total_views"] == sum(post["views"] for post in listed)
    assert metrics["total_likes"] == sum(post["likes"] for post in listed)
    assert metrics["total_engagement"] == sum(p["likes"] + p["comments"] + p["shares"] for p in listed)
    assert metrics["gmv_cents"] == sum(post["gmv_cents"] for post in listed)
    assert metrics["roi"] == round((metrics["gmv_cents"] - 6000) / 6000, 4)
    assert metrics["cpm_cents"] == round(6000 * 1000 / metrics["total_views"])
    assert metrics["posts_published"] == 6
    counts = {tag["value"]: tag["count"] for tag in metrics["top_hashtags"]}
    for tag, count in counts.items():
        assert count == sum(tag in post["hashtags"] for post in listed)


async def test_metrics_of_nothing(api: Api) -> None:
    metrics = (await api.get(f"/v1/campaigns/{await api.campaign()}/metrics")).data
    assert (metrics["roi"], metrics["cpm_cents"], metrics["engagement_rate"]) == (None, None, 0.0)
    assert metrics["top_hashtags"] == metrics["top_mentions"] == []


async def test_influencers_are_summed_up(api: Api, url: Url) -> None:
    posts = [
        {"url": url(1), "creator_handle": "alice", "fee_cents": 100},
        {"url": url(2), "creator_handle": "bob", "fee_cents": 10},
        {"url": url(3), "creator_handle": "ALICE", "fee_cents": 1},
        {"url": url(4), "creator_handle": "tkc_a1b2c3d4e5f6a7b8"},
    ]
    campaign = await api.campaign(posts=posts)
    found = (await api.get(f"/v1/campaigns/{campaign}/influencers")).data
    assert [(i["username"], i["tracked_posts_count"], i["creator_fee_cents"]) for i in found] == [
        ("alice", 2, 101),
        ("bob", 1, 10),
        ("user_a1b2c3d4e5f6a7b8", 1, 0),
    ]
    assert found[2]["id"] == "tkc_a1b2c3d4e5f6a7b8"
    assert set(found[0]) == {
        "id", "username", "picture", "status", "tracked_at", "tracked_posts_count",
        "creator_fee_cents", "agency_fee_cents", "gmv_cents",
    }  # fmt: skip
    assert found[0]["id"].startswith("tkc_")
    assert found[0]["status"] == "collaborating"


async def test_posts_are_pending_until_their_analysis_is_done(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(analysis_delay=10, list_delay=4)) as api:
        created = await api.create(posts=[{"url": url(1), "creator_handle": "alice", "fee_cents": 7}])
        assert created.meta["api_results"][0]["status"] == "pending"
        path = f"/v1/campaigns/{created.data['id']}/posts"
        assert (await api.get(path)).payload == {"data": []}
        api.sandbox.advance(4)
        (pending,) = (await api.get(path)).data
        assert pending["status"] == "pending"
        assert "views" not in pending
        assert (await api.get("/v1/posts/7300000000000000001")).code == "post_not_found"
        api.sandbox.advance(6)
        (done,) = (await api.get(path)).data
        assert done["status"] == "analyzed"
        assert done["fee_cents"] == 7
        shown = (await api.get("/v1/posts/7300000000000000001")).data
        assert shown == {name: done[name] for name in shown}


async def test_posts_are_paged_where_the_switch_says_so(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(campaign_posts_page_size=2)) as api:
        campaign = await api.campaign(posts=[{"url": url(number)} for number in range(5)])
        found, spent = list[str](), api.sandbox.ledger().net
        cursor: int | None = 0
        for _ in range(3):
            page = await api.get(f"/v1/campaigns/{campaign}/posts?cursor={cursor}")
            found += [post["post_id"] for post in page.data]
            assert page.meta["total"] == 5
            cursor = page.meta["next_cursor"]
        assert cursor is None
        assert found == api.sandbox.tracked(campaign)
        assert api.sandbox.ledger().net - spent == 3 * 2
        refused = await api.get(f"/v1/campaigns/{campaign}/posts?cursor=x")
        assert refused.code == "missing_parameter"


@pytest.mark.parametrize("tail", ["", "/metrics", "/posts", "/influencers"])
@pytest.mark.parametrize("number", ["4711", "99", "abc", "-1", "9" * 30, "%34%37"])
async def test_somebody_elses_campaign_does_not_exist(api: Api, tail: str, number: str) -> None:
    assert await api.campaign(key=OTHER_KEY) == 4711
    answer = await api.get(f"/v1/campaigns/{number}{tail}")
    assert (answer.status, answer.code) == (404, "campaign_not_found")


async def test_delete_is_free_permanent_and_silent(api: Api, url: Url) -> None:
    campaign = await api.campaign(posts=[{"url": url(1)}])
    before = api.sandbox.wallet(api.key)
    answer = await api.call("DELETE", f"/v1/campaigns/{campaign}")
    assert (answer.status, answer.body, answer.credits) == (204, b"", before)
    assert (await api.get(f"/v1/campaigns/{campaign}")).status == 404
    assert (await api.call("DELETE", f"/v1/campaigns/{campaign}")).code == "campaign_not_found"
    assert (await api.get("/v1/creators/alice")).status == 200, "the creators stay"
    with pytest.raises(KeyError):
        api.sandbox.tracked(campaign)
