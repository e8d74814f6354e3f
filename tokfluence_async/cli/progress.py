"""The progress of a load on stderr, fed by the client's event stream alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from attrs import define, field

from tokfluence_async.campaign.events import LoadProgress, LoadStarted
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.cli.output import say
from tokfluence_async.session.events import Event, Paused, RequestEnded, RetryScheduled, Waited

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["BarProgress", "LineProgress", "Progress", "Tally", "progress_for"]

INTERVAL: Final = 10.0
"""Seconds between two lines where there is no terminal."""
WORTH_TELLING: Final = 1.0
"""Seconds of a wait that are told."""


@define
class Tally:
    """What the events of a load add up to."""

    clock: Callable[[], float] = time.monotonic
    total: int = 0
    """URLs that the plan sends."""
    earlier: int = 0
    """URLs of them that earlier runs settled."""
    planned: int = 0
    """Price of the plan, in credits."""
    done: int = 0
    """URLs whose outcome is known by now."""
    spent: int = 0
    """Credits spent, at most."""
    failed: int = 0
    """Requests of this run that were not answered with success."""
    started: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.started = self.clock()

    def count(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case LoadStarted():
                self.total, self.planned = event.urls, event.planned
                self.done = self.earlier = event.settled
            case LoadProgress():
                self.done += event.accepted + event.rejected + event.unknown
                self.spent = event.charged_max
            case RequestEnded(seen=seen) if seen != "applied":
                self.failed += 1
            case _:
                pass

    def settle(self, report: LoadReport) -> None:
        """Take the report's word in the end: what was found in the campaign's list came by no event."""
        urls = report.urls
        self.done = urls.accepted + urls.rejected + urls.unknown
        self.spent = report.credits.charged_max

    @property
    def rate(self) -> float:
        """URLs a second, in this run."""
        elapsed = self.clock() - self.started
        return (self.done - self.earlier) / elapsed if elapsed > 0 else 0.0

    def __str__(self) -> str:
        noun = "request" if self.failed == 1 else "requests"
        failed = f", {self.failed:,} failed {noun}" if self.failed else ""
        return (
            f"{self.done:,} of {self.total:,} URLs, up to {self.spent:,} of {self.planned:,} credits, "
            f"{self.rate:,.0f} URLs/s{failed}"
        )

    @property
    def short(self) -> str:
        """The same for a line beside a bar."""
        return (
            f"{self.done:,}/{self.total:,} URLs, {self.spent:,}/{self.planned:,} credits, {self.rate:,.0f}/s"
        )


def _wait_of(event: Event) -> str:
    """What to say of a wait; empty if it is none, or too short to tell."""
    match event:
        case Paused(wait=wait) if wait >= WORTH_TELLING:
            return f"the API asks to slow down (429): waiting {wait:.0f} s"
        case RetryScheduled(wait=wait) if wait >= WORTH_TELLING:
            return f"{event.call} is repeated in {wait:.0f} s ({event.reason})"
        case Waited(wait=wait) if wait >= WORTH_TELLING:
            return f"waited {wait:.0f} s for the rate limit"
        case _:
            return ""


class Progress:
    """Shows a load's progress for as long as its context is open; call it with each event."""

    def __init__(self, tally: Tally | None = None) -> None:
        self.tally: Tally = tally or Tally()

    def __call__(self, event: Event) -> None:
        """Take an event in, and show what it changes."""
        self.tally.count(event)
        self.show(_wait_of(event))

    def show(self, wait: str) -> None:
        """Show how things stand.

        Args:
            wait: What is waited for, if the event was a wait worth telling.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing."""


class LineProgress(Progress):
    """A line now and then, for logs.

    Args:
        tally: What is counted, and the clock.
        write: Takes a line.
    """

    def __init__(self, tally: Tally | None = None, write: Callable[[str], None] = say) -> None:
        super().__init__(tally)
        self._write = write
        self._told = self.tally.clock()
        self._told_done = -1

    def show(self, wait: str) -> None:
        """Write a line, if the last one was long enough ago."""
        now = self.tally.clock()
        if now - self._told >= INTERVAL:
            self._told = now
            self._line(wait)

    def _line(self, wait: str = "") -> None:
        self._told_done = self.tally.done
        self._write(f"{self.tally}{f'; {wait}' if wait else ''}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write where it ended."""
        if self.tally.total and self._told_done != self.tally.done:
            self._line()


class BarProgress(Progress):
    """A bar, for a terminal."""

    def __init__(self) -> None:
        super().__init__()
        # A third of what the command line takes to start: only a terminal needs it.
        from rich.console import Console  # noqa: PLC0415 - as above
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above
        from rich.progress import Progress as Bar  # noqa: PLC0415 - as above

        self._bar: Bar = Bar(
            BarColumn(bar_width=20),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID = self._bar.add_task("starting")

    def show(self, wait: str) -> None:
        """Move the bar."""
        self._bar.update(
            self._task,
            total=self.tally.total or None,
            completed=self.tally.done,
            description=f"{self.tally.short}{f'; {wait}' if wait else ''}",
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()


def progress_for(*, verbose: bool) -> Progress:
    """A bar on a terminal; lines elsewhere, and where a log is written to the same terminal."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return BarProgress() if terminal and not verbose else LineProgress()
