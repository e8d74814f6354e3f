"""A call that is cancelled, at every await: nothing stays held, and what was sent counts."""

from __future__ import annotations

import asyncio
import traceback

import pytest
import virtual_time
from call_bench import BUY, PRICE, READ, Bench, run
from scripted import KEY, POST_ID, REFUSED, RESET, Step, error, reply, serving

from tokfluence_async import Tokfluence
from tokfluence_async.models import Post
from tokfluence_async.protocol.wire import Outcome, Request
from tokfluence_async.session.budget import Charge


def scenarios() -> dict[str, tuple[Request, list[Step]]]:
    async def later(_: Request) -> Outcome:
        await asyncio.sleep(1)
        return reply()

    return {
        "read": (READ, [later]),
        "keyed": (BUY, [later]),
        "after a reset": (READ, [RESET, later]),
        "after a reset, keyed": (BUY, [RESET, later]),
        "after 429": (BUY, [error(429, "rate_limited", retry_after="2"), later]),
        "not sent": (READ, [REFUSED, REFUSED, later]),
    }


@pytest.mark.parametrize("name", scenarios())
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "queueing"])
def test_cancelling_at_every_await_leaves_nothing_behind(name: str, *, busy: bool) -> None:
    """Cancel after k steps of the event loop, for every k until the call is over."""
    request, steps = scenarios()[name]

    async def main(k: int) -> bool:
        bench = Bench(*steps, rpm=3 if busy else 0, concurrency=1 if busy else 8)
        others: list[asyncio.Task[Post]] = []
        if busy:
            bench.script.steps.insert(0, reply())
            bench.script.latency = 0.2
            others = [asyncio.create_task(bench.call(timeout=1e6))]
        task = asyncio.create_task(bench.call(request, timeout=1e6))
        for _ in range(k):
            if task.done():
                break
            await asyncio.sleep(0)
            if not bench.loop._ready:  # type: ignore[attr-defined]
                await asyncio.sleep(0.7 if busy else 0.1)
        over = task.done()
        task.cancel()
        if over:
            await task
        else:
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.gather(*others)
        bench.assert_at_rest()
        assert bench.budget.charged_max <= PRICE * len(bench.script.sent)
        sent_by_it = len([each for _, each, _ in bench.script.sent if each is request]) - len(others)
        if request.idempotency_key is not None and sent_by_it > 0:
            assert bench.budget.charged_max <= PRICE * (1 + len(others))
        # It still works.
        bench.script.steps[:] = [reply()]
        await bench.call(timeout=1e6)
        return over

    for k in range(2000):
        if virtual_time.run(main(k)):
            assert k > 5
            return
    pytest.fail("the call never ended")


def test_a_call_cancelled_under_way_counts_as_perhaps_charged() -> None:
    async def main() -> None:
        bench = Bench(reply(), latency=5)
        task = asyncio.create_task(bench.call())
        await asyncio.sleep(1)
        assert bench.budget.reserved == PRICE
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.budget.charged == Charge(0, PRICE)
        bench.assert_at_rest()

    run(main)


def test_a_repeat_cancelled_before_it_left_is_not_counted_twice() -> None:
    async def main() -> None:
        bench = Bench(RESET, rpm=1)
        task = asyncio.create_task(bench.call(timeout=1000))
        await asyncio.sleep(5)  # it waits for the limiter
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.budget.charged == Charge(0, PRICE)
        bench.assert_at_rest()

    run(main)


@pytest.mark.anyio
async def test_a_timeout_of_the_callers_leads_to_no_frame_of_the_http_library() -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(serve) as port, Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}") as tok:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await tok.posts.show(POST_ID)
    cancelled = caught.value.__cause__ or caught.value.__context__  # the latter in Python 3.11.2
    assert isinstance(cancelled, asyncio.CancelledError)
    modules = {
        frame.f_globals["__name__"].partition(".")[0]
        for frame, _ in traceback.walk_tb(cancelled.__traceback__)
    }
    assert "tokfluence_async" in modules
    assert "aiohttp" not in modules
