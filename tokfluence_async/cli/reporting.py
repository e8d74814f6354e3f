"""Making a report from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.cli.connection import ConnectionFlags, run
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.output import Line, print_lines, say
from tokfluence_async.cli.side_files import check_side_file
from tokfluence_async.cli.targets import find_target
from tokfluence_async.cli.terminals import binary_stdout, is_stdout, refuse_terminal
from tokfluence_async.errors import ConfigurationError, TokfluenceError

if TYPE_CHECKING:
    from tokfluence_async.client import Tokfluence
    from tokfluence_async.reporting import Ledger, Results

__all__ = ["make_report"]

_WHAT: Final = "a report is a page for a browser"


def make_report(text: str, output: Path, *, results: bool, connection: ConnectionFlags) -> Exit:
    """Write a report of a load, of a campaign, or of both.

    Args:
        text: A load file, which needs no key and sends nothing; or a campaign's number.
        output: The file, or ``-`` for standard output.
        results: Whether a load file's report is to have its campaign's results too, which are read from the API.
        connection: Where the API is.

    Raises:
        ConfigurationError: The file can't be created, or a setting is wrong.
        InputError: The file is a load file, or a source of the load.
        MissingExtraError: Altair or vl-convert is not installed. Nothing was sent.
        LoadFileError: There is no such load file.
        TokfluenceError: The API gave no usable answer; nothing is left of the file.
    """
    from tokfluence_async.reporting import (  # noqa: PLC0415 - a help text needs none
        check_installed,
        read_ledger,
        read_results,
        results_price,
    )

    # Credits are not spent on a report that can't be made.
    check_installed()
    target = find_target(text)
    _check(output, target.sources)
    ledger = None if target.report is None else read_ledger(text)
    if ledger is not None and not results:
        _write(output, ledger=ledger)
        if target.campaign_id is not None:
            words = ["report", file_argument(text), "-o", file_argument(output), "--results"]
            again = command(*words, *connection.arguments())
            say(f"With the campaign's results, for 7 credits: {again}")
        return Exit.DONE
    campaign_id = target.require_campaign()

    async def main(tok: Tokfluence) -> Exit:
        say(f"Reading the results of campaign {campaign_id} costs {results_price(tok.tariff)} credits.")
        found = await read_results(tok, campaign_id)
        _write(output, ledger=ledger, results=found)
        return Exit.DONE

    return run(connection, main)


def _check(output: Path, sources: Sequence[str]) -> None:
    """See that a report can be written there, while nothing is spent yet.

    Raises:
        ConfigurationError: It can't be.
        InputError: It is a load file, or one of the sources.
    """
    if is_stdout(str(output)):
        binary_stdout(_WHAT, is_text=False)
        return
    refuse_terminal(str(output))
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise ConfigurationError(f"{output}: no file can be written there")
    check_side_file("--output", output, what="the page", sources=sources)


def _write(output: Path, *, ledger: Ledger | None, results: Results | None = None) -> None:
    """Write a report, and say on stdout which file it is, unless stdout has the report itself."""
    from tokfluence_async.reporting import render_report, write_report  # noqa: PLC0415 - a help text needs none

    if not is_stdout(str(output)):
        write_report(output, ledger=ledger, results=results)
        print_lines([Line(str(output))])
        return
    page = render_report(ledger=ledger, results=results).encode()
    try:
        stdout = binary_stdout(_WHAT, is_text=False)
        stdout.write(page)
        stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TokfluenceError(f"the output can't be written: {error.strerror or error}") from None
