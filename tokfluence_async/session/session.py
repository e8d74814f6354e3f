"""The one loop that every call goes through: reserve → limit → send → decide → decode."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tokfluence_async.errors import DecodeError
from tokfluence_async.models import ResponseInfo, Result
from tokfluence_async.protocol.retry import RetryBudget
from tokfluence_async.protocol.wire import Reply, Request
from tokfluence_async.session.attempt import Attempt, Dispatcher, Sender
from tokfluence_async.session.call import Call, CallPlan
from tokfluence_async.session.events import EventStream
from tokfluence_async.session.failures import Failure
from tokfluence_async.session.flights import GRACE, Flights

if TYPE_CHECKING:
    from tokfluence_async.protocol.limiter import Limiter

__all__ = ["Attempt", "CallPlan", "Sender", "Session"]

R = TypeVar("R", bound=Result)


class Session:
    """Sends requests within the rate limit and the concurrency, and repeats them where that is safe.

    It belongs to the event loop on which it is made.

    Args:
        transport: What sends a request once.
        limiter: The client's own rate limit.
        events: Where to tell what happens.
        concurrency: Requests in flight at once.
        rand: Numbers in [0, 1) for the jitter of waits.
        wall_clock: Unix seconds, for a ``Retry-After`` that is a date.
    """

    def __init__(
        self,
        transport: Sender,
        limiter: Limiter,
        events: EventStream,
        *,
        concurrency: int,
        rand: Callable[[], float] = random.random,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.events = events
        self.limiter = limiter
        self._dispatcher = Dispatcher(
            transport, limiter, events, concurrency=concurrency, wall_clock=wall_clock
        )
        self._flights = Flights()
        self._clock = self._dispatcher.clock
        self._random = rand
        self._retry_budget = RetryBudget(self._clock)

    @property
    def credits_remaining(self) -> int | None:
        """The wallet's balance in credits, as the latest answer told it; None before the first."""
        return self._dispatcher.credits_remaining

    async def close(self, *, grace: float = GRACE) -> None:
        """Let nothing new begin, wait for what is under way, interrupt what still is, and close the transport.

        Args:
            grace: Seconds to wait. What is interrupted ends with `NotSentError` or `OutcomeUnknownError`.
        """
        try:
            await self._flights.close(grace)
        finally:
            await self._dispatcher.close()

    async def attempt(
        self,
        request: Request,
        *,
        timeout: float,
        number: int = 1,
        before_send: Callable[[], Awaitable[None]] | None = None,
    ) -> Attempt:
        """Send a request once, when the rate limit lets it, and tell what was seen. No budget is asked.

        Args:
            request: What to send.
            timeout: Seconds, counted from sending.
            number: Which attempt of the call this is, for the events.
            before_send: Awaited when the request may leave, just before it does. If it raises, nothing is sent.

        Raises:
            UsageError: The client is closed. Nothing was sent.
            NotSentError: It was closed before the request was sent.
            OutcomeUnknownError: It was closed before the answer came.
            asyncio.CancelledError: The caller was cancelled. Unless `before_send` was still under way, the request
                may have been sent.
        """
        flight = self._flights.begin()
        try:
            return await self._dispatcher.dispatch(
                request, flight, timeout=timeout, number=number, before_send=before_send
            )
        except asyncio.CancelledError as cancelled:
            if not flight.was_interrupted():
                cancelled.__traceback__ = None  # its frames hold the HTTP library's objects
                raise
        finally:
            self._flights.end(flight)
        # Raised here, for the cancellation must not become its context: that leads to the HTTP library's objects.
        raise Failure(request, ()).interrupted(under_way=flight.under_way)

    async def call(self, request: Request, decode: Callable[[Any, bytes], R], plan: CallPlan) -> R:
        """Make a call: send it, repeat it where that is safe, decode its answer.

        A request with an idempotency key is repeated with that key and the same bytes only. One without (a read, or
        a delete) is repeated freely; each repeat may be charged again, and is reserved anew under the cap.

        Args:
            request: What to send.
            decode: Makes the result of a successful answer: of its JSON, and its body as received.
            plan: The call's deadline, repeats and price.

        Raises:
            UsageError: The client is closed. Nothing was sent.
            BudgetExceededError: The call would cross the cap. Nothing was sent.
            NotSentError: It never left.
            OutcomeUnknownError: It may have been applied.
            APIError: The API answered with an error.
            DecodeError: The API answered with success, but not as it documents.
        """
        flight = self._flights.begin()
        started = self._clock()
        call = Call(request, plan, self._dispatcher, flight, self._retry_budget, self._random)
        try:
            attempt = await call.answer()
        except asyncio.CancelledError as cancelled:
            if not flight.was_interrupted():
                cancelled.__traceback__ = None  # its frames hold the HTTP library's objects
                raise
        else:
            return self._result(attempt, request, decode, len(call.attempts), self._clock() - started)
        finally:
            self._flights.end(flight)
        # As above.
        raise Failure(request, call.attempts).interrupted(under_way=flight.under_way)

    @staticmethod
    def _result(
        attempt: Attempt, request: Request, decode: Callable[[Any, bytes], R], attempts: int, elapsed: float
    ) -> R:
        reply = attempt.outcome
        if not isinstance(reply, Reply):  # pragma: no cover - only a reply is ever seen as applied
            raise TypeError("an applied attempt has a reply")
        request_id = request.idempotency_key or reply.headers.get("x-request-id")
        try:
            result = decode(attempt.seen.payload, reply.body)
        except DecodeError as error:
            error.method, error.path, error.request_id = request.method, request.path, request_id
            error.attempts, error.credits_remaining = attempts, attempt.credits_remaining
            raise
        result.response = ResponseInfo(
            status=reply.status,
            request_id=request_id,
            attempts=attempts,
            credits_remaining=attempt.credits_remaining,
            elapsed=elapsed,
            headers=reply.headers,
            body=reply.body,
        )
        return result
