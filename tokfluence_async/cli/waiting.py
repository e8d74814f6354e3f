"""Waiting for a campaign's analysis, and saying what that costs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tokfluence_async.cli.arguments import command
from tokfluence_async.cli.connection import ConnectionFlags, run
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.output import Line, print_json, print_lines, say
from tokfluence_async.cli.targets import find_target
from tokfluence_async.errors import ConfigurationError

if TYPE_CHECKING:
    from tokfluence_async.client import Tokfluence
    from tokfluence_async.export import AnalysisStatus

__all__ = ["wait_for"]

_EXITS = {"complete": Exit.DONE, "max_credits": Exit.CREDITS}


def wait_for(text: str, *, timeout: float, as_json: bool, connection: ConnectionFlags) -> Exit:
    """Wait until no post of a campaign is pending.

    Args:
        text: The campaign's number, or its load file.
        timeout: Seconds.
        as_json: Whether the status is printed as JSON.
        connection: Where the API is.

    Raises:
        ConfigurationError: The timeout is negative, or a setting is wrong. Nothing was sent.
        LoadFileError: There is no such load file. Nothing was sent.
        TokfluenceError: The API gave no usable answer.
    """
    from tokfluence_async.export import Polling, wait_for_analysis  # noqa: PLC0415 - a help text needs none

    if not timeout >= 0:
        raise ConfigurationError(f"--timeout is a number of seconds from 0, not {timeout:g}")
    target = find_target(text)
    campaign_id = target.require_campaign()
    expected = 0 if target.report is None else target.report.urls.accepted
    polling = Polling()
    last: list[AnalysisStatus] = []

    def on_poll(status: AnalysisStatus, wait: float) -> None:
        last[:] = [status]
        say(f"{_words(status)}; looking again in {wait:.0f} s")

    async def main(tok: Tokfluence) -> Exit:
        price, looks = tok.tariff.price("campaigns.posts"), polling.polls_within(timeout)
        cap = tok.options.max_credits
        most = price * looks if cap is None else min(price * looks, cap)
        say(
            f"Each look costs {price} credits (a page, should the list be paged); in {timeout:,.0f} s there are "
            f"{looks} at most: up to {most:,} credits."
        )
        try:
            status = await wait_for_analysis(
                tok, campaign_id, timeout=timeout, expected=expected, polling=polling, on_poll=on_poll
            )
        except asyncio.CancelledError:
            # Ctrl-C or SIGTERM: nothing is lost, and waiting can go on at any time.
            say("Interrupted.", "yellow")
            _show(last, campaign_id, as_json=as_json)
            return Exit.INTERRUPTED
        _show([status], campaign_id, as_json=as_json)
        return _EXITS.get(status.state, Exit.INTERRUPTED)

    return run(connection, main)


def _words(status: AnalysisStatus) -> str:
    unlisted = f" and {status.unlisted:,} not listed yet" if status.unlisted else ""
    return (
        f"{status.pending:,} of {status.posts:,} posts pending{unlisted}; {status.credits:,} credits so far"
    )


def _show(statuses: list[AnalysisStatus], campaign_id: int, *, as_json: bool) -> None:
    for status in statuses:
        if as_json:
            print_json(status.to_dict())
            continue
        print_lines(
            [Line(f"Campaign {campaign_id}: {_words(status)}", "green" if status.complete else "yellow")]
        )
        if status.complete:
            if not status.posts:
                say("The campaign lists no posts.", "yellow")
            continue
        why = {"max_credits": "the credit cap is reached", "timed_out": "the time is over"}
        say(
            f"Stopped: {why.get(status.state, 'interrupted')}. To go on: {command('wait', campaign_id)}",
            "yellow",
        )
