"""Repeats of a call: when they leave, when none does, and what the budget has room for."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest
from call_bench import EPOCH, PRICE, READ, Bench, outcome_of, run
from scripted import REFUSED, RESET, error, reply

from tokfluence_async.errors import (
    BudgetExceededError,
    InternalError,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
)
from tokfluence_async.models import Post
from tokfluence_async.protocol.wire import Outcome, Request
from tokfluence_async.session.budget import Charge

# Waits


def test_backoff_doubles_with_jitter() -> None:
    bench, _ = outcome_of(READ, [RESET], retries=4)
    assert bench.times == [0.0, 0.5, 1.5, 3.5, 7.5]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("10", 10, 11),
        ("2.5", 2.5, 3.5),
        (formatdate(EPOCH + 20, usegmt=True), 20, 21),
        (formatdate(EPOCH - 900, usegmt=True), 0, 1),
        ("0", 0, 1),
        ("-7", 0, 5.01),
        ("soon", 0, 5.01),
        ("999999999999999999999", 120, 121.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(status: int, text: str, low: float, high: float) -> None:
    code = "rate_limited" if status == 429 else "busy"
    bench, post = outcome_of(READ, [error(status, code, retry_after=text), reply()], timeout=1000)
    assert isinstance(post, Post)
    assert low <= bench.times[1] <= high


def test_429_without_retry_after_holds_everybody_back() -> None:
    async def main() -> None:
        bench = Bench(error(429, "rate_limited"), reply())
        first = asyncio.create_task(bench.call())
        await asyncio.sleep(0.1)
        await bench.call()
        await first
        assert bench.times[0] == 0
        assert min(bench.times[1:]) >= 5

    run(main)


def test_the_deadline_is_over_all_attempts_and_waits() -> None:
    async def stall(_: Request) -> Outcome:
        await asyncio.sleep(4)
        return RESET

    bench, failure = outcome_of(READ, [stall], timeout=10, retries=100)
    assert isinstance(failure, OutcomeUnknownError)
    assert bench.now <= 10 + 4  # the script does not heed the timeout that it is given
    timeouts = [timeout for _, _, timeout in bench.script.sent]
    assert timeouts[0] == 10
    for at, timeout in zip(bench.times, timeouts, strict=True):
        assert at + timeout <= 10.000001


def test_a_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    bench, failure = outcome_of(READ, [error(503, "busy", retry_after="30")], timeout=10)
    assert isinstance(failure, ServerError)
    assert failure.retry_after == 30
    assert bench.now == 0


def test_what_a_429_makes_wait_does_not_count() -> None:
    """As for this client's own rate limit: whoever calls anew has to wait it out as well."""
    wait = error(429, "rate_limited", retry_after="60")
    bench, post = outcome_of(READ, [wait, wait, reply()], timeout=10)
    assert isinstance(post, Post)
    assert 120 < bench.times[2] < 123
    bench, failure = outcome_of(READ, [wait], timeout=10, retries=2)
    assert isinstance(failure, RateLimitedError)
    assert failure.attempts == 3


def test_after_a_429_the_rest_of_the_time_is_what_it_was() -> None:
    async def stall(_: Request) -> Outcome:
        await asyncio.sleep(4)
        return RESET

    wait = error(429, "rate_limited", retry_after="60")
    bench, failure = outcome_of(READ, [stall, wait, stall], timeout=10, retries=100)
    assert isinstance(failure, OutcomeUnknownError)
    assert 64 < bench.now < 64 + 10


def test_waiting_for_the_limiter_does_not_count() -> None:
    async def main() -> None:
        bench = Bench(RESET, reply(), rpm=1)
        await bench.call(timeout=10)
        assert bench.times[1] > 50
        assert bench.script.sent[1][2] == pytest.approx(9.5, abs=0.1)  # but the backoff did
        await bench.call(timeout=10)
        assert bench.times[2] > 100
        bench.assert_at_rest()

    run(main)


def test_waiting_for_a_place_does_not_count() -> None:
    async def slow(_: Request) -> Outcome:
        await asyncio.sleep(300)
        return reply()

    async def main() -> None:
        bench = Bench(RESET, slow, reply(), concurrency=1)
        first = asyncio.create_task(bench.call(timeout=10))
        await asyncio.sleep(0.001)
        second = asyncio.create_task(bench.call(timeout=1000))
        await asyncio.gather(first, second)
        assert 300 < bench.now < 302
        bench.assert_at_rest()

    run(main)


def test_a_repeat_goes_before_what_has_not_begun() -> None:
    async def main() -> None:
        bench = Bench(error(503, "busy"), reply(), concurrency=2, latency=1)
        first = asyncio.create_task(bench.call())
        await asyncio.sleep(0)
        others = [asyncio.create_task(bench.call()) for _ in range(500)]
        assert isinstance(await first, Post)
        assert bench.now <= 4
        await asyncio.gather(*others)
        bench.assert_at_rest()

    run(main)


def test_another_s_429_does_not_use_up_the_time_of_a_repeat() -> None:
    async def main() -> None:
        bench = Bench(error(503, "busy"), error(429, "rate_limited", retry_after="65"), reply())
        posts = await asyncio.gather(bench.call(timeout=10), bench.call(timeout=10))
        assert all(isinstance(each, Post) for each in posts)
        assert bench.now > 65
        bench.assert_at_rest()

    run(main)


def test_an_outage_is_not_a_storm() -> None:
    async def main() -> None:
        bench = Bench(error(500, "internal_error"))
        failures = [await asyncio.gather(bench.call(timeout=600), return_exceptions=True) for _ in range(100)]
        assert all(isinstance(each[0], InternalError) for each in failures)
        retries = len(bench.script.sent) - 100
        earned = 20 + 100 * 0.2 + bench.now / 60 * 20
        assert 20 <= retries <= earned + 1
        bench.assert_at_rest()

    run(main)


# The budget


def test_a_thousand_concurrent_calls_do_not_overshoot_by_one_credit() -> None:
    async def main() -> None:
        bench = Bench(reply(), latency=0.3, concurrency=50, cap=1234)
        most = 0

        def watch(_: object) -> None:
            nonlocal most
            most = max(most, bench.budget.committed)

        bench.events.subscribe(watch)
        results = await asyncio.gather(*(bench.call(price=7) for _ in range(1000)), return_exceptions=True)
        sold = [each for each in results if isinstance(each, Post)]
        refused = [each for each in results if isinstance(each, BudgetExceededError)]
        assert len(sold) == 1234 // 7 == len(bench.script.sent)
        assert len(refused) == 1000 - len(sold)
        assert most == bench.budget.charged_max == len(sold) * 7
        assert bench.script.most_in_flight == 50
        assert (refused[0].price, refused[0].max_credits, refused[0].committed) == (7, 1234, 1232)
        bench.assert_at_rest()

    run(main)


def test_a_read_is_not_repeated_where_the_cap_has_no_room_for_it() -> None:
    async def main() -> None:
        bench = Bench(RESET, cap=PRICE + 5)
        with pytest.raises(OutcomeUnknownError):  # and not the cap: it was sent, and may have been charged
            await bench.call()
        assert len(bench.script.sent) == 1
        assert bench.budget.charged == Charge(0, PRICE)
        bench.assert_at_rest()

    run(main)


def test_free_repeats_keep_their_reservation() -> None:
    async def main() -> None:
        bench = Bench(REFUSED, error(429, "rate_limited", retry_after="1"), reply(), cap=PRICE)
        await bench.call()
        assert bench.budget.charged == Charge(PRICE, PRICE)

    run(main)
