"""Bytes to lines of text, block by block, with the place of whatever is wrong."""

from __future__ import annotations

import codecs
import io
import re
import zlib
from typing import TYPE_CHECKING, BinaryIO, TypeGuard

from tokfluence_async.campaign.encodings import checked, encoding_of
from tokfluence_async.campaign.guards import REJECT_COLUMNS
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TextLines", "line_ends"]

BLOCK_BYTES = 1 << 16
MAX_LINE_CHARS = 1 << 20
_REJECTS = ",".join(REJECT_COLUMNS).encode()
"""What a rejects file begins with: it is ours, so that a NUL in it was one of the input's, and tells no encoding."""
_CP1252 = "cp1252"
_CUT_OFF = "unexpected end of data"
"""What Python says of a character of UTF-8 whose last bytes are missing."""
_OF_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]").search
_OTHER_BREAKS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"


class TextLines:
    """The lines of a binary file, their ends kept, in bounded memory.

    UTF-8 and UTF-16 with or without a byte order mark, UTF-32 with one; any other encoding must be named, apart from
    CP1252 where that may be tried.

    Args:
        stream: The file, opened for reading bytes.
        name: Its name, for errors.
        encoding: Its encoding; None to go by its byte order mark. Without one it is UTF-16 if every other byte is
            nearly always NUL, as in text of mostly Latin letters; else UTF-8.
        try_cp1252: Whether what is not UTF-8 may be CP1252, as Excel writes it. It is only where all before the first
            byte that is not UTF-8 is ASCII, which both read alike, and where no byte is undefined or of no text.

    Raises:
        InputError: There is no such encoding.
    """

    def __init__(
        self, stream: BinaryIO, *, name: str, encoding: str | None = None, try_cp1252: bool = False
    ) -> None:
        self._stream = stream
        self._name = name
        self._told = encoding
        self._encoding = checked(encoding) if encoding else "utf-8"
        self._notes: tuple[str, ...] = ()
        self._any_character = False
        self._may_be_cp1252 = try_cp1252 and encoding is None
        self._lines_before = 0
        self._block: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed of the encoding, in words, as far as the file was read; empty for UTF-8."""
        return self._notes

    def blocks(self) -> Iterator[list[str]]:
        """The lines, some at a time.

        Raises:
            InputError: The file can't be read or decoded, holds a NUL character and is no rejects file, or has a line
                longer than 1 MiB. It names the line, and for a byte that can't be decoded its position too.
        """
        head = self._read()
        encoding = encoding_of(head, self._told)
        self._encoding, self._notes = encoding.name, encoding.notes
        self._any_character = head.startswith(_REJECTS, encoding.mark)
        self._may_be_cp1252 &= not encoding.mark and encoding.name == "utf-8"
        decoder = codecs.getincrementaldecoder(self._encoding)()
        seen, rest, block = encoding.mark, "", head[encoding.mark :]
        while True:
            final = not block
            seen += len(block)
            try:
                text = decoder.decode(block, final)
            except UnicodeError as error:
                if not self._is_cp1252(error):
                    # Without its cause, which would print a block of the file.
                    raise self._undecodable(error, seen, rest) from None
                decoder = codecs.getincrementaldecoder(self._encoding)()
                text = decoder.decode(error.object, final)
            self._may_be_cp1252 &= text.isascii()
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

    def _check(self, text: str, rest: str) -> None:
        place = text.find("\0")
        if place < 0 or self._any_character:
            return
        hint = (
            ""
            if self._told
            else "; if it belongs to the file's encoding, name that, for example --encoding utf-16-le"
        )
        raise self._error(f"there is a NUL character here{hint}", line_ends(rest + text[:place]))

    def _is_cp1252(self, error: UnicodeError) -> TypeGuard[UnicodeDecodeError]:
        """Whether the first bytes that are not UTF-8 are CP1252, which the whole file then is taken for."""
        if not self._may_be_cp1252 or not isinstance(error, UnicodeDecodeError):
            return False
        chunk = error.object
        # A character that is cut off at the end tells of a file that is.
        if error.reason == _CUT_OFF or not chunk[: error.start].isascii() or _OF_NO_TEXT(chunk):
            return False
        try:
            chunk.decode(_CP1252)
        except UnicodeDecodeError:
            return False
        self._encoding = _CP1252
        self._notes = ("read as CP1252 (guessed, because it is not UTF-8; --encoding names another)",)
        return True

    def _undecodable(self, error: UnicodeError, seen: int, rest: str) -> InputError:
        if not isinstance(error, UnicodeDecodeError):
            return self._error(
                f"this is not {self._encoding.upper()}: {error}; is that the right --encoding?"
            )
        chunk = bytes(error.object)
        try:
            before = chunk[: error.start].decode(self._encoding, "replace")
        except UnicodeError:
            before = ""  # a codec, such as that of domain names, that replaces nothing
        offset = seen - len(chunk) + error.start
        hint = "name the file's encoding, for example --encoding cp1252"
        if self._told:
            hint = "is that the right --encoding?"
        elif self._encoding == _CP1252:
            hint = "and other bytes here are not UTF-8; name the file's encoding with --encoding"
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
