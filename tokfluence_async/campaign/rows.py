"""The rows of an input: what each reader of a format yields, a block at a time."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, Self

from attrs import define, field

from tokfluence_async.campaign.creators import GuessedCreators, as_judged
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.campaign.origins import Counted, Origin
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from tokfluence_async.campaign.columns import ColumnChoice

__all__ = ["BLOCK_ROWS", "BadRow", "BadRowReason", "Row", "RowBlock", "RowStream", "block_of", "csv_line"]

BLOCK_ROWS = 256
"""Rows that are read and looked at together."""

BadRowReason = Literal["bad_fee", "bad_handle", "malformed_row"]
"""Why a row can't be used; stable codes."""


_LINE_END: Final = "\r\n"
_QUOTED: Final = re.compile(r'["\r\n]').search


def csv_line(record: Sequence[str]) -> str:
    """A record as CSV: comma-separated, quoted where needed, without the line end after it.

    It is one line, unless a line ends within one of its cells: such a cell is quoted.
    """
    # Where nothing needs quotes this is all there is to it, in a sixth of the time of a writer.
    line = ",".join(record)
    if line and line.count(",") == len(record) - 1 and not _QUOTED(line):
        return line
    buffer = io.StringIO()
    # The writer of Python 3.11 quotes the characters of its own line end, and no other line end.
    csv.writer(buffer, lineterminator=_LINE_END).writerow(record)
    return buffer.getvalue().removesuffix(_LINE_END)


@define
class Row:
    """One row that names a post. Treat it as a value; freezing it would triple what making one costs.

    Attributes:
        number: The line of the file on which the record starts, or the record's position; from 1.
        url: The URL as it was written, not yet normalised and perhaps not a URL at all.
        creator_handle: Username without ``@``, or a ``tkc_`` id; None if the row does not tell.
        fee_cents: Fee in whole cents; None if the row does not tell, which counts as 0.
        record: All fields of the row as they were written; the row's text, where it was not written in fields.
        source: The file's name, or a description of the input; None if it has none.
    """

    number: int
    url: str
    creator_handle: str | None
    fee_cents: int | None
    record: Sequence[str] = field(repr=False)
    source: str | None = None

    @property
    def text(self) -> str:
        """The row as it was written; of fields, as one record of comma-separated CSV."""
        return self.record if isinstance(self.record, str) else csv_line(self.record)


@define
class BadRow:
    """One row that can't be used.

    Attributes:
        number: The line of the file on which the record starts, or the record's position; from 1.
        text: The row as one record of comma-separated CSV, or the line itself where it could not be parsed.
        source: The file's name, or a description of the input; None if it has none.
        reason: A stable code.
        message: The reason in words.
        url: What stands in its URL column; None where the columns can't be told.
        creator_handle: What stands in its creator column; None if nothing does.
        fee: Its fee in cents; the text itself, if that is no fee; None without one.
    """

    number: int
    text: str
    source: str | None
    reason: BadRowReason
    message: str
    url: str | None = None
    creator_handle: str | None = None
    fee: str | int | None = None


@define
class RowBlock:
    """Rows of one source, column by column, which is a fraction of the work that an object for each would be.

    Attributes:
        numbers: As `Row.number`; ascending.
        urls: As `Row.url`.
        handles: As `Row.creator_handle`.
        fees: As `Row.fee_cents`.
        records: As `Row.record`.
        bad: The rows between those that can't be used.
    """

    numbers: Sequence[int]
    urls: Sequence[str]
    handles: Sequence[str | None]
    fees: Sequence[int | None]
    records: Sequence[Sequence[str]]
    bad: Sequence[BadRow] = ()

    def rows(self, source: str | None) -> list[Row | BadRow]:
        """The rows one by one, in their order."""
        good: list[Row | BadRow] = [
            Row(*fields, source)
            for fields in zip(self.numbers, self.urls, self.handles, self.fees, self.records, strict=True)
        ]
        return sorted([*good, *self.bad], key=lambda row: row.number) if self.bad else good


def block_of(rows: Iterable[Row | BadRow]) -> RowBlock:
    """The block of some rows of one source."""
    good: list[Row] = []
    bad: list[BadRow] = []
    for row in rows:
        if isinstance(row, Row):
            good.append(row)
        else:
            bad.append(row)
    return RowBlock(
        [row.number for row in good],
        [row.url for row in good],
        [row.creator_handle for row in good],
        [row.fee_cents for row in good],
        [row.record for row in good],
        bad,
    )


@define
class RowStream:
    """An open input: what is known of it at once, and its rows, which can be read one time.

    Use it as a context manager, or read it to its end; either closes the file.

    Attributes:
        name: The file's name, or a description of the input.
        header: The names of the columns; None if the input has no header.
        fees: Tells by `FeeParser.currency`, after reading, the currency that stood beside the fees.
        counted: What row numbers count.
        progress: Tells how much was read, and of how much (None where nobody knows), in whatever is easy to count.
    """

    name: str
    _choice: ColumnChoice
    header: tuple[str, ...] | None
    fees: FeeParser
    _blocks: Iterator[RowBlock] = field(repr=False)
    counted: Counted = "line"
    progress: Callable[[], tuple[int, int | None]] | None = field(default=None, repr=False)
    _notes: Callable[[], tuple[str, ...]] = field(default=tuple[str, ...], alias="notes", repr=False)
    _creators: Collection[GuessedCreators] = field(default=(), alias="creators", repr=False)
    _close: list[Callable[[], None]] = field(factory=list["Callable[[], None]"], init=False, repr=False)
    _started: bool = field(default=False, init=False, repr=False)

    @property
    def columns(self) -> ColumnChoice:
        """Which column means what, and which of that was guessed.

        Of a guessed column of creators the first rows that tell show whether it is one.
        """
        return as_judged(self._choice, self._creators)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else was guessed of it, such as its encoding, as far as it was read."""
        doubts = [note for creators in self._creators for note in creators.notes]
        return (*self._notes(), *doubts)

    @property
    def origin(self) -> Origin:
        """What to call the place of its rows by."""
        return Origin(self.name, self.counted)

    def blocks(self) -> Iterator[RowBlock]:
        """The rows, some at a time.

        Raises:
            InputError: They were read already, or something in the input is so wrong that it ends the reading.
        """
        if self._started:
            raise InputError("this input was already read; open it again to read it again", source=self.name)
        self._started = True
        return self._read()

    def _read(self) -> Iterator[RowBlock]:
        try:
            yield from self._blocks
        finally:
            self.close()

    def __iter__(self) -> Iterator[Row | BadRow]:
        blocks = self.blocks()
        return (row for block in blocks for row in block.rows(self.name))

    def on_close(self, close: Callable[[], None]) -> None:
        """Adds something that releases the input."""
        self._close.append(close)

    def close(self) -> None:
        """Closes the input, if this package opened it. Does nothing the second time."""
        while self._close:
            self._close.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
