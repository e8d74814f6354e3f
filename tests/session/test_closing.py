"""Closing with calls under way, and attempts made one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import virtual_time
from scripted import RESET, Script, reply

from tokfluence_async.errors import NotSentError, OutcomeUnknownError, TokfluenceError, UsageError
from tokfluence_async.models import Post
from tokfluence_async.protocol.codec import decoder
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.protocol.wire import Request
from tokfluence_async.session.budget import Budget, Charge
from tokfluence_async.session.events import Event, EventStream, RequestEnded
from tokfluence_async.session.lifetime import Lifetime
from tokfluence_async.session.session import CallPlan, Session

READ = Request("posts.show", "GET", "/v1/posts/1")
BUY = Request("posts.analyze", "POST", "/v1/posts/analyze", body=b"{}", idempotency_key="key-1")


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    virtual_time.run(main())


def session_over(script: Script, *, rpm: int = 0, concurrency: int = 8) -> Session:
    return Session(script, Limiter(rpm), EventStream(), concurrency=concurrency, rand=lambda: 0.5)


async def call(session: Session, request: Request = READ, budget: Budget | None = None) -> Post:
    plan = CallPlan(1000.0, RetryPolicy(backoff=8.0), 1, budget or Budget())
    return await session.call(request, decoder(Post), plan)


def at_rest(session: Session) -> bool:
    return session.limiter._ring._held == 0 and not session.limiter.waiting and not len(session._flights)


def test_closing_waits_for_what_is_under_way() -> None:
    async def main() -> None:
        script = Script([reply()], latency=3)
        session = session_over(script)
        calls = [asyncio.create_task(call(session)) for _ in range(3)]
        await asyncio.sleep(1)
        closing = asyncio.create_task(session.close(grace=5))
        await asyncio.sleep(1)
        with pytest.raises(UsageError, match="closed"):
            await call(session)
        with pytest.raises(UsageError, match="closed"):
            await session.attempt(READ, timeout=1)
        assert not closing.done()
        assert script.in_flight == 3
        await closing
        assert script.closed
        assert all(isinstance(each.result(), Post) for each in calls)
        assert asyncio.get_running_loop().time() - 1000 == 3

    run(main)


@pytest.mark.parametrize("request_", [READ, BUY], ids=["read", "keyed"])
def test_what_is_still_under_way_then_ends_with_errors_that_say_so(request_: Request) -> None:
    async def main() -> None:
        script, budget = Script([RESET, reply()]), Budget()
        session = session_over(script, concurrency=2)
        backing_off = asyncio.create_task(call(session, request_, budget))
        await asyncio.sleep(0.01)
        script.latency = 100
        flying = asyncio.create_task(call(session, request_, budget))
        await asyncio.sleep(0.01)
        third = asyncio.create_task(call(session, request_, budget))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(call(session, request_, budget))
        await asyncio.sleep(0.01)
        await session.close(grace=1)
        assert script.closed
        for each in (backing_off, flying, third):
            with pytest.raises(OutcomeUnknownError, match="closed before the answer") as caught:
                await each
            assert caught.value.__context__ is None
            assert not each.cancelled()
            assert each.cancelling() == 0
        with pytest.raises(NotSentError, match="closed before the request was sent"):
            await waiting
        assert budget.charged == Charge(0, 3)
        assert budget.reserved == 0
        assert at_rest(session)

    run(main)


def test_a_caller_s_own_cancellation_is_not_taken_for_the_closing() -> None:
    async def main() -> None:
        session = session_over(Script([reply()], latency=100))
        task = asyncio.create_task(call(session))
        await asyncio.sleep(1)
        closing = asyncio.create_task(session.close(grace=0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, TokfluenceError)):
            await task
        await closing
        assert at_rest(session)

    run(main)


def test_a_cancelled_close_closes_all_the_same() -> None:
    async def main() -> None:
        script = Script([reply()], latency=100)
        session = session_over(script)
        task = asyncio.create_task(call(session))
        await asyncio.sleep(1)
        closing = asyncio.create_task(session.close(grace=50))
        await asyncio.sleep(1)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert script.closed
        with pytest.raises(OutcomeUnknownError):
            await task

    run(main)


def test_a_timeout_around_a_call_still_works_while_closing() -> None:
    async def main() -> None:
        session = session_over(Script([reply()], latency=100))

        async def timed() -> None:
            async with asyncio.timeout(2):
                await call(session)

        task = asyncio.create_task(timed())
        await asyncio.sleep(1)
        await asyncio.gather(session.close(grace=30), asyncio.wait([task]))
        with pytest.raises(TimeoutError):
            await task

    run(main)


# Attempts


def test_an_attempt_is_made_once_and_told() -> None:
    async def main() -> None:
        script = Script([RESET])
        session = session_over(script)
        attempt = await session.attempt(BUY, timeout=9, number=3)
        assert attempt.seen.kind is Kind.LOST
        assert [timeout for _, _, timeout in script.sent] == [9]
        assert at_rest(session)

    run(main)


@pytest.mark.parametrize(
    "failure", [RuntimeError("disk full"), asyncio.CancelledError(), KeyboardInterrupt()]
)
def test_before_send_that_raises_sends_nothing_and_gives_everything_back(failure: BaseException) -> None:
    async def main() -> None:
        script = Script([reply()])
        session = session_over(script, rpm=1, concurrency=1)

        async def refuse() -> None:
            raise failure

        for _ in range(3):
            with pytest.raises(type(failure)) as caught:
                await session.attempt(BUY, timeout=1, before_send=refuse)
            assert caught.value is failure
        assert script.sent == []
        assert at_rest(session)
        await session.attempt(BUY, timeout=1)  # at once, though the limit is one a minute
        assert asyncio.get_running_loop().time() == 1000

    run(main)


def test_before_send_comes_when_the_request_may_leave() -> None:
    async def main() -> None:
        script = Script([reply()])
        session = session_over(script, rpm=1)
        at: list[float] = []

        async def note() -> None:
            at.append(asyncio.get_running_loop().time())

        for _ in range(2):
            await session.attempt(BUY, timeout=1, before_send=note)
        assert at == [when for when, _, _ in script.sent]
        assert at[1] - at[0] >= 60

    run(main)


def test_closing_interrupts_attempts() -> None:
    async def main() -> None:
        session = session_over(Script([reply()], latency=100), concurrency=1)

        async def quickly() -> None:
            return

        flying = asyncio.create_task(session.attempt(BUY, timeout=1, before_send=quickly))
        waiting = asyncio.create_task(session.attempt(BUY, timeout=1))
        await asyncio.sleep(1)
        await session.close(grace=0)
        with pytest.raises(OutcomeUnknownError):
            await flying
        with pytest.raises(NotSentError):
            await waiting

    run(main)


def test_a_cancelled_attempt_ends_in_the_events_too() -> None:
    async def main() -> None:
        session = session_over(Script([reply()], latency=100))
        events: list[Event] = []
        session.events.subscribe(events.append)
        task = asyncio.create_task(session.attempt(BUY, timeout=1))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        ended = events[-1]
        assert isinstance(ended, RequestEnded)
        assert (ended.seen, ended.status, ended.elapsed) == ("cancelled", None, 1.0)

    run(main)


# Lifetime


def test_a_lifetime_is_opened_once_and_closed_once() -> None:
    async def main() -> None:
        script = Script([reply(x_credits_remaining="9")])
        life = Lifetime(lambda: session_over(script))
        before = life.credits_remaining
        assert before is None
        with pytest.raises(UsageError, match="not open"):
            life.session()
        life.open()
        with pytest.raises(UsageError, match="open already"):
            life.open()
        await call(life.session())
        await life.close()
        await life.close()
        assert life.credits_remaining == 9
        with pytest.raises(UsageError, match="was closed"):
            life.session()
        with pytest.raises(UsageError, match="was closed; make a new one"):
            life.open()

    run(main)


def test_a_lifetime_belongs_to_its_loop() -> None:
    life = Lifetime(lambda: session_over(Script([reply()])))

    async def begin() -> None:
        life.open()

    async def misuse() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            life.session()
        with pytest.raises(UsageError, match="another event loop"):
            await life.close()

    with asyncio.Runner() as one, asyncio.Runner() as other:
        one.run(begin())
        other.run(misuse())
        one.run(life.close())
