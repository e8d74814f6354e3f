"""Making a report from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.cli.connection import ConnectionFlags, run
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.output import Line, print_lines, say
from tokfluence_async.cli.targets import find_target
from tokfluence_async.errors import ConfigurationError

if TYPE_CHECKING:
    from tokfluence_async.client import Tokfluence

__all__ = ["make_report"]


def make_report(text: str, output: Path, *, results: bool, connection: ConnectionFlags) -> Exit:
    """Write a report of a load, of a campaign, or of both.

    Args:
        text: A load file, which needs no key and sends nothing; or a campaign's number.
        output: The file.
        results: Whether a load file's report is to have its campaign's results too, which are read from the API.
        connection: Where the API is.

    Raises:
        ConfigurationError: The file can't be created, or a setting is wrong.
        MissingExtraError: Altair or vl-convert is not installed. Nothing was sent.
        LoadFileError: There is no such load file.
        TokfluenceError: The API gave no usable answer; nothing is left of the file.
    """
    from tokfluence_async.reporting import (  # noqa: PLC0415 - a help text needs none
        check_installed,
        read_ledger,
        read_results,
        results_price,
        write_report,
    )

    # Credits are not spent on a report that can't be made.
    check_installed()
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise ConfigurationError(f"{output}: no file can be written there")
    target = find_target(text)
    ledger = None if target.report is None else read_ledger(text)
    if ledger is not None and not results:
        write_report(output, ledger=ledger)
        print_lines([Line(str(output))])
        if target.campaign_id is not None:
            again = command("report", file_argument(text), "-o", file_argument(output), "--results")
            say(f"With the campaign's results, for 7 credits: {again}")
        return Exit.DONE
    campaign_id = target.require_campaign()

    async def main(tok: Tokfluence) -> Exit:
        say(f"Reading the results of campaign {campaign_id} costs {results_price(tok.tariff)} credits.")
        found = await read_results(tok, campaign_id)
        write_report(output, ledger=ledger, results=found)
        print_lines([Line(str(output))])
        return Exit.DONE

    return run(connection, main)
