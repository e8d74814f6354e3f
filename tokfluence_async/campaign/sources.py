"""Inputs of a campaign: files by name, standard input, open binary files, and Python's own iterables.

A format is one function, a `Reader`, registered for a suffix in `READERS`. Whatever the input, it becomes a
stream of `Row` and `BadRow` in bounded memory; no reader touches the network, and none costs credits.
"""

from __future__ import annotations

import codecs
import glob
import io
import os
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from tokfluence_async.campaign.arrow import read_ipc, read_parquet
from tokfluence_async.campaign.columns import Column, ColumnChoice, InputOptions
from tokfluence_async.campaign.compression import COMPRESSED_SUFFIXES, decompressed, peek, without_suffix
from tokfluence_async.campaign.delimited import read_delimited
from tokfluence_async.campaign.encodings import encoding_of, utf_16_of
from tokfluence_async.campaign.items import Item, ItemReader, read_items, read_items_async
from tokfluence_async.campaign.jsonrows import read_json, read_jsonl
from tokfluence_async.campaign.rows import BadRow, Row, RowStream
from tokfluence_async.campaign.surrogates import escaped
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
    "find_sources",
    "open_source",
    "read_items",
    "read_items_async",
]

STDIN = "-"
"""The file name that means standard input."""

_PARQUET_MAGIC = b"PAR1"
_ARROW_MAGIC = b"ARROW1"
_ARROW_STREAM_MAGIC = b"\xff\xff\xff\xff"
_PEEKED = 64
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a]")


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


def _read_whatever(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a file whose name tells nothing, such as a pipe: JSON by how it begins, else a text table."""
    head, stream = peek(stream, _PEEKED)
    start = encoding_of(head, options.encoding).first_character(head)
    read: Reader = read_json if start in {"[", "{"} else read_delimited
    return read(stream, name=name, options=options)


READERS: dict[str, Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".tab": read_delimited,
    ".txt": read_delimited,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".arrow": read_ipc,
    ".feather": read_ipc,
    ".ipc": read_ipc,
    ".arrows": read_ipc,
    "": _read_whatever,  # standard input, and pipes such as /dev/fd/63
}
"""The reader of each suffix, in lower case and without what tells a compression.

Files of other suffixes are read like those without one, if they are text. Parquet and Arrow files are recognised by
their beginning, whatever the suffix.
"""


def find_sources(words: Iterable[str]) -> list[str]:
    """The files that words of a command name: themselves, or what patterns such as ``sheets/*.csv`` match.

    Args:
        words: Files' names, ``-`` for standard input, and patterns with ``*``, ``?``, ``[…]`` or ``**``. A file whose
            own name looks like a pattern is itself.

    Returns:
        The files in the order of the words, those of one pattern in the order of their names.

    Raises:
        InputError: There are no words, a pattern matches no file, or standard input is named twice.
    """
    found: list[str] = []
    for word in words:
        if word == STDIN or not glob.has_magic(word) or os.path.lexists(word):
            found.append(word)
            continue
        # A path's own glob would take a pattern apart at its root, and leaves no name as it was typed; its `is_dir`
        # raises where a folder can be listed and not entered.
        matching = sorted(path for path in glob.glob(word, recursive=True) if not os.path.isdir(path))  # noqa: PTH112, PTH207 - as above
        if not matching:
            raise InputError("no file matches this pattern", source=word)
        found += matching
    if not found:
        raise InputError("name a file of posts, or - for standard input")
    if found.count(STDIN) > 1:
        raise InputError("standard input can be read once only", source=STDIN)
    return found


def open_source(source: str | os.PathLike[str] | BinaryIO, options: InputOptions | None = None) -> RowStream:
    """Opens a file of posts.

    Compression, Parquet and Arrow are recognised by content, whatever the name; other formats by the suffix, or where
    it tells nothing by content too.

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
        path = os.fsdecode(source)
        if path != STDIN:
            return _open_path(path, options)
        # None where the shell closed it, whatever its type says.
        if cast("object", sys.stdin) is None:
            raise InputError("standard input is closed; name a file", source=STDIN)
        return _open_stream(sys.stdin.buffer, "standard input", "", options)
    _check_open(source)
    name = getattr(source, "name", None)
    name = name if isinstance(name, str) else "open file"
    return _open_stream(source, escaped(name), _suffix(name) if name != "open file" else "", options)


def _check_open(source: object) -> None:
    """Sees that something that names no file is one, open for reading bytes."""
    if isinstance(source, io.TextIOBase):
        raise InputError("this file is open for text; open it for bytes (mode 'rb')")
    kind = type(source).__name__
    if isinstance(source, bytes | bytearray | memoryview):
        raise InputError(
            f"a file's name is text, and these are {kind}; what stands in a file goes into io.BytesIO"
        )
    if not callable(getattr(source, "read", None)):
        raise InputError(
            f"a source is a file's name, - for standard input, or a file open for bytes, not {kind}; "
            "posts themselves are for add_items, data frames for add_table"
        )
    if getattr(source, "closed", False) is True:
        raise InputError("this file is closed")


def _open_path(path: str, options: InputOptions) -> RowStream:
    if "://" in path:
        raise InputError(
            f"{path!r} is a URL, not a file's name; put URLs into a file, one a line, "
            "or give them as a list in Python"
        )
    name = escaped(path)
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - the stream of rows closes it
    except FileNotFoundError:
        raise InputError("there is no such file", source=name) from None
    except IsADirectoryError:
        raise InputError("this is a directory, not a file", source=name) from None
    except PermissionError:
        raise InputError("this file may not be read: permission denied", source=name) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(
            f"can't be opened: {getattr(error, 'strerror', None) or error}", source=name
        ) from error
    try:
        rows = _open_stream(stream, name, _suffix(path), options)
    except BaseException:
        stream.close()
        raise
    rows.on_close(stream.close)
    return rows


def _open_stream(stream: BinaryIO, name: str, suffix: str, options: InputOptions) -> RowStream:
    try:
        content = decompressed(stream, name)
        head, content = peek(content, _PEEKED)
        read = _reader_of(head, suffix, name)
        rows = read(content, name=name, options=options)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror or error}", source=name) from None
    if rows.progress is None:
        size = _size(stream)
        rows.progress = lambda: (_position(stream), size)
    return rows


def _size(stream: BinaryIO) -> int | None:
    """The bytes of a file; None where nobody knows, as of a pipe."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _position(stream: BinaryIO) -> int:
    try:
        return stream.tell()
    except (OSError, ValueError):
        return 0


def _suffix(path: str) -> str:
    return Path(without_suffix(path.lower())).suffix


def _reader_of(head: bytes, suffix: str, name: str) -> Reader:
    """What reads a file, by how it begins and by its suffix."""
    is_binary = _CONTROLS.search(head) is not None
    if is_binary and head.startswith(_PARQUET_MAGIC):
        return read_parquet
    if is_binary and head.startswith((_ARROW_MAGIC, _ARROW_STREAM_MAGIC)):
        return read_ipc
    reader = READERS.get(suffix)
    if reader is not None:
        return reader
    if is_binary and not head.startswith(_WIDE_MARKS) and utf_16_of(head) is None:
        known = ", ".join(sorted(known for known in READERS if known))
        raise InputError(
            f"files of type {suffix} are not supported; supported are {known}, "
            f"each also with {', '.join(COMPRESSED_SUFFIXES)}",
            source=name,
        )
    return _read_whatever
