"""What is known of videos, in a temporary database: where there are too many to hold them all in memory."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

__all__ = ["StoredVideo", "VideoStore"]

StoredVideo = tuple[bytes, str | None, int | None, str | None, int | None]
"""A video's key; its creator, in the form in which two are compared, and its fee; and what later rows have changed of
the post that was packed already: its creator as spelt there, and its fee."""

_SETTINGS: Final = (
    "journal_mode = OFF",  # nothing is ever rolled back: after an error no plan is made
    "synchronous = OFF",
    "locking_mode = EXCLUSIVE",
    "cache_size = -16384",  # KiB; the rest is in the file, or in the system's own cache
)
_SCHEMA: Final = """
CREATE TABLE video (key BLOB PRIMARY KEY, handle TEXT, fee INTEGER, new_handle TEXT, new_fee INTEGER) WITHOUT ROWID
"""
_AT_ONCE: Final = 256


class VideoStore:
    """A table of videos by their keys, in constant memory.

    Without a name, SQLite keeps it in a file that nobody else sees, and that is gone with it.

    Raises:
        OSError: The temporary folder is full; so of every method.
    """

    def __init__(self) -> None:
        with _told():
            self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            weakref.finalize(self, self._db.close)
            for setting in _SETTINGS:
                self._db.execute(f"PRAGMA {setting}")
            self._db.execute(_SCHEMA)

    def put(self, videos: Iterable[StoredVideo]) -> None:
        """Write some videos, over what stands there of them.

        Args:
            videos: In the order of their keys, so that neighbours are written together.
        """
        with _told():
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO video VALUES (?, ?, ?, ?, ?)", videos)
            self._db.execute("COMMIT")

    def find(self, keys: Sequence[bytes]) -> Iterator[StoredVideo]:
        """Those of some videos that are there, in any order."""
        for first in range(0, len(keys), _AT_ONCE):
            some = keys[first : first + _AT_ONCE]
            places = ", ".join("?" * len(some))
            with _told():
                # Nothing but question marks is put together here.
                yield from self._db.execute(f"SELECT * FROM video WHERE key IN ({places})", some)  # noqa: S608 - as above

    def count_without_handle(self) -> int:
        """How many have no creator."""
        return self._count("SELECT count(*) FROM video WHERE handle IS NULL")

    def count_between(self, first: bytes, limit: bytes) -> int:
        """How many have a key of the length of two others, and lies between the two, or is the first."""
        return self._count(
            "SELECT count(*) FROM video WHERE key >= ? AND key < ? AND length(key) = ?",
            first,
            limit,
            len(first),
        )

    def _count(self, query: str, *values: bytes | int) -> int:
        with _told():
            (number,) = self._db.execute(query, values).fetchone()
        return int(number)


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
