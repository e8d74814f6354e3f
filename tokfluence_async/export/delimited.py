"""Rows as CSV: RFC 4180 but that a row ends with a line feed alone; UTF-8, a header, commas."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO, Final

from tokfluence_async.export.cells import instant, json_text, safe_json, safe_text
from tokfluence_async.export.schema import Kind, Row, Schema

__all__ = ["CSVWriter"]

_QUOTED: Final = re.compile(r"""[",;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]""")
"""What puts a text into quotes: quotes, and whatever some reader or spreadsheet ends a cell or a row with.

Not left to the csv module, which before Python 3.13 quotes no line end but the one that it writes itself."""


class CSVWriter:
    """Writes rows as CSV. None and empty text are both an empty field.

    A row ends with a line feed. Line ends within a text are kept as they are, in quotes. Unless it is written raw, text
    has apostrophes in front of what some spreadsheet would run, at its beginning or behind a semicolon, a tab or a line
    end; `plain_text` gives it back. Nested values are JSON that reads as the same value.

    Args:
        file: Where to.
        schema: The columns.
        raw: Whether text is written as it is, though a spreadsheet may run it as a formula.
    """

    def __init__(self, file: BinaryIO, schema: Schema, *, raw: bool = False) -> None:
        self._file = file
        self._to_text: list[Callable[[Any], str]] = [
            _converter(column.kind, raw=raw) for column in schema.columns
        ]
        self._write([schema.names])

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        to_text = self._to_text
        self._write(
            ["" if value is None else convert(value) for convert, value in zip(to_text, row, strict=True)]
            for row in rows
        )

    def close(self) -> None:
        """End the table. The file stays open."""

    def abandon(self) -> None:
        """Leave the table as it is. The file stays open."""

    def _write(self, rows: Iterable[Iterable[str]]) -> None:
        self._file.write("".join(f"{','.join(row)}\n" for row in rows).encode())


def _converter(kind: Kind, *, raw: bool) -> Callable[[Any], str]:
    match kind:
        case "text":
            return _field if raw else _safe_field
        case "instant":
            return instant
        case "boolean":
            return _boolean
        case "texts" | "counts" | "music" | "json":
            return _json if raw else _safe_json
        case "integer":
            return str
        case "number":
            return repr


def _field(text: str) -> str:
    if _QUOTED.search(text) is None:
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _safe_field(text: str) -> str:
    return _field(safe_text(text))


def _json(value: Any) -> str:
    return _field(json_text(value))


def _safe_json(value: Any) -> str:
    return _field(safe_json(value))


def _boolean(value: bool) -> str:  # noqa: FBT001 - a converter takes a value
    return "true" if value else "false"
