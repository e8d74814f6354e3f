"""Rows of a text table: CSV, TSV and their kin."""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from tokfluence_async.campaign.cells import CellReader
from tokfluence_async.campaign.columns import (
    ColumnChoice,
    InputOptions,
    choose_by_content,
    choose_by_name,
    looks_like_url,
    names_post,
)
from tokfluence_async.campaign.creators import guessed_creators
from tokfluence_async.campaign.csvrecords import CSVRecords
from tokfluence_async.campaign.guards import is_guarded, unguarded
from tokfluence_async.campaign.rows import BLOCK_ROWS, BadRow, RowBlock, RowStream, csv_line
from tokfluence_async.campaign.textlines import TextLines, line_ends
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["DELIMITERS", "read_delimited", "sniff"]

DELIMITERS = ",;\t|"
"""The delimiters that are recognised by themselves."""

_SAMPLE_LINES = 200
_ONE_COLUMN = "\x1f"
_AGREEING = 0.5


def read_delimited(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a text table; the delimiter, the encoding and the columns are recognised unless told.

    A quote that is not closed properly within its line costs that line; one that ran on over several lines
    is an error, because rows were swallowed, and so is one that is closed properly, but holds what looks like rows.

    Args:
        stream: The file, opened for reading bytes. It stays open.
        name: Its name, for errors and rows.
        options: What the caller told.

    Returns:
        Its rows, of which only the first was read. Reading on may raise InputError as well.

    Raises:
        InputError: It can't be decoded, its columns can't be told, or it holds no rows.
    """
    lines = TextLines(stream, name=name, encoding=options.encoding, try_cp1252=True)
    blocks = lines.blocks()
    first = next(blocks, list[str]())
    sample = first[:_SAMPLE_LINES]
    delimiter = options.delimiter
    if sample and (declared := _declared_delimiter(sample[0])):
        # Excel's own first line; emptied rather than removed, so that the lines keep their numbers.
        delimiter = delimiter or declared
        first[0] = sample[0] = "\n"
    delimiter = delimiter or sniff(sample)
    reader = _TableReader(lines, CSVRecords(chain((first,), blocks), delimiter), delimiter, name)
    head = reader.head()
    if any(looks_like_url(text) for text in head):
        header = None
        choice = choose_by_content(head, options, source=name)
    else:
        reader.check_head(head)
        header = tuple(text.strip() for text in head)
        choice = choose_by_name(header, options, source=name)
    if options.fee_unit is not None and choice.fee is None:
        raise InputError(
            f"--fee-unit is given, but no column is known to hold fees ({choice.describe()}); "
            "name it with --fee-column (fee_column= in Python)",
            source=name,
        )
    fees = choice.fee_parser()
    creators = guessed_creators(choice)
    cells = CellReader(fees, source=name, creators=creators)
    shape = _Shape(choice, len(head), name, cells, has_guards=is_guarded(header))
    if header is None:
        reader.check_head(head, shape.columns)
    rows = reader.blocks(shape, head if header is None else None, header)
    return RowStream(
        name, choice, header, fees, rows, notes=lambda: lines.notes, creators=tuple(filter(None, (creators,)))
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

    def __init__(self, lines: TextLines, records: CSVRecords, delimiter: str, name: str) -> None:
        self._lines = lines
        self._records = records
        self._delimiter = delimiter
        self._name = name
        self._header: tuple[str, ...] | None = None
        self._guarded = False
        self._columns: tuple[int, ...] = ()
        self._last_line = 0
        self._head_line = 0

    def head(self) -> list[str]:
        """The first record that is not blank."""
        while True:
            records: list[list[str]] = []
            try:
                self._records.take(records, 1)
            except csv.Error as error:
                raise self._error(error) from None
            if not records:
                raise InputError("the file holds no rows: it is empty", source=self._name)
            self._head_line, self._last_line = self._last_line + 1, self._records.line_num
            if any(text.strip() for text in records[0]):
                return records[0]

    def check_head(self, record: list[str], columns: Sequence[int] = ()) -> None:
        """See that the first record has swallowed no rows; it is a header as long as the columns are not known."""
        self._check_whole(self._head_line, record, columns)

    def blocks(
        self, shape: _Shape, head: list[str] | None, header: tuple[str, ...] | None
    ) -> Iterator[RowBlock]:
        """The rows below a header; with `head`, a first record that is data, that one too."""
        self._header = header
        self._guarded = is_guarded(header)
        self._columns = shape.columns
        found = False
        going = True
        while going:
            records: list[list[str]] = []
            wrong: csv.Error | None = None
            try:
                self._records.take(records, BLOCK_ROWS)
                going = bool(records)
            except csv.Error as error:
                wrong = error
            numbers = self._numbers(records, ended=wrong is None)
            if head is not None:
                # With those below it: one row alone would hardly tell what its columns hold.
                numbers, records, head = [self._head_line, *numbers], [head, *records], None
            block = shape.block(numbers, records)
            if wrong is not None:
                block.bad = [*block.bad, self._bad_row(wrong)]
            if block.numbers or block.bad:
                found = True
                yield block
        if not found:
            raise InputError("the file holds no rows, only a header", source=self._name)

    def _numbers(self, records: list[list[str]], *, ended: bool) -> Sequence[int]:
        """The lines on which some records start; the next record starts below them."""
        first, last = self._last_line + 1, self._records.line_num
        if ended and last - first + 1 == len(records):
            self._last_line = last
            return range(first, last + 1)
        numbers: list[int] = []
        for record in records:
            number = self._last_line + 1
            numbers.append(number)
            self._last_line = number + sum(map(line_ends, record))
            if self._last_line > number:
                self._check_whole(number, record, self._columns)
        return numbers

    def _check_whole(self, number: int, record: list[str], columns: Sequence[int]) -> None:
        """See that no quoted field of a record of several lines has swallowed other rows.

        That is so where a quote is part of a text that begins with it, and another text ends with one.

        Args:
            number: The line on which the record starts.
            record: Its fields.
            columns: How many the table has, and the position of the URL among them; empty while that is not known.
        """
        if self._guarded:
            return  # it is ours: whatever its fields hold is quoted properly
        delimiter = self._delimiter
        for place, text in enumerate(record):
            # The cheap questions first: most texts of several lines end here.
            if delimiter not in text or not _may_name_post(text) or not line_ends(text):
                continue
            if _holds_row(record, place, delimiter, columns):
                opens = number + sum(map(line_ends, record[:place]))
                name = self._header[place] if self._header and place < len(self._header) else None
                raise InputError(
                    f"the quoted field {name or f'column {place + 1}'!r} that opens on line {opens} and closes on line "
                    f"{opens + line_ends(text)} holds what looks like rows, a post's URL among them. If its quotes "
                    'are part of texts, write those texts in quotes, and the quotes within them doubled (""); '
                    "if it is one text, put the URL on a line of its own",
                    source=self._name,
                    row=number,
                    column=name,
                )

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


class _Shape:
    """What the records of one table must look like, and which of their fields mean what."""

    def __init__(
        self, choice: ColumnChoice, width: int, name: str, cells: CellReader, *, has_guards: bool
    ) -> None:
        self.columns: tuple[int, int] = (width, choice.url.index)
        self._width = width
        self._has_guards = has_guards
        self._name = name
        self._cells = cells
        self._url = choice.url.index
        self._handle = choice.handle.index if choice.handle else None
        self._fee = choice.fee.index if choice.fee else None
        self._currency = choice.currency.index if choice.currency else None

    def block(self, numbers: Sequence[int], records: Sequence[list[str]]) -> RowBlock:
        """The rows of some records, without those of nothing but blanks."""
        bad: list[BadRow] = []
        if {*map(len, records)} - {self._width}:
            bad = [
                self._misshapen(number, record)
                for number, record in zip(numbers, records, strict=True)
                if len(record) != self._width and not _is_blank(record)
            ]
            numbers, records = _only(numbers, records, lambda record: len(record) == self._width)
        url, handle, fee, currency = self._url, self._handle, self._fee, self._currency
        urls = [record[url] for record in records]
        if not all(urls) or any(map(str.isspace, urls)):
            numbers, records = _only(numbers, records, lambda record: not _is_blank(record))
            urls = [record[url] for record in records]
        handles = None if handle is None else [record[handle] for record in records]
        fees = None if fee is None else [record[fee] for record in records]
        currencies = None if currency is None else [record[currency] for record in records]
        if self._has_guards:
            urls = unguarded(urls)
            handles = None if handles is None else unguarded(handles)
            fees = None if fees is None else unguarded(fees)
        block = self._cells.block(numbers, urls, handles, fees, records, currencies)
        block.bad = [*block.bad, *bad]
        return block

    def _misshapen(self, number: int, record: list[str]) -> BadRow:
        message = f"expected {self._width} fields, found {len(record)}"
        return BadRow(number, csv_line(record), self._name, "malformed_row", message)


def _may_name_post(text: str) -> bool:
    """Whether it is worth asking; a post's host has a dot."""
    return "." in text and "tiktok" in text.casefold()


def _holds_row(record: Sequence[str], place: int, delimiter: str, columns: Sequence[int]) -> bool:
    """Whether a line of a field could be a row of the table, rather than part of a text that mentions a URL.

    Args:
        record: The record.
        place: The field's position in it.
        delimiter: The character between fields.
        columns: How many the table has, and the position of the URL; empty while that is not known.
    """
    # Lines as `line_ends` counts them; `splitlines` knows further ones.
    lines = record[place].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first, *between, last = (line.split(delimiter) for line in lines)
    # What stands outside the field makes rows of its first line and of its last one.
    opening, closing = [*record[:place], *first], [*last, *record[place + 1 :]]
    width = columns[0] if columns else len(opening)
    urls = columns[1:] or range(width)
    for url in urls:
        # That one of the two which has its URL outside the field, and is a row beyond doubt.
        model = opening if url <= place else closing
        rows = list(between)
        if len(first) > 1 and url >= place:
            rows.append(opening)
        if 1 < len(last) > url:
            rows.append(closing)
        if any(len(row) == width and _is_like(row, model, url) for row in rows):
            return True
    return False


def _is_like(row: Sequence[str], model: Sequence[str], url: int) -> bool:
    """Whether fields have the URL of a post where a row of the table has one, and nowhere else, and more than that."""
    if not _may_name_post(row[url]) or not names_post(row[url]):
        return False
    others = [index for index in range(len(row)) if index != url]
    if not any(row[index].strip() for index in others):
        return False
    # "first, https://..." is prose, unless the table itself has blanks behind its delimiters.
    if row[url][:1] == " " and url < len(model) and model[url][:1] != " ":
        return False
    return not any(
        names_post(row[index]) and not (len(model) == len(row) and names_post(model[index]))
        for index in others
    )


def _only(
    numbers: Sequence[int], records: Sequence[list[str]], fits: Callable[[list[str]], bool]
) -> tuple[list[int], list[list[str]]]:
    """The records that fit, and their numbers."""
    places = [place for place, record in enumerate(records) if fits(record)]
    return [numbers[place] for place in places], [records[place] for place in places]


def _is_blank(record: Sequence[str]) -> bool:
    return not any(text.strip() for text in record)
