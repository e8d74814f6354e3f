"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["amount", "compact", "duration", "money", "percent", "quotient", "ratio", "whole"]

NONE = "–"
"""What stands where the API told nothing."""
MOST = 1e12
"""Where a ratio's digits are told no more."""


def whole(value: int | None) -> str:
    """A whole number: ``12,345``."""
    return NONE if value is None else f"{value:,}"


def compact(value: int | None) -> str:
    """A large number in short: ``1.2 M``."""
    if value is None:
        return NONE
    for limit, unit in ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")):
        if abs(value) >= limit:
            return f"{value / (1000 if unit == 'k' else limit):,.1f} {unit}"
    return f"{value:,}"


def amount(cents: int | None) -> str:
    """An amount without its currency: ``12,345.67``. Integer arithmetic only."""
    if cents is None:
        return NONE
    whole_units, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole_units:,}.{rest:02}"


def money(cents: int | None, currency: str) -> str:
    """An amount: ``12,345.67 USD``."""
    return NONE if cents is None else f"{amount(cents)} {currency}".rstrip()


def quotient(number: int | None, by: int | None) -> float | None:
    """A number divided by another; None where one is missing or 0, or there is no such number."""
    if number is None or not by:
        return None
    try:
        return number / by
    except OverflowError:
        return None


def percent(value: float | None) -> str:
    """A share: ``7.1 %``."""
    if value is None or not abs(value) < MOST:
        return NONE if value is None else f"{value:.1e}"
    return f"{value:.1%}".replace("%", " %")


def ratio(value: float | None) -> str:
    """A ratio: ``1.40``."""
    if value is None or not abs(value) < MOST:
        return NONE if value is None else f"{value:.1e}"
    return f"{value:,.2f}"


def duration(seconds: float) -> str:
    """A time: ``4.2 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
