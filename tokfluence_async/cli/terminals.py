"""Standard output as exports write to it: bytes as they are into a pipe or a file, cleaned text onto a terminal."""

from __future__ import annotations

import codecs
import io
import os
import stat
import sys
from contextlib import suppress
from typing import Any, BinaryIO, Final, TextIO, cast

from tokfluence_async.cli.sanitise import sanitise_lines
from tokfluence_async.errors import ConfigurationError

__all__ = ["binary_stdout", "is_stdout", "refuse_terminal"]

_NAMES: Final = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def is_stdout(output: str) -> bool:
    """Whether a file's name stands for standard output."""
    return output in _NAMES


def refuse_terminal(output: str) -> None:
    """See that a file's name is not that of a terminal, which would be driven by what is written to it.

    Raises:
        ConfigurationError: It is.
    """
    terminal = False
    with suppress(OSError, ValueError):  # what can't be opened is told where it is written
        if stat.S_ISCHR(os.stat(output).st_mode):  # noqa: PTH116 - one call, for a name as it was given
            descriptor = os.open(output, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            terminal = os.isatty(descriptor)
            os.close(descriptor)
    if terminal:
        raise ConfigurationError(f"{output} is a terminal; name a file, a pipe, or - for standard output")


def binary_stdout(what: str, *, is_text: bool) -> BinaryIO:
    """Standard output for bytes; onto a terminal text comes without what would drive it.

    Args:
        what: What is written, for the error.
        is_text: Whether a terminal may show it.

    Raises:
        ConfigurationError: There is none, or it is a terminal and this is not for one.
    """
    stream = sys.stdout
    if stream is None or not hasattr(stream, "buffer"):
        raise ConfigurationError("there is no standard output to write to")
    stream.flush()
    if not stream.isatty():
        return stream.buffer
    if not is_text:
        raise ConfigurationError(f"{what}; write it into a file with -o, or into a pipe")
    return cast("BinaryIO", _Cleaned(stream))


class _Cleaned(io.RawIOBase):
    """Writes UTF-8 to a terminal, in the terminal's own encoding, without what would drive it."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        whole = bytes(data)
        self._terminal.write(sanitise_lines(self._decode(whole)))
        return len(whole)

    def flush(self) -> None:
        self._terminal.flush()
