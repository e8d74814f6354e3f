from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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


async def test_a_repeated_id_does_nothing_and_costs_nothing(api: Api, url: Url) -> None:
    campaign = await api.campaign()
    first = await api.analyze(url(1), campaign_id=campaign, request_id="batch-1")
    assert (first.status, first.headers["X-Request-Id"]) == (200, "batch-1")
    for again in (
        await api.analyze(url(1), campaign_id=campaign, request_id="batch-1"),
        await api.analyze(url(2), campaign_id=campaign, request_id="batch-1"),
        await api.get("/v1/creators/alice", request_id="batch-1"),
        await api.call("POST", "/v1/posts/analyze", data=b"{", request_id="batch-1"),
    ):
        assert (again.status, again.code) == (409, "duplicate_request")
        assert again.credits == first.credits
        assert set(again.payload) == {"error"}, "the first answer is not replayed"
    assert api.sandbox.tracked(campaign) == ["7300000000000000001"]
    assert api.sandbox.ledger().calls["posts.analyze"].charges == 1


async def test_ids_belong_to_their_key(api: Api, url: Url) -> None:
    assert (await api.analyze(url(1), request_id="same")).status == 200
    assert (await api.analyze(url(1), request_id="same", key=OTHER_KEY)).status == 200


async def test_a_request_without_an_id_is_given_one(api: Api, url: Url) -> None:
    answers = [await api.analyze(url(1)), await api.analyze(url(1)), await api.get("/v1/campaigns/9")]
    made = [answer.headers["X-Request-Id"] for answer in answers]
    assert len(set(made)) == 3
    assert [entry.request_id for entry in api.sandbox.ledger().entries] == made
    assert [each.request_id for each in api.sandbox.requests()] == [None] * 3


@pytest.mark.parametrize("request_id", ["x" * 256, "caf\u00e9", "a\tb"])
async def test_an_id_that_can_not_be_one_is_refused(api: Api, url: Url, request_id: str) -> None:
    answer = await api.analyze(url(1), request_id=request_id)
    assert (answer.status, answer.code, answer.credits) == (422, "missing_parameter", 1_000_000)
    assert answer.headers["X-Request-Id"].startswith("req_")


async def _outcome(api: Api, url: Url, status: int, request_id: str) -> Answer:
    match status:
        case 402:
            api.sandbox.set_wallet(api.key, 0)
            answer = await api.analyze(url(1), request_id=request_id)
            api.sandbox.set_wallet(api.key, 1000)
        case 404:
            answer = await api.get("/v1/posts/999999999", request_id=request_id)
        case 422:
            answer = await api.analyze(request_id=request_id)
        case 429:
            for _ in range(5):
                await api.analyze(url(1))
            answer = await api.analyze(url(1), request_id=request_id)
            api.sandbox.advance(60)
        case _:
            api.sandbox.add_fault(effect="status", status=status, phase="after_charge")
            answer = await api.analyze(url(1), request_id=request_id)
    assert answer.status == status
    return answer


@pytest.mark.parametrize("burn", [True, False, None])
@pytest.mark.parametrize(
    ("status", "switch", "default"),
    [
        (402, "burn_on_402", False),
        (429, "burn_on_429", False),
        (404, "burn_on_4xx", True),
        (422, "burn_on_4xx", True),
        (502, "burn_on_502", True),
        (500, "burn_on_5xx", True),
        (503, "burn_on_5xx", True),
    ],
)
async def test_which_outcomes_use_an_id_up(
    open_api: OpenApi,
    url: Url,
    status: int,
    switch: str,
    default: bool,  # noqa: FBT001 - a parameter of the test
    burn: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    chosen: dict[str, Any] = {} if burn is None else {switch: burn}
    async with open_api(Switches(requests_per_minute_ip=5, **chosen)) as api:
        await _outcome(api, url, status, "once")
        again = await api.analyze(url(2), request_id="once")
        burnt = default if burn is None else burn
        assert again.status == (409 if burnt else 200)


@pytest.mark.parametrize(("status", "burnt"), [(500, True), (429, False), (408, False), (403, False)])
async def test_an_injected_answer_before_the_charge_burns_as_its_status_does(
    api: Api, url: Url, status: int, *, burnt: bool
) -> None:
    api.sandbox.add_fault(effect="status", status=status)
    assert (await api.analyze(url(1), request_id="once")).status == status
    assert api.sandbox.ledger().net == 0
    assert (await api.analyze(url(1), request_id="once")).status == (409 if burnt else 200)


async def test_ids_are_forgotten_where_the_switch_says_so(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(remember_ids=3600)) as api:
        await api.analyze(url(1), request_id="a")
        api.sandbox.advance(3599)
        assert (await api.analyze(url(1), request_id="a")).status == 409
        api.sandbox.advance(1)
        assert (await api.analyze(url(1), request_id="a")).status == 200
        assert api.sandbox.ledger().charged_twice


@pytest.mark.parametrize(("form", "status"), [("conflict", 409), ("wait", 409), ("rate_limited", 429)])
async def test_what_a_repeat_gets_while_the_first_still_runs(
    open_api: OpenApi, url: Url, form: Literal["conflict", "wait", "rate_limited"], status: int
) -> None:
    async with open_api(Switches(analyze_latency=0.1, repeat_while_running=form)) as api:
        order = list[str]()
        answers: dict[str, Answer] = {}

        async def analyze(name: str) -> None:
            answers[name] = await api.analyze(url(1), request_id="same")
            order.append(name)

        async with anyio.create_task_group() as group:
            group.start_soon(analyze, "first")
            await api.until(lambda: api.sandbox.ledger().net == 25)
            group.start_soon(analyze, "repeat")
        assert answers["first"].status == 200
        assert answers["repeat"].status == status
        assert order == (["first", "repeat"] if form == "wait" else ["repeat", "first"])
        assert ("Retry-After" in answers["repeat"].headers) == (status == 429)
        assert api.sandbox.ledger().net == 25
        assert (await api.analyze(url(1), request_id="same")).status == 409


async def test_of_many_at_once_one_is_done(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(analyze_latency=0.01, repeat_while_running="wait")) as api:
        statuses = list[int]()

        async def analyze() -> None:
            statuses.append((await api.analyze(url(1), request_id="same")).status)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(analyze)
        assert sorted(statuses) == [200] + [409] * 9
        assert api.sandbox.ledger().net == 25
