"""Where a table goes, and in which form: looked at before a credit is spent on what goes there."""

from __future__ import annotations

import inspect
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from attrs import frozen

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.export.atomic import check_writable
from tokfluence_async.export.compression import Compression, compressing
from tokfluence_async.export.formats import Format, compression_for, format_of, named_format, writing
from tokfluence_async.export.schema import Schema

__all__ = ["Destination"]

_STDOUT: Final = 1
"""Its descriptor."""


@frozen
class Destination:
    """A file by its name, or one that is open in binary; and the format of the table."""

    target: Path | BinaryIO
    format: Format
    compression: Compression | None = None
    streamed: bool = False
    """Whether it is read as it comes, from its beginning to its end: a pipe, or standard output."""

    @classmethod
    def of(cls, target: Any, format: Any = None) -> Self:  # noqa: A002 - the word that everybody uses
        """What a caller names.

        Args:
            target: A file's name, or a file that is open in binary.
            format: The format; by the file's suffix if None.

        Raises:
            ConfigurationError: It is neither, or there is no such format.
        """
        given: Any = target
        if isinstance(target, str | os.PathLike):
            path = _path(given)
            chosen = format_of(path) if format is None else named_format(format)
            return cls(path, chosen, compression_for(path, chosen))
        _check_stream(target)
        if format is None:
            raise ConfigurationError("an open file tells no format; say format='csv' or another")
        return cls(given, named_format(format), streamed=_is_streamed(target))

    def check(self, schema: Schema) -> None:
        """See that a table can be written there, as far as that can be told beforehand. Leaves no trace.

        Args:
            schema: The table's columns.

        Raises:
            ConfigurationError: The file can't be created.
            MissingExtraError: The format needs a library that is not installed.
        """
        with compressing(io.BytesIO(), self.compression) as file, writing(self.format, file, schema):
            pass
        if isinstance(self.target, Path):
            check_writable(self.target)


def _path(target: str | os.PathLike[Any]) -> Path:
    name = os.fspath(target)
    if not isinstance(name, str) or "\0" in name:
        raise ConfigurationError(f"{name!r} is no file's name")
    return Path(name)


def _check_stream(target: Any) -> None:
    """See that an open file takes bytes.

    Raises:
        ConfigurationError: It does not.
    """
    kind = type(target).__name__
    write = getattr(target, "write", None)
    if not callable(write) or inspect.iscoroutinefunction(write):
        raise ConfigurationError(
            f"a table goes into a file's name, or a file that is open in binary, which {kind} is not; nothing was sent"
        )
    # What wraps a text file, such as the files of tempfile, tells its encoding too.
    if isinstance(target, io.TextIOBase) or isinstance(getattr(target, "encoding", None), str):
        raise ConfigurationError(
            f"this {kind} is open for text; open the file in binary, as by open(…, 'wb'). Nothing was sent"
        )
    writable = getattr(target, "writable", None)
    if getattr(target, "closed", False) is True or (callable(writable) and not _says_yes(writable)):
        raise ConfigurationError(f"this {kind} is closed, or not open for writing; nothing was sent")


def _is_streamed(file: Any) -> bool:
    """Whether nobody can look for what stands at the end of a file; as of standard output, wherever that is sent."""
    with suppress(AttributeError, OSError, ValueError):
        if file.fileno() == _STDOUT:
            return True
    seekable = getattr(file, "seekable", None)
    return not callable(seekable) or not _says_yes(seekable)


def _says_yes(ask: Any) -> bool:
    try:
        return bool(ask())
    except ValueError:  # a closed file's own answer
        return False
