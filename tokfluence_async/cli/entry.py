"""From arguments to an exit code: parsing, and the words for what goes wrong."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from cyclopts import CycloptsError

from tokfluence_async.cli.arguments import protect
from tokfluence_async.cli.commands import app
from tokfluence_async.cli.exits import Exit, exit_for_error
from tokfluence_async.cli.output import say
from tokfluence_async.errors import MissingExtraError, TokfluenceError

__all__ = ["run"]


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
    except CycloptsError as error:
        _tell(f"{error} See `tokfluence --help`.")
        return Exit.USAGE
    except TokfluenceError as error:
        _tell(str(error))
        return exit_for_error(error)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rich":
            return _bug(error)
        missing = MissingExtraError("the command line", "cli")
        _tell(str(missing))
        return exit_for_error(missing)
    except KeyboardInterrupt as error:
        say("")
        return exit_for_error(error)
    except BrokenPipeError as error:
        return exit_for_error(error)
    except Exception as error:  # noqa: BLE001 - the last resort: told in full, with a code
        return _bug(error)
    return Exit.DONE if code is None else int(code)


def _tell(text: str) -> None:
    say(f"tokfluence: error: {text}", "red")


def _bug(error: BaseException) -> Exit:
    traceback.print_exception(error)
    _tell(f"{type(error).__name__}: this is a bug in tokfluence-async; the traceback above says where")
    return Exit.FAILED
