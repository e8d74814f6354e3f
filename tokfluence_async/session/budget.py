"""A credit cap that concurrent calls can't overshoot: the price is reserved before the request is sent."""

from __future__ import annotations

from attrs import define, field, frozen

from tokfluence_async.errors import BudgetExceededError
from tokfluence_async.protocol.seen import Kind

__all__ = ["Budget", "Charge", "charge_of"]


@frozen
class Charge:
    """What an attempt may have cost, in credits: an interval, and a point where it is known."""

    min: int
    max: int


_FREE = frozenset(
    {
        Kind.NOT_SENT,
        Kind.RATE_LIMITED,
        Kind.REFUNDED,
        Kind.NO_CREDIT,
        Kind.DENIED,
        Kind.TOO_LARGE,
        Kind.SEEN_BEFORE,
    }
)


def charge_of(kind: Kind, price: int) -> Charge:
    """What one attempt of this price cost, by what was seen of it.

    Source: the API's page *Credits*. A success is charged; 402, 409 and 429 are not; a 502 ``upstream_error`` is
    refunded; other 4xx and lost answers may have been charged.
    """
    if kind is Kind.APPLIED:
        return Charge(price, price)
    return Charge(0, 0) if kind in _FREE else Charge(0, price)


@define(eq=False)
class Budget:
    """Credits that may be spent, and what became of them.

    A budget belongs to one event loop, on which each of its steps is atomic. What is spent from a part of a budget is
    spent from the whole as well, and has to fit under both caps.
    """

    max_credits: int | None = None
    """The cap; None is no cap."""
    charged_min: int = 0
    """Credits known to have been charged."""
    charged_max: int = 0
    """Credits that may have been charged, the known ones included."""
    reserved: int = 0
    """Credits set aside for requests that are under way."""
    parent: Budget | None = field(default=None, repr=False)
    """The budget that this one is a part of, if any."""
    _counted: dict[object, Charge] = field(factory=dict[object, Charge], init=False, repr=False)
    """What is counted of jobs that go on from one run to the next."""

    @property
    def committed(self) -> int:
        """What counts against the cap: all that was or may have been charged, and all that is reserved."""
        return self.charged_max + self.reserved

    @property
    def charged(self) -> Charge:
        """What was charged so far: a point, unless the outcome of something is unknown."""
        return Charge(self.charged_min, self.charged_max)

    @property
    def remaining(self) -> int | None:
        """Credits that may still be reserved; None if there is no cap here, nor on what this is a part of."""
        here = None if self.max_credits is None else max(0, self.max_credits - self.committed)
        above = None if self.parent is None else self.parent.remaining
        return min((each for each in (here, above) if each is not None), default=None)

    def allows(self, price: int) -> bool:
        """Whether a call of this price, in credits, fits under the cap now."""
        return self._tight(price) is None

    def _tight(self, price: int) -> Budget | None:
        """The budget, of this one and those that it is a part of, whose cap the price would cross."""
        budget: Budget | None = self
        while budget is not None:
            if budget.max_credits is not None and budget.committed + price > budget.max_credits:
                return budget
            budget = budget.parent
        return None

    def reserve(self, price: int) -> None:
        """Set a call's price aside before it is sent.

        Args:
            price: Credits.

        Raises:
            BudgetExceededError: The call would cross the cap; nothing is set aside.
        """
        tight = self._tight(price)
        if tight is not None:
            raise BudgetExceededError(
                price=price, max_credits=tight.max_credits or 0, committed=tight.committed
            )
        self._add(price, 0, 0)

    def settle(self, price: int, charge: Charge) -> None:
        """Replace a reservation by what the call was, or may have been, charged.

        Args:
            price: Credits that were reserved.
            charge: Credits that the call cost.
        """
        self._add(-price, charge.min, charge.max)

    def correct(self, before: Charge, now: Charge) -> None:
        """Replace what was counted for a call by what is known of it now."""
        self._add(0, now.min - before.min, now.max - before.max)

    def take_up(self, job: object, charge: Charge) -> None:
        """Count what a job was charged by now, in earlier runs of it: once, however often it is taken up here.

        What was counted of it here is never taken back: its record may be an older one that was put back.
        """
        before = self._counted.get(job, Charge(0, 0))
        now = Charge(max(before.min, charge.min), max(before.max, charge.max))
        self.charged_min += now.min - before.min
        self.charged_max += now.max - before.max
        self._counted[job] = now
        if self.parent is not None:
            self.parent.take_up(job, charge)

    def put_down(self, job: object, more: Charge) -> None:
        """Note what a job was charged since it was taken up; it is counted already."""
        before = self._counted.get(job, Charge(0, 0))
        self._counted[job] = Charge(before.min + more.min, before.max + more.max)
        if self.parent is not None:
            self.parent.put_down(job, more)

    def _add(self, reserved: int, charged_min: int, charged_max: int) -> None:
        budget: Budget | None = self
        while budget is not None:
            budget.reserved += reserved
            budget.charged_min += charged_min
            budget.charged_max += charged_max
            budget = budget.parent
