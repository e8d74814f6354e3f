"""The events of a load as NDJSON, one object a line, for whoever follows it by machine."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from attrs import fields

from tokfluence_async.cli.output import say
from tokfluence_async.cli.terminals import is_stdout
from tokfluence_async.errors import ConfigurationError

if TYPE_CHECKING:
    from tokfluence_async.campaign.report import LoadReport
    from tokfluence_async.session.events import Event

__all__ = ["SCHEMA", "EventWriter", "follow"]

SCHEMA: Final = "tokfluence.event/1"
_WITHHELD: Final = {"RequestEnded": frozenset({"message"})}
"""What may quote the text of a request."""


class EventWriter:
    """Writes each event of a client's stream as a line, with a number, an instant and its fields.

    The last line is ``load_ended``, with the report as ``tokfluence load --json`` has it. Should a line not be written,
    that is said once, and the load goes on.

    A file that is there is added to: the events of the run that spent the money are not lost when the load goes on.
    Each run's events are numbered from 1.

    Args:
        target: A file, which is made readable by its owner only; ``-`` or another name of standard output; or one of
            what is open already, such as ``/dev/stderr`` and ``/dev/fd/3``, which is written to as it is.
        clock: The time.

    Raises:
        ConfigurationError: It can't be written to.
    """

    def __init__(self, target: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.to_stdout: bool = _is_stdout(target)
        self._clock = clock
        self._number = 0
        self._broken = False
        try:
            self._file: BinaryIO = self._open(target)
        except OSError as error:
            raise ConfigurationError(f"--events {target}: {error.strerror or error}") from None

    def _open(self, target: Path) -> BinaryIO:
        if self.to_stdout:
            if sys.stdout is None or not hasattr(sys.stdout, "buffer"):
                raise OSError(None, "there is no standard output")
            sys.stdout.flush()
            return sys.stdout.buffer
        held = _held(target)
        if held is not None:
            # Opened anew it would be written at a place of its own, under what else comes there.
            os.write(held, b"")  # one that is open for reading only says so now
            return os.fdopen(os.dup(held), "wb")
        file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")
        if _ends_within_a_line(target):
            file.write(b"\n")
        return file

    def __call__(self, event: Event) -> None:
        """Write an event."""
        kind = type(event).__name__
        withheld = _WITHHELD.get(kind, frozenset())
        self._write(
            _snake(kind),
            {
                each.name: getattr(event, each.name)
                for each in fields(type(event))
                if each.name not in withheld
            },
        )

    def end(self, report: LoadReport) -> None:
        """Write how the load ended."""
        self._write("load_ended", {"report": report.to_dict()})

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        import orjson  # noqa: PLC0415 - a help text needs none

        if self._broken:
            return
        self._number += 1
        time = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"schema": SCHEMA, "number": self._number, "time": time, "event": kind, **values}
        try:
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            # Who follows it sees each event at once.
            self._file.flush()
        except OSError as error:
            self._broken = True
            say(f"tokfluence: warning: events are no longer written: {error.strerror or error}", "yellow")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if not self.to_stdout:
            with suppress(OSError):
                self._file.close()


def _ends_within_a_line(path: Path) -> bool:
    """Whether a file's last line has no end, as after a crash."""
    with suppress(OSError):  # one that can't be read may be written to all the same
        if stat.S_ISREG(path.stat().st_mode) and path.stat().st_size:
            with path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read() != b"\n"
    return False


def follow(target: Path | None, *, as_json: bool) -> AbstractContextManager[EventWriter | None]:
    """A writer of events, if one was asked for.

    Args:
        target: Where to, or None; `check_load_files` has seen to it that it is no file that the load needs.
        as_json: Whether the report is printed as JSON.

    Raises:
        ConfigurationError: It can't be written to; or stdout was to have two things at once.
    """
    if target is None:
        return nullcontext()
    if as_json and _is_stdout(target):
        raise ConfigurationError(
            f"--events {target} and --json both want standard output; the last event has the report"
        )
    return EventWriter(target)


def _is_stdout(target: Path) -> bool:
    return is_stdout(str(target)) or _held(target) == 1


def _held(target: Path) -> int | None:
    """The number of the open file that is meant; None if it is to be opened."""
    from tokfluence_async.export.atomic import descriptor_of  # noqa: PLC0415 - a help text needs none

    held = descriptor_of(str(target))
    if held is not None:
        return held
    # What a shell has sent standard output or error into may be named itself, or under /proc.
    for stream in (1, 2):
        with suppress(OSError):
            status = os.stat(target)  # noqa: PTH116 - one call, for a name as it was given
            if stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.fstat(stream)):
                return stream
    return None


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")
