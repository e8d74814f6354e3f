"""Rows as Arrow: in memory, as Parquet, and as Arrow IPC. Needs the ``parquet`` extra, which is pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO, Final

from tokfluence_async.errors import MissingExtraError, TokfluenceError
from tokfluence_async.export.cells import json_text
from tokfluence_async.export.schema import Column, Row, Schema

__all__ = ["ArrowWriter", "ParquetWriter", "arrow_table"]

EXTRA: Final = "parquet"
_GROUP: Final = 65_536
"""Rows that are kept until they are written together."""


def _pyarrow(what: str, module: str = "pyarrow") -> Any:
    # Any: pyarrow brings no types along.
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(what, EXTRA) from None


def _arrow_schema(pa: Any, schema: Schema) -> Any:
    return pa.schema(
        [(column.name, _type(pa, column)) for column in schema.columns],
        metadata={"tokfluence": f"{schema.resource}/1"},
    )


def _type(pa: Any, column: Column) -> Any:
    match column.kind:
        case "text" | "json":
            return pa.string()
        case "integer":
            return pa.int64()
        case "number":
            return pa.float64()
        case "boolean":
            return pa.bool_()
        case "instant":
            return pa.timestamp("us", tz="UTC")
        case "texts":
            return pa.list_(pa.string())
        case "music":
            return pa.struct([("title", pa.string()), ("author", pa.string()), ("original", pa.bool_())])
        case "counts":
            return pa.list_(pa.struct([("value", pa.string()), ("count", pa.int64())]))


def arrow_table(schema: Schema, rows: Sequence[Row]) -> Any:
    """Rows as a ``pyarrow.Table``.

    Args:
        schema: The columns.
        rows: The rows.

    Raises:
        MissingExtraError: pyarrow is not installed.
        TokfluenceError: A value does not fit its column's type, such as an integer of more than 64 bits.
    """
    pa = _pyarrow("an Arrow table")
    values = zip(*rows, strict=True) if rows else [()] * len(schema.columns)
    arrays: list[Any] = []
    for column, found in zip(schema.columns, values, strict=True):
        cells: Sequence[Any] = found
        if column.kind == "json":
            cells = [None if each is None else json_text(each) for each in found]
        try:
            arrays.append(pa.array(cells, type=_type(pa, column)))
        except (pa.ArrowException, OverflowError) as error:
            raise TokfluenceError(f"column {column.name} can't be written as Arrow: {error}") from None
    return pa.Table.from_arrays(arrays, schema=_arrow_schema(pa, schema))


class _Grouped:
    """Keeps rows until there are enough of them for a row group."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        self._rows.extend(rows)
        while len(self._rows) >= _GROUP:
            self.write_table(arrow_table(self.schema, self._rows[:_GROUP]))
            del self._rows[:_GROUP]

    def close(self) -> None:
        """End the table. The file stays open."""
        if self._rows:
            self.write_table(arrow_table(self.schema, self._rows))
            self._rows.clear()
        self.end()

    def abandon(self) -> None:
        """Leave the table as it is. The file stays open."""
        self._rows.clear()
        # What is wrong with the file is known already.
        with suppress(Exception):
            self.end()

    def write_table(self, table: Any) -> None:
        """Write some rows as they are in Arrow."""

    def end(self) -> None:
        """Write what stands at the end."""


class ParquetWriter(_Grouped):
    """Writes rows as Parquet, compressed with zstd.

    Args:
        file: Where to.
        schema: The columns.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, file: BinaryIO, schema: Schema) -> None:
        super().__init__(schema)
        pa, parquet = _pyarrow("Parquet"), _pyarrow("Parquet", "pyarrow.parquet")
        self._writer: Any = parquet.ParquetWriter(
            pa.PythonFile(file, mode="w"), _arrow_schema(pa, schema), compression="zstd"
        )

    def write_table(self, table: Any) -> None:
        """Write some rows as they are in Arrow."""
        self._writer.write_table(table)

    def end(self) -> None:
        """Write what stands at the end."""
        try:
            self._writer.close()
        finally:
            # The library ends what is still open when it is collected: into a file that is closed by then.
            self._writer.is_open = False


class ArrowWriter(_Grouped):
    """Writes rows as Arrow IPC, in its file form, which Feather version 2 is too; or in its streaming form.

    Args:
        file: Where to.
        schema: The columns.
        streamed: Whether it is in the streaming form, which is read as it comes.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, file: BinaryIO, schema: Schema, *, streamed: bool = False) -> None:
        super().__init__(schema)
        pa, ipc = _pyarrow("Arrow IPC"), _pyarrow("Arrow IPC", "pyarrow.ipc")
        begin = ipc.new_stream if streamed else ipc.new_file
        self._writer: Any = begin(pa.PythonFile(file, mode="w"), _arrow_schema(pa, schema))

    def write_table(self, table: Any) -> None:
        """Write some rows as they are in Arrow."""
        self._writer.write_table(table)

    def end(self) -> None:
        """Write what stands at the end."""
        self._writer.close()
