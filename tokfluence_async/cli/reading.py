"""The progress of reading a source on stderr, for a person who waits at a terminal; nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field

from tokfluence_async.campaign.rows import RowStream
from tokfluence_async.cli.sanitise import sanitise

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["Reading", "reading"]

WORTH_SHOWING: Final = 0.5
"""Seconds after which a bar is shown."""
INTERVAL: Final = 0.1
"""Seconds between two looks at how far it is."""


@define
class Reading:
    """Shows how much of a source was read."""

    clock: Callable[[], float] = time.monotonic
    _next: float = field(init=False)
    _bar: Bar | None = field(default=None, init=False)
    _task: TaskID | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._next = self.clock() + WORTH_SHOWING

    def __call__(self, rows: RowStream, taken: int) -> None:
        """Show how far the reading is, if there was time enough since the last look.

        Args:
            rows: What is read.
            taken: Rows of it that were read.
        """
        now = self.clock()
        if now < self._next:
            return
        self._next = now + INTERVAL
        if self._bar is None:
            self._bar, self._task = _new_bar()
            self._bar.start()
        done, total = rows.progress() if rows.progress else (0, None)
        if self._task is not None:
            description = f"{sanitise(Path(rows.name).name)}: {taken:,} rows"
            self._bar.update(self._task, completed=done, total=total, description=description)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def reading() -> Generator[Reading | None]:
    """What shows the progress; None where nobody would see it."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    shown = Reading()
    try:
        yield shown
    finally:
        shown.close()


def _new_bar() -> tuple[Bar, TaskID]:
    # A third of what the command line takes to start: only a terminal, and a big source, needs it.
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above
    from rich.progress import Progress as Bar  # noqa: PLC0415 - as above

    bar = Bar(
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    return bar, bar.add_task("reading", total=None)
