"""From arguments to an exit code: parsing, and the words for what goes wrong."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from cyclopts import CycloptsError

from tokfluence_async.cli.arguments import protect
from tokfluence_async.cli.commands import app
from tokfluence_async.cli.exits import Exit, exit_for_error
from tokfluence_async.cli.output import say
from tokfluence_async.errors import MissingExtraError, TokfluenceError

__all__ = ["run"]

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a full or broken disk behind a stream says. Files tell of theirs by name, before it comes to this."""


def run(argv: Sequence[str]) -> int:
    """Run one command.

    Args:
        argv: The arguments, without the program's name.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Unicode shows an escape for what it lacks, rather than a traceback.
            stream.reconfigure(errors="backslashreplace")
    code = _run(argv)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # there is no such stream, or it was closed
            try:
                stream.flush()
            except OSError:
                # Whoever read it is gone; what is left must not be complained of when the interpreter ends.
                with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
                    os.dup2(nowhere.fileno(), stream.fileno())
    return int(code)


def _run(argv: Sequence[str]) -> int:
    try:
        # None: help or the version was asked for, and printed.
        code = app(protect(argv), exit_on_error=False, print_error=False, help_on_error=False)
    except KeyboardInterrupt as error:
        say("")
        return exit_for_error(error)
    except SystemExit as error:
        # What prints the help texts leaves by itself when nobody reads them, with a code of its own.
        if isinstance(error.__context__, BrokenPipeError):
            return exit_for_error(error.__context__)
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: told in full, with a code
        return _worded(error)
    return Exit.DONE if code is None else int(code)


def _worded(error: Exception) -> int:
    """Tell what went wrong; the exit code for it."""
    if isinstance(error, CycloptsError):
        _tell(f"{error} See `tokfluence --help`.")
        return Exit.USAGE
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "rich":
        error = MissingExtraError("the command line", "cli")
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        error = TokfluenceError(f"the output can't be written: {error.strerror}")
    if isinstance(error, TokfluenceError):
        _tell(str(error))
    elif not isinstance(error, BrokenPipeError):
        return _bug(error)
    return exit_for_error(error)


def _tell(text: str) -> None:
    say(f"tokfluence: error: {text}", "red")


def _bug(error: BaseException) -> Exit:
    traceback.print_exception(error)
    _tell(f"{type(error).__name__}: this is a bug in tokfluence-async; the traceback above says where")
    return Exit.FAILED
