"""The reads that a load makes: on record and under the cap like what it buys, but free to be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from tokfluence_async.campaign import records
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.stop import Stop
from tokfluence_async.campaign.telling import tell_reserved, tell_settled
from tokfluence_async.client import Tokfluence
from tokfluence_async.protocol.endpoints import Endpoint
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.protocol.wire import Request
from tokfluence_async.session.budget import Budget, Charge, charge_of

__all__ = ["Reader"]

_NOTHING = Charge(0, 0)
_WORTH_REPEATING = frozenset({Kind.NOT_SENT, Kind.LOST, Kind.GARBLED, Kind.RATE_LIMITED, Kind.REFUNDED})


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
        self, endpoint: Endpoint, resource_id: int, query: tuple[tuple[str, str], ...] = ()
    ) -> tuple[Any, Seen | None]:
        """Read something of the campaign.

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
        request = Request(endpoint.name, endpoint.method, endpoint.path(resource_id), query)
        number = 0
        while True:
            self.stop.check()
            if not self.budget.allows(price):
                return None, None
            number += 1
            payload, seen = await self._attempt(request, price, number)
            if seen.kind not in _WORTH_REPEATING or number > policy.max_retries:
                return payload, seen
            await self.stop.sleep(policy.wait(number, retry_after=None, random=self.rand))

    async def _attempt(self, request: Request, price: int, number: int) -> tuple[Any, Seen]:
        self.budget.reserve(price)
        tell_reserved(self.tok.session, self.budget, request.call, number, price)
        started = self.wall_clock()
        intent = await self.journal.run(
            lambda db: records.begin_attempt(
                db, batch=None, call=request.call, key=None, digest=None, price=price, started=started
            )
        )
        attempt = await self.tok.session.attempt(request, timeout=self.tok.options.timeout, number=number)
        cost = charge_of(attempt.seen.kind, price)
        self.budget.settle(price, cost)
        tell_settled(self.tok.session, self.budget, request.call, reserved=price, before=_NOTHING, now=cost)
        ended = self.wall_clock()
        await self.journal.run(
            lambda db: records.end_attempt(
                db, intent, seen=attempt.seen, ended=ended, credits_remaining=attempt.credits_remaining
            )
        )
        return attempt.seen.payload if attempt.seen.kind is Kind.APPLIED else None, attempt.seen
