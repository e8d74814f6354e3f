"""Driving a load: the client, the progress, and the signals that stop it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from attrs import define, frozen

from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.cli.connection import client_of
from tokfluence_async.cli.events import EventWriter
from tokfluence_async.cli.exits import Exit, exit_for_report
from tokfluence_async.cli.output import say
from tokfluence_async.cli.progress import progress_for

if TYPE_CHECKING:
    from tokfluence_async.campaign.loader import Loader
    from tokfluence_async.campaign.loadfile import LoadFile
    from tokfluence_async.options import Options

__all__ = ["Ended", "drive", "drive_async"]

DRAIN: Final = 120.0
"""Seconds, at most, for what is under way to end after the first signal."""


@frozen
class Ended:
    """How a run of a load ended."""

    report: LoadReport
    exit: Exit


def drive(
    file: LoadFile,
    options: Options,
    *,
    campaign_id: int | None = None,
    resubmit_unknown: bool = False,
    verbose: bool = False,
    events: EventWriter | None = None,
) -> Ended:
    """Go on with the load in an open load file until it ends or is stopped by a signal.

    The first SIGINT or SIGTERM lets what is under way end, the second stops at once; the load file can be resumed after
    either.

    Args:
        file: The load file, open and locked; left open.
        options: The client's settings, with a key; their cap is the load's.
        campaign_id: The campaign to load into, if not a new one or the one on record.
        resubmit_unknown: Whether what stayed unknown is bought anew.
        verbose: Whether a log goes to stderr.
        events: Gets each event, and the report in the end.

    Raises:
        LoadFileError: The load file can't be read.
    """
    running = drive_async(
        file,
        options,
        campaign_id=campaign_id,
        resubmit_unknown=resubmit_unknown,
        verbose=verbose,
        events=events,
    )
    return asyncio.run(running)


async def drive_async(
    file: LoadFile,
    options: Options,
    *,
    campaign_id: int | None = None,
    resubmit_unknown: bool = False,
    verbose: bool = False,
    events: EventWriter | None = None,
) -> Ended:
    """As `drive`, in a running event loop."""
    # This leads to the HTTP library, which takes longer to import than a preview to make.
    from tokfluence_async.campaign.loader import Loader  # noqa: PLC0415 - as above

    async with client_of(options) as tok:
        with progress_for(verbose=verbose) as progress:
            tok.events.subscribe(progress)
            if events is not None:
                tok.events.subscribe(events)
            loader = Loader(
                tok,
                file,
                max_credits=options.max_credits,
                campaign_id=campaign_id,
                resubmit_unknown=resubmit_unknown,
            )
            task = asyncio.create_task(loader.run())
            with _signals(loader, task) as interruption:
                try:
                    report = await task
                except asyncio.CancelledError:
                    if not interruption.cancelled:
                        raise
                    report = LoadReport.of(file)
            progress.tally.settle(report)
    if report.state != "complete" and report.stopped_by is None and interruption.cancelled:
        report = report.stopped("interrupted", "interrupted; resume it from its load file")
    code = exit_for_report(report)
    if interruption.cancelled and interruption.by_ctrl_c and report.state != "complete":
        code = Exit.CTRL_C
    if events is not None:
        events.end(report)
    return Ended(report, code)


@define
class _Interruption:
    """What signals have done so far."""

    loader: Loader
    task: asyncio.Task[LoadReport]
    loop: asyncio.AbstractEventLoop
    asked: bool = False
    cancelled: bool = False
    by_ctrl_c: bool = False
    deadline: asyncio.TimerHandle | None = None

    def take(self, number: signal.Signals) -> None:
        """Act on a signal."""
        if self.cancelled:
            return
        if not self.asked:
            self.asked = True
            say(
                f"Stopping: nothing new is sent, and what is under way may end, for {DRAIN:.0f} s at most. "
                "Once more (Ctrl-C) stops at once; either way the load can be resumed.",
                "yellow",
            )
            self.loader.stop()
            self.deadline = self.loop.call_later(DRAIN, self.cancel)
            return
        self.by_ctrl_c = number == signal.SIGINT
        say("Stopping at once. What was under way counts as unknown until the load is resumed.", "yellow")
        self.cancel()

    def cancel(self) -> None:
        """Stop at once."""
        self.cancelled = True
        self.task.cancel()


@contextmanager
def _signals(loader: Loader, task: asyncio.Task[LoadReport]) -> Generator[_Interruption]:
    """SIGINT and SIGTERM lead to the load while the context is open."""
    loop = asyncio.get_running_loop()
    interruption = _Interruption(loader, task, loop)
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, interruption.take, number)
    try:
        yield interruption
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
        if interruption.deadline is not None:
            interruption.deadline.cancel()
