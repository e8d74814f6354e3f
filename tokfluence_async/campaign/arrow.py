"""Rows of columnar tables: Parquet and Arrow IPC files, and whatever speaks the Arrow stream protocol.

They carry types, so nothing is guessed from text: URLs and creators are strings, fees integers, decimals or strings.
Rows are counted by record, from 1.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, BinaryIO, Final, Protocol, cast

from attrs import define

from tokfluence_async.campaign.arrowshape import TableShape
from tokfluence_async.campaign.cells import CellReader
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.creators import guessed_creators
from tokfluence_async.campaign.rows import BLOCK_ROWS, RowBlock, RowStream
from tokfluence_async.campaign.surrogates import escaped
from tokfluence_async.errors import InputError, MissingExtraError

__all__ = ["ArrowStream", "open_table", "read_ipc", "read_parquet"]

_BATCH_ROWS: Final = 16 * BLOCK_ROWS
_IPC_FILE: Final = b"ARROW1"
_FEATHER_1: Final = b"FEA1"
_SHOWN: Final = 200
_MIXED: Final = re.compile(r"Conversion failed for column (.+) with type").search
"""What pyarrow says of a column of pandas whose values are of several types."""


class ArrowStream(Protocol):
    """A table that speaks the Arrow stream protocol: of pandas, polars, DuckDB, pyarrow and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule that holds the table as a stream."""
        ...


def open_table(table: ArrowStream, options: InputOptions | None = None, *, name: str = "table") -> RowStream:
    """Opens a table in memory, or a query's result.

    Args:
        table: The table, which is read batch by batch; a lazy frame of polars must be collected first. A single column
            without a table, such as a series, holds URLs.
        options: Which columns mean what; guessed by default.
        name: What to call it in rows and errors.

    Raises:
        InputError: It does not speak the Arrow stream protocol, holds what has no form in Arrow, such as a column of
            several types, or its columns can't be told.
        MissingExtraError: Pyarrow is not installed.
    """
    arrow, name = _pyarrow("a table of Arrow data"), escaped(name)
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        reader = _reader(arrow, table, name)
    elif callable(getattr(table, "collect", None)):
        raise InputError(
            f"{type(table).__name__} is lazy, a table still to be computed; give what its .collect() returns",
            source=name,
        )
    else:
        raise InputError(
            f"{type(table).__name__} does not speak the Arrow stream protocol (__arrow_c_stream__); "
            "give its rows to add_items, as tuples or mappings",
            source=name,
        )
    total = getattr(table, "num_rows", None)
    total = total if isinstance(total, int) else None
    return _open(reader.schema, reader, name=name, options=options or InputOptions(), total=total)


def _reader(arrow: Any, table: ArrowStream, name: str) -> Any:
    """What reads the batches of a stream; if that is a column without a table, it has the name ``url``."""
    errors = arrow.ArrowException, OSError, TypeError, ValueError
    try:
        if not hasattr(table, "__arrow_c_stream__"):
            return _column(arrow, arrow.array(table))
        try:
            return arrow.RecordBatchReader.from_stream(table)
        except arrow.ArrowInvalid as error:
            # The protocol tells a column from a table only by this.
            try:
                return _column(arrow, arrow.chunked_array(table))
            except errors:
                raise error from None
    except errors as error:
        raise _unreadable(error, name) from None


def _column(arrow: Any, values: Any) -> Any:
    return arrow.table({"url": values}).to_reader()


def _unreadable(error: Exception, name: str) -> InputError:
    """What is wrong with a table that can't be turned into one of Arrow's."""
    what = "; ".join(map(str, error.args[:1])).partition("\n")[0][:_SHOWN]
    mixed = _MIXED(" ".join(map(str, error.args)))
    if mixed is None:
        return InputError(f"the table can't be read: {what}", source=name)
    return InputError(
        f"the column {mixed[1]!r} can't be read: {what}; make its values all of one type, or leave it out",
        source=name,
        column=mixed[1],
    )


def read_parquet(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a Parquet file; of its columns only those that are needed are read.

    Raises:
        InputError: It is not a Parquet file, or its columns can't be told.
        MissingExtraError: Pyarrow is not installed.
    """
    arrow = _pyarrow("reading Parquet")
    parquet: Any = import_module("pyarrow.parquet")
    seekable = _seekable(stream)
    try:
        try:
            file = parquet.ParquetFile(seekable)
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise _damaged("a Parquet file", error, name) from None
        shape = TableShape.of(file.schema_arrow, name, options)
        batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=shape.needed)
        rows = _rows(shape, batches, name=name, total=file.metadata.num_rows)
    except BaseException:
        if seekable is not stream:
            seekable.close()
        raise
    if seekable is not stream:
        rows.on_close(seekable.close)
    return rows


def read_ipc(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens an Arrow IPC file (also called Feather), of which only the columns that are needed are read, or IPC stream.

    Raises:
        InputError: It is neither, or its columns can't be told.
        MissingExtraError: Pyarrow is not installed.
    """
    arrow = _pyarrow("reading Arrow files")
    ipc: Any = import_module("pyarrow.ipc")
    seekable = _seekable(stream)
    try:
        magic = seekable.read(len(_IPC_FILE))
        seekable.seek(0)
        if magic.startswith(_FEATHER_1):
            raise InputError(
                "this is a Feather file of the first version, which is no longer read; "
                "write it anew as Parquet or as Feather version 2",
                source=name,
            )
        is_file = magic == _IPC_FILE
        try:
            file = ipc.open_file(seekable) if is_file else ipc.open_stream(seekable)
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise _damaged("an Arrow file", error, name) from None
        shape = TableShape.of(file.schema, name, options)
        needed = shape.needed
        if is_file and needed is not None and len(needed) < len(file.schema):
            # Anew, now that it is known what is needed: one batch may be the whole table.
            places = [file.schema.get_field_index(each) for each in needed]
            seekable.seek(0)
            file = ipc.open_file(seekable, options=ipc.IpcReadOptions(included_fields=places))
        batches = map(file.get_batch, range(file.num_record_batches)) if is_file else file
        rows = _rows(shape, batches, name=name, total=None)
    except BaseException:
        if seekable is not stream:
            seekable.close()
        raise
    if seekable is not stream:
        rows.on_close(seekable.close)
    return rows


def _open(
    schema: Any, batches: Iterable[Any], *, name: str, options: InputOptions, total: int | None
) -> RowStream:
    return _rows(TableShape.of(schema, name, options), batches, name=name, total=total)


def _rows(shape: TableShape, batches: Iterable[Any], *, name: str, total: int | None) -> RowStream:
    fees = shape.choice.fee_parser()
    creators = guessed_creators(shape.choice)
    reading = _Reading(shape, name, CellReader(fees, source=name, creators=creators))
    return RowStream(
        name,
        shape.choice,
        tuple(leaf.name for leaf in shape.leaves),
        fees,
        reading.blocks(batches),
        counted="row",
        progress=lambda: (reading.done, total),
        notes=lambda: shape.notes,
        creators=[creators] if creators is not None else [],
    )


@define
class _Reading:
    """Reads the batches of one table."""

    shape: TableShape
    name: str
    cells: CellReader
    done: int = 0
    """Records read so far."""

    def blocks(self, batches: Iterable[Any]) -> Iterator[RowBlock]:
        """The rows, some at a time."""
        arrow = _pyarrow("reading Arrow data")
        left = iter(batches)
        while True:
            try:
                batch = next(left, None)
                if batch is None:
                    break
                for first in range(0, batch.num_rows, BLOCK_ROWS):
                    yield self._block(batch.slice(first, BLOCK_ROWS))
            except UnicodeDecodeError as error:
                raise InputError(
                    f"a column of bytes that is read as text is not UTF-8 ({error.reason}); make it text first",
                    source=self.name,
                    row=self.done + 1,
                ) from None
            except (arrow.ArrowException, OSError, ValueError) as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(
                    f"the table can't be read on: {_first_line(error)}", source=self.name, row=self.done + 1
                ) from None
        if not self.done:
            raise InputError("the table holds no rows", source=self.name)

    def _block(self, batch: Any) -> RowBlock:
        choice, values = self.shape.choice, self.shape.values
        urls = [url or "" for url in values(batch, choice.url)]
        handles = [handle or "" for handle in values(batch, choice.handle)] if choice.handle else None
        fees = values(batch, choice.fee) if choice.fee else None
        currencies = [each or "" for each in values(batch, choice.currency)] if choice.currency else None
        first = self.done + 1
        self.done += len(urls)
        columns = [urls, *([handles] if handles else []), *([map(_text, fees)] if fees else [])]
        records = [list(record) for record in zip(*columns, strict=True)]
        return self.cells.block(range(first, self.done + 1), urls, handles, fees, records, currencies)


def _text(fee: object) -> str:
    return "" if fee is None else str(fee)


def _seekable(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or a copy of it on disk: the contents of these files stand at their end."""
    seekable = getattr(stream, "seekable", None)
    if seekable is not None and seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads the rows closes it
    try:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return cast("BinaryIO", copy)


def _damaged(what: str, error: Exception, name: str) -> InputError:
    return InputError(f"this is not {what}, or it is damaged or cut off ({_first_line(error)})", source=name)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:_SHOWN]


def _pyarrow(what: str) -> Any:
    try:
        return import_module("pyarrow")
    except ImportError:
        raise MissingExtraError(what, "parquet") from None
