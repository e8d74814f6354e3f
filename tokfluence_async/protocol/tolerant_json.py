"""JSON that is almost JSON: what writers less strict than its standard make of odd text and odd numbers.

An answer is paid for, so what can be read of it is. Each kind of thing that can't be is put in words that JSON has,
and then the usual reader reads the rest, with its usual limits.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

__all__ = ["loads"]

_HEX: Final = "[0-9a-fA-F]"
_HIGH: Final = rf"\\u[dD][89abAB]{_HEX}{{2}}"
_LOW: Final = rf"\\u[dD][c-fC-F]{_HEX}{{2}}"

_SURROGATES: Final = re.compile(rf"{_HIGH}{_LOW}|({_HIGH}|{_LOW})|\\.", re.DOTALL)
"""Escapes, each as a whole, for what stands after an escaped backslash is none; in a group of its own, halves of pairs
of surrogates."""

_STRING: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"?'  # even one without an end is passed in one go
_CONSTANTS: Final = re.compile(rf"({_STRING})|-?\bInfinity\b|\bNaN\b", re.DOTALL)
"""Numbers that JSON has no words for; in a group of its own, strings, which may hold such words."""


def loads(body: bytes) -> Any:
    r"""Plain data from what is JSON but for its text or its numbers; much slower than a strict reader.

    Bytes that are no UTF-8, and escaped surrogates without their other half (``\ud83d``, of text that was cut off in
    the midst of a character), become U+FFFD; ``NaN`` and the infinities become None. A byte order mark is passed over.

    Args:
        body: What a strict reader has refused.

    Returns:
        What can be written as JSON again.

    Raises:
        ValueError: It is no JSON for another reason, or no object, list or text.
    """
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    if not text.lstrip(" \t\r\n").startswith(("{", "[", '"')):
        raise ValueError("it is no object, list or text")
    text = _SURROGATES.sub(lambda found: "\\ufffd" if found[1] else found[0], text)
    if "NaN" in text or "Infinity" in text:
        text = _CONSTANTS.sub(lambda found: found[1] or "null", text)
    value = orjson.loads(text)
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return value
