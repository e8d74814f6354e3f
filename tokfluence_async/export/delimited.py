"""Rows as CSV: RFC 4180 with line feeds, UTF-8, a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from tokfluence_async.export.cells import instant, json_text, safe_text
from tokfluence_async.export.schema import Kind, Row, Schema

__all__ = ["CSVWriter"]


class CSVWriter:
    """Writes rows as CSV. None and empty text are both an empty field.

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
            [
                ["" if value is None else convert(value) for convert, value in zip(to_text, row, strict=True)]
                for row in rows
            ]
        )

    def close(self) -> None:
        """End the table. The file stays open."""

    def _write(self, rows: Sequence[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())


def _converter(kind: Kind, *, raw: bool) -> Callable[[Any], str]:
    match kind:
        case "text":
            return _plain if raw else safe_text
        case "instant":
            return instant
        case "boolean":
            return _boolean
        case "texts" | "counts" | "music" | "json":
            return json_text
        case "integer":
            return str
        case "number":
            return repr


def _plain(value: str) -> str:
    return value


def _boolean(value: bool) -> str:  # noqa: FBT001 - a converter takes a value
    return "true" if value else "false"
