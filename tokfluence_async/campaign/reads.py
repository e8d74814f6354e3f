"""The reads that a load makes: on record and under the cap like what it buys, but free to be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define

from tokfluence_async.campaign import records
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.stop import Stop
from tokfluence_async.campaign.telling import tell_reserved, tell_settled
from tokfluence_async.client import Tokfluence
from tokfluence_async.protocol.endpoints import Endpoint
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.protocol.wire import MAX_BODY, BodyReader, Request
from tokfluence_async.session.budget import Budget, Charge, charge_of
from tokfluence_async.session.session import Attempt

__all__ = ["Reader"]

MAX_LONG_BODY: Final = 4 * 1024**3
"""Bytes of an answer that is read piece by piece; more of it is no answer."""
_NOTHING = Charge(0, 0)
_WORTH_REPEATING = frozenset(
    {Kind.NOT_SENT, Kind.LOST, Kind.LOST_REFUND, Kind.GARBLED, Kind.RATE_LIMITED, Kind.REFUNDED}
)


@define
class Reader:
    """Makes a load's reads."""

    tok: Tokfluence
    journal: Journal
    budget: Budget
    stop: Stop
    wall_clock: Callable[[], float]
    rand: Callable[[], float]

    async def read(
        self,
        endpoint: Endpoint,
        resource_id: int,
        query: tuple[tuple[str, str], ...] = (),
        *,
        reader: BodyReader | None = None,
        longest: float = 0.0,
    ) -> tuple[Any, Seen | None]:
        """Read something of the campaign.

        Args:
            endpoint: What to read.
            resource_id: The campaign.
            query: Query parameters.
            reader: What takes the answer's body, which may be a long one then.
            longest: Seconds that each try may take besides the usual.

        Returns:
            The answer's JSON and what was seen last; None in place of the latter where the cap left no room for the
            read. The JSON is None unless what was seen is `Kind.APPLIED`.

        Raises:
            Stopped: The load is to stop.
        """
        price = self.tok.tariff.price(endpoint.name)
        policy = RetryPolicy(
            max_retries=self.tok.options.max_retries, backoff=max(self.tok.options.backoff, 0.001)
        )
        request = Request(
            endpoint.name,
            endpoint.method,
            endpoint.path(resource_id),
            query,
            max_body=MAX_BODY if reader is None else MAX_LONG_BODY,
            reader=reader,
        )
        number = 0
        while True:
            self.stop.check()
            if not self.budget.allows(price):
                return None, None
            number += 1
            attempt = await self._attempt(request, price, number, self.tok.options.timeout + longest)
            seen = attempt.seen
            if seen.kind not in _WORTH_REPEATING or seen.lasting or number > policy.max_retries:
                return seen.payload if seen.kind is Kind.APPLIED else None, seen
            await self.stop.sleep(policy.wait(number, retry_after=None, random=self.rand))

    async def _attempt(self, request: Request, price: int, number: int, timeout: float) -> Attempt:
        self.budget.reserve(price)
        reservation = tell_reserved(self.tok.session, self.budget, request.call, number, price)
        intents: list[int | None] = []
        cost = _NOTHING
        try:
            attempt = await self._send(request, price, number, timeout, intents)
            cost = charge_of(attempt.seen.kind, price)
        except BaseException:
            if intents:
                cost = Charge(0, price)
            raise
        finally:
            self.budget.settle(price, cost)
            tell_settled(
                self.tok.session,
                self.budget,
                request.call,
                reservation=reservation,
                reserved=price,
                before=_NOTHING,
                now=cost,
            )
        ended = self.wall_clock()
        await self.journal.run(
            lambda db: records.end_attempt(
                db,
                intents[-1] or 0,
                seen=attempt.seen,
                ended=ended,
                credits_remaining=attempt.credits_remaining,
            )
        )
        return attempt

    async def _send(
        self, request: Request, price: int, number: int, timeout: float, intents: list[int | None]
    ) -> Attempt:
        """Send the read once. As soon as it may be on record there is something in `intents`, its number at last."""
        begin: Callable[[], None]

        def write(db: records.Connection) -> int:
            return records.begin_attempt(
                db,
                batch=None,
                call=request.call,
                key=None,
                digest=None,
                price=price,
                started=self.wall_clock(),
            )

        async def write_intent() -> None:
            self.stop.check()
            begin()
            intents.append(None)
            intents.append(await self.journal.run(write))

        with self.stop.interruptible() as begin, self.stop.closing():
            return await self.tok.session.attempt(
                request, timeout=timeout, number=number, before_send=write_intent
            )
