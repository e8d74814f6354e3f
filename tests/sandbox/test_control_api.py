from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tokfluence_async.sandbox import Switches

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sandbox.conftest import Answer, Api

    OpenApi = Callable[..., AbstractAsyncContextManager[Api]]
    Url = Callable[..., str]

pytestmark = pytest.mark.anyio

NO_KEY = {"Authorization": ""}
GETS = ("health", "ledger", "requests", "state", "faults", "clock")


async def control(api: Api, method: str, path: str, body: Any = None) -> Answer:
    return await api.call(method, f"/_sandbox/{path}", body, headers=NO_KEY)


async def test_health_names_the_switches(open_api: OpenApi) -> None:
    async with open_api(Switches(grant=7)) as api:
        health = (await control(api, "GET", "health")).payload
        assert health["status"] == "ok"
        assert health["switches"]["grant"] == 7
        assert "posts.show" in health["switches"]["charge_not_found"]
        assert api.sandbox.switches.with_changes(health["switches"]) == api.sandbox.switches


async def test_the_controls_cost_nothing_and_are_not_recorded(api: Api) -> None:
    for name in GETS:
        answer = await control(api, "GET", name)
        assert answer.status == 200
        assert "X-Credits-Remaining" not in answer.headers
    assert api.sandbox.requests() == []
    assert not api.sandbox.ledger().entries


async def test_the_ledger_says_what_every_url_cost(api: Api, url: Url) -> None:
    campaign = await api.campaign()
    await api.analyze(url(1), url(2), campaign_id=campaign, request_id="r-1")
    await api.analyze(url(2), "nonsense", key="tkf_live_" + "b" * 32)
    api.sandbox.add_fault(effect="status", status=502, phase="after_charge")
    await api.analyze(url(3))
    ledger = (await control(api, "GET", "ledger")).payload
    assert ledger["totals"] == {
        "charged": 126,
        "refunded": 25,
        "net": 101,
        "calls": {
            "campaigns.create": {"charges": 1, "charged": 1, "refunded": 0, "net": 1},
            "posts.analyze": {"charges": 3, "charged": 125, "refunded": 25, "net": 100},
        },
    }
    assert ledger["videos"] == {
        "7300000000000000001": 1,
        "7300000000000000002": 2,
        "7300000000000000003": 0,
    }
    assert ledger["charged_twice"] == {"7300000000000000002": 2}
    assert ledger["unidentified"] == {"nonsense": 1}
    entry = ledger["entries"][1]
    assert entry == {
        "sequence": 2,
        "time": 0.0,
        "key": "tkf_live_aaaa",
        "kind": "charge",
        "call": "posts.analyze",
        "credits": 50,
        "request_id": "r-1",
        "campaign_id": campaign,
        "urls": [
            {"url": url(1), "video_id": "7300000000000000001"},
            {"url": url(2), "video_id": "7300000000000000002"},
        ],
        "balance": 1_000_000 - 51,
    }
    refund = ledger["entries"][-1]
    assert (refund["kind"], refund["credits"], refund["balance"]) == ("refund", -25, 1_000_000 - 51)
    of_one = (await control(api, "GET", "ledger?key=tkf_live_bbbb")).payload
    assert [each["credits"] for each in of_one["entries"]] == [50]


async def test_requests_are_recorded_in_order(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(max_recorded=2, max_recorded_body=20)) as api:
        await api.create()
        await api.analyze(url(1), request_id="r-1")
        await api.get("/v1/creators/search?limit=1")
        recorded = (await control(api, "GET", "requests")).payload
        assert recorded["total"] == 3
        first, second = recorded["requests"]
        assert (first["method"], first["path"], first["call"]) == (
            "POST",
            "/v1/posts/analyze",
            "posts.analyze",
        )
        assert (first["request_id"], first["key"], first["urls"]) == ("r-1", "tkf_live_aaaa", 1)
        assert (first["status"], first["charged"], first["faults"]) == (200, 25, [])
        assert len(first["body"]) == 20
        assert first["body_bytes"] > 20
        assert {"Authorization", "X-Request-Id"} <= set(first["header_names"])
        assert (second["path"], second["query"], second["charged"]) == ("/v1/creators/search", "limit=1", 1)
        only = (await control(api, "GET", "requests?call=posts.analyze")).payload["requests"]
        assert [each["sequence"] for each in only] == [2]


async def test_no_control_ever_shows_a_key(api: Api, url: Url) -> None:
    key, other = api.key, "tkf_live_" + "Z9" * 16
    await api.create(f"named {other}")
    await api.analyze(url(1), f"https://example.com/{key}", request_id=f"id-{other}")
    await api.get(f"/v1/creators/{other}?api_key={key}")
    await api.call("POST", "/v1/ai_search", {"query": other})
    await api.call("POST", "/v1/campaigns", data=f'{{"name": "{key}'.encode())
    seeds = {"wallets": [{"key": other, "credits": 5}], "request_ids": [{"key": other, "request_id": other}]}
    answers = [await control(api, "POST", "seed", seeds)]
    answers.append(await control(api, "POST", "faults", {"effect": "reset", "key": other, "path": other}))
    answers += [await control(api, "GET", name) for name in (*GETS, other, f"ledger?key={key}")]
    answers.append(await control(api, "POST", "seed", {other: 1}))
    for answer in answers:
        assert key.encode() not in answer.body
        assert other.encode() not in answer.body
    shown = (await control(api, "GET", "requests")).body.decode()
    assert "tkf_live_Z9Z9…" in shown, "cut short rather than left out"
    assert key not in repr(api.sandbox.requests()[1:4])
    assert key not in repr(api.sandbox.state.accounts()) + repr(api.sandbox.state)


async def test_faults_are_added_listed_and_removed(api: Api, url: Url) -> None:
    rules = [
        {"effect": "status", "status": 503, "call": "posts.analyze", "phase": "after_charge"},
        {"effect": "reset", "probability": 0.5, "seed": 4, "nth": 100},
    ]
    assert (await control(api, "POST", "faults", rules)).payload == {"ids": [1, 2]}
    assert (await api.analyze(url(1))).status == 503
    listed = (await control(api, "GET", "faults")).payload["faults"]
    assert [(rule["id"], rule["effect"], rule["count"], rule["struck"]) for rule in listed] == [
        (1, "status", 1, 1),
        (2, "reset", None, 0),
    ]
    assert (await control(api, "DELETE", "faults?id=1")).payload == {"removed": 1}
    assert (await control(api, "DELETE", "faults")).payload == {"removed": 1}
    assert (await control(api, "GET", "faults")).payload == {"faults": []}


async def test_one_bad_rule_adds_none(api: Api) -> None:
    refused = await control(api, "POST", "faults", [{"effect": "reset"}, {"effect": "explode"}])
    assert (refused.status, refused.code) == (422, "invalid_control")
    assert api.sandbox.faults() == []


async def test_the_clock_is_read_and_advanced(api: Api) -> None:
    assert (await control(api, "GET", "clock")).payload == {
        "now": 0.0,
        "advanced": 0.0,
        "time": "2027-01-15T08:00:00Z",
    }
    advanced = (await control(api, "POST", "clock", {"advance": 90.5})).payload
    assert advanced == {"now": 90.5, "advanced": 90.5, "time": "2027-01-15T08:01:30Z"}
    for wrong in (-1, "60", True, None):
        assert (await control(api, "POST", "clock", {"advance": wrong})).status == 422


async def test_a_seed_sets_everything_up_for_nothing(api: Api, url: Url) -> None:
    seeds = {
        "wallets": [
            {"key": api.key, "credits": 30},
            {"key": "tkf_live_" + "b" * 32, "standing": "banned"},
        ],
        "creators": ["zoe"],
        "campaigns": [
            {
                "key": api.key,
                "id": 9000,
                "name": "Old",
                "currency": "EUR",
                "posts": [{"url": url(1, "bob"), "fee_cents": 3}],
            },
            {"key": api.key, "name": "Older"},
        ],
        "posts": ["7300000000000000077", url(78)],
        "request_ids": [{"key": api.key, "request_id": "used"}],
    }
    made = (await control(api, "POST", "seed", seeds)).payload
    assert made["campaigns"] == [9000, 4711]
    assert made["posts"] == ["7300000000000000077", "7300000000000000078"]
    assert api.sandbox.wallet(api.key) == 30
    assert (await api.get("/v1/campaigns/9000")).data["currency"] == "EUR"
    assert (await api.get("/v1/posts/7300000000000000077")).status == 200
    assert (await api.get(f"/v1/creators/{made['creators'][0]}")).data["username"] == "zoe"
    assert (await api.get("/v1/campaigns/9000", request_id="used")).status == 409
    assert (await api.get("/v1/campaigns/9000", key="tkf_live_" + "b" * 32)).code == "account_banned"
    assert api.sandbox.ledger().charged == 3


@pytest.mark.parametrize(
    "seeds",
    [
        [],
        {"unknown": []},
        {"wallets": {}},
        {"wallets": [{"key": "nonsense"}]},
        {"wallets": [{"key": "tkf_live_" + "a" * 32, "credits": -1}]},
        {"wallets": [{"key": "tkf_live_" + "a" * 32, "standing": "loved"}]},
        {"creators": ["ghost"]},
        {"campaigns": [{"key": "tkf_live_" + "a" * 32}]},
        {"campaigns": [{"key": "tkf_live_" + "a" * 32, "name": n, "id": 5} for n in "AB"]},
        {"posts": ["https://example.com/"]},
        {"request_ids": [{"key": "tkf_live_" + "a" * 32}]},
    ],
)
async def test_a_seed_that_makes_no_sense_is_refused(api: Api, seeds: Any) -> None:
    answer = await control(api, "POST", "seed", seeds)
    assert answer.status == 422
    assert answer.code in {"missing_parameter", "invalid_control"}


async def test_reset_begins_anew_with_other_switches_if_wanted(api: Api, url: Url) -> None:
    campaign = await api.campaign(posts=[{"url": url(1)}])
    api.sandbox.add_fault(effect="reset", nth=1000)
    api.sandbox.advance(5)
    assert (await control(api, "POST", "reset", {"switches": {"grant": 50}})).payload == {"status": "ok"}
    assert api.sandbox.wallet(api.key) == 50
    assert (await api.get(f"/v1/campaigns/{campaign}")).status == 404
    assert (await api.get("/v1/posts/7300000000000000001")).status == 404
    assert api.sandbox.faults() == []
    assert api.sandbox.state.clock.now() == 0
    assert len(api.sandbox.requests()) == 2
    refused = await control(api, "POST", "reset", {"switches": {"colour": "red"}})
    assert refused.status == 422
    assert api.sandbox.wallet(api.key) == 48, "and nothing is reset"
    await control(api, "POST", "reset")
    assert api.sandbox.wallet(api.key) == 1_000_000


async def test_the_state_is_shown(api: Api, url: Url) -> None:
    campaign = await api.campaign(posts=[{"url": url(1)}])
    shown = (await control(api, "GET", "state")).payload
    assert shown["wallets"] == [
        {"key": "tkf_live_aaaa", "credits": 1_000_000 - 26, "standing": "active", "worst_window": 1}
    ]
    assert [(each["id"], each["videos"]) for each in shown["campaigns"]] == [
        (campaign, ["7300000000000000001"])
    ]
    assert shown["addresses"] == {"127.0.0.1": {"worst_window": 1, "refused": 0}}
    assert shown["indexed_posts"] == 1


async def test_what_is_not_a_control(api: Api) -> None:
    assert (await control(api, "GET", "nothing")).code == "not_found"
    wrong = await control(api, "PUT", "clock")
    assert (wrong.status, wrong.code, wrong.headers["Allow"]) == (405, "method_not_allowed", "GET, POST")
    broken = await api.call("POST", "/_sandbox/seed", data=b"{")
    assert (broken.status, broken.code) == (422, "invalid_control")
    assert (await control(api, "GET", "health/")).status == 200
