"""The rows of an input: what each reader of a format yields, one at a time."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Literal, Self

from attrs import define, field

from tokfluence_async.campaign.handles import parse_handle
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tokfluence_async.campaign.columns import ColumnChoice

__all__ = ["BadRow", "BadRowReason", "Row", "RowBuilder", "RowStream", "csv_line"]

BadRowReason = Literal["bad_fee", "bad_handle", "malformed_row"]
"""Why a row can't be used; stable codes."""

_REMEMBERED = 4096


def csv_line(record: Sequence[str]) -> str:
    """A record as one line of CSV, comma-separated, quoted where needed, without a line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(record)
    return buffer.getvalue()


@define
class Row:
    """One row that names a post. Treat it as a value; freezing it would triple what making one costs.

    Attributes:
        number: The line of the file on which the record starts, or the position in an iterable; from 1.
        url: The URL as it was written, not yet normalised and perhaps not a URL at all.
        creator_handle: Username without ``@``, or a ``tkc_`` id; None if the row does not tell.
        fee_cents: Fee in whole cents; None if the row does not tell, which counts as 0.
        record: All fields of the row as they were written.
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
        """The row as one line of comma-separated CSV, for a file of rejects."""
        return csv_line(self.record)


@define
class BadRow:
    """One row that can't be used.

    Attributes:
        number: The line of the file on which the record starts, or the position in an iterable; from 1.
        text: The row as one line of comma-separated CSV, or the line itself where it could not be parsed.
        source: The file's name, or a description of the input; None if it has none.
        reason: A stable code.
        message: The reason in words.
    """

    number: int
    text: str
    source: str | None
    reason: BadRowReason
    message: str


class RowBuilder:
    """Makes rows from the records of one table.

    Args:
        choice: Which column means what.
        width: How many fields each record must have.
        source: The table's name.
    """

    def __init__(self, choice: ColumnChoice, *, width: int, source: str | None) -> None:
        self._width = width
        self._source = source
        self._url = choice.url.index
        self._handle = choice.handle.index if choice.handle else None
        self._fee = choice.fee.index if choice.fee else None
        # A table has far fewer fees than rows: looking one up costs a quarter of parsing it anew.
        self._cents: dict[str, int | None] = {}
        self.fees = FeeParser(choice.fee_unit or "cents")

    def build(self, number: int, record: Sequence[str]) -> Row | BadRow | None:
        """The row of one record; None for a record of nothing but blanks.

        Args:
            number: The line on which the record starts, from 1.
            record: Its fields.
        """
        if len(record) != self._width:
            if _is_blank(record):
                return None
            return self._bad(
                number, record, "malformed_row", f"expected {self._width} fields, found {len(record)}"
            )
        url = record[self._url]
        if (not url or url.isspace()) and _is_blank(record):
            return None
        handle: str | None = None
        if self._handle is not None and (text := record[self._handle]):
            handle = parse_handle(text)
            if handle is None and text.strip():
                message = f"{text[:80]!a} is not a TikTok username, a profile's URL or a tkc_ id"
                return self._bad(number, record, "bad_handle", message)
        cents: int | None = None
        if self._fee is not None:
            text = record[self._fee]
            try:
                cents = self._cents[text] if text in self._cents else self._learn_fee(text)
            except InputError as error:
                return self._bad(number, record, "bad_fee", error.message)
        return Row(number, url, handle, cents, record, self._source)

    def _learn_fee(self, text: str) -> int | None:
        cents = self.fees.parse(text)
        if len(self._cents) < _REMEMBERED:
            self._cents[text] = cents
        return cents

    def _bad(self, number: int, record: Sequence[str], reason: BadRowReason, message: str) -> BadRow:
        return BadRow(number, csv_line(record), self._source, reason, message)


def _is_blank(record: Sequence[str]) -> bool:
    return not any(text.strip() for text in record)


@define
class RowStream:
    """An open input: what is known of it at once, and its rows, which can be read one time.

    Use it as a context manager, or read it to its end; either closes the file.

    Attributes:
        name: The file's name, or a description of the input.
        columns: Which column means what, and which of that was guessed.
        header: The names of the columns; None if the input has no header.
        fees: Tells by `FeeParser.currency`, after reading, the currency that stood beside the fees.
    """

    name: str
    columns: ColumnChoice
    header: tuple[str, ...] | None
    fees: FeeParser
    _rows: Iterator[Row | BadRow] = field(repr=False)
    _close: Callable[[], None] | None = field(default=None, repr=False)
    _started: bool = field(default=False, init=False, repr=False)

    def __iter__(self) -> Iterator[Row | BadRow]:
        if self._started:
            raise InputError("this input was already read; open it again to read it again", source=self.name)
        self._started = True
        return self._read()

    def _read(self) -> Iterator[Row | BadRow]:
        try:
            yield from self._rows
        finally:
            self.close()

    def on_close(self, close: Callable[[], None]) -> None:
        """Sets what releases the input."""
        self._close = close

    def close(self) -> None:
        """Closes the input, if this package opened it. Does nothing the second time."""
        close, self._close = self._close, None
        if close is not None:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
