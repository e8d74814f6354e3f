"""Compressed inputs: gzip, bzip2, xz and Zstandard, recognised by their first bytes, whatever the file is called."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, BinaryIO, Final, Protocol, cast

from tokfluence_async.errors import InputError, MissingExtraError

__all__ = ["COMPRESSED_SUFFIXES", "decompressed", "peek", "without_suffix"]

COMPRESSED_SUFFIXES: Final = (".gz", ".bz2", ".xz", ".zst")
"""What the names of compressed files end with, in lower case."""

_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\0"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x50\x2a\x4d\x18"
"""What a frame of Zstandard begins with that holds no data; the first byte's low half is any."""
_ZSTANDARD_HEAD: Final = 8
"""Bytes that tell how long the header of a frame is; no frame is shorter."""
_BLOCK_HEAD: Final = 3
_ONE_BYTE_REPEATED: Final = 1
_CHECKSUM: Final = 4
_ZIP: Final = b"PK\x03\x04"
_MAGIC_BYTES: Final = len(_XZ)
_XZ_PADDING: Final = 4
_BLOCK_BYTES: Final = 1 << 16


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
        return _readable(_Parts(stream, bz2.BZ2Decompressor).read, (EOFError, OSError, ValueError))
    if magic.startswith(_XZ):
        lzma: Any = import_module("lzma")
        new = partial(lzma.LZMADecompressor, format=lzma.FORMAT_XZ)
        return _readable(_Parts(stream, new, padding=_XZ_PADDING).read, (EOFError, OSError, lzma.LZMAError))
    if magic.startswith(_ZSTANDARD):
        try:
            zstandard: Any = import_module("zstandard")
        except ImportError:
            raise MissingExtraError("reading .zst files", "zstd") from None
        errors = (EOFError, OSError, zstandard.ZstdError)
        return _readable(_Parts(stream, partial(_Frame, zstandard)).read, errors)
    return stream


def peek(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """The first bytes of a file, and the file to read in its place, which begins with them still.

    Raises:
        InputError: It does not give bytes, whatever its type says.
    """
    head = stream.read(size)
    if not isinstance(cast("object", head), bytes):
        kind = type(head).__name__
        raise InputError(f"reading this file gives {kind}, not bytes; open it for bytes (mode 'rb')")
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


class _Decompressor(Protocol):
    """Decompresses one part of a file, as those of `bz2` and `lzma` do."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Parts:
    """Decompresses the parts of a file one after the other, and knows one that is cut, or is none.

    The readers of `bz2` and `lzma` take whatever follows a part and begins no other for the end of the file, and so
    drop the rows of a part that is damaged; that of `zstandard` takes a part that is cut for a whole one.

    Args:
        stream: The compressed file.
        new: Makes what decompresses the next part.
        padding: Zeros may follow a part, in multiples of this; none may if it is 0.
    """

    def __init__(self, stream: BinaryIO, new: Callable[[], _Decompressor], *, padding: int = 0) -> None:
        self._stream = stream
        self._new = new
        self._padding = padding
        self._part: _Decompressor | None = None
        self._left = b""
        """What was read of the file past the end of the last part."""

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all there are; fewer only at the end."""
        if size < 0:
            return b"".join(iter(partial(self.read, _BLOCK_BYTES), b""))
        found = bytearray()
        while len(found) < size and (part := self._part or self._next()) is not None:
            data = b""
            if part.needs_input:
                data, self._left = self._left or self._stream.read(_BLOCK_BYTES), b""
                if not data:
                    raise EOFError("it ends within a part")
            found += part.decompress(data, size - len(found))
            if part.eof:
                self._left, self._part = part.unused_data, None
        return bytes(found)

    def _next(self) -> _Decompressor | None:
        """What decompresses the next part; None at the end of the file."""
        zeros = 0
        while data := self._left or self._stream.read(_BLOCK_BYTES):
            self._left = data.lstrip(b"\0") if self._padding else data
            zeros += len(data) - len(self._left)
            if self._left:
                break
        if zeros and zeros % self._padding:
            raise OSError("zeros are missing, or too many, between its parts")
        self._part = self._new() if self._left else None
        return self._part


class _Frame:
    """A part of a Zstandard file, in the form that the standard library gives others.

    The package's own decompressor gives all that it is fed decompresses to, be it ten thousand times as much. So it is
    fed the frame block by block, of which each holds 128 KiB at most. RFC 8878 tells where a block ends.

    Args:
        zstandard: The package.
    """

    def __init__(self, zstandard: Any) -> None:
        self._header_size = zstandard.frame_header_size
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._held = b""
        """What was given of the file."""
        self._fed = 0
        """How much of that went to the decompressor."""
        self._begun = False
        self._sum = 0
        """Bytes of the checksum at the frame's end."""
        self._skipped = 0
        """Bytes still to come of a frame that is to be skipped."""
        self._ready = io.BytesIO()
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """What some more of the file, and what was not given yet, decompress to; at most so many bytes."""
        if data:
            self._held, self._fed = self._held[self._fed :] + data, 0
        given = self._ready.read(max_length)
        while not given and not self._frame.eof and (size := self._piece()):
            piece = self._held[self._fed : self._fed + size]
            self._fed += len(piece)
            self._ready = io.BytesIO(self._frame.decompress(piece))
            given = self._ready.read(max_length)
        self.needs_input = not given
        self.eof = self._frame.eof and self._ready.tell() == self._ready.getbuffer().nbytes
        self.unused_data = self._frame.unused_data + self._held[self._fed :] if self.eof else b""
        return given

    def _piece(self) -> int:
        """How many bytes are to be fed next; 0 while they are not all there."""
        head = self._held[self._fed : self._fed + _ZSTANDARD_HEAD]
        left = len(self._held) - self._fed
        if self._skipped:
            size = min(left, self._skipped)
            self._skipped -= size
            return size
        if self._begun:
            block = int.from_bytes(head[:_BLOCK_HEAD], "little")
            size = _BLOCK_HEAD + (1 if block >> 1 & 3 == _ONE_BYTE_REPEATED else block >> 3)
            size += self._sum if block & 1 else 0
            return size if left >= max(size, _BLOCK_HEAD) else 0
        if left < _ZSTANDARD_HEAD:
            return 0
        if head[0] & 0xF0 == _SKIPPABLE[0] and head[1:4] == _SKIPPABLE[1:]:
            self._skipped, size = int.from_bytes(head[4:], "little"), _ZSTANDARD_HEAD
        else:
            self._sum, size = (_CHECKSUM if head[4] & 4 else 0), int(self._header_size(head))
        self._begun = left >= size
        return size if self._begun else 0
