"""Values as text: instants as ISO 8601 in UTC, nested ones as JSON, and nothing that a spreadsheet would run."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import orjson

__all__ = ["instant", "json_text", "plain_text", "safe_json", "safe_text"]

_STARTS: Final = r"=+\-@\uff1d\uff0b\uff0d\uff20|%"
_FORMULA: Final = re.compile(rf"[\s\x00-\x1f\x7f-\x9f\u200b\ufeff]*[{_STARTS}]|[\t\r\n]")
"""What spreadsheets take for the beginning of a formula, also behind blanks and what nobody sees, and in its
full-width forms."""

_ENDS: Final = r";\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
"""What may end a cell, or a row, within a quoted text.

A reader that parts cells by semicolons or tabs knows no quotes but those in front of its own cells: a text in another
place it takes to pieces, quotes or not. A comma is none of these: whoever parts by commas sees our quotes.
"""
_LEAD: Final = rf"(?:(?![{_ENDS}])[\s\x00-\x1f\x7f-\x9f\u200b\ufeff\"])*+"
"""What may stand between the beginning of a cell and a formula: whoever takes our quotes for his own drops them."""
_INNER: Final = re.compile(rf"([{_ENDS}])(?='*+{_LEAD}[{_STARTS}])")
_GUARDED: Final = re.compile(rf"([{_ENDS}])'(?='*+{_LEAD}[{_STARTS}])")
_IN_JSON: Final = re.compile(rf"([{_ENDS}]{_LEAD})([{_STARTS}])")


def instant(value: datetime) -> str:
    """An instant in UTC as ISO 8601, such as ``2026-05-15T10:00:00Z``."""
    return value.isoformat().replace("+00:00", "Z")


def json_text(value: Any) -> str:
    """A nested value as JSON on one line."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def safe_json(value: Any) -> str:
    r"""As `json_text`, but that no reader by commas, semicolons or tabs finds a formula in it.

    What would begin one is written as JSON's own escape, such as ``\u003d`` for ``=``: it reads as the same value.
    """
    return _IN_JSON.sub(lambda found: f"{found[1]}\\u{ord(found[2]):04x}", json_text(value))


def safe_text(text: str) -> str:
    """Text that a spreadsheet shows rather than runs: what looks like a formula gets an apostrophe in front.

    So does what looks like one within the text where a reader by semicolons or tabs, or one that ends rows at every
    line end, would begin a cell. Where there are apostrophes in front already there will be one more, so that
    `plain_text` gives any text back.
    """
    guarded = _INNER.sub(r"\1'", text)
    return f"'{guarded}" if _FORMULA.match(text.lstrip("'")) else guarded


def plain_text(safe: str) -> str:
    """What `safe_text` has made a text of; the text itself, where it has made none."""
    inner = _GUARDED.sub(r"\1", safe)
    return next((each for each in (inner, inner[1:]) if safe_text(each) == safe), safe)
