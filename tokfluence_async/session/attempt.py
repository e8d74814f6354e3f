"""One attempt: a place, a slot of the rate limit, one request out, one outcome in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

from attrs import define

from tokfluence_async.protocol.retry import Deadline, parse_retry_after
from tokfluence_async.protocol.seen import Kind, Seen, see
from tokfluence_async.protocol.wire import Lost, NotSent, Outcome, Reply, Request
from tokfluence_async.session.events import EventStream, Paused, RequestEnded, RequestStarted, Waited
from tokfluence_async.session.flights import Flight
from tokfluence_async.session.places import Places

if TYPE_CHECKING:
    from tokfluence_async.protocol.limiter import Limiter

__all__ = ["Attempt", "Dispatcher", "OutOfTimeError", "Sender"]

DEFAULT_PAUSE: Final = 5.0
"""Seconds that everybody waits after a 429 without a usable ``Retry-After``."""
MAX_PAUSE: Final = 120.0
"""Seconds that a 429 may make everybody wait: twice the API's window, whatever ``Retry-After`` says."""
SHORTEST: Final = 0.001
"""Seconds below which there is no point in sending."""
CANCELLED: Final = Seen(Kind.LOST, message="cancelled before the answer came")


class OutOfTimeError(Exception):
    """There is no time left to send the request in; nothing was sent."""


class Sender(Protocol):
    """What the session needs of a transport."""

    async def send(self, request: Request, *, timeout: float) -> Outcome:
        """Send a request once and tell how it ended; raises nothing but `asyncio.CancelledError`."""
        ...

    async def close(self) -> None:
        """Free what was opened."""
        ...


@define
class Attempt:
    """One attempt that has ended."""

    outcome: Outcome
    seen: Seen
    elapsed: float
    """Seconds from sending to the end of the answer."""
    retry_after: float | None
    """Seconds, as the answer told it."""
    credits_remaining: int | None
    """The wallet's balance in credits, as the answer told it."""


class Dispatcher:
    """Sends requests, each once, within the concurrency and the rate limit.

    Whatever happens, each place and each slot that is taken is given back.

    Attributes:
        credits_remaining: The wallet's balance in credits, as the latest answer told it; None before the first.
    """

    def __init__(
        self,
        transport: Sender,
        limiter: Limiter,
        events: EventStream,
        *,
        concurrency: int,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.credits_remaining: int | None = None
        self.events = events
        self.limiter = limiter
        self.clock: Callable[[], float] = asyncio.get_running_loop().time
        self._transport = transport
        self._places = Places(concurrency)
        self._wall_clock = wall_clock
        self._exchanges = 0

    async def close(self) -> None:
        """Close the transport."""
        await self._transport.close()

    async def dispatch(
        self,
        request: Request,
        flight: Flight,
        *,
        timeout: float,
        number: int = 1,
        before_send: Callable[[], Awaitable[None]] | None = None,
        deadline: Deadline | None = None,
    ) -> Attempt:
        """Send a request once, when the rate limit lets it, and tell what was seen.

        Args:
            request: What to send.
            flight: Is told when the request may have left.
            timeout: Seconds, counted from sending.
            number: Which attempt of the call this is: for the events, and because a repeat goes before what has not
                begun.
            before_send: Awaited when the request may leave, just before it does. If it raises, nothing is sent.
            deadline: The end of the answer, if it comes before the timeout; put off by the time that this waits for a
                place and for the rate limit.

        Raises:
            OutOfTimeError: The deadline had come. Nothing was sent.
            asyncio.CancelledError: The caller was cancelled. Whether the request may have been sent, the flight tells.
        """
        asked = 0.0 if deadline is None else self.clock()
        if not self._places.try_acquire():
            await self._places.acquire(repeat=number > 1)
        try:
            waited = 0.0 if self.limiter.try_acquire() else await self.limiter.acquire()
            try:
                if deadline is not None:
                    deadline.extend(self.clock() - asked)
                    timeout = min(timeout, deadline.remaining())
                    if timeout < SHORTEST:
                        raise OutOfTimeError
                if waited > 0 and self.events.wanted:
                    self.events.emit(Waited(call=request.call, wait=waited))
                if before_send is not None:
                    await before_send()
            except BaseException:
                self.limiter.cancel()
                raise
            flight.under_way = True
            attempt = await self._send(request, timeout, number)
            flight.under_way = False
            return attempt
        finally:
            self._places.release()

    async def _send(self, request: Request, timeout: float, number: int) -> Attempt:
        self._exchanges += 1
        exchange = self._exchanges
        started = self.clock()
        try:
            if self.events.wanted:
                self._tell_start(request, number, exchange)
            outcome = await self._transport.send(request, timeout=timeout)
        except BaseException:
            self.limiter.release()
            if self.events.wanted:
                ended = Attempt(Lost(""), CANCELLED, self.clock() - started, None, None)
                self._tell_end(request, ended, number, exchange, "cancelled")
            raise
        if isinstance(outcome, NotSent):
            self.limiter.cancel()
        else:
            self.limiter.release()
        seen = see(outcome, deletion=request.method == "DELETE")
        retry_after = balance = None
        if isinstance(outcome, Reply):
            balance = outcome.credits_remaining
            if balance is not None:
                self.credits_remaining = balance
            if "retry-after" in outcome.headers:
                retry_after = parse_retry_after(outcome.headers["retry-after"], now=self._wall_clock())
        attempt = Attempt(outcome, seen, self.clock() - started, retry_after, balance)
        if seen.kind is Kind.RATE_LIMITED:
            self._pause(DEFAULT_PAUSE if retry_after is None else min(retry_after, MAX_PAUSE))
        if self.events.wanted:
            self._tell_end(request, attempt, number, exchange, seen.kind.value)
        return attempt

    def _pause(self, seconds: float) -> None:
        self.limiter.pause(seconds)
        if self.events.wanted:
            self.events.emit(Paused(wait=seconds))

    def _tell_start(self, request: Request, number: int, exchange: int) -> None:
        self.events.emit(
            RequestStarted(
                exchange=exchange,
                call=request.call,
                method=request.method,
                path=request.path,
                attempt=number,
                request_id=request.idempotency_key,
            )
        )

    def _tell_end(self, request: Request, attempt: Attempt, number: int, exchange: int, seen: str) -> None:
        self.events.emit(
            RequestEnded(
                exchange=exchange,
                call=request.call,
                method=request.method,
                path=request.path,
                attempt=number,
                request_id=request.idempotency_key,
                seen=seen,
                status=attempt.seen.status,
                code=attempt.seen.code,
                message=attempt.seen.message,
                elapsed=attempt.elapsed,
                credits_remaining=attempt.credits_remaining,
            )
        )
