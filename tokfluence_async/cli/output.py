"""The two streams: data on stdout, everything else on stderr. Colour where there is a terminal for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Any, Literal, TextIO

from attrs import frozen

from tokfluence_async.cli.sanitise import sanitise
from tokfluence_async.errors import TokfluenceError

__all__ = ["Line", "Style", "print_json", "print_lines", "say", "say_lines"]

Style = Literal["", "bold", "green", "yellow", "red", "dim"]


@frozen
class Line:
    """A line for a person to read."""

    text: str = ""
    style: Style = ""


def say(text: str, style: Style = "") -> None:
    """Print one line on stderr: what is going on, not a result."""
    say_lines([Line(text, style)])


def say_lines(lines: Iterable[Line]) -> None:
    """Print lines on stderr. That nobody reads them, or that they can't be written, is no reason to end a load."""
    with suppress(OSError):
        _write(lines, sys.stderr)


def print_lines(lines: Iterable[Line]) -> None:
    """Print lines on stdout. A line is never broken, so that a command in it can be copied.

    Raises:
        BrokenPipeError: Nobody reads stdout any more.
        TokfluenceError: It can't be written.
    """
    with _told():
        _write(lines, sys.stdout)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document on stdout, in ASCII: it is as safe on a terminal as in a pipe.

    Raises:
        BrokenPipeError: Nobody reads stdout any more.
        TokfluenceError: It can't be written.
    """
    stream: TextIO | None = sys.stdout
    if stream is not None:
        with _told():
            stream.write(json.dumps(document, indent=2) + "\n")
            stream.flush()


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TokfluenceError(f"the output can't be written: {error.strerror or error}") from None


def _write(lines: Iterable[Line], stream: TextIO | None) -> None:
    if stream is None:  # the shell closed it
        return
    if stream.isatty():
        _write_styled(lines, stream)
    else:
        for line in lines:
            stream.write(f"{sanitise(line.text)}\n")
    stream.flush()


def _write_styled(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415 - likewise

    console = Console(file=stream)
    for line in lines:
        console.print(Text(sanitise(line.text), style=line.style), soft_wrap=True)
