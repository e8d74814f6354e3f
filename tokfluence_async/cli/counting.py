"""Numbers with their nouns."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """A number and what it counts, such as ``1 row`` or ``1,234 rows``.

    Args:
        number: How many.
        noun: What one is called.
        nouns: What several are called; the noun and an ``s`` if None.
    """
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
