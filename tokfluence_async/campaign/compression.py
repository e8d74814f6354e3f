"""Compressed inputs: gzip, bzip2, xz and Zstandard, recognised by their first bytes, whatever the file is called."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO, Final, cast

from tokfluence_async.errors import InputError, MissingExtraError

__all__ = ["COMPRESSED_SUFFIXES", "decompressed", "peek", "without_suffix"]

COMPRESSED_SUFFIXES: Final = (".gz", ".bz2", ".xz", ".zst")
"""What the names of compressed files end with, in lower case."""

_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\0"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_ZIP: Final = b"PK\x03\x04"
_MAGIC_BYTES: Final = len(_XZ)


def without_suffix(path: str) -> str:
    """A file's name without what says that it is compressed."""
    for suffix in COMPRESSED_SUFFIXES:
        if path.lower().endswith(suffix):
            return path[: -len(suffix)]
    return path


def decompressed(stream: BinaryIO, name: str) -> BinaryIO:
    """A file's content: the file itself, if it is not compressed.

    Args:
        stream: The file, open for reading bytes.
        name: Its name, for errors.

    Returns:
        What to read in its place. A compressed file that is damaged or cut off makes its `read` raise OSError.

    Raises:
        InputError: It is a zip file, such as a spreadsheet.
        MissingExtraError: It is compressed with Zstandard, and that package is not installed.
    """
    magic, stream = peek(stream, _MAGIC_BYTES)
    if magic.startswith(_ZIP):
        raise InputError("this is a spreadsheet or another zip file; save the sheet as CSV", source=name)
    # Imported where one is met: most inputs are not compressed, and each takes time to import.
    if magic.startswith(_GZIP):
        gzip: Any = import_module("gzip")
        return _readable(gzip.GzipFile(fileobj=stream).read, (EOFError, OSError, zlib.error))
    if magic.startswith(_BZIP2):
        bz2: Any = import_module("bz2")
        return _readable(bz2.BZ2File(stream).read, (EOFError, OSError, ValueError))
    if magic.startswith(_XZ):
        lzma: Any = import_module("lzma")
        return _readable(lzma.LZMAFile(stream).read, (EOFError, OSError, lzma.LZMAError))
    if magic.startswith(_ZSTANDARD):
        try:
            zstandard: Any = import_module("zstandard")
        except ImportError:
            raise MissingExtraError("reading .zst files", "zstd") from None
        return _readable(_Zstandard(stream, zstandard).read, (EOFError, OSError, zstandard.ZstdError))
    return stream


def peek(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """The first bytes of a file, and the file to read in its place, which begins with them still."""
    head = stream.read(size)
    if stream.seekable():
        stream.seek(-len(head), io.SEEK_CUR)
        return head, stream
    return head, cast("BinaryIO", _Unread(head, stream))


def _readable(read: Callable[[int], bytes], errors: tuple[type[Exception], ...]) -> BinaryIO:
    return cast("BinaryIO", _Readable(read, errors))


class _Unread(io.RawIOBase):
    """A pipe of which the first bytes were read too early; they come first once more."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        if size < 0:
            head, self._head = self._head, b""
            return head + self._stream.read()
        head, self._head = self._head[:size], self._head[size:]
        return head


class _Readable(io.RawIOBase):
    """Bytes that can be read once, front to back. Whatever is wrong with them is an OSError."""

    def __init__(self, read: Callable[[int], bytes], errors: tuple[type[Exception], ...]) -> None:
        self._read = read
        self._errors = errors

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return self._read(size)
        except self._errors as error:
            raise OSError(f"the compressed file is damaged or cut off ({error})") from None


class _Zstandard:
    """Decompresses Zstandard frames one after the other; unlike the package's own reader, it knows one that is cut."""

    def __init__(self, stream: BinaryIO, zstandard: Any) -> None:
        self._stream = stream
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._frame: Any = self._new()
        self._fresh = True
        self._left = b""
        self._ready = bytearray()

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._ready) < size:
            data = self._left or self._stream.read(1 << 14)
            self._left = b""
            if not data:
                if not self._fresh:
                    raise EOFError("it ends within a frame")
                break
            self._fresh = False
            self._ready += self._frame.decompress(data)
            if self._frame.eof:
                self._left, self._frame, self._fresh = self._frame.unused_data, self._new(), True
        if size < 0:
            size = len(self._ready)
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken
