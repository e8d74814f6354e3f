from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

import pytest

from tokfluence_async.sandbox import Switches

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sandbox.conftest import Api

    OpenApi = Callable[..., AbstractAsyncContextManager[Api]]

pytestmark = pytest.mark.anyio

OTHER_KEY = "tkf_live_" + "b" * 32
PATH = "/v1/creators/alice"


async def test_by_default_600_a_minute_from_one_address(api: Api) -> None:
    statuses = [(await api.get(PATH)).status for _ in range(601)]
    assert statuses.count(429) == 1
    assert statuses[-1] == 429
    assert api.sandbox.worst_window() == 601
    assert api.sandbox.rate_limited() == 1


async def test_the_window_slides(open_api: OpenApi) -> None:
    async with open_api(Switches(requests_per_minute_ip=3)) as api:
        for seconds in (0.0, 10.5, 10.5):
            api.sandbox.advance(seconds)
            assert (await api.get(PATH)).status != 429
        refused = await api.get(PATH)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "39"
        assert refused.credits == api.sandbox.wallet(api.key)
        api.sandbox.advance(38.5)
        assert (await api.get(PATH)).headers["Retry-After"] == "1", "rounded up, never to nothing"
        api.sandbox.advance(0.5)
        assert (await api.get(PATH)).status != 429
        assert (await api.get(PATH)).headers["Retry-After"] == "11"


async def test_a_key_has_a_limit_of_its_own(open_api: OpenApi) -> None:
    async with open_api(Switches(requests_per_minute_ip=0, requests_per_minute_key=2)) as api:
        assert [(await api.get(PATH)).status == 429 for _ in range(3)] == [False, False, True]
        assert (await api.get(PATH, key=OTHER_KEY)).status != 429
        api.sandbox.advance(60)
        assert (await api.get(PATH)).status != 429


async def test_a_key_that_is_refused_does_not_use_the_address_up(open_api: OpenApi) -> None:
    async with open_api(Switches(requests_per_minute_ip=3, requests_per_minute_key=2)) as api:
        for _ in range(5):
            await api.get(PATH)
        assert (await api.get(PATH, key=OTHER_KEY)).status != 429
        assert (await api.get(PATH, key=OTHER_KEY)).status == 429


async def test_a_wrong_key_counts_against_the_address(open_api: OpenApi) -> None:
    async with open_api(Switches(requests_per_minute_ip=2)) as api:
        statuses = [(await api.get(PATH, key="nonsense")).status for _ in range(3)]
        assert statuses == [401, 401, 429]


async def test_limits_can_be_lifted(open_api: OpenApi) -> None:
    async with open_api(Switches(requests_per_minute_ip=0, requests_per_minute_key=0)) as api:
        assert all([(await api.get(PATH)).status != 429 for _ in range(50)])
        assert api.sandbox.worst_window() == 50


@pytest.mark.parametrize("form", ["date", "none"])
async def test_other_forms_of_retry_after(open_api: OpenApi, form: Literal["date", "none"]) -> None:
    async with open_api(Switches(requests_per_minute_ip=1, retry_after=form)) as api:
        await api.get(PATH)
        api.sandbox.advance(20)
        told = (await api.get(PATH)).headers.get("Retry-After")
        if form == "none":
            assert told is None
        else:
            assert told is not None
            # The sandbox's host stands at 1.8 billion: a date is for the client's clock, which nobody advanced.
            assert parsedate_to_datetime(told).timestamp() == 1_800_000_000 + 40


async def test_the_controls_are_not_limited(open_api: OpenApi) -> None:
    async with open_api(Switches(requests_per_minute_ip=1)) as api:
        assert [(await api.get("/_sandbox/health")).status for _ in range(5)] == [200] * 5
        assert (await api.get(PATH)).status != 429
