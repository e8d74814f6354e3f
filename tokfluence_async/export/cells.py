"""Values as text: instants as ISO 8601 in UTC, nested ones as JSON, and nothing that a spreadsheet would run."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import orjson

__all__ = ["instant", "json_text", "safe_text"]

_FORMULA: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|[\t\r\n]")
"""What spreadsheets take for the beginning of a formula, also behind blanks and what nobody sees, and in its
full-width forms."""


def instant(value: datetime) -> str:
    """An instant in UTC as ISO 8601, such as ``2026-05-15T10:00:00Z``."""
    return value.isoformat().replace("+00:00", "Z")


def json_text(value: Any) -> str:
    """A nested value as JSON on one line."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def safe_text(text: str) -> str:
    """Text that a spreadsheet shows rather than runs: what looks like a formula gets an apostrophe in front.

    A text that has apostrophes in front of what looks like a formula gets one too, so that taking one apostrophe away
    gives the text back.
    """
    return f"'{text}" if _FORMULA.match(text.lstrip("'")) else text
