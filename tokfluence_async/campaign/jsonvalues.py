"""JSON cut into values, without parsing them and in bounded memory."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final

from attrs import define, field

from tokfluence_async.campaign.textlines import BLOCK_BYTES
from tokfluence_async.errors import InputError

__all__ = ["JSONValues"]

MAX_VALUE_BYTES: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT: Final = re.compile(rb'\{(?:[^{}\[\]"]++|' + _STRING + rb")*+\}", re.DOTALL).match
"""An object with nothing nested in it, which is what most are, at one go."""
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[{}\[\]]', re.DOTALL).finditer
"""A string, perhaps one that goes on in what is still to come, or what nests."""
_SCALAR: Final = re.compile(_STRING + rb"|[^\s,\[\]{}\"]++", re.DOTALL).match
_BLANK: Final = re.compile(rb"\s*+").match


@define
class JSONValues:
    """Cuts a stream of JSON into the values of its array, or into its values, without parsing them."""

    stream: BinaryIO
    name: str
    key: str | None = field(default=None, init=False)
    """Under which the array stands whose values they are, once the first of them was read; None if under none."""
    _left: bytes = field(default=b"", init=False)
    _done: int = field(default=0, init=False)
    """Values so far."""
    _line: int = field(default=1, init=False)
    _begun: bool = field(default=False, init=False)
    _ended: bool = field(default=False, init=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be said of where the values stand."""
        return () if self.key is None else (f"the rows are those of the array under {self.key!r}",)

    def values(self) -> Iterator[str]:
        """The text of each value.

        Raises:
            InputError: What is there is no JSON, is cut off, or holds a value larger than 1 MiB.
        """
        if self._begin() == b"[":
            self._take(1)
            yield from self._counted(self._elements())
            if self._next():
                raise self._error("there is something after the end of the JSON")
            return
        while (char := self._next()) not in {b"", b"]"}:
            if char == b",":
                raise self._error("there is a comma too many")
            text = self._value()
            self._done += 1
            yield text
        if self._left:
            raise self._error("there is something after the end of the JSON")

    def within(self) -> Iterator[str]:
        """The text of each value in the one array of objects that stands in the object that is the file.

        Raises:
            InputError: As for `values`; or there is no such array, or more than one.
        """
        self._begin()
        self._take(1)
        first = True
        while self._next() != b"}":
            if not first:
                self._expect(b",", "a comma is missing between two values")
            first = False
            if self._next() != b'"':
                raise self._error("a key is missing")
            key = str(json.loads(self._value()))
            self._expect(b":", "a colon is missing after a key")
            if self._next() != b"[":
                self._value()
                continue
            self._take(1)
            elements = self._elements()
            if self._next() != b"{":
                deque(elements, maxlen=0)
                continue
            if self.key is not None:
                raise self._error(
                    f"arrays of objects stand under {self.key!r} and under {key!r}; "
                    "make the one that you mean a file of its own"
                )
            self.key = key
            yield from self._counted(elements)
        self._take(1)
        if self.key is None:
            raise self._error("there is no array of objects in this object")
        if self._next():
            raise self._error("there is something after the end of the JSON")

    def object_ahead(self) -> str | None:
        """The text of the object that is next, without taking it; None if it is larger than a value may be.

        Returns:
            An empty text if what is next is no object.

        Raises:
            InputError: It is cut off.
        """
        if self._begin() != b"{":
            return ""
        while (end := self._end()) is None:
            if len(self._left) > MAX_VALUE_BYTES:
                return None
            if self._ended:
                raise self._error("the value is cut off")
            self._more()
        return self._left[:end].decode(errors="replace")

    def _elements(self) -> Iterator[str]:
        """The text of each value of the array that was just entered, which is left at its end."""
        text, separated = "", True
        while (char := self._next()) != b"]":
            if not char:
                raise self._error("the array is cut off: it has no end")
            if not separated:
                self._expect(b",", "a comma is missing between two values")
                separated = True
                continue
            if char == b",":
                raise self._error("there is a comma too many")
            text, separated = self._value(), False
            yield text
        if text and separated:
            raise self._error("there is a comma too many")
        self._take(1)

    def _counted(self, texts: Iterator[str]) -> Iterator[str]:
        for text in texts:
            self._done += 1
            yield text

    def _begin(self) -> bytes:
        """The first character that is not blank, without taking it."""
        if not self._begun:
            self._begun = True
            self._more()
            self._left = self._left.removeprefix(_BOM)
        return self._next()

    def _expect(self, char: bytes, otherwise: str) -> None:
        if self._next() != char:
            raise self._error(otherwise if self._left else "the object is cut off: it has no end")
        self._take(1)

    def _value(self) -> str:
        while (end := self._end()) is None:
            if len(self._left) > MAX_VALUE_BYTES:
                raise self._error(f"the value is larger than {MAX_VALUE_BYTES} bytes")
            if self._ended:
                raise self._error("the value is cut off")
            self._more()
        raw = self._left[:end]
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise self._error("this is not UTF-8, as JSON must be") from None
        self._take(end)
        return text

    def _end(self) -> int | None:
        """Where the next value ends; None if that can't be told yet."""
        left = self._left
        if left[:1] in b"{[":
            flat = _FLAT(left)
            if flat is not None:
                return flat.end()
            depth = 0
            for token in _TOKEN(left):
                if token[1] == b"":
                    return None
                depth += token[0] in (b"{", b"[")
                depth -= token[0] in (b"}", b"]")
                if not depth:
                    return token.end()
            return None
        scalar = _SCALAR(left)
        if scalar is None:
            if left[:1] == b'"':
                return None  # a string that is not complete yet
            raise self._error("this is not JSON")
        # A number or a word may go on in what is still to come.
        return scalar.end() if scalar.end() < len(left) or self._ended else None

    def _next(self) -> bytes:
        """The next character that is not blank, without taking it; empty at the end."""
        while True:
            blank = _BLANK(self._left)
            self._take(blank.end() if blank else 0)
            if self._left or not self._more():
                return self._left[:1]

    def _take(self, size: int) -> None:
        if size:
            self._line += self._left.count(b"\n", 0, size)
            self._left = self._left[size:]

    def _more(self) -> bool:
        try:
            block = self.stream.read(BLOCK_BYTES)
        except OSError as error:
            raise self._error(f"can't be read: {error.strerror or error}") from error
        self._ended = not block
        self._left += block
        return bool(block)

    def _error(self, message: str) -> InputError:
        return InputError(f"{message} (on line {self._line})", source=self.name, row=self._done + 1)
