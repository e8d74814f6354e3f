from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tokfluence_async.sandbox import Switches

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sandbox.conftest import Answer, Api

    OpenApi = Callable[..., AbstractAsyncContextManager[Api]]
    Url = Callable[..., str]

pytestmark = pytest.mark.anyio

OTHER_KEY = "tkf_live_" + "b" * 32
READS = {
    "campaigns.show": 1,
    "campaigns.metrics": 2,
    "campaigns.posts": 2,
    "campaigns.influencers": 2,
    "posts.show": 1,
    "posts.comments": 2,
    "creators.show": 1,
    "creators.posts": 25,
}


def path_of(call: str, target: str) -> str:
    resource, _, what = call.partition(".")
    return f"/v1/{resource}/{target}" + ("" if what == "show" else f"/{what}")


async def test_every_call_costs_what_the_tariff_says(api: Api, url: Url) -> None:
    campaign = await api.campaign(posts=[{"url": url(1)}, {"url": url(2)}])
    await api.analyze(url(3), url(4), url(5))
    targets = {"campaigns": campaign, "posts": "7300000000000000001", "creators": "alice"}
    for call in READS:
        answer = await api.get(path_of(call, str(targets[call.partition(".")[0]])))
        assert answer.status == 200
        assert answer.credits == api.sandbox.wallet(api.key)
    await api.get("/v1/creators/search")
    await api.call("POST", "/v1/ai_search", {"query": "music"})
    await api.call("DELETE", f"/v1/campaigns/{campaign}")
    spent = {call: totals.net for call, totals in api.sandbox.ledger().calls.items()}
    assert spent == {
        **READS,
        "campaigns.create": 51,
        "posts.analyze": 75,
        "creators.search": 1,
        "ai_search": 25,
    }
    assert api.sandbox.wallet(api.key) == 1_000_000 - sum(spent.values())


async def test_a_wallet_that_is_too_low_starts_nothing(open_api: OpenApi, url: Url) -> None:
    async with open_api(credits=50) as api:
        campaign = await api.campaign()
        answer = await api.analyze(url(1), url(2), campaign_id=campaign)
        assert (answer.status, answer.code, answer.credits) == (402, "insufficient_credits", 49)
        assert api.sandbox.tracked(campaign) == []
        assert (await api.analyze(url(1), campaign_id=campaign)).credits == 24
        api.sandbox.set_wallet(api.key, 0)
        for answer in (await api.create("Other"), await api.get("/v1/posts/7300000000000000001")):
            assert (answer.status, answer.credits) == (402, 0)
        missing = await api.get("/v1/posts/1234567")
        assert missing.status == 402, "not even a miss is free"
        assert (await api.call("DELETE", f"/v1/campaigns/{campaign}")).status == 204, (
            "what is free stays free"
        )


async def test_a_wallet_never_goes_below_nothing(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(analyze_latency=0.001), credits=110) as api:
        answers = list[int]()

        async def analyze(number: int) -> None:
            answers.append((await api.analyze(url(number))).status)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(analyze, number)
        assert sorted(answers) == [200] * 4 + [402] * 16
        assert api.sandbox.wallet(api.key) == 10


async def test_each_key_has_a_wallet_of_its_own(api: Api, url: Url) -> None:
    await api.analyze(url(1))
    assert (await api.analyze(url(1), key=OTHER_KEY)).credits == 1_000_000 - 25
    assert api.sandbox.ledger(api.key).net == api.sandbox.ledger("tkf_live_bbbb").net == 25
    assert api.sandbox.ledger().net == 50


@pytest.mark.parametrize("call", READS)
async def test_a_miss_is_charged_one_credit(api: Api, call: str) -> None:
    answer = await api.get(path_of(call, "999"))
    assert answer.status == 404
    assert answer.credits == 1_000_000 - 1
    (entry,) = api.sandbox.ledger().entries
    assert (entry.call, entry.credits, entry.request_id) == (call, 1, answer.headers["X-Request-Id"])


@pytest.mark.parametrize("call", READS)
async def test_a_miss_is_charged_whole_or_not_where_the_switches_say_so(open_api: OpenApi, call: str) -> None:
    async with open_api(Switches(not_found_credits=None)) as api:
        assert (await api.get(path_of(call, "999"))).credits == 1_000_000 - READS[call]
    async with open_api(Switches(charge_not_found=frozenset())) as api:
        assert (await api.get(path_of(call, "999"))).credits == 1_000_000


async def test_a_422_is_charged_where_the_switch_says_so(open_api: OpenApi, url: Url) -> None:
    calls = frozenset({"posts.analyze", "campaigns.create", "ai_search"})
    async with open_api(Switches(charge_invalid=calls, both_keys="refuse")) as api:
        body: dict[str, Any] = {"posts": [{"url": url(1)}], "urls": [url(2)]}
        assert (await api.call("POST", "/v1/posts/analyze", body)).credits == 1_000_000 - 50
        assert (await api.create("")).credits == 1_000_000 - 51
        assert (await api.call("POST", "/v1/ai_search", {})).credits == 1_000_000 - 76
        api.sandbox.set_wallet(api.key, 10)
        assert (await api.call("POST", "/v1/ai_search", {})).code == "insufficient_credits"


@pytest.mark.parametrize(
    ("standing", "status", "code"),
    [
        ("revoked", 401, "unauthorized"),
        ("banned", 403, "account_banned"),
        ("no_plan", 403, "plan_required"),
        ("forbidden", 403, "forbidden"),
    ],
)
async def test_a_key_that_is_out_of_favour(api: Api, url: Url, standing: Any, status: int, code: str) -> None:
    await api.analyze(url(1))
    api.sandbox.set_standing(api.key, standing)
    answer = await api.analyze(url(2), request_id="again")
    assert (answer.status, answer.code, answer.credits) == (status, code, 1_000_000 - 25)
    api.sandbox.set_standing(api.key, "active")
    assert (await api.analyze(url(2), request_id="again")).status == 200


async def test_a_revoked_key_stops_at_the_next_request(api: Api) -> None:
    assert (await api.create("One")).status == 201
    api.sandbox.revoke(api.key)
    assert (await api.create("Two")).code == "unauthorized"
    assert (await api.create("Two", key=OTHER_KEY)).status == 201


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer nonsense",
        "Basic " + "tkf_live_" + "a" * 32,
        "Bearer tkf_live_" + "a" * 31,
        "Bearer tkf_live_" + "a" * 33,
        "Bearer tkf_live_" + "a" * 31 + "-",
        "Bearer tkf_test_" + "a" * 32,
    ],
)
async def test_only_a_key_of_the_right_form_is_taken(api: Api, authorization: str) -> None:
    answer = await api.get("/v1/campaigns/1", headers={"Authorization": authorization})
    assert (answer.status, answer.code, answer.credits) == (401, "unauthorized", 0)
    assert api.sandbox.requests()[-1].key is None
    assert not api.sandbox.ledger().entries


async def test_no_other_place_for_a_key_is_looked_at(api: Api) -> None:
    for path, headers in {
        f"/v1/campaigns/1?api_key={api.key}": {"Authorization": ""},
        "/v1/campaigns/1": {"Authorization": "", "Cookie": f"api_key={api.key}"},
    }.items():
        assert (await api.get(path, headers=headers)).status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v1/campaigns"),
        ("PUT", "/v1/campaigns/4711"),
        ("GET", "/v1/campaigns/4711/"),
        ("GET", "/v1/campaigns//posts"),
        ("GET", "/v1/campaigns/4711/fans"),
        ("GET", "/v1/campaigns/4711/posts/1"),
        ("GET", "/v2/posts/1"),
        ("POST", "/v1/posts/analyse"),
        ("HEAD", "/v1/posts/1"),
    ],
)
async def test_an_unknown_route_is_an_error_like_any_other(api: Api, method: str, path: str) -> None:
    answer: Answer = await api.call(method, path)
    assert answer.status == 404
    assert answer.credits == 1_000_000
    assert answer.headers["X-Request-Id"]
    assert method == "HEAD" or answer.code == "not_found"
