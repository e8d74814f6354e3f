"""Packed pieces of a plan, in their order: the latest in memory, those before them in a temporary file."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from attrs import frozen

__all__ = ["Blobs"]

MOST_HELD: Final = 1024 * 1024
"""Bytes that are held in memory at most: those of some 50,000 URLs."""
_SIZE: Final = 4
"""Bytes before each blob in the file, which tell its length."""


class Blobs:
    """Takes blobs one by one, in constant memory.

    The file has no name. It is gone with the last that was made of it, or with the process.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._bytes_held = 0
        self._file: BinaryIO | None = None
        self._end = 0

    def append(self, blob: bytes) -> None:
        """Take one.

        Raises:
            OSError: The temporary folder is full.
        """
        self._held.append(blob)
        self._bytes_held += len(blob)
        if self._bytes_held > MOST_HELD:
            self._store()

    def view(self, *more: bytes) -> Iterable[bytes]:
        """Those that were taken so far, and some more; can be gone through any number of times."""
        held = [*self._held, *more]
        return held if self._file is None else _Stored(self, self._file, self._end, held)

    def _store(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
            weakref.finalize(self, self._file.close)
        self._file.seek(self._end)
        for blob in self._held:
            self._file.write(len(blob).to_bytes(_SIZE, "little"))
            self._file.write(blob)
        self._file.flush()
        self._end = self._file.tell()
        self._held, self._bytes_held = [], 0


@frozen(eq=False)
class _Stored:
    """The blobs up to a place in the file, and some after them."""

    _blobs: Blobs
    """Keeps the file open."""
    _file: BinaryIO
    _end: int
    _more: list[bytes]

    def __iter__(self) -> Iterator[bytes]:
        place, file = 0, self._file.fileno()
        while place < self._end:
            size = int.from_bytes(os.pread(file, _SIZE, place), "little")
            yield os.pread(file, size, place + _SIZE)
            place += _SIZE + size
        yield from self._more
