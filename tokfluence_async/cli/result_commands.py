"""The commands for what comes after a load: `wait`, `export` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tokfluence_async.cli.arguments import FilePath, Text
from tokfluence_async.cli.connection import NO_CONNECTION, ConnectionFlags
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.parameters import AsJSON, CampaignOrFile, Yes, example

__all__ = ["register"]


def wait(
    campaign: CampaignOrFile,
    /,
    *,
    timeout: Annotated[
        float, Parameter(validator=Number(gte=0), help="Seconds to wait at most.", show_default=True)
    ] = 3600,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Wait until the analysis of a campaign's posts is complete: 2 credits a look, less and less often."""
    from tokfluence_async.cli.waiting import wait_for  # noqa: PLC0415 - what a help text does not need

    return wait_for(campaign, timeout=timeout, as_json=as_json, connection=connection)


def export(
    campaign: CampaignOrFile,
    resource: Annotated[
        Literal["posts", "influencers", "metrics", "comments"], Parameter(help="What to export.")
    ],
    /,
    *,
    output: Annotated[
        Text,
        Parameter(
            name=["--output", "-o"],
            help="The file, or - for standard output: .csv, .jsonl (also .gz, .zst), .parquet or .arrow.",
        ),
    ],
    format_: Annotated[
        Literal["csv", "jsonl", "parquet", "arrow"] | None,
        Parameter(
            name="--format",
            help="The format; by the file's suffix by default, CSV on standard output. Arrow is in its streaming form "
            "on standard output and in pipes, in its file form elsewhere.",
        ),
    ] = None,
    raw: Annotated[
        bool,
        Parameter(help="Write text into CSV as it is, though a spreadsheet may run some of it as a formula."),
    ] = False,
    resume: Annotated[
        Text | None, Parameter(help="For comments: where an earlier export stopped, as it said.")
    ] = None,
    yes: Yes = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Write a campaign's results into a table: 2 credits; for comments 2, and 2 for each page of 200."""
    from tokfluence_async.cli.exporting import export_to  # noqa: PLC0415 - what a help text does not need

    return export_to(
        campaign,
        resource,
        output,
        format_=format_,
        raw=raw,
        resume=resume,
        yes=yes,
        connection=connection,
    )


def report(
    campaign: Annotated[Text, Parameter(help="A load file, or a campaign's number.")],
    /,
    *,
    output: Annotated[
        FilePath,
        Parameter(
            name=["--output", "-o"], help="The page to write, such as report.html; - for standard output."
        ),
    ],
    results: Annotated[
        bool, Parameter(help="With a load file: read its campaign's results too, for 7 credits.")
    ] = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Make a page of a load's ledger, which sends nothing, or of a campaign's results, for 7 credits."""
    from tokfluence_async.cli.reporting import make_report  # noqa: PLC0415 - what a help text does not need

    return make_report(campaign, Path(output), results=results, connection=connection)


def register(app: App) -> None:
    """Add the commands."""
    app.command(
        wait,
        help_epilogue=example(
            "tokfluence wait spring.tokload --timeout 1800", "tokfluence wait 4711 --max-credits 20"
        ),
    )
    app.command(
        export,
        help_epilogue=example(
            "tokfluence export 4711 posts -o posts.parquet",
            "tokfluence export 4711 comments -o comments.csv --max-credits 200",
            "tokfluence export 4711 influencers -o - --format jsonl",
        ),
    )
    app.command(
        report,
        help_epilogue=example(
            "tokfluence report spring.tokload -o report.html",
            "tokfluence report spring.tokload -o report.html --results",
            "tokfluence report 4711 -o report.html",
        ),
    )
