"""The event stream, the log and the counts over it."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import virtual_time
from attrs import fields, frozen
from scripted import KEY, RESET, Script, error, reply

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.models import Post
from tokfluence_async.protocol.codec import decoder
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.wire import Outcome, Request
from tokfluence_async.session.budget import Budget
from tokfluence_async.session.events import (
    CreditsReserved,
    CreditsSettled,
    Event,
    EventStream,
    Paused,
    RequestEnded,
    RequestStarted,
    RetryScheduled,
    Waited,
)
from tokfluence_async.session.progress import Progress
from tokfluence_async.session.session import CallPlan, Session

READ = Request("posts.show", "GET", "/v1/posts/1", query=(("q", "confidential"),))


def played(
    *steps: Outcome,
    request: Request = READ,
    rpm: int = 0,
    before: Callable[[EventStream], object] | None = None,
) -> tuple[list[Event], EventStream]:
    """The events of one call that the steps answer."""

    async def main() -> tuple[list[Event], EventStream]:
        events = EventStream()
        if before is not None:
            before(events)
        seen: list[Event] = []
        events.subscribe(seen.append)
        session = Session(Script(steps), Limiter(rpm), events, concurrency=1, rand=lambda: 0.5)
        plan = CallPlan(1000.0, RetryPolicy(backoff=1.0), 2, Budget(90))
        call = session.call(request, decoder(Post), plan)
        await asyncio.gather(call, return_exceptions=True)
        return seen, events

    return virtual_time.run(main())


def test_the_events_of_a_call_in_their_order() -> None:
    seen, _ = played(RESET, error(429, "rate_limited", retry_after="3"), reply(x_credits_remaining="55"))
    assert [type(each) for each in seen] == [
        CreditsReserved,
        RequestStarted,
        RequestEnded,
        CreditsSettled,
        CreditsReserved,
        RetryScheduled,
        RequestStarted,
        Paused,
        RequestEnded,
        RetryScheduled,
        RequestStarted,
        RequestEnded,
        CreditsSettled,
    ]
    first, second = (each.reservation for each in seen if isinstance(each, CreditsReserved))
    assert first < second
    assert seen[0] == CreditsReserved(
        call="posts.show", reservation=first, attempt=1, credits=2, committed=2, max_credits=90
    )
    assert seen[1] == RequestStarted(
        exchange=1, call="posts.show", method="GET", path="/v1/posts/1", attempt=1, request_id=None
    )
    assert seen[3] == CreditsSettled(
        call="posts.show",
        reservation=first,
        credits=2,
        charged_min=0,
        charged_max=2,
        committed=2,
        balance=None,
    )
    assert seen[5] == RetryScheduled(call="posts.show", attempt=1, wait=0.5, reason="lost")
    assert seen[7] == Paused(wait=3.0)
    ended = seen[-2]
    assert isinstance(ended, RequestEnded)
    assert (ended.exchange, ended.attempt, ended.seen, ended.status) == (3, 3, "applied", 200)
    assert ended.credits_remaining == 55
    assert seen[-1] == CreditsSettled(
        call="posts.show",
        reservation=second,
        credits=2,
        charged_min=2,
        charged_max=2,
        committed=4,
        balance=55,
    )


def test_waiting_for_the_limiter_is_told() -> None:
    seen, _ = played(RESET, reply(), rpm=1)
    waited = [each for each in seen if isinstance(each, Waited)]
    assert len(waited) == 1
    assert 59 < waited[0].wait < 61


def test_a_subscriber_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Event) -> None:
        raise ZeroDivisionError

    seen, _ = played(reply(), before=lambda events: events.subscribe(broken))
    assert len(seen) == 4
    assert "an event subscriber raised; the event was RequestStarted" in caplog.text


def test_unsubscribing() -> None:
    events = EventStream()
    seen: list[Event] = []
    one, two = events.subscribe(seen.append), events.subscribe(seen.append)
    events.emit(Paused(wait=1))
    one()
    one()
    events.emit(Paused(wait=2))
    assert len(seen) == 3
    two()
    assert not events.wanted


def test_the_log_has_named_fields_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tokfluence_async")
    message = f"no such thing as confidential for Bearer {KEY}"
    played(RESET, reply(404, {"error": {"code": "post_not_found", "message": message}}))
    assert "RequestEnded exchange=2 call='posts.show' method='GET' path='/v1/posts/1'" in caplog.text
    assert "code='post_not_found'" in caplog.text
    assert "confidential" not in caplog.text
    assert KEY not in caplog.text


@frozen(kw_only=True)
class _Foreign(Event):
    path: str
    secret: str


def test_an_event_of_another_layer_is_logged_by_the_same_list(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tokfluence_async")
    EventStream().emit(_Foreign(path="/p", secret="do not tell"))
    assert caplog.messages == ["_Foreign path='/p'"]


def test_no_event_has_a_field_for_what_must_not_be_told() -> None:
    for kind in Event.__subclasses__():
        names = {each.name for each in fields(kind)}
        assert not names & {"headers", "query", "body", "key", "api_key"}, kind


async def _async_subscriber(_: Event) -> None:
    raise AssertionError("nobody would await it")


async def _async_generator(_: Event) -> AsyncGenerator[None, None]:
    yield


class _AsyncCallable:
    async def __call__(self, _: Event) -> None:
        raise AssertionError("nobody would await it")


@pytest.mark.parametrize("wrong", [None, 5, "print", [print]])
def test_a_subscriber_is_called(wrong: Any) -> None:
    events = EventStream()
    with pytest.raises(
        ConfigurationError, match=f"must be a function of one event, not {type(wrong).__name__}"
    ):
        events.subscribe(wrong)
    assert not events._subscribers


@pytest.mark.parametrize(
    "wrong", [_async_subscriber, _async_generator, _AsyncCallable(), functools.partial(_async_subscriber)]
)
def test_a_subscriber_is_not_awaited(wrong: Any) -> None:
    events = EventStream()
    with pytest.raises(ConfigurationError, match="must be a plain function, not an async one"):
        events.subscribe(wrong)
    assert not events._subscribers


def test_progress_counts() -> None:
    made: list[Progress] = []

    def before(events: EventStream) -> None:
        made.append(Progress(events).__enter__())

    _, events = played(
        RESET, error(429, "rate_limited", retry_after="3"), reply(x_credits_remaining="55"), before=before
    )
    (progress,) = made
    assert (progress.requests, progress.succeeded, progress.failed, progress.retries) == (3, 1, 2, 2)
    assert (progress.in_flight, progress.pauses, progress.reserved) == (0, 1, 0)
    assert (progress.planned, progress.charged_min, progress.charged_max, progress.unknown) == (2, 2, 4, 2)
    assert progress.balance == 55
    events.emit(Waited(call="x", wait=2.5))
    assert progress.limiter_wait == 2.5
    progress.__exit__(None, None, None)
    progress.__exit__(None, None, None)
    events.emit(Paused(wait=1))
    assert progress.pauses == 1


@pytest.mark.parametrize("listening", [False, True])
def test_progress_of_a_call_that_had_begun(listening: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async def main() -> None:
        events = EventStream()
        if listening:
            events.subscribe(lambda _: None)
        script = Script([reply(x_credits_remaining="55")], latency=9)
        session = Session(script, Limiter(0), events, concurrency=1)
        plan = CallPlan(1000.0, RetryPolicy(), 2, Budget())
        task = asyncio.create_task(session.call(READ, decoder(Post), plan))
        await asyncio.sleep(1)
        with Progress(events) as progress:
            await task
        assert (progress.reserved, progress.in_flight) == (0, 0)
        assert (progress.requests, progress.balance, progress.charged_max) == (1, 55, 2)

    virtual_time.run(main())


def test_progress_joins_in_the_middle() -> None:
    events = EventStream()
    started = RequestStarted(exchange=7, call="x", method="GET", path="/", attempt=1, request_id=None)
    with Progress(events) as progress:
        events.emit(started)
        assert progress.in_flight == 1
    with Progress(events) as late:
        late._take(
            RequestEnded(
                exchange=7,
                call="x",
                method="GET",
                path="/",
                attempt=1,
                request_id=None,
                seen="lost",
                status=None,
                code="",
                message="",
                elapsed=1.0,
                credits_remaining=None,
            )
        )
        assert (late.in_flight, late.requests) == (0, 1)
