"""Text from elsewhere, made fit for a terminal: a server, a file or a file's name must not drive it."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["sanitise", "sanitise_lines"]

_SEQUENCES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS and their like
    r"|\x1b[ -/]*[0-~]?"
)
_BLANKS: Final = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# What is left of the control characters; marks that reorder text, and some that nobody sees.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def sanitise(text: str, limit: int | None = None) -> str:
    """Text on one line, without control characters, escape sequences and marks that reorder text.

    Args:
        text: Any text.
        limit: Characters to keep at most; what is longer ends in an ellipsis.
    """
    clean = _UNSEEN.sub("", _SEQUENCES.sub("", _BLANKS.sub(" ", text)))
    clean = clean.encode("utf-8", "backslashreplace").decode()
    return clean if limit is None or len(clean) <= limit else f"{clean[: limit - 1]}…"


def sanitise_lines(text: str) -> str:
    """Text of several lines in which nothing drives a terminal; line feeds stay.

    Unlike `sanitise` it leaves the harmless rest of an escape sequence: in a table's row, what an unfinished one would
    take with it is the next field.
    """
    return "\n".join(_UNSEEN.sub("", _BLANKS.sub(" ", line)) for line in text.split("\n"))
