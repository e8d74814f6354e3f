"""What goes wrong with a load file, in words: damage, which a backup mends, told apart from a disk that fails."""

from __future__ import annotations

import sqlite3
import zlib
from traceback import walk_tb
from typing import Final

__all__ = ["MISREAD", "misread", "what_is_wrong"]

MISREAD: Final = (ArithmeticError, LookupError, OSError, TypeError, ValueError, zlib.error)
"""What decoding raises where what stands in the file is not what was written into it."""

_STRUCTURE: Final = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
)
"""SQLite's codes for pages, a header, tables or columns that are not as they were made."""
_READERS: Final = frozenset({f"{__package__}.batch", f"{__package__}.records"})
"""The modules that decode what stands in the file."""


def misread(error: BaseException) -> bool:
    """Whether an error came up while what stands in a load file was decoded.

    A caller's own code, such as an encoder, raises the same types; it does not run inside the modules that decode.
    """
    if not isinstance(error, MISREAD):
        return False
    return any(frame.f_globals.get("__name__") in _READERS for frame, _ in walk_tb(error.__traceback__))


def what_is_wrong(error: BaseException, *, doing: str, campaign_id: str | None) -> str:
    """What an error says of a load file, and what to do.

    Args:
        error: One of SQLite's, or one that came up while the file was decoded.
        doing: What failed: ``read`` or ``written``.
        campaign_id: The load's campaign, if it can still be read.
    """
    if not _is_damage(error, doing):
        return f"can't be {doing}: {error}"
    where = f"campaign {campaign_id}" if campaign_id else "its campaign"
    said = str(error) if isinstance(error, sqlite3.Error) else f"{type(error).__name__}: {error}"
    return (
        f"the load file is damaged ({said}). Restore it from a backup, its -wal file with it, or look in the "
        f"dashboard at what {where} holds"
    )


def _is_damage(error: BaseException, doing: str) -> bool:
    if not isinstance(error, sqlite3.Error):
        # Only a number that is written can be too large for SQLite.
        return not (doing == "written" and isinstance(error, OverflowError))
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Raised by Python's own half, which meets no damage but text that is not UTF-8.
        return isinstance(error, sqlite3.OperationalError)
    return code & 0xFF in _STRUCTURE or code == sqlite3.SQLITE_IOERR_SHORT_READ
