"""What a load needs where there is no terminal: the word to spend, and how much at most."""

from __future__ import annotations

from typing import Final

__all__ = ["AGREED"]

AGREED: Final = ("--yes", "--max-credits", "9999")
