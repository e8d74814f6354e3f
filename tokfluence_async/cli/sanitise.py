"""Text from elsewhere, made fit for a terminal: a server, a file or a file's name must not drive it."""

from __future__ import annotations

import re
from typing import Final

from tokfluence_async.unseen import without_unseen

__all__ = ["sanitise", "sanitise_lines"]

_SEQUENCES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS and their like
    r"|\x1b[ -/]*[0-~]?"
)
_BLANKS: Final = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")


def sanitise(text: str, limit: int | None = None) -> str:
    """Text on one line, without control characters, escape sequences and marks that reorder text.

    Args:
        text: Any text.
        limit: Characters to keep at most; what is longer ends in an ellipsis.
    """
    clean = without_unseen(_SEQUENCES.sub("", _BLANKS.sub(" ", text)))
    return clean if limit is None or len(clean) <= limit else f"{clean[: limit - 1]}…"


def sanitise_lines(text: str) -> str:
    """Text of several lines in which nothing drives a terminal; line feeds stay.

    Unlike `sanitise` it leaves the harmless rest of an escape sequence: in a table's row, what an unfinished one would
    take with it is the next field.
    """
    return "\n".join(without_unseen(_BLANKS.sub(" ", line)) for line in text.split("\n"))
