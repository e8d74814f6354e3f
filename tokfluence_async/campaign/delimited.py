"""Rows of a text table: CSV, TSV and their kin."""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Protocol

from tokfluence_async.campaign.columns import InputOptions, choose_by_content, choose_by_name, looks_like_url
from tokfluence_async.campaign.rows import BadRow, Row, RowBuilder, RowStream
from tokfluence_async.campaign.textlines import TextLines
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["DELIMITERS", "read_delimited", "sniff"]

DELIMITERS = ",;\t|"
"""The delimiters that are recognised by themselves."""

_SAMPLE_LINES = 200
_ONE_COLUMN = "\x1f"
_AGREEING = 0.5


class _Records(Protocol):
    """What `csv.reader` gives."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def read_delimited(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a text table; the delimiter, the encoding and the columns are recognised unless told.

    A quote that is not closed properly within its line costs that line; one that ran on over several lines
    is an error, because rows were swallowed.

    Args:
        stream: The file, opened for reading bytes. It stays open.
        name: Its name, for errors and rows.
        options: What the caller told.

    Returns:
        Its rows, of which only the first was read. Reading on may raise InputError as well.

    Raises:
        InputError: It can't be decoded, its columns can't be told, or it holds no rows.
    """
    lines = TextLines(stream, name=name, encoding=options.encoding)
    blocks = lines.blocks()
    first = next(blocks, list[str]())
    sample = first[:_SAMPLE_LINES]
    delimiter = options.delimiter
    if sample and (declared := _declared_delimiter(sample[0])):
        # Excel's own first line; emptied rather than removed, so that the lines keep their numbers.
        delimiter = delimiter or declared
        first[0] = sample[0] = "\n"
    delimiter = delimiter or sniff(sample)
    records: _Records = csv.reader(
        chain.from_iterable(chain((first,), blocks)), delimiter=delimiter, strict=True
    )
    reader = _TableReader(lines, records, name)
    head = reader.head()
    if any(looks_like_url(text) for text in head):
        header = None
        choice = choose_by_content(head, options, source=name)
    else:
        header = tuple(text.strip() for text in head)
        choice = choose_by_name(header, options, source=name)
    if options.fee_unit is not None and choice.fee is None:
        raise InputError(
            f"--fee-unit is given, but no column is known to hold fees ({choice.describe()}); "
            "name it with --fee-column (fee_column= in Python)",
            source=name,
        )
    builder = RowBuilder(choice, width=len(head), source=name)
    return RowStream(
        name, choice, header, builder.fees, reader.rows(builder, head if header is None else None)
    )


def sniff(sample: Sequence[str]) -> str:
    """The delimiter of a table, by the one that splits its first record and as many others alike as possible.

    Args:
        sample: Its first lines.

    Returns:
        One of `DELIMITERS`; a character that stands in no text for a bare list of URLs, one a line.
    """
    best, best_score, head = ",", (0.0, 0), ""
    for delimiter in DELIMITERS:
        widths: list[int] = []
        try:
            for record in csv.reader(sample, delimiter=delimiter):
                if record:
                    head = head or record[0]
                    widths.append(len(record))
        except csv.Error:
            continue  # the real reading tells what is wrong, and where
        if not widths or widths[0] == 1:
            continue
        score = (round(widths.count(widths[0]) / len(widths), 1), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    bare_list = best_score[0] < _AGREEING and looks_like_url(head)
    return _ONE_COLUMN if bare_list else best


def _declared_delimiter(line: str) -> str | None:
    told = line.rstrip("\r\n").strip('"')
    return told[-1] if told[:-1].lower() == "sep=" and told[-1] in DELIMITERS else None


class _TableReader:
    """Numbers the records of one table, and tells what is wrong with those that can't be parsed."""

    def __init__(self, lines: TextLines, records: _Records, name: str) -> None:
        self._lines = lines
        self._records = records
        self._name = name
        self._last_line = 0
        self._head_line = 0

    def head(self) -> list[str]:
        """The first record that is not blank."""
        while True:
            try:
                record = next(self._records, None)
            except csv.Error as error:
                raise self._error(error) from None
            if record is None:
                raise InputError("the file holds no rows: it is empty", source=self._name)
            self._head_line, self._last_line = self._last_line + 1, self._records.line_num
            if any(text.strip() for text in record):
                return record

    def rows(self, builder: RowBuilder, head: list[str] | None) -> Iterator[Row | BadRow]:
        """The rows below a header; with `head`, a first record that is data, that one too."""
        found = False
        if head is not None and (row := builder.build(self._head_line, head)) is not None:
            found = True
            yield row
        going = True
        build, records = builder.build, self._records
        while going:
            number = self._last_line + 1
            try:
                for record in records:
                    row = build(number, record)
                    self._last_line = records.line_num
                    number = self._last_line + 1
                    if row is not None:
                        found = True
                        yield row
                going = False
            except csv.Error as error:
                found = True
                yield self._bad_row(error)
        if not found:
            raise InputError("the file holds no rows, only a header", source=self._name)

    def _bad_row(self, error: csv.Error) -> BadRow:
        number, last = self._last_line + 1, self._records.line_num
        if last > number or "unexpected end" in str(error):
            raise self._error(error) from None
        self._last_line = last
        return BadRow(
            number, self._lines.line(last), self._name, "malformed_row", f"not a CSV record: {error}"
        )

    def _error(self, error: csv.Error) -> InputError:
        number, last = self._last_line + 1, self._records.line_num
        if last > number or "unexpected end" in str(error):
            message = (
                f"a quoted field that opens in this record is not closed properly (noticed on line {last})"
            )
        else:
            message = f"not a CSV record: {error}"
        return InputError(message, source=self._name, row=number)
