from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tokfluence_async.sandbox import Switches

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sandbox.conftest import Api

    OpenApi = Callable[..., AbstractAsyncContextManager[Api]]
    Url = Callable[..., str]

pytestmark = pytest.mark.anyio


async def test_urls_are_put_into_the_index(api: Api, url: Url) -> None:
    answer = await api.analyze(url(1), url(2))
    assert answer.payload == {
        "data": {"submitted": 2, "accepted": 2},
        "meta": {
            "tracked_posts_created": 0,
            "api_results": [
                {"postId": "7300000000000000001", "status": "analyzed"},
                {"postId": "7300000000000000002", "status": "analyzed"},
            ],
            "rejected": [],
        },
    }
    assert answer.credits == 1_000_000 - 50
    assert (await api.get("/v1/posts/7300000000000000002")).data["post_id"] == "7300000000000000002"


async def test_posts_are_tracked_by_their_campaign(api: Api, url: Url) -> None:
    campaign = await api.campaign()
    body = {
        "campaign_id": campaign,
        "posts": [{"url": url(1), "creator_handle": "bob", "fee_cents": 5}, {"url": url(2, "carol")}],
    }
    answer = await api.call("POST", "/v1/posts/analyze", body)
    assert answer.data == {"submitted": 2, "accepted": 2, "campaign_id": campaign}
    assert answer.meta["tracked_posts_created"] == 2
    assert api.sandbox.tracked(campaign) == ["7300000000000000001", "7300000000000000002"]
    found = (await api.get(f"/v1/campaigns/{campaign}/posts")).data
    assert [(post["creator_username"], post["fee_cents"]) for post in found] == [("bob", 5), ("carol", 0)]
    entry = api.sandbox.ledger().entries[1]
    assert (entry.campaign_id, entry.credits, entry.urls) == (campaign, 50, (url(1), url(2, "carol")))


async def test_a_video_listed_twice_is_charged_twice_and_tracked_once(api: Api, url: Url) -> None:
    campaign = await api.campaign()
    await api.analyze(url(1), url(1) + "?lang=en", campaign_id=campaign)
    await api.analyze(url(1), campaign_id=campaign)
    assert api.sandbox.tracked(campaign) == ["7300000000000000001"]
    assert api.sandbox.ledger().charged_twice == {"7300000000000000001": 3}


async def test_both_keys_at_once_are_charged_twice(api: Api, url: Url) -> None:
    body = {"posts": [{"url": url(1)}], "urls": [url(1)]}
    answer = await api.call("POST", "/v1/posts/analyze", body)
    assert (answer.status, answer.credits) == (200, 1_000_000 - 50)
    assert api.sandbox.ledger().charged_twice == {"7300000000000000001": 2}


async def test_both_keys_at_once_are_refused_where_the_switch_says_so(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(both_keys="refuse")) as api:
        body = {"posts": [{"url": url(1)}], "urls": [url(1)]}
        answer = await api.call("POST", "/v1/posts/analyze", body)
        assert (answer.status, answer.code, answer.credits) == (422, "missing_parameter", 1_000_000)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "missing_parameter"),
        ({"urls": []}, 422, "missing_parameter"),
        ({"urls": "https://"}, 422, "missing_parameter"),
        ({"urls": [None]}, 422, "missing_parameter"),
        ({"campaign_id": 1}, 422, "missing_parameter"),
        ({"campaign_id": "4711", "urls": ["u"]}, 422, "missing_parameter"),
        ({"campaign_id": 99, "urls": ["u"]}, 404, "campaign_not_found"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_for_nothing(
    api: Api, body: Any, status: int, code: str
) -> None:
    answer = await api.call("POST", "/v1/posts/analyze", body)
    assert (answer.status, answer.code, answer.credits) == (status, code, 1_000_000)


@pytest.mark.parametrize("charged", [True, False])
async def test_rejected_urls_are_charged_or_not(open_api: OpenApi, url: Url, charged: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with open_api(Switches(charge_rejected=charged)) as api:
        answer = await api.analyze(url(1), "https://example.com/", url(2, "ghost.town"))
        assert len(answer.meta["rejected"]) == 2
        assert api.sandbox.ledger().net == (75 if charged else 25)
        assert sum(api.sandbox.ledger().unidentified.values()) == charged


async def test_forms_of_the_meta(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(rejected_form="strings")) as api:
        assert (await api.analyze(url(1), "nonsense")).meta["rejected"] == ["nonsense"]
    async with open_api(Switches(analyze_meta="none")) as api:
        assert set((await api.analyze(url(1), "nonsense")).payload) == {"data"}
    async with open_api(Switches(analyze_meta="misspelt")) as api:
        answer = await api.analyze(url(1), "nonsense")
        assert set(answer.meta) == {"trackedPosts", "apiResult", "rejectedPosts"}


async def test_handles(open_api: OpenApi, url: Url) -> None:
    plain = "https://www.tiktok.com/embed/7300000000000000009"
    async with open_api(Switches(handle_required=True)) as api:
        assert [each["code"] for each in (await api.analyze(url(1))).meta["rejected"]] == [
            "missing_parameter"
        ]
    async with open_api(Switches(ghost_prefix="", ghost_handles=frozenset({"nobody"}))) as api:
        answer = await api.analyze(url(1, "nobody"), url(2, "ghosted"), plain)
        assert [each["url"] for each in answer.meta["rejected"]] == [url(1, "nobody")]
        assert answer.data["accepted"] == 2
    async with open_api() as api:
        posts = [{"url": url(1), "creator_handle": "not a handle"}, {"url": url(2), "creator_handle": None}]
        answer = await api.call("POST", "/v1/posts/analyze", {"posts": posts})
        assert [each["code"] for each in answer.meta["rejected"]] == ["creator_not_found"]


async def test_a_batch_that_is_too_large_is_a_413_for_nothing(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(max_batch=2)) as api:
        answer = await api.analyze(url(1), url(2), url(3))
        assert (answer.status, answer.code, answer.credits) == (413, "payload_too_large", 1_000_000)
        assert (await api.create(posts=[{"url": url(n)} for n in range(3)])).status == 413
        assert (await api.analyze(url(1), url(2))).status == 200


async def test_a_body_that_is_too_large_is_a_413_for_nothing(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(max_body_bytes=1000)) as api:
        answer = await api.analyze(*[url(number) for number in range(100)])
        assert (answer.status, answer.code, answer.credits) == (413, "payload_too_large", 1_000_000)
        assert (await api.analyze(url(1))).status == 200


async def test_it_takes_its_time_and_charges_first(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(analyze_latency=0.05)) as api:
        campaign = await api.campaign()
        started = time.monotonic()
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: api.analyze(url(1), url(2), campaign_id=campaign))
            await api.until(lambda: api.sandbox.ledger().net == 51)
            assert api.sandbox.tracked(campaign) == []
        assert time.monotonic() - started >= 0.1
        assert len(api.sandbox.tracked(campaign)) == 2


async def test_a_client_that_gives_up_is_charged_and_tracked_all_the_same(
    open_api: OpenApi, url: Url
) -> None:
    async with open_api(Switches(analyze_latency=0.1)) as api:
        campaign = await api.campaign()
        with anyio.move_on_after(0.05):
            await api.analyze(url(1), campaign_id=campaign)
        await api.until(lambda: bool(api.sandbox.tracked(campaign)))
        assert api.sandbox.ledger().net == 26


async def test_what_changes_while_the_work_goes_on(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(analyze_latency=0.05)) as api:
        campaign = await api.campaign("First")
        answers = dict[str, Any]()

        async def create(which: str) -> None:
            answers[which] = await api.create("Second", posts=[{"url": url(1)}])

        async def analyze() -> None:
            answers["analyze"] = await api.analyze(url(2), campaign_id=campaign)

        async with anyio.create_task_group() as group:
            group.start_soon(create, "one")
            group.start_soon(create, "other")
            group.start_soon(analyze)
            await api.until(lambda: api.sandbox.ledger().net == 1 + 26 + 26 + 25)
            assert (await api.call("DELETE", f"/v1/campaigns/{campaign}")).status == 204
        assert sorted([answers["one"].status, answers["other"].status]) == [201, 422]
        assert answers["analyze"].code == "campaign_not_found"
        assert api.sandbox.ledger().net == 1 + 26, "what was refused after all is given back"
