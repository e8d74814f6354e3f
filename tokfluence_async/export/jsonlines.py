"""Rows as JSON Lines: an object a line, with every column, nested values nested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import orjson

from tokfluence_async.export.cells import instant
from tokfluence_async.export.schema import Row, Schema

__all__ = ["JSONLWriter"]


class JSONLWriter:
    """Writes rows as JSON Lines.

    Args:
        file: Where to.
        schema: The columns.
    """

    def __init__(self, file: BinaryIO, schema: Schema) -> None:
        self._file = file
        self._names = schema.names
        self._instants = {column.name for column in schema.columns if column.kind == "instant"}

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        self._file.write(
            b"".join(orjson.dumps(self._object(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        )

    def close(self) -> None:
        """End the table. The file stays open."""

    def abandon(self) -> None:
        """Leave the table as it is. The file stays open."""

    def _object(self, row: Row) -> dict[str, Any]:
        fields = dict(zip(self._names, row, strict=True))
        for name in self._instants:
            if fields[name] is not None:
                fields[name] = instant(fields[name])
        return fields
