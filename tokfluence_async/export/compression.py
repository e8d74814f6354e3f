"""Compressed exports: gzip, bzip2, xz and Zstandard, by what a file's name ends with."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, cast, get_args

from tokfluence_async.errors import MissingExtraError

__all__ = ["Compression", "compressing", "compression_of", "without_compression"]

Compression = Literal[".gz", ".bz2", ".xz", ".zst"]
"""How a file is compressed, by the end of its name."""

_ALL: Final[tuple[Compression, ...]] = get_args(Compression)


def compression_of(path: str | os.PathLike[str]) -> Compression | None:
    """How a file of this name is compressed; None if it is not."""
    suffix = Path(path).suffix.lower()
    return next((each for each in _ALL if each == suffix), None)


def without_compression(path: str | os.PathLike[str]) -> Path:
    """A file's name without what says that it is compressed."""
    whole = Path(path)
    return whole.with_suffix("") if compression_of(whole) else whole


@contextmanager
def compressing(file: BinaryIO, compression: Compression | None) -> Generator[BinaryIO]:
    """What to write to so that a file is compressed; the file stays open, and is whole once the context is left.

    Args:
        file: Where to, in binary.
        compression: How; None does not compress.

    Raises:
        MissingExtraError: It is Zstandard, and that package is not installed.
    """
    if compression is None:
        yield file
        return
    stream = _opened(file, compression)
    try:
        yield stream
    except BaseException:
        # What is wrong with the file already is not told twice.
        with suppress(OSError, ValueError):
            stream.close()
        raise
    stream.close()


def _opened(file: BinaryIO, compression: Compression) -> BinaryIO:
    # Any: each library is imported when it is used, and zstandard need not be there.
    library: Any
    match compression:
        case ".gz":
            library = import_module("gzip")
            # Neither a name nor a time: the same rows are the same bytes.
            return cast("BinaryIO", library.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0))
        case ".bz2":
            return cast("BinaryIO", import_module("bz2").BZ2File(file, "wb"))
        case ".xz":
            return cast("BinaryIO", import_module("lzma").LZMAFile(file, "wb"))
        case ".zst":
            try:
                library = import_module("zstandard")
            except ImportError:
                raise MissingExtraError("writing .zst files", "zstd") from None
            return cast("BinaryIO", library.ZstdCompressor().stream_writer(file, closefd=False))
