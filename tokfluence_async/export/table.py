"""A table in memory, and what it can be turned into."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from attrs import evolve, field, frozen

from tokfluence_async.errors import ConfigurationError, MissingExtraError
from tokfluence_async.export.arrow import arrow_table
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.compression import compressing
from tokfluence_async.export.destination import Destination
from tokfluence_async.export.formats import Format, is_text, writing
from tokfluence_async.export.schema import Resource, Row, Schema, schema_of
from tokfluence_async.export.unwritable import unwritable_told
from tokfluence_async.models import Model

__all__ = ["Table"]


@frozen
class Table:
    """Typed rows of one resource of a campaign, in the API's order."""

    schema: Schema
    """The columns."""
    rows: Sequence[Row] = field(repr=False)
    """The rows; None where the API told nothing."""

    @classmethod
    def of(cls, resource: Resource, items: Iterable[Model], *key: object) -> Self:
        """A table of models.

        Args:
            resource: What they are.
            items: The models.
            *key: Values of the columns at the front: the campaign's id, and for comments the post's.

        Raises:
            ConfigurationError: There is no such resource.
        """
        schema = schema_of(resource)
        return cls(schema, schema.rows(items, *key))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows as dictionaries by column."""
        names = self.schema.names
        return (dict(zip(names, row, strict=True)) for row in self.rows)

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``: integers of 64 bits, instants in microseconds of UTC, ``extra`` as JSON text.

        Raises:
            MissingExtraError: pyarrow is not installed.
            TokfluenceError: A value does not fit its column's type.
        """
        return arrow_table(self.schema, self.rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow stream protocol: what DuckDB, polars and others read tables by.

        Raises:
            MissingExtraError: pyarrow is not installed.
        """
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with Arrow's types, so that a missing number does not turn integers into floats.

        Raises:
            MissingExtraError: pandas or pyarrow is not installed.
        """
        pandas = _frames("pandas")
        return self.to_arrow().to_pandas(types_mapper=pandas.ArrowDtype)

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``.

        Raises:
            MissingExtraError: polars or pyarrow is not installed.
        """
        return _frames("polars").DataFrame(self.to_arrow())

    def write(
        self,
        path: str | os.PathLike[str],
        *,
        format: Format | None = None,  # noqa: A002 - the word that everybody uses
        raw: bool = False,
    ) -> None:
        """Write it into a file, which is there whole or not at all.

        Args:
            path: The file. CSV and JSONL are compressed where its name ends with ``.gz``, ``.bz2``, ``.xz`` or
                ``.zst``.
            format: Its format; by the file's suffix if None.
            raw: Whether CSV has text as it is, though a spreadsheet may run it as a formula.

        Raises:
            ConfigurationError: The suffix tells no format, or the file can't be created.
            MissingExtraError: The format needs a library that is not installed.
            TokfluenceError: The file can't be written whole, or a value does not fit its column's type.
        """
        where = Destination.of(path, format)
        if not isinstance(where.target, Path):
            raise ConfigurationError("a table is written into a file by its name")
        with AtomicFile(where.target) as target, unwritable_told(f"{where.target}:"):
            if target.direct and not is_text(where.format):
                # Writers of binary formats seek, or want to know where they are: a pipe can do neither.
                with tempfile.TemporaryFile() as spool:
                    self._write(evolve(where, streamed=True), cast("BinaryIO", spool), raw=raw)
                    spool.seek(0)
                    shutil.copyfileobj(spool, target.file)
            else:
                self._write(where, target.file, raw=raw)
            target.commit()

    def _write(self, where: Destination, file: BinaryIO, *, raw: bool) -> None:
        with (
            compressing(file, where.compression) as stream,
            writing(where.format, stream, self.schema, raw=raw, streamed=where.streamed) as writer,
        ):
            writer.write(self.rows)


def _frames(library: str) -> Any:
    try:
        return import_module(library)
    except ImportError:
        raise MissingExtraError(f"a frame of {library}", library) from None
