"""The currency signs and codes that stand beside the fees of a plan, which must all be of one currency."""

from __future__ import annotations

from tokfluence_async.campaign.money import FeeParser, is_of_currency, marks_agree
from tokfluence_async.errors import InputError

__all__ = ["FeeMarks"]


class FeeMarks:
    """The marks of the fees of all inputs.

    Args:
        currency: ISO 4217 code of the campaign's currency; None where the account's default counts.
    """

    def __init__(self, currency: str | None) -> None:
        self._currency = currency
        self._found: dict[str, str | None] = {}
        """Each with the first input that has it."""

    @property
    def found(self) -> tuple[str, ...]:
        """The marks so far, as `FeeParser.currency` tells them."""
        return tuple(self._found)

    def add(self, fees: FeeParser, source: str | None) -> None:
        """See that the fees of an input are in the campaign's currency; without one, in that of the other inputs.

        Raises:
            InputError: They are in another.
        """
        mark = fees.currency
        if mark is None:
            return
        if self._currency is not None and not is_of_currency(mark, self._currency):
            raise InputError(f"the fees are in {mark}, the campaign in {self._currency}", source=source)
        for other, where in self._found.items():
            if self._currency is None and not marks_agree(mark, other):
                before = f"in {where}" if where else "before"
                raise InputError(
                    f"the fees are marked {mark} here and {other} {before}; load each by itself",
                    source=source,
                )
        self._found.setdefault(mark, source)
