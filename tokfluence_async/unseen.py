"""Characters in text from elsewhere that nobody sees, but that change how the rest is shown."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["without_unseen"]

# Control characters but tab and line feed; marks that reorder text, and some that nobody sees. What joins emoji stays.
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)


def without_unseen(text: str) -> str:
    """Text without control characters, and without marks that reorder it or that nobody sees.

    Tabs and line feeds stay. What can't be written as UTF-8 is shown as an escape.
    """
    return _UNSEEN.sub("", text).encode("utf-8", "backslashreplace").decode()
