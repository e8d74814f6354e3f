"""The key, blotted out of what a server quotes: as it is, or in JSON's escapes, which become the key on decoding."""

from __future__ import annotations

import re
from functools import cached_property

from tokfluence_async.options import APIKey

__all__ = ["Redactor"]

_SHORT = '"/\\'
"""Characters that JSON can escape by a backslash alone, among those that a key can hold."""


class Redactor:
    """Blots one key out.

    Args:
        key: The key.

    Attributes:
        signs: One of these stands in each body that has to be looked at: a search for two constants is all that an
            answer without the key costs, as a rule.
    """

    def __init__(self, key: APIKey) -> None:
        self._key = key.reveal()
        self._mark = repr(key)
        self._has_short = bool({*self._key} & {*_SHORT})
        self.signs: tuple[bytes, bytes] = self._key.encode(), b"\\" if self._has_short else b"\\u00"

    def body(self, body: bytes) -> bytes:
        """A body in which no text is the key, once it is decoded."""
        mark = self._mark.encode()
        # Most escapes are of other characters: those of the key are searched for first, some twenty times as fast.
        if self._hint.search(body):
            body = self._escaped.sub(mark, body)
        return body.replace(self._key.encode(), mark)

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        """Headers without the key."""
        if self._key in "\n".join(headers.values()):
            return {name: value.replace(self._key, self._mark) for name, value in headers.items()}
        return headers

    @cached_property
    def _hint(self) -> re.Pattern[bytes]:
        pattern = rf"\\u00(?:{'|'.join(sorted({_hex(each) for each in self._key}))})"
        return re.compile((pattern + r'|\\["/\\]' * self._has_short).encode())

    @cached_property
    def _escaped(self) -> re.Pattern[bytes]:
        return re.compile("".join(map(_in_json, self._key)).encode())


def _hex(character: str) -> str:
    """A pattern of the two digits of a character's code."""
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in f"{ord(character):02x}")


def _in_json(character: str) -> str:
    """A pattern of a character in JSON: itself, or escaped; more than once, too, as in JSON within JSON."""
    plain = re.escape(character)
    if character not in _SHORT:
        short = ""
    elif character == "\\":
        short = r"\\{2}|"  # no more: those that follow it are others' escapes
    else:
        short = rf"\\{{1,8}}{plain}|"
    return rf"(?:\\{{1,8}}u00{_hex(character)}|{short}{plain})"
