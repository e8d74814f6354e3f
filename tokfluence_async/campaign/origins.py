"""Where a row stands: the input that it came from, and how places in that are counted."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.converters import optional

from tokfluence_async.campaign.surrogates import escaped

__all__ = ["Counted", "Origin"]

Counted = Literal["line", "row"]
"""What a row number counts: the lines of a text file, or the rows of a file, table or iterable that has no lines."""


@frozen
class Origin:
    """One input of a plan."""

    name: str | None = field(converter=optional(escaped))
    """The file's name, or a description; None where there is nothing to call it by, as for a list in Python.

    What is no Unicode in it, as in a file's name of another encoding, is escaped: it is to be stored and shown."""
    counted: Counted = "row"
    """What its row numbers count."""

    def place(self, row: int, *, short: bool = False) -> str:
        """Where a row stands, in words: ``posts.csv:7``, or ``line 7`` where the input goes without saying.

        Args:
            row: The row's number.
            short: Whether to leave the input's name out.
        """
        if short or self.name is None:
            return f"{self.counted} {row}"
        return f"{self.name}:{row}" if self.counted == "line" else f"{self.name}, row {row}"
