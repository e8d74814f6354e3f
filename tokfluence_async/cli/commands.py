"""The commands. Each returns its exit code; errors are left to `entry`, which words them."""

from __future__ import annotations

import sys
from typing import Annotated, Final

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tokfluence_async._version import __version__
from tokfluence_async.cli import resource_commands, result_commands, upkeep_commands
from tokfluence_async.cli.arguments import FilePath, Text
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.inputs import InputFlags
from tokfluence_async.cli.parameters import example
from tokfluence_async.cli.settings import SettingFlags

__all__ = ["app"]

app: App = App(
    name="tokfluence",
    help="Knows what loading a campaign costs, then buys exactly that: every URL once.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative=(), show_default=False),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)

_AsJSON = Annotated[bool, Parameter(name="--json", help="Print one JSON document on stdout instead of text.")]
_Verbose = Annotated[bool, Parameter(name=["--verbose", "-v"], help="Log what happens to stderr.")]
_Name = Annotated[Text | None, Parameter(help="The campaign's name, unique in the account.")]
_Currency = Annotated[Text | None, Parameter(help="ISO 4217 code of the fees; else the account's default.")]
_Yes = Annotated[bool, Parameter(help="Agree to spend; asked for where there is a terminal.")]
_MaxCredits = Annotated[int | None, Parameter(help="Credits that the load may cost at most, in all.")]
_ResubmitUnknown = Annotated[
    bool,
    Parameter(
        name="--resubmit-unknown",
        negative=(),
        help="Buy anew what stayed unknown and is not listed; if it was applied after all, it is charged twice.",
    ),
]
_CampaignID = Annotated[
    int | None,
    Parameter(
        name="--campaign-id",
        validator=Number(gte=1),
        help="Load into this campaign, which must have the plan's name, instead of creating one.",
    ),
]

_Events = Annotated[
    FilePath | None,
    Parameter(help="Add each event as a line of JSON to this file, or write it to standard output (-)."),
]
_Rejects = Annotated[
    FilePath | None,
    Parameter(
        help="Write the rows that were refused, or dropped by --conflict, into this CSV file; by default, beside the "
        "load file."
    ),
]
_PreviewRejects = Annotated[
    FilePath | None,
    Parameter(
        help="Write the rows that would not be sent, plain duplicates apart, into this CSV file, with the reasons."
    ),
]
_LoadFile = Annotated[FilePath, Parameter(help="The load file.")]

_NO_INPUT: Final = InputFlags()
_NO_SETTINGS: Final = SettingFlags()


@app.command(
    help_epilogue=example(
        "tokfluence preview spring.csv",
        "tokfluence preview spring.csv --name Spring --save spring.tokload",
        "tokfluence preview spring.csv --conflict first --rejects rejects.csv",
    )
)
def preview(
    *sources: Annotated[
        Text,
        Parameter(
            name="SRC", help="Files of posts, patterns such as 'sheets/*.csv', or - for standard input."
        ),
    ],
    name: _Name = None,
    currency: _Currency = None,
    save: Annotated[
        FilePath | None, Parameter(help="Write the plan into this load file, for `tokfluence load` to buy.")
    ] = None,
    rejects: _PreviewRejects = None,
    as_json: _AsJSON = False,
    as_markdown: Annotated[
        bool, Parameter(name="--markdown", help="Print Markdown, for a pull request or a ticket.")
    ] = False,
    inputs: InputFlags = _NO_INPUT,
    verbose: _Verbose = False,
) -> Exit:
    """Tell what a load would cost, and what it would leave out. Needs no key and sends nothing."""
    _log(verbose=verbose)
    from tokfluence_async.cli.previewing import run_preview  # noqa: PLC0415 - what a help text does not need

    return run_preview(
        sources,
        name=name,
        currency=currency,
        save=save,
        rejects=rejects,
        as_json=as_json,
        as_markdown=as_markdown,
        inputs=inputs,
    )


@app.command(
    help_epilogue=example(
        "tokfluence load spring.csv --name Spring --max-credits 2001",
        "tokfluence load spring.tokload --yes --json",
    )
)
def load(
    *sources: Annotated[
        Text, Parameter(name="SRC", help="Files of posts, patterns, - for standard input, or one saved plan.")
    ],
    name: _Name = None,
    currency: _Currency = None,
    max_credits: _MaxCredits = None,
    yes: _Yes = False,
    state: Annotated[
        FilePath | None, Parameter(help="The load file to make; SOURCE.tokload in this folder by default.")
    ] = None,
    campaign_id: _CampaignID = None,
    rejects: _Rejects = None,
    as_json: _AsJSON = False,
    events: _Events = None,
    inputs: InputFlags = _NO_INPUT,
    settings: SettingFlags = _NO_SETTINGS,
    verbose: _Verbose = False,
) -> Exit:
    """Buy a plan: create a campaign and submit each URL of the source once. Spends credits."""
    _log(verbose=verbose)
    from tokfluence_async.cli.purchase import Purchase  # noqa: PLC0415 - what a help text does not need

    purchase = Purchase(
        settings=settings,
        max_credits=max_credits,
        campaign_id=campaign_id,
        yes=yes,
        as_json=as_json,
        events=events,
        rejects=rejects,
    )
    return purchase.load(sources, name=name, currency=currency, state=state, inputs=inputs)


@app.command(help_epilogue=example("tokfluence resume spring.tokload"))
def resume(
    file: _LoadFile,
    /,
    *,
    max_credits: _MaxCredits = None,
    yes: _Yes = False,
    campaign_id: _CampaignID = None,
    resubmit_unknown: _ResubmitUnknown = False,
    rejects: _Rejects = None,
    as_json: _AsJSON = False,
    events: _Events = None,
    settings: SettingFlags = _NO_SETTINGS,
    verbose: _Verbose = False,
) -> Exit:
    """Go on with a load from its file; no URL is bought twice. A load that is complete sends nothing."""
    _log(verbose=verbose)
    from tokfluence_async.cli.purchase import Purchase  # noqa: PLC0415 - what a help text does not need

    purchase = Purchase(
        settings=settings,
        max_credits=max_credits,
        campaign_id=campaign_id,
        resubmit_unknown=resubmit_unknown,
        yes=yes,
        as_json=as_json,
        events=events,
        rejects=rejects,
    )
    return purchase.resume(file)


@app.command(help_epilogue=example("tokfluence status spring.tokload --json"))
def status(file: _LoadFile, /, *, as_json: _AsJSON = False) -> Exit:
    """Show how a load stands, also while it runs. Needs no key and sends nothing."""
    from tokfluence_async.cli.purchase import show_status  # noqa: PLC0415 - what a help text does not need

    return show_status(file, as_json=as_json)


@app.command(help_epilogue=example("tokfluence sandbox --port 0 --credits 50"))
def sandbox(
    *,
    port: Annotated[
        int | None, Parameter(validator=Number(gte=0, lte=65535), help="TCP port; 8420 by default, 0 is any.")
    ] = None,
    grant: Annotated[
        int | None,
        Parameter(name="--credits", validator=Number(gte=0), help="Credits that each new key starts with."),
    ] = None,
    host: Annotated[Text, Parameter(help="A loopback address.", show_default=True)] = "127.0.0.1",
) -> Exit:
    """Serve a sandbox of the API on this machine, until Ctrl-C. Its URL is the first line on stdout."""
    from tokfluence_async.cli.sandbox import serve  # noqa: PLC0415 - what only this command needs

    serve(host=host, port=port, grant=grant)
    return Exit.DONE


@app.command(help_epilogue=example("tokfluence demo", "tokfluence demo spring.csv"))
def demo(
    source: Annotated[
        Text | None, Parameter(help="A file of posts, instead of examples/spring_launch.csv.")
    ] = None,
    /,
) -> Exit:
    """Preview and load an example into a sandbox that fails on purpose, and compare the two sides' books."""
    from tokfluence_async.cli.demo import run_demo  # noqa: PLC0415 - what only this command needs

    return run_demo(source)


for _group in (result_commands, resource_commands, upkeep_commands):
    _group.register(app)


def _log(*, verbose: bool) -> None:
    """Log to stderr, if asked to. The package never logs a key."""
    if verbose:
        import logging  # noqa: PLC0415 - a help text needs none

        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger = logging.getLogger("tokfluence_async")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
