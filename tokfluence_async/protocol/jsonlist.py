"""A long list in an answer, read entry by entry as it arrives: it is never held as a whole. Sans I/O."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Generator
from typing import Any, Final

from tokfluence_async.protocol.wire import MAX_BODY

__all__ = ["JSONList"]

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"[-+.0-9eE]*")
_HEAD: Final = 64
_NO_JSON: Final = b"\0"

_decode: Final = json.JSONDecoder().raw_decode

Steps = Generator[None, None, Any]
"""What reads a part of the text, stops where it takes more of it, and ends with the value."""


class JSONList:
    """Takes the body of an answer piece by piece, and hands on the entries of its list.

    It reads text and numbers as tolerantly as `codec.loads`. What is besides the list is kept, and no more of it, nor
    of an entry, than any other answer may have.

    Args:
        take: Called with each entry, in order; again from the first where the answer is asked for again.
        path: The list's key, and the keys of the objects that it may be in: of ``("data", "posts")`` it is ``data`` of
            the answer, or ``posts`` of its ``data``.
    """

    def __init__(self, take: Callable[[Any], None], *path: str) -> None:
        self._take = take
        self._path = path
        self.begin()

    def begin(self) -> None:
        """Forget what came before: an answer begins."""
        self._text, self._at = "", 0
        self._head = b""
        self._ended = self._failed = False
        self._rest: dict[str, Any] | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._steps = self._document()

    def feed(self, piece: bytes) -> bool:
        """Take a piece of the body; whether more of it is wanted."""
        if len(self._head) < _HEAD:
            self._head += piece[: _HEAD - len(self._head)]
        if not self._failed:
            self._go_on(self._decoder.decode(piece))
        return not self._failed

    def end(self) -> bytes:
        """The body without the entries: how many there are stands in their place.

        Where it was no object in JSON, it is as much of the body as tells what it was instead, and no JSON either.
        """
        self._ended = True
        if not self._failed:
            self._go_on(self._decoder.decode(b"", final=True))
        if self._rest is None:
            return self._head + _NO_JSON
        return json.dumps(self._rest).encode()

    def _go_on(self, text: str) -> None:
        self._text = self._text[self._at :] + text
        self._at = 0
        try:
            next(self._steps)
        except StopIteration as done:
            self._rest = done.value
            self._failed = self._rest is None
        except (ValueError, RecursionError):
            self._rest, self._failed = None, True

    def _document(self) -> Steps:
        yield from self._pass("\ufeff", optional=True)
        value = yield from self._object(self._path)
        while not self._ended:
            self._check_no_more()
            yield
        self._check_no_more()
        return value

    def _check_no_more(self) -> None:
        self._at = self._blanks_end()
        if self._at < len(self._text):
            raise ValueError("there is more behind the end")

    def _object(self, path: tuple[str, ...]) -> Steps:
        """Read an object in which the list may be."""
        members: dict[str, Any] = {}
        yield from self._pass("{")
        if (yield from self._pass("}", optional=True)):
            return members
        while True:
            name = yield from self._value()
            if not isinstance(name, str):
                raise ValueError("a key is no string")  # noqa: TRY004 - malformed text, not a wrong type of ours
            yield from self._pass(":")
            key, *inner = path or (None,)
            begins = yield from self._next()
            if name == key and name in members:
                raise ValueError("the list is there twice")
            if name == key and begins == "[":
                count = yield from self._entries()
                members[name] = [count] if count else []
            elif name == key and begins == "{":
                members[name] = yield from self._object(tuple(inner))
            else:
                members[name] = yield from self._value()
            if (yield from self._pass("}", optional=True)):
                return members
            yield from self._pass(",")

    def _entries(self) -> Steps:
        """Read the list; how many entries it has."""
        count = 0
        yield from self._pass("[")
        if (yield from self._pass("]", optional=True)):
            return count
        while True:
            self._take((yield from self._value()))
            count += 1
            if (yield from self._pass("]", optional=True)):
                return count
            yield from self._pass(",")

    def _value(self) -> Steps:
        """Read a value as a whole."""
        yield from self._next()
        enough = 0
        while True:
            if len(self._text) - self._at >= enough or self._ended:
                try:
                    value, end = _decode(self._text, self._at)
                except json.JSONDecodeError:
                    if self._ended or len(self._text) - self._at > MAX_BODY:
                        raise
                    # To be tried again only once there is twice as much: all in all that is twice the work at most.
                    enough = 2 * (len(self._text) - self._at)
                else:
                    number = isinstance(value, int | float) and not isinstance(value, bool)
                    found = _NUMBER.match(self._text, end) if number else None
                    if self._ended or found is None or found.end() < len(self._text):
                        self._at = end
                        return value
            yield

    def _next(self) -> Generator[None, None, str]:
        """The next character that is no blank."""
        while True:
            self._at = self._blanks_end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                raise ValueError("it is cut off")
            yield

    def _pass(self, character: str, *, optional: bool = False) -> Generator[None, None, bool]:
        """Pass a character over; whether it was there."""
        there = (yield from self._next()) == character
        self._at += there
        if not (there or optional):
            raise ValueError(f"it has no {character!r} where one must be")
        return there

    def _blanks_end(self) -> int:
        found = _BLANKS.match(self._text, self._at)
        return self._at if found is None else found.end()
