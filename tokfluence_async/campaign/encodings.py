"""Encodings of text: how each is told by the beginning of a file, and other ones as UTF-8."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, Final, cast

from attrs import frozen

from tokfluence_async.errors import InputError

__all__ = ["Encoding", "as_utf_8", "checked", "encoding_of", "utf_16_of"]

_UTF_16: Final = "utf-16"
_NUL_MANY: Final = 0.5
_NUL_FEW: Final = 0.1
"""Shares of 16-bit units: of URLs in UTF-16 nearly all have a NUL in one place, next to none in the other."""

# The marks of UTF-32 begin with those of UTF-16, so they come first.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@frozen
class Encoding:
    """How a text is encoded.

    Attributes:
        name: As Python names it.
        mark: Bytes of the byte order mark in front; 0 without one.
        guessed: Whether neither the caller nor a mark tells it in full, and it is not the usual UTF-8.
    """

    name: str
    mark: int = 0
    guessed: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed, in words; empty if nothing was."""
        return (f"read as {self.name.upper()} (guessed)",) if self.guessed else ()

    def first_character(self, head: bytes) -> str:
        """The first character of a text that is no blank; empty if that can't be told.

        Args:
            head: How the text begins.
        """
        try:
            return head[self.mark :].decode(self.name, "ignore").lstrip()[:1]
        except UnicodeError:
            return ""


def encoding_of(head: bytes, told: str | None = None) -> Encoding:
    """The encoding of a text.

    Args:
        head: How it begins.
        told: The encoding that the caller named; None to go by the byte order mark. Without one it is UTF-16 if every
            other byte is nearly always NUL, as in text of mostly Latin letters; else UTF-8.

    Raises:
        InputError: There is no encoding of the name told.
    """
    name = checked(told) if told else None
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark) and (name is None or encoding.startswith(name)):
            return Encoding(encoding, len(mark))
    guess = utf_16_of(head) if name in {None, _UTF_16} else None
    if guess is not None:
        return Encoding(guess, guessed=True)
    return Encoding(name or "utf-8")


def checked(name: str) -> str:
    """The name of an encoding as Python knows it.

    Raises:
        InputError: There is none of that name.
    """
    try:
        "".encode(name)  # a codec of the standard library need not be one of text
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise InputError(f"there is no text encoding {name!r}; --encoding takes names like cp1252") from None


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


def as_utf_8(stream: BinaryIO, encoding: Encoding) -> BinaryIO:
    """A text as UTF-8, without a byte order mark.

    Args:
        stream: The text from its beginning. It stays open.
        encoding: How it is encoded.

    Returns:
        What to read in its place, front to back. Bytes that can't be decoded make its `read` raise OSError.
    """
    stream.read(encoding.mark)
    return stream if encoding.name == "utf-8" else cast("BinaryIO", _Recoded(stream, encoding))


class _Recoded(io.RawIOBase):
    """A text in another encoding, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: Encoding) -> None:
        self._stream = stream
        self._name = encoding.name
        self._decoder = codecs.getincrementaldecoder(encoding.name)()
        self._seen = encoding.mark

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """What some more bytes of the file are in UTF-8, perhaps more of them; none only at the end."""
        while True:
            block = self._stream.read(size)
            self._seen += len(block)
            try:
                found = self._decoder.decode(block, not block).encode()
            except UnicodeError as error:
                raise OSError(f"{self._problem(error)}; is that the file's encoding?") from None
            if found or not block:
                return found

    def _problem(self, error: UnicodeError) -> str:
        if not isinstance(error, UnicodeDecodeError):
            return f"this is not {self._name.upper()}"
        place = self._seen - len(error.object) + error.start
        return f"what stands at position {place} is not {self._name.upper()}"
