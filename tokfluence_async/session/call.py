"""One call: its attempts, what it costs, and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from attrs import define, field, frozen

from tokfluence_async.errors import RequestError
from tokfluence_async.protocol.retry import Deadline, RetryBudget, RetryPolicy
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.protocol.wire import Request
from tokfluence_async.session.attempt import Attempt, Dispatcher, OutOfTimeError
from tokfluence_async.session.budget import Budget, Charge, charge_of
from tokfluence_async.session.events import (
    CreditsReserved,
    CreditsSettled,
    RetryScheduled,
    reservation_numbers,
)
from tokfluence_async.session.failures import Failure
from tokfluence_async.session.flights import Flight

__all__ = ["Call", "CallPlan"]

_REPEATABLE: Final = frozenset({Kind.NOT_SENT, Kind.LOST, Kind.LOST_REFUND, Kind.RATE_LIMITED, Kind.REFUNDED})


@frozen
class CallPlan:
    """How a call is to be made: its deadline, its repeats, its price."""

    timeout: float
    """Seconds from the first sending to the answer, all repeats and the waits before them included. What this client's
    own rate limit and concurrency make it wait does not count, nor what a 429 does."""
    policy: RetryPolicy
    price: int
    """Credits."""
    budget: Budget


@define(eq=False)
class Call:
    """Makes one call, within its plan."""

    request: Request
    plan: CallPlan
    dispatcher: Dispatcher
    flight: Flight
    retry_budget: RetryBudget
    rand: Callable[[], float]
    attempts: list[Attempt] = field(factory=list[Attempt], init=False)
    _reserved: int = field(default=0, init=False)
    """Number of the reservation; 0 where there is none."""
    _at_stake: int = field(default=0, init=False)
    """Credits that the attempts under the present reservation may have cost. Under one idempotency key the API charges
    once at most, however many there are."""

    async def answer(self) -> Attempt:
        """Send the request until it is applied.

        Returns:
            The attempt that was.

        Raises:
            BudgetExceededError: The call would cross the cap; nothing was sent.
            RequestError: It was not applied, or that is not known.
        """
        self._reserve()
        self.retry_budget.deposit()
        deadline: Deadline | None = None
        try:
            while True:
                try:
                    attempt = await self.dispatcher.dispatch(
                        self.request,
                        self.flight,
                        timeout=self.plan.timeout,
                        number=len(self.attempts) + 1,
                        deadline=deadline,
                    )
                except OutOfTimeError:
                    raise self._error() from None
                self.attempts.append(attempt)
                if attempt.seen.kind is Kind.APPLIED:
                    self._settle(Charge(self.plan.price, self.plan.price))
                    return attempt
                if deadline is None:
                    deadline = Deadline(self.plan.timeout - attempt.elapsed, self.dispatcher.clock)
                wait = self._wait(attempt, deadline)
                if wait is None:
                    raise self._error()
                await asyncio.sleep(wait)
        finally:
            if self._reserved:
                at_stake = self.plan.price if self.flight.under_way else self._at_stake
                self._settle(Charge(0, at_stake))

    def _wait(self, attempt: Attempt, deadline: Deadline) -> float | None:
        """Seconds to wait before the attempt is repeated, its price reserved; None if it is not to be repeated."""
        kind, price, number = attempt.seen.kind, self.plan.price, len(self.attempts)
        keyed = self.request.idempotency_key is not None
        self._at_stake = max(self._at_stake, charge_of(kind, price).max)
        if self._at_stake and not keyed:
            # Each repeat of a read may be charged again.
            self._settle(Charge(0, self._at_stake))
        repeatable = kind in _REPEATABLE or (kind is Kind.GARBLED and self.request.method == "GET")
        if not repeatable or attempt.seen.lasting or number > self.plan.policy.max_retries:
            return None
        wait = self.plan.policy.wait(number, retry_after=attempt.retry_after, random=self.rand)
        if kind is Kind.RATE_LIMITED:
            deadline.extend(wait)  # as waiting for this client's own rate limit, it does not count
        if not deadline.allows(wait) or not (self._reserved or self.plan.budget.allows(price)):
            return None
        if not self.retry_budget.withdraw():
            return None
        if not self._reserved:
            self._reserve()
        events = self.dispatcher.events
        if events.wanted:
            events.emit(RetryScheduled(call=self.request.call, attempt=number, wait=wait, reason=kind.value))
        return wait

    def _error(self) -> RequestError:
        return Failure(self.request, self.attempts).error()

    def _reserve(self) -> None:
        budget, events = self.plan.budget, self.dispatcher.events
        budget.reserve(self.plan.price)
        self._reserved = next(reservation_numbers)
        if events.wanted:
            events.emit(
                CreditsReserved(
                    call=self.request.call,
                    reservation=self._reserved,
                    attempt=len(self.attempts) + 1,
                    credits=self.plan.price,
                    committed=budget.committed,
                    max_credits=budget.max_credits,
                )
            )

    def _settle(self, charge: Charge) -> None:
        budget, events = self.plan.budget, self.dispatcher.events
        budget.settle(self.plan.price, charge)
        reservation, self._reserved, self._at_stake = self._reserved, 0, 0
        if events.wanted:
            events.emit(
                CreditsSettled(
                    call=self.request.call,
                    reservation=reservation,
                    credits=self.plan.price,
                    charged_min=charge.min,
                    charged_max=charge.max,
                    committed=budget.committed,
                    balance=self.dispatcher.credits_remaining,
                )
            )
