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

VIDEO = "7300000000000000001"
POST_FIELDS = {
    "post_id", "url", "caption", "published_at", "cover_url", "duration", "views", "likes", "comments",
    "shares", "saves", "hashtags", "mentions", "music", "is_sponsored",
}  # fmt: skip


async def test_a_post_is_as_documented_and_always_the_same(open_api: OpenApi, url: Url) -> None:
    shown = list[Any]()
    for _ in range(2):
        async with open_api() as api:
            await api.analyze(url(1))
            answer = await api.get(f"/v1/posts/{VIDEO}")
            assert answer.credits == 1_000_000 - 26
            shown.append(answer.data)
    post = shown[0]
    assert shown[0] == shown[1]
    assert set(post) == POST_FIELDS
    assert set(post["music"]) == {"title", "author", "original"}
    assert post["post_id"] == VIDEO
    assert post["published_at"] == "2023-11-11T00:48:18Z", "the upper half of the id"
    assert 0 < post["comments"] + post["shares"] + post["saves"] < post["likes"] < post["views"]


@pytest.mark.parametrize("video", [VIDEO, "abc", "analyze", "7300000000000000001x", "..%2F1"])
async def test_a_post_that_is_not_in_the_index(api: Api, video: str) -> None:
    for path in (f"/v1/posts/{video}", f"/v1/posts/{video}/comments"):
        answer = await api.get(path)
        assert (answer.status, answer.code) == (404, "post_not_found")


async def test_every_post_is_known_where_the_switch_says_so(open_api: OpenApi) -> None:
    async with open_api(Switches(index_all_posts=True)) as api:
        assert (await api.get(f"/v1/posts/{VIDEO}")).data["post_id"] == VIDEO
        assert (await api.get("/v1/posts/abc")).status == 404


@pytest.mark.parametrize("limit", [None, 1, 7, 50, 200, 1000])
async def test_comments_are_paged_to_their_end(open_api: OpenApi, limit: int | None) -> None:
    async with open_api(Switches(index_all_posts=True, requests_per_minute_ip=0)) as api:
        path = f"/v1/posts/{VIDEO}/comments?" + (f"limit={limit}&" if limit else "")
        found, pages = list[Any](), 0
        cursor: int | None = 0
        while cursor is not None:
            page = await api.get(f"{path}cursor={cursor}")
            assert len(page.data) <= min(limit or 50, 200)
            found += page.data
            cursor, pages = page.meta["next_cursor"], pages + 1
        assert len(found) == page.meta["total"] > 50
        assert len({comment["comment_id"] for comment in found}) == len(found)
        assert api.sandbox.ledger().net == 2 * pages
        assert set(found[0]) == {
            "comment_id", "text", "published_at", "likes", "reply_count", "parent_comment_id",
            "author_username", "author_picture",
        }  # fmt: skip
        known = {comment["comment_id"] for comment in found}
        parents = {comment["parent_comment_id"] for comment in found} - {None}
        assert parents
        assert parents <= known


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=-1", "cursor=1.5", "cursor=", "cursor=%20"])
async def test_a_page_that_makes_no_sense_is_refused(open_api: OpenApi, query: str) -> None:
    async with open_api(Switches(index_all_posts=True)) as api:
        answer = await api.get(f"/v1/posts/{VIDEO}/comments?{query}")
        assert (answer.status, answer.code) == (422, "missing_parameter")
        beyond = await api.get(f"/v1/posts/{VIDEO}/comments?cursor=99999")
        assert (beyond.data, beyond.meta["next_cursor"]) == ([], None)


async def test_creators_are_searched_page_by_page(api: Api) -> None:
    found = list[Any]()
    cursor: int | None = 0
    while cursor is not None:
        page = await api.get(f"/v1/creators/search?min_followers=100000&limit=30&cursor={cursor}&unknown=1")
        found += page.data
        assert page.meta["total"] > 30
        cursor = page.meta["next_cursor"]
    followers = [creator["follower_count"] for creator in found]
    assert len(found) == page.meta["total"]
    assert followers == sorted(followers, reverse=True)
    assert followers[-1] >= 100_000
    assert api.sandbox.ledger().calls["creators.search"].net == (len(found) + 29) // 30


async def test_every_filter_filters(api: Api) -> None:
    everyone = (await api.get("/v1/creators/search?limit=50")).meta["total"]
    assert everyone == 200
    one = (await api.get("/v1/creators/search?limit=1")).data[0]
    for query, holds in {
        "max_followers=50000": lambda each: each["follower_count"] <= 50_000,
        "min_engagement_rate=0.1": lambda each: each["engagement_rate"] >= 0.1,
        "max_engagement_rate=0.05": lambda each: each["engagement_rate"] <= 0.05,
        "region=de": lambda each: each["region"] == "DE",
        "hashtag=%23music": lambda each: "music" in each["hashtags"],
        f"q={one['username']}": lambda each: each["id"] == one["id"],
    }.items():
        page = await api.get(f"/v1/creators/search?limit=50&{query}")
        assert 0 < page.meta["total"] < everyone, query
        assert all(map(holds, page.data)), query
    assert (await api.get("/v1/creators/search?min_followers=many")).code == "missing_parameter"


async def test_a_creator_is_found_by_id_and_by_name(api: Api) -> None:
    one = (await api.get("/v1/creators/search?limit=1")).data[0]
    assert (await api.get(f"/v1/creators/{one['id']}")).data == one
    assert (await api.get(f"/v1/creators/@{one['username'].upper()}")).data == one
    for unknown in ("tkc_0000000000000000", "nobody.at.all"):
        answer = await api.get(f"/v1/creators/{unknown}")
        assert (answer.status, answer.code) == (404, "creator_not_found")
        assert (await api.get(f"/v1/creators/{unknown}/posts")).code == "creator_not_found"


async def test_a_creators_posts_cost_the_same_however_many_and_are_then_in_the_index(api: Api) -> None:
    one = (await api.get("/v1/creators/search?limit=1")).data[0]
    spent = api.sandbox.ledger().net
    posts = (await api.get(f"/v1/creators/{one['id']}/posts")).data
    assert api.sandbox.ledger().net - spent == 25
    assert len(posts) >= 5
    assert all(set(post) == POST_FIELDS for post in posts)
    published = [post["published_at"] for post in posts]
    assert published == sorted(published, reverse=True)
    assert (await api.get(f"/v1/posts/{posts[0]['post_id']}")).data == posts[0]


async def test_ai_search_says_how_it_understood(api: Api) -> None:
    query = "German music creators with over 10k followers, under 2m followers and 1.5% engagement"
    answer = await api.call("POST", "/v1/ai_search", {"query": query, "max_results": 3})
    filters = answer.meta["interpreted_filters"]
    assert filters == {
        "min_followers": 10_000,
        "max_followers": 2_000_000,
        "min_engagement_rate": 0.015,
        "region": "DE",
        "hashtag": "music",
    }
    assert (answer.meta["cost"], answer.credits) == (25, 1_000_000 - 25)
    assert answer.meta["model"]
    search = await api.get("/v1/creators/search?" + "&".join(f"{name}={v}" for name, v in filters.items()))
    assert search.meta["total"] == answer.meta["total_matches"]
    assert search.data[:3] == answer.data
    assert len((await api.call("POST", "/v1/ai_search", {"query": "anyone"})).data) == 20


@pytest.mark.parametrize(
    "body",
    [None, {}, {"query": " "}, {"query": 5}, *({"query": "a", "max_results": n} for n in (0, 51, "5", True))],
)
async def test_ai_search_refuses_for_nothing(api: Api, body: Any) -> None:
    answer = await api.call("POST", "/v1/ai_search", body)
    assert (answer.status, answer.code, answer.credits) == (422, "missing_parameter", 1_000_000)
