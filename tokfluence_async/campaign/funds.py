"""Whether a load can be paid for: checked before it begins to buy, so that it need not stop half-way."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.campaign.stop import Stop
from tokfluence_async.session.budget import Budget

__all__ = ["RESUBMISSION", "Funds"]

RESUBMISSION: Final = "to buy anew what is unknown"
"""What a stop's message begins with where the cap left no room for a resubmission."""


@frozen
class Funds:
    """What is left to buy against the cap, and against the wallet."""

    plan: Plan
    report: LoadReport
    """As the load stood when this run began."""
    budget: Budget
    stop: Stop
    max_credits: int | None
    """The load's own cap."""

    def check_cap(self, campaign: int, rest: int) -> None:
        """Refuse to begin what the cap does not let end.

        What is in doubt is counted as charged already: repeating it under its key can't charge it twice, or not before
        the API has forgotten the key.

        Args:
            campaign: Credits that it costs to make, or to look at, the campaign.
            rest: Credits that it may still cost to buy what is not settled.

        Raises:
            Stopped: It does not.
        """
        left, needed = self.budget.remaining, rest + campaign
        if left is not None and needed > left and rest:
            spent = self.report.credits.charged_max
            cap = spent + left if self.max_credits is None else min(self.max_credits, spent + left)
            self.stop.request(
                "max_credits",
                f"the load costs up to {spent + needed:,} credits in all, more than the cap of {cap:,}; "
                f"raise --max-credits by {needed - left:,}. Nothing was sent",
                short_by=needed - left,
            )
        self.stop.check()

    def leave_room_for(self, credits_: int, rest: int) -> bool:
        """Whether something more can be paid for under the cap, besides what is still to be bought."""
        left = self.budget.remaining
        return left is None or credits_ + rest <= left

    def refuse_to_look(self, price: int, rest: int) -> None:
        """Stop because the cap leaves no room to look for what a copy may have bought.

        Args:
            price: Credits that it takes at least.
            rest: Credits that it may still cost to buy what is not settled.

        Raises:
            Stopped: In any case.
        """
        short_by = price + rest - (self.budget.remaining or 0)
        self.stop.request(
            "max_credits",
            "the plan is more than a day old: what a copy of its load file may have bought has to be looked for first, "
            f"and the cap leaves no room for that; raise --max-credits by {short_by}. Nothing more was sent",
            short_by=short_by,
        )
        self.stop.check()

    def check_resubmission(self, anew: int, rest: int, look: int) -> None:
        """Refuse to begin to buy anew what the cap does not let end.

        Args:
            anew: URLs to be bought anew, once what the campaign lists is taken off.
            rest: Credits that it may still cost to buy what is not settled besides.
            look: Credits that the look has cost by which that is known. The next run makes it once more.

        Raises:
            Stopped: It does not.
        """
        left, price = self.budget.remaining, self.plan.credits_per_url * anew + rest
        if left is not None and price > left:
            short_by = price + look - left
            self.stop.request(
                "max_credits",
                f"{RESUBMISSION}{' and what is unsent' if rest else ''} costs {price:,} credits, and "
                f"{left:,} are left under the cap; raise --max-credits by {short_by:,}. Nothing was bought",
                short_by=short_by,
            )
        self.stop.check()

    def check_wallet(self, remaining: int) -> None:
        """Refuse to begin what the wallet does not let end.

        Args:
            remaining: Credits in it, as the create's answer tells.

        Raises:
            Stopped: It does not.
        """
        rest = self.plan.credits_per_url * self.report.urls.unsent
        if remaining < rest:
            self.stop.request(
                "insufficient_credits",
                f"the wallet holds {remaining:,} credits and the rest of the load costs {rest:,}; top it up and "
                "resume. No analysis was bought",
            )
        self.stop.check()
