"""What a load tells on the client's event stream of its URLs and credits."""

from __future__ import annotations

from tokfluence_async.campaign.events import LoadProgress
from tokfluence_async.campaign.records import Settlement
from tokfluence_async.session.budget import Budget, Charge
from tokfluence_async.session.events import CreditsReserved, CreditsSettled, reservation_numbers
from tokfluence_async.session.session import Session

__all__ = ["tell_reserved", "tell_settled", "tell_settlement"]


def tell_settlement(session: Session, budget: Budget, settlement: Settlement) -> None:
    """The outcome of some URLs has become known."""
    if session.events.wanted:
        session.events.emit(
            LoadProgress(
                accepted=settlement.accepted,
                rejected=settlement.rejected,
                unknown=settlement.unknown,
                charged_max=budget.charged_max,
                credits_remaining=session.credits_remaining,
            )
        )


def tell_reserved(session: Session, budget: Budget, call: str, attempt: int, price: int) -> int:
    """A price was set aside.

    Returns:
        The reservation's number.
    """
    number = next(reservation_numbers)
    if session.events.wanted:
        session.events.emit(
            CreditsReserved(
                call=call,
                reservation=number,
                attempt=attempt,
                credits=price,
                committed=budget.committed,
                max_credits=budget.max_credits,
            )
        )
    return number


def tell_settled(
    session: Session,
    budget: Budget,
    call: str,
    *,
    reservation: int = 0,
    reserved: int = 0,
    before: Charge,
    now: Charge,
) -> None:
    """What became of a price that was set aside, or was in doubt.

    Args:
        session: The client's session.
        budget: The load's budget, in which it is counted already.
        call: The call's name.
        reservation: The reservation's number; 0 where a look into the campaign has told.
        reserved: Credits that were set aside for it.
        before: What was counted for it until now.
        now: What is counted for it now; less than before, where a doubt was resolved in the load's favour.
    """
    if session.events.wanted:
        session.events.emit(
            CreditsSettled(
                call=call,
                reservation=reservation,
                credits=reserved,
                charged_min=now.min - before.min,
                charged_max=now.max - before.max,
                committed=budget.committed,
                balance=session.credits_remaining,
            )
        )
