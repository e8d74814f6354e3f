"""The server model's books: who was charged what for what, to the credit."""

from __future__ import annotations

from collections import defaultdict

from attrs import define, field

__all__ = ["Ledger"]


@define(eq=False)
class Ledger:
    """Wallet and charges, in credits. A charge is for a video, or for ``create`` or ``read``; refunds are taken off."""

    wallet: int
    _net: defaultdict[tuple[int, str], int] = field(factory=lambda: defaultdict[tuple[int, str], int](int))
    """By run and what for."""
    _by_key: defaultdict[tuple[str, str], int] = field(factory=lambda: defaultdict[tuple[str, str], int](int))
    """By request id and what for."""
    _total: defaultdict[str, int] = field(factory=lambda: defaultdict[str, int](int))
    """By what for."""
    _paid_back: defaultdict[int, int] = field(factory=lambda: defaultdict[int, int](int))
    """By run: what was refunded although it was done."""

    def charge(self, run: int, key: str | None, what: str, amount: int) -> int:
        """Charge, or refund a negative amount; the sum that stays charged for this."""
        self.wallet -= amount
        self._net[run, what] += amount
        self._total[what] += amount
        if key is not None:
            self._by_key[key, what] += amount
        return self._total[what]

    def pay_back_done(self, run: int, amount: int) -> None:
        """Take note that what is refunded was done."""
        self._paid_back[run] += amount

    def charged(self, runs: set[int]) -> int:
        """What stays charged to these runs."""
        return sum(amount for (run, _), amount in self._net.items() if run in runs)

    def charged_for(self, what: str, runs: set[int]) -> int:
        """What stays charged to these runs for one thing."""
        return sum(self._net[run, what] for run in runs if (run, what) in self._net)

    def charged_under(self, key: str, what: str) -> int:
        """What stays charged under a request id for one thing."""
        return self._by_key[key, what]

    def paid_back_done(self, runs: set[int]) -> int:
        """What these runs were refunded although it was done."""
        return sum(amount for run, amount in self._paid_back.items() if run in runs)
