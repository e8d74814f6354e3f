"""A set of video ids that takes little memory: there may be as many as a campaign has posts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

__all__ = ["IdSet"]

_SMALLEST: Final = 64
_MIXING: Final = 0x9E3779B97F4A7C15
"""Spreads ids that follow one another over the table: 2 ** 64 by the golden ratio."""
_WORD: Final = 2**64
_DIGITS: Final = 20


class IdSet:
    """Texts, most of them ids: those take some 16 bytes each (a table of open addressing), the others as in any set.

    Args:
        names: What is in it at first.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._table = array("Q", bytes(8 * _SMALLEST))  # 0 is an empty place
        self._held = 0
        self._others = set[str]()
        self.update(names)

    def __len__(self) -> int:
        """How many there are."""
        return self._held + len(self._others)

    def __contains__(self, name: object) -> bool:
        """Whether a text is in it."""
        if not isinstance(name, str):
            return False
        number = _number(name)
        return self._table[self._place(number)] == number if number else name in self._others

    def update(self, names: Iterable[str]) -> None:
        """Put some in."""
        for name in names:
            self.add(name)

    def add(self, name: str) -> bool:
        """Put one in; whether it was not there."""
        number = _number(name)
        if not number:
            before = len(self._others)
            self._others.add(name)
            return len(self._others) > before
        place = self._place(number)
        if self._table[place] == number:
            return False
        self._table[place] = number
        self._held += 1
        if 3 * self._held > 2 * len(self._table):
            self._grow()
        return True

    def _place(self, number: int) -> int:
        """Where a number is, or would be put."""
        table = self._table
        last = len(table) - 1
        place = (number * _MIXING % _WORD >> 32) & last
        while table[place] not in (0, number):
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        full = self._table
        self._table = array("Q", bytes(16 * len(full)))
        for number in full:
            if number:
                self._table[self._place(number)] = number


def _number(name: str) -> int:
    """The number that a text is the usual form of; 0 if it is of none, or of none that has a place in the table."""
    if len(name) <= _DIGITS and name.isascii() and name.isdecimal() and name[0] != "0":
        number = int(name)
        return number if number < _WORD else 0
    return 0
