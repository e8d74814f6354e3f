"""Waiting for a campaign's analysis, and saying what that costs."""

from __future__ import annotations

import asyncio
from math import isfinite
from typing import TYPE_CHECKING, Final

from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.cli.connection import ConnectionFlags, run
from tokfluence_async.cli.counting import counted
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.output import Line, Style, print_json, print_lines, say
from tokfluence_async.cli.targets import find_target
from tokfluence_async.errors import ConfigurationError

if TYPE_CHECKING:
    from tokfluence_async.client import Tokfluence
    from tokfluence_async.export import AnalysisStatus

__all__ = ["DEFAULT_TIMEOUT", "wait_for"]

DEFAULT_TIMEOUT: Final = 3600.0
"""Seconds."""
_ENDLESS: Final = 1e10
"""Seconds, of centuries: what is longer is told in words."""
_WHY = {"max_credits": "the credit cap is reached", "timed_out": "the time is over"}
_EXITS = {"complete": Exit.DONE, "max_credits": Exit.CREDITS}


def wait_for(text: str, *, timeout: float, as_json: bool, connection: ConnectionFlags) -> Exit:
    """Wait until no post of a campaign is pending.

    Args:
        text: The campaign's number, or its load file.
        timeout: Seconds.
        as_json: Whether the status is printed as JSON.
        connection: Where the API is.

    Raises:
        ConfigurationError: The timeout is negative or has no end, or a setting is wrong. Nothing was sent.
        LoadFileError: There is no such load file. Nothing was sent.
        TokfluenceError: The API gave no usable answer, or none until the time was over.
    """
    from tokfluence_async.export import Polling, wait_for_analysis  # noqa: PLC0415 - a help text needs none

    if not (timeout >= 0 and isfinite(timeout)):
        raise ConfigurationError(f"--timeout is a number of seconds from 0, not {timeout:g}")
    target = find_target(text)
    campaign_id = target.require_campaign()
    expected = 0 if target.report is None else target.report.urls.accepted
    polling = Polling()
    last: AnalysisStatus | None = None
    again: list[object] = ["wait", file_argument(text)]
    if timeout != DEFAULT_TIMEOUT:
        again += ["--timeout", int(timeout) if timeout.is_integer() and timeout < _ENDLESS else timeout]
    again += [*connection.arguments(), *(["--json"] if as_json else [])]

    def show(status: AnalysisStatus | None) -> None:
        _show(status, campaign_id, as_json=as_json, again=command(*again))

    def on_poll(status: AnalysisStatus, wait: float) -> None:
        nonlocal last
        last = status
        say(f"{_words(status)}; looking again in {wait:.0f} s")

    async def main(tok: Tokfluence) -> Exit:
        price, looks = tok.tariff.price("campaigns.posts"), polling.polls_within(timeout)
        cap = tok.options.max_credits
        most = price * looks if cap is None else min(price * looks, cap)
        bound = f"in {timeout:,.0f} s there are {looks:,} at most: up to {counted(most, 'credit')}."
        if timeout >= _ENDLESS:
            bound = "in so long a time there is no end to them"
            bound += "." if cap is None else f", but for the cap: up to {counted(cap, 'credit')}."
        say(f"Each look costs {counted(price, 'credit')} (a page, should the list be paged); {bound}")
        try:
            status = await wait_for_analysis(
                tok, campaign_id, timeout=timeout, expected=expected, polling=polling, on_poll=on_poll
            )
        except asyncio.CancelledError:
            # Ctrl-C or SIGTERM: nothing is lost, and waiting can go on at any time.
            say("Interrupted.", "yellow")
            show(last)
            return Exit.INTERRUPTED
        show(status)
        return _EXITS.get(status.state, Exit.INTERRUPTED)

    return run(connection, main)


def _words(status: AnalysisStatus) -> str:
    spent = f"{counted(status.credits, 'credit')} so far"
    if not status.answered:
        return f"no look was answered yet ({status.error}); {spent}"
    unlisted = f" and {status.unlisted:,} not listed yet" if status.unlisted else ""
    failed = "" if status.error is None else f" as of the last look that was answered ({status.error})"
    return f"{status.pending:,} of {counted(status.posts, 'post')} pending{unlisted}{failed}; {spent}"


def _show(status: AnalysisStatus | None, campaign_id: int, *, as_json: bool, again: str) -> None:
    """Show how far it is, and what goes on with the wait, unless it is complete.

    Args:
        status: How far it is; None where there was no look.
        campaign_id: The campaign's number.
        as_json: Whether the status is printed as JSON.
        again: The command that goes on.
    """
    if status is not None and as_json:
        print_json(status.to_dict())
    elif status is not None:
        style: Style = "green" if status.complete else "yellow"
        print_lines([Line(f"Campaign {campaign_id}: {_words(status)}", style)])
    if status is None or not status.complete:
        why = "interrupted" if status is None else _WHY.get(status.state, "interrupted")
        say(f"Stopped: {why}. To go on: {again}", "yellow")
    elif not status.posts:
        say("The campaign lists no posts.", "yellow")
