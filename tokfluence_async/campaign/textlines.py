"""Bytes to lines of text, block by block, with the place of whatever is wrong."""

from __future__ import annotations

import codecs
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TextLines", "line_ends", "utf_16_of"]

BLOCK_BYTES = 1 << 16
MAX_LINE_CHARS = 1 << 20
_NUL_MANY = 0.5
_NUL_FEW = 0.1
"""Shares of 16-bit units: of URLs in UTF-16 nearly all have a NUL in one place, next to none in the other."""
_OTHER_BREAKS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"

# The marks of UTF-32 begin with those of UTF-16, so they come first.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class TextLines:
    """The lines of a binary file, their ends kept, in bounded memory.

    UTF-8 and UTF-16 with or without a byte order mark, UTF-32 with one; any other encoding must be named.

    Args:
        stream: The file, opened for reading bytes.
        name: Its name, for errors.
        encoding: Its encoding; None to go by its byte order mark. Without one it is UTF-16 if every other byte is
            nearly always NUL, as in text of mostly Latin letters; else UTF-8.

    Raises:
        InputError: There is no such encoding.
    """

    def __init__(self, stream: BinaryIO, *, name: str, encoding: str | None = None) -> None:
        self._stream = stream
        self._name = name
        self._told = encoding
        self._encoding = _checked(encoding) if encoding else "utf-8"
        self._guessed: str | None = None
        self._lines_before = 0
        self._block: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed of the encoding, in words, once the first block was read; empty for UTF-8."""
        return (f"read as {self._guessed.upper()} (guessed)",) if self._guessed else ()

    def blocks(self) -> Iterator[list[str]]:
        """The lines, some at a time.

        Raises:
            InputError: The file can't be read or decoded, holds a NUL character, or has a line longer than
                1 MiB. It names the line, and for a byte that can't be decoded its position too.
        """
        head = self._read()
        head, skipped = self._take_mark(head)
        decoder = codecs.getincrementaldecoder(self._encoding)()
        seen, rest, block = skipped, "", head
        while True:
            final = not block
            seen += len(block)
            try:
                text = decoder.decode(block, final)
            except UnicodeDecodeError as error:
                # Without its cause, which would print a block of the file.
                raise self._undecodable(error, seen, rest) from None
            self._check(text, rest)
            lines = _lines(rest + text)
            # A carriage return at the end may be half of a line end; like half a line, it waits for more.
            rest = lines.pop() if lines and not final and not lines[-1].endswith("\n") else ""
            if len(rest) > MAX_LINE_CHARS:
                raise self._error(f"the line is longer than {MAX_LINE_CHARS} characters", len(lines))
            if lines:
                self._block = lines
                yield lines
                self._lines_before += len(lines)
            if final:
                return
            block = self._read()

    def line(self, number: int) -> str:
        """A line of the block that was yielded last, without its end.

        Args:
            number: Its number in the file, from 1.
        """
        return self._block[number - self._lines_before - 1].rstrip("\r\n")

    def _read(self) -> bytes:
        try:
            return self._stream.read(BLOCK_BYTES)
        except (EOFError, zlib.error) as error:
            raise self._error(f"the compressed file is damaged or cut off ({error})") from error
        except OSError as error:
            raise self._error(f"can't be read: {error.strerror or error}") from error

    def _take_mark(self, head: bytes) -> tuple[bytes, int]:
        for mark, encoding in _BYTE_ORDER_MARKS:
            told = codecs.lookup(self._encoding).name
            if head.startswith(mark) and (self._told is None or encoding.startswith(told)):
                self._encoding = encoding
                return head[len(mark) :], len(mark)
        if self._told is None and (guess := utf_16_of(head)):
            self._encoding = self._guessed = guess
        return head, 0

    def _check(self, text: str, rest: str) -> None:
        place = text.find("\0")
        if place < 0:
            return
        hint = (
            ""
            if self._told
            else "; if it belongs to the file's encoding, name that, for example --encoding utf-16-le"
        )
        raise self._error(f"there is a NUL character here{hint}", line_ends(rest + text[:place]))

    def _undecodable(self, error: UnicodeDecodeError, seen: int, rest: str) -> InputError:
        chunk = bytes(error.object)
        before = chunk[: error.start].decode(self._encoding, "replace")
        offset = seen - len(chunk) + error.start
        hint = (
            "is that the right --encoding?"
            if self._told
            else "name the file's encoding, for example --encoding cp1252"
        )
        what = f"the byte 0x{chunk[error.start]:02X}" if error.start < len(chunk) else "the end"
        return self._error(
            f"{what} at position {offset} is not {self._encoding.upper()}; {hint} (encoding= in Python)",
            line_ends(rest + before),
        )

    def _error(self, message: str, lines: int = 0) -> InputError:
        return InputError(message, source=self._name, row=self._lines_before + lines + 1)


def _lines(text: str) -> list[str]:
    # `splitlines` takes less than half the time, but ends lines at characters that end none in a file.
    if any(mark in text for mark in _OTHER_BREAKS):
        return list(io.StringIO(text, newline=""))
    return text.splitlines(keepends=True)


def line_ends(text: str) -> int:
    """How many lines end in a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def utf_16_of(head: bytes) -> str | None:
    """Which UTF-16 a text is that has no byte order mark; None if it is neither.

    Args:
        head: How it begins.
    """
    even, odd = head[::2].count(0), head[1::2].count(0)
    units = max(len(head) // 2, 1)
    if odd > units * _NUL_MANY and even < units * _NUL_FEW:
        return "utf-16-le"
    if even > units * _NUL_MANY and odd < units * _NUL_FEW:
        return "utf-16-be"
    return None


def _checked(encoding: str) -> str:
    try:
        "".encode(encoding)  # a codec of the standard library need not be one of text
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise InputError(
            f"there is no text encoding {encoding!r}; --encoding takes names like cp1252"
        ) from None
