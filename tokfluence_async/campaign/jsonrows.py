"""Rows of JSON: one value a line (JSON Lines), or an array of values, in bounded memory.

A value is an object whose keys are recognised as the columns of a table are, a URL, or an array of URL, creator, fee.
Objects within objects count as columns with dotted names. Numbers with a decimal point are read as what is written, and
never through a float.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, Final, cast

import orjson
from attrs import define, field

from tokfluence_async.campaign.columns import Column, ColumnChoice, InputOptions
from tokfluence_async.campaign.items import ITEM_COLUMNS, ItemReader
from tokfluence_async.campaign.origins import Counted
from tokfluence_async.campaign.rows import BLOCK_ROWS, BadRow, Row, RowBlock, RowStream, block_of
from tokfluence_async.campaign.textlines import BLOCK_BYTES, TextLines
from tokfluence_async.errors import InputError

__all__ = ["read_json", "read_jsonl"]

MAX_VALUE_BYTES: Final = 1 << 20
_NOT_JSON: Final = "not JSON"
_BOM: Final = b"\xef\xbb\xbf"
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT: Final = re.compile(rb'\{(?:[^{}\[\]"]++|' + _STRING + rb")*+\}", re.DOTALL).match
"""An object with nothing nested in it, which is what most are, at one go."""
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[{}\[\]]', re.DOTALL).finditer
"""A string, perhaps one that goes on in what is still to come, or what nests."""
_SCALAR: Final = re.compile(_STRING + rb"|[^\s,\[\]{}\"]++", re.DOTALL).match
_BLANK: Final = re.compile(rb"\s*+").match


def read_jsonl(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a file of one JSON value a line. Rows are counted by line.

    Raises:
        InputError: The first value does not tell which of its fields is the URL, or there is none.
    """
    lines = TextLines(stream, name=name, encoding=options.encoding)
    return _open(_lines(lines), name=name, options=options, counted="line")


def read_json(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a file that holds one JSON array, or one value after the other. Rows are counted by record.

    Raises:
        InputError: It is not JSON, the first value does not tell which of its fields is the URL, or there is none.
    """
    return _open(_values(_Scanner(stream, name)), name=name, options=options, counted="row")


def _lines(lines: TextLines) -> Iterator[tuple[int, str]]:
    number = 0
    for block in lines.blocks():
        for line in block:
            number += 1
            text = line.strip()
            if text:
                yield number, text


def _values(scanner: _Scanner) -> Iterator[tuple[int, str]]:
    return enumerate(scanner.values(), start=1)


def _open(
    texts: Iterator[tuple[int, str]], *, name: str, options: InputOptions, counted: Counted
) -> RowStream:
    reader = ItemReader(options, name=name)
    first = next(texts, None)
    if first is None:
        raise InputError("the file holds no rows: it is empty", source=name)
    # Read at once, so that a file whose columns can't be told is refused before anything of it is taken.
    head = _row(reader, name, *first)
    if isinstance(head, BadRow) and head.message.startswith(_NOT_JSON):
        raise InputError(head.message, source=name, row=head.number)
    choice = reader.choice or _by_place()
    fees = reader.fees(choice.fee_unit)
    return RowStream(name, choice, None, fees, _blocks(reader, name, head, texts), counted=counted)


def _by_place() -> ColumnChoice:
    """The choice for values that are no objects."""
    url, handle, fee = (Column(index, column, guessed=True) for index, column in enumerate(ITEM_COLUMNS))
    return ColumnChoice(url, handle, fee, "cents", ())


def _blocks(
    reader: ItemReader, name: str, head: Row | BadRow, texts: Iterator[tuple[int, str]]
) -> Iterator[RowBlock]:
    yield block_of([head])
    while some := list(islice(texts, BLOCK_ROWS)):
        yield block_of([_row(reader, name, number, text) for number, text in some])


def _row(reader: ItemReader, name: str, number: int, text: str) -> Row | BadRow:
    try:
        item: Any = orjson.loads(text)
        if "." in text or "e" in text or "E" in text:
            item = _exactly(item, text)
    except ValueError as error:
        return BadRow(number, text, name, "malformed_row", f"{_NOT_JSON}: {error}")
    row = reader.read(number, item)
    if isinstance(row, Row):
        row.record = text
    else:
        row.text = text
    return row


def _exactly(item: object, text: str) -> object:
    """The same value with decimals in place of floats, if there are any."""
    whole, values = item, cast("Iterable[object]", ())
    if isinstance(item, dict):
        values = cast("dict[str, object]", item).values()
    elif isinstance(item, list):
        values = cast("list[object]", item)
    if any(isinstance(value, float | dict) for value in values):
        return json.loads(text, parse_float=Decimal)
    return whole


@define
class _Scanner:
    """Cuts a stream of JSON into the values of its array, or into its values, without parsing them."""

    stream: BinaryIO
    name: str
    _left: bytes = field(default=b"", init=False)
    _done: int = field(default=0, init=False)
    """Values so far."""
    _line: int = field(default=1, init=False)
    _ended: bool = field(default=False, init=False)

    def values(self) -> Iterator[str]:
        """The text of each value.

        Raises:
            InputError: What is there is no JSON, is cut off, or holds a value larger than 1 MiB.
        """
        self._more()
        self._left = self._left.removeprefix(_BOM)
        in_array = self._next() == b"["
        if in_array:
            self._take(1)
        separated = True
        while (char := self._next()) not in {b"", b"]"}:
            if char == b"," and in_array and not separated:
                self._take(1)
                separated = True
                continue
            if in_array and not separated:
                raise self._error("a comma is missing between two values")
            if char == b",":
                raise self._error("there is a comma too many")
            yield self._value()
            separated = not in_array
        if in_array:
            if not self._left:
                raise self._error("the array is cut off: it has no end")
            if separated and self._done:
                raise self._error("there is a comma too many")
            self._take(1)
        if self._next():
            raise self._error("there is something after the end of the JSON")

    def _value(self) -> str:
        while (end := self._end()) is None:
            if len(self._left) > MAX_VALUE_BYTES:
                raise self._error(f"the value is larger than {MAX_VALUE_BYTES} bytes")
            if self._ended:
                raise self._error("the value is cut off")
            self._more()
        raw = self._left[:end]
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise self._error("this is not UTF-8, as JSON must be") from None
        self._take(end)
        self._done += 1
        return text

    def _end(self) -> int | None:
        """Where the next value ends; None if that can't be told yet."""
        left = self._left
        if left[:1] in b"{[":
            flat = _FLAT(left)
            if flat is not None:
                return flat.end()
            depth = 0
            for token in _TOKEN(left):
                if token[1] == b"":
                    return None
                depth += token[0] in (b"{", b"[")
                depth -= token[0] in (b"}", b"]")
                if not depth:
                    return token.end()
            return None
        scalar = _SCALAR(left)
        if scalar is None:
            if left[:1] == b'"':
                return None  # a string that is not complete yet
            raise self._error("this is not JSON")
        # A number or a word may go on in what is still to come.
        return scalar.end() if scalar.end() < len(left) or self._ended else None

    def _next(self) -> bytes:
        """The next character that is not blank, without taking it; empty at the end."""
        while True:
            blank = _BLANK(self._left)
            self._take(blank.end() if blank else 0)
            if self._left or not self._more():
                return self._left[:1]

    def _take(self, size: int) -> None:
        if size:
            self._line += self._left.count(b"\n", 0, size)
            self._left = self._left[size:]

    def _more(self) -> bool:
        try:
            block = self.stream.read(BLOCK_BYTES)
        except OSError as error:
            raise self._error(f"can't be read: {error.strerror or error}") from error
        self._ended = not block
        self._left += block
        return bool(block)

    def _error(self, message: str) -> InputError:
        return InputError(f"{message} (on line {self._line})", source=self.name, row=self._done + 1)
