"""Inputs of a campaign: files by name, standard input, open binary files, and Python's own iterables.

A format is one function, a `Reader`, registered for a suffix in `READERS`. Whatever the input, it becomes a
stream of `Row` and `BadRow` in bounded memory; no reader touches the network, and none costs credits.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from tokfluence_async.campaign.columns import Column, ColumnChoice, InputOptions
from tokfluence_async.campaign.delimited import read_delimited
from tokfluence_async.campaign.items import Item, ItemReader, read_items, read_items_async
from tokfluence_async.campaign.rows import BadRow, Row, RowStream
from tokfluence_async.errors import InputError

__all__ = [
    "READERS",
    "STDIN",
    "BadRow",
    "Column",
    "ColumnChoice",
    "InputOptions",
    "Item",
    "ItemReader",
    "Reader",
    "Row",
    "RowStream",
    "open_source",
    "read_items",
    "read_items_async",
]

STDIN = "-"
"""The file name that means standard input."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_COMPRESSED_SUFFIX = ".gz"


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
        """Opens a file of this format.

        Args:
            stream: The file, opened for reading bytes and already decompressed. The reader leaves it open.
            name: Its name, for rows and errors.
            options: What the caller told.

        Raises:
            InputError: It is not what its suffix says, its columns can't be told, or it holds no rows.
        """
        ...


READERS: dict[str, Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".tab": read_delimited,
    ".txt": read_delimited,
    "": read_delimited,  # standard input, and pipes such as /dev/fd/63
}
"""The reader of each suffix, in lower case and without ``.gz``."""


def open_source(source: str | os.PathLike[str] | BinaryIO, options: InputOptions | None = None) -> RowStream:
    """Opens a file of posts.

    Gzip is recognised by content, whatever the name; the format by the suffix.

    Args:
        source: A file's name, ``-`` for standard input, or a file that is already open for reading bytes;
            such a file, and standard input, stay open.
        options: Which columns mean what, and how the file is written; guessed where not told.

    Returns:
        Its rows. The columns are settled at once; the rest is read as the stream is.

    Raises:
        InputError: The file is missing, unreadable, of no supported format, empty, or its columns can't be
            told.
    """
    options = options or InputOptions()
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if path != STDIN:
            return _open_path(path, options)
        return _open_stream(sys.stdin.buffer, "standard input", "", options)
    if isinstance(cast("object", source), io.TextIOBase):
        raise InputError("this file is open for text; open it for bytes (mode 'rb')")
    name = getattr(source, "name", None)
    name = name if isinstance(name, str) else "open file"
    return _open_stream(source, name, _suffix(name) if name != "open file" else "", options)


def _open_path(path: str, options: InputOptions) -> RowStream:
    if "://" in path:
        raise InputError(
            f"{path!r} is a URL, not a file's name; put URLs into a file, one a line, "
            "or give them as a list in Python"
        )
    suffix = _suffix(path)
    _reader(suffix, path)
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - the stream of rows closes it
    except FileNotFoundError:
        raise InputError("there is no such file", source=path) from None
    except IsADirectoryError:
        raise InputError("this is a directory, not a file", source=path) from None
    except PermissionError:
        raise InputError("this file may not be read: permission denied", source=path) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(
            f"can't be opened: {getattr(error, 'strerror', None) or error}", source=path
        ) from error
    try:
        rows = _open_stream(stream, path, suffix, options)
    except BaseException:
        stream.close()
        raise
    rows.on_close(stream.close)
    return rows


def _open_stream(stream: BinaryIO, name: str, suffix: str, options: InputOptions) -> RowStream:
    read = _reader(suffix, name)
    magic = stream.read(len(_ZIP_MAGIC))
    if stream.seekable():
        stream.seek(-len(magic), io.SEEK_CUR)
    else:
        stream = cast("BinaryIO", _Unread(magic, stream))
    if magic.startswith(_GZIP_MAGIC):
        import gzip  # noqa: PLC0415 - most inputs are not compressed, and this costs time at import

        return read(cast("BinaryIO", gzip.GzipFile(fileobj=stream)), name=name, options=options)
    if magic.startswith(_ZIP_MAGIC):
        raise InputError("this is a spreadsheet or another zip file; save the sheet as CSV", source=name)
    return read(stream, name=name, options=options)


class _Unread:
    """A pipe of which the first bytes were read too early; they come first once more."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        if size < 0:
            head, self._head = self._head, b""
            return head + self._stream.read()
        head, self._head = self._head[:size], self._head[size:]
        return head


def _suffix(path: str) -> str:
    name = path.lower()
    name = name.removesuffix(_COMPRESSED_SUFFIX)
    return Path(name).suffix


def _reader(suffix: str, name: str) -> Reader:
    reader = READERS.get(suffix)
    if reader is None:
        known = ", ".join(sorted(known for known in READERS if known))
        raise InputError(
            f"files of type {suffix} are not supported; supported are {known}, each also as .gz", source=name
        )
    return reader
