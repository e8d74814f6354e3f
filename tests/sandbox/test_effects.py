"""Every effect in every phase, over plain sockets: what is charged, what is tracked, and what is on the wire."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import Api, RawAnswer

    Url = Callable[..., str]

pytestmark = pytest.mark.anyio

PHASES = ("before_charge", "after_charge", "after_tracking", "mid_response")
OPTIONS: dict[str, dict[str, Any]] = {
    "reset": {},
    "close": {},
    "stall": {"seconds": 0.02},
    "delay": {"seconds": 0.02},
    "status": {"status": 503, "code": "maintenance", "headers": {"Retry-After": "7"}},
    "truncate": {},
    "drip": {"interval": 0.0},
    "garbage": {},
    "encoded": {},
    "redirect": {"location": "http://127.0.0.1:9/"},
    "huge": {"mebibytes": 2},
}
COMPLETE = {"drip", "delay"}


async def strike(api: Api, url: Url, **fault: Any) -> tuple[RawAnswer, int]:
    campaign = await api.campaign()
    api.sandbox.add_fault(call="posts.analyze", **fault)
    body = {"campaign_id": campaign, "posts": [{"url": url(1)}]}
    return await api.raw_call("POST", "/v1/posts/analyze", body, X_Request_Id="struck"), campaign


def is_whole(answer: RawAnswer) -> bool:
    return len(answer.body) == answer.promised


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("effect", OPTIONS)
async def test_every_effect_in_every_phase(api: Api, url: Url, effect: str, phase: str) -> None:
    answer, campaign = await strike(api, url, effect=effect, phase=phase, **OPTIONS[effect])

    charged = phase != "before_charge" or effect == "delay"
    tracked = phase in {"after_tracking", "mid_response"} or effect == "delay"
    ledger = api.sandbox.ledger()
    assert ledger.net - 1 == (25 if charged else 0)
    assert ledger.videos == ({"7300000000000000001": 1} if charged else {})
    assert api.sandbox.tracked(campaign) == (["7300000000000000001"] if tracked else [])
    assert api.sandbox.requests("posts.analyze")[-1].faults == [f"{phase}:{effect}"]

    midway = phase == "mid_response"
    assert answer.was_reset == (effect == "reset")
    if effect in {"reset", "close", "stall"} and not midway:
        assert answer.received == b""
    else:
        assert is_whole(answer) == (effect in COMPLETE or (not midway and effect != "truncate"))
        assert b"X-Credits-Remaining: " in answer.head
        assert b"X-Request-Id: struck" in answer.head
        check_answer(answer, effect, done=tracked, midway=midway)

    burnt = charged or effect == "status"
    again = await api.analyze(url(1), campaign_id=campaign, request_id="struck")
    assert again.status == (409 if burnt else 200)


def check_answer(answer: RawAnswer, effect: str, *, done: bool, midway: bool) -> None:
    status = answer.head.split(b" ")[1]
    if effect == "status":
        assert status == b"503"
        assert b"Retry-After: 7" in answer.head
        assert midway or json.loads(answer.body)["error"]["code"] == "maintenance"
    elif effect == "redirect":
        assert status == b"302"
        assert b"Location: http://127.0.0.1:9/" in answer.head
    elif effect == "encoded":
        assert b"Content-Encoding: gzip" in answer.head
        with pytest.raises((gzip.BadGzipFile, zlib.error, EOFError)):
            gzip.decompress(answer.body)
    elif effect == "garbage":
        assert status == b"200"
        with pytest.raises(ValueError, match="Expecting"):
            json.loads(answer.body)
    elif effect == "huge":
        assert status == b"200"
        assert answer.promised == 2 * 2**20
        assert midway or len(json.loads(answer.body)["data"]) > 2_000_000
    else:
        assert status == (b"200" if done else b"500")
        if effect in COMPLETE:
            assert set(json.loads(answer.body)) == ({"data", "meta"} if done else {"error"})
        else:
            assert 0 < len(answer.body) < answer.promised


async def test_a_redirect_has_the_status_that_was_asked_for(api: Api, url: Url) -> None:
    answer, _ = await strike(api, url, effect="redirect", location="/elsewhere", status=307)
    assert answer.head.startswith(b"HTTP/1.1 307")
    assert b"Location: /elsewhere" in answer.head


@pytest.mark.parametrize("phase", PHASES)
async def test_a_502_gives_back_what_was_charged(api: Api, url: Url, phase: str) -> None:
    answer, campaign = await strike(api, url, effect="status", status=502, phase=phase)
    assert answer.head.startswith(b"HTTP/1.1 502")
    assert b"X-Credits-Remaining: 999999" in answer.head, "as it stands after the refund"
    ledger = api.sandbox.ledger()
    assert ledger.net == 1
    assert ledger.videos.total() == 0
    assert ledger.refunded == (0 if phase == "before_charge" else 25)
    tracked = phase in {"after_tracking", "mid_response"}
    assert api.sandbox.tracked(campaign) == (["7300000000000000001"] if tracked else [])
    if phase != "mid_response":
        assert json.loads(answer.body)["error"]["code"] == "upstream_error"


async def test_a_proxys_error_page_has_nothing_of_the_api(api: Api, url: Url) -> None:
    page = "<html><h1>Bad gateway</h1></html>"
    answer, _ = await strike(api, url, effect="status", status=502, phase="after_tracking", body=page)
    assert answer.body == page.encode()
    assert b"text/html" in answer.head
    assert b"X-Credits-Remaining" not in answer.head
    assert b"X-Request-Id" not in answer.head
    assert api.sandbox.ledger().refunded == 0


@pytest.mark.parametrize(
    ("variant", "starts"),
    [("text", b"<<<"), ("json", b'{"surprise"'), ("binary", b"\x00\x01"), ("status_line", b"")],
)
async def test_kinds_of_garbage(api: Api, url: Url, variant: str, starts: bytes) -> None:
    answer, _ = await strike(api, url, effect="garbage", phase="after_tracking", variant=variant)
    assert answer.body.startswith(starts)
    assert answer.head.startswith(b"HTTP/1.1 200" if starts else b"HTP/9.9")


async def test_garbage_of_ones_own(api: Api, url: Url) -> None:
    answer, _ = await strike(api, url, effect="garbage", body='{"data":', status=201)
    assert answer.body == b'{"data":'
    assert answer.head.startswith(b"HTTP/1.1 201")


async def test_a_bomb_is_small_and_inflates(api: Api, url: Url) -> None:
    answer, _ = await strike(api, url, effect="encoded", variant="bomb", mebibytes=3, phase="after_tracking")
    assert len(answer.body) < 10_000
    assert gzip.decompress(answer.body) == b" " * (3 * 2**20)


async def test_padding_is_promised_and_not_sent(api: Api, url: Url) -> None:
    answer, _ = await strike(api, url, effect="truncate", variant="padded", phase="after_tracking")
    assert json.loads(answer.body)["meta"]["tracked_posts_created"] == 1
    assert answer.promised == len(answer.body) + 64


async def test_a_drip_takes_its_time(api: Api, url: Url) -> None:
    started = time.monotonic()
    answer, _ = await strike(api, url, effect="drip", interval=0.001, phase="after_tracking")
    assert time.monotonic() - started >= 0.001 * len(answer.body)
    assert json.loads(answer.body)["data"]["accepted"] == 1


async def test_an_answer_without_a_body_can_be_damaged_too(api: Api) -> None:
    for effect in ("truncate", "drip", "reset"):
        campaign = await api.campaign(effect)
        api.sandbox.add_fault(effect=effect, phase="mid_response")
        answer = await api.raw_call("DELETE", f"/v1/campaigns/{campaign}")
        assert answer.head.startswith(b"HTTP/1.1 204")
        assert answer.body == b""


async def test_answers_that_are_errors_can_be_cut_too(api: Api) -> None:
    api.sandbox.add_fault(effect="close", phase="mid_response")
    answer = await api.raw_call("GET", "/v1/campaigns/99")
    assert answer.head.startswith(b"HTTP/1.1 404")
    assert 0 < len(answer.body) < answer.promised


async def test_a_rule_passes_over_what_never_reaches_its_phase(api: Api, url: Url) -> None:
    api.sandbox.add_fault(effect="reset", phase="after_charge")
    assert (await api.analyze()).status == 422
    assert (await api.get("/v1/campaigns/99")).status == 404
    assert (await api.get("/_sandbox/health")).status == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        await api.analyze(url(1))
    assert (await api.analyze(url(1))).status == 200


async def test_the_connection_lives_on_after_a_fault_that_is_only_an_answer(api: Api, url: Url) -> None:
    api.sandbox.add_fault(effect="status", status=500, nth=2)
    statuses = [(await api.analyze(url(number))).status for number in range(4)]
    assert statuses == [200, 500, 200, 200]


async def test_a_chance_strikes_the_same_requests_each_time(api: Api) -> None:
    struck = list[list[int]]()
    for _ in range(2):
        api.sandbox.reset()
        api.sandbox.add_fault(effect="status", status=503, probability=0.4, seed=3)
        struck.append([(await api.get("/v1/creators/alice")).status for _ in range(40)])
    assert struck[0] == struck[1]
    assert 5 < struck[0].count(503) < 30


async def test_faults_of_several_phases_add_up(api: Api, url: Url) -> None:
    api.sandbox.add_fault(effect="delay", seconds=0.001, phase="before_charge")
    api.sandbox.add_fault(effect="delay", seconds=0.001, phase="after_charge")
    api.sandbox.add_fault(effect="close", phase="after_tracking")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.analyze(url(1))
    assert api.sandbox.requests()[-1].faults == [
        "before_charge:delay",
        "after_charge:delay",
        "after_tracking:close",
    ]
    assert api.sandbox.requests()[-1].status is None
    assert api.sandbox.requests()[-1].charged == 25
