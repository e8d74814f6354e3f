"""The formats of an export, by a file's suffix or by name."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, Literal, Protocol, cast, get_args

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.export.compression import Compression, compression_of, without_compression
from tokfluence_async.export.schema import Row, Schema

__all__ = ["Format", "Writer", "compression_for", "format_of", "is_text", "named_format", "writing"]

Format = Literal["csv", "jsonl", "parquet", "arrow"]
"""A file format."""

_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


class Writer(Protocol):
    """Writes a table's rows as they come."""

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """End the table. The file stays open."""
        ...

    def abandon(self) -> None:
        """Leave the table as it is, after an error. The file stays open, and is not written to afterwards."""
        ...


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a file's suffix stands for; ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` may follow that.

    Raises:
        ConfigurationError: It stands for none.
    """
    suffix = without_compression(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"{os.fspath(path)}: the suffix tells no format; there are {', '.join(_SUFFIXES)}, "
            f"or say it with --format (format=… in Python): {', '.join(get_args(Format))}"
        )
    return _SUFFIXES[suffix]


def named_format(name: Any) -> Format:
    """A format by its name.

    Raises:
        ConfigurationError: There is none of this name.
    """
    if name not in get_args(Format):
        raise ConfigurationError(f"there is no format {name!r}; there are {', '.join(get_args(Format))}")
    return cast("Format", name)


def compression_for(path: str | os.PathLike[str], format: Format) -> Compression | None:  # noqa: A002 - as below
    """How a file of this name is compressed; None if it is not.

    Raises:
        ConfigurationError: The format is compressed in itself, or read from anywhere within the file.
    """
    compression = compression_of(path)
    if compression is not None and not is_text(format):
        raise ConfigurationError(
            f"{os.fspath(path)}: {format} is not compressed as a whole; name it {without_compression(path)}"
        )
    return compression


def is_text(format: Format) -> bool:  # noqa: A002 - the word that everybody uses
    """Whether a format is text, which may go to a terminal."""
    return format in {"csv", "jsonl"}


@contextmanager
def writing(
    format: Format,  # noqa: A002 - as above
    file: BinaryIO,
    schema: Schema,
    *,
    raw: bool = False,
    streamed: bool = False,
) -> Generator[Writer]:
    """A writer of a table, which is ended when the context is left; the file stays open.

    Args:
        format: The format.
        file: Where to, in binary.
        schema: The table's columns.
        raw: Whether CSV has text as it is, though a spreadsheet may run it as a formula.
        streamed: Whether it is read as it comes: Arrow has a form for that.

    Raises:
        MissingExtraError: The format needs a library that is not installed.
    """
    writer = _writer(format, file, schema, raw=raw, streamed=streamed)
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.abandon()
        raise


def _writer(
    format: Format,  # noqa: A002 - as above
    file: BinaryIO,
    schema: Schema,
    *,
    raw: bool,
    streamed: bool,
) -> Writer:
    # Each format's libraries are imported when it is used.
    match format:
        case "csv":
            from tokfluence_async.export.delimited import CSVWriter  # noqa: PLC0415 - as above

            return CSVWriter(file, schema, raw=raw)
        case "jsonl":
            from tokfluence_async.export.jsonlines import JSONLWriter  # noqa: PLC0415 - as above

            return JSONLWriter(file, schema)
        case "parquet":
            from tokfluence_async.export.arrow import ParquetWriter  # noqa: PLC0415 - as above

            return ParquetWriter(file, schema)
        case "arrow":
            from tokfluence_async.export.arrow import ArrowWriter  # noqa: PLC0415 - as above

            return ArrowWriter(file, schema, streamed=streamed)
