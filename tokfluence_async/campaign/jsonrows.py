"""Rows of JSON: one value a line (JSON Lines), or an array of values, in bounded memory.

The array may stand in an object, as answers of APIs have it, if it is the only array of objects there.

A value is an object whose keys are recognised as the columns of a table are, a URL, or an array of URL, creator, fee.
Objects within objects count as columns with dotted names. Numbers with a decimal point are read as what is written, and
never through a float.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, Final, cast

import orjson
from attrs import evolve

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.columns import Column, ColumnChoice, InputOptions, choose_by_name
from tokfluence_async.campaign.items import ITEM_COLUMNS, ItemReader, flattened
from tokfluence_async.campaign.jsonvalues import JSONValues
from tokfluence_async.campaign.origins import Counted
from tokfluence_async.campaign.rows import BLOCK_ROWS, BadRow, Row, RowBlock, RowStream, block_of
from tokfluence_async.campaign.textlines import TextLines
from tokfluence_async.errors import InputError

__all__ = ["read_json", "read_jsonl"]

_NOT_JSON: Final = "not JSON"
_DEEPEST: Final = 4
"""Levels of an object down to which rows are looked for."""


def read_jsonl(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a file of one JSON value a line. Rows are counted by line.

    Raises:
        InputError: The first value does not tell which of its fields is the URL, or there is none.
    """
    lines = TextLines(stream, name=name, encoding=options.encoding)
    return _open(lines, _lines(lines), name=name, options=options, counted="line")


def read_json(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a file that holds one JSON array, or one value after the other. Rows are counted by record.

    Raises:
        InputError: It is not JSON, the first value does not tell which of its fields is the URL, or there is none.
    """
    values = JSONValues(stream, name)
    texts = values.within() if _holds_rows(values.object_ahead(), name, options) else values.values()
    return _open(values, enumerate(texts, start=1), name=name, options=options, counted="row")


def _holds_rows(text: str | None, name: str, options: InputOptions) -> bool:
    """Whether an object is none of the rows, but holds them in an array.

    Args:
        text: The object with which a file begins; None for one that is too large for a row, empty for none.
        name: The file's name.
        options: What the caller told.

    Raises:
        InputError: The array stands too deep in it.
    """
    if text is None:
        return True
    try:
        item: object = orjson.loads(text or "null")
    except ValueError:
        return False  # the reading tells what is wrong
    if not isinstance(item, dict) or _is_row(cast("dict[str, object]", item), options):
        return False
    paths = list(_arrays(cast("dict[str, object]", item)))
    if paths and not any(len(path) == 1 for path in paths):
        path = "".join(f"[{json.dumps(key)}]" for key in paths[0])
        raise InputError(
            f"the rows seem to be those of the array under {'.'.join(paths[0])!r}; make it a file of its own, "
            f"for example with `{shlex.join(['jq', f'.{path}'])}`",
            source=name,
        )
    return bool(paths)


def _is_row(item: dict[str, object], options: InputOptions) -> bool:
    """Whether an object names a post itself, or has a column that is meant for it."""
    fields = dict(flattened(item))
    if any(
        isinstance(value, str) and isinstance(urls.parse(value), urls.PostURL) for value in fields.values()
    ):
        return True
    keys = list(fields)
    try:
        choice = choose_by_name(keys, evolve(options, handle_column="", fee_column="", fee_unit=None))
    except InputError:
        return False
    return not isinstance(fields[keys[choice.url.index]], list)


def _arrays(item: dict[str, object], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where arrays of objects, or empty ones, stand in an object."""
    for key, value in item.items():
        path = (*above, key)
        if isinstance(value, dict) and len(path) < _DEEPEST:
            yield from _arrays(cast("dict[str, object]", value), path)
        elif isinstance(value, list):
            first = cast("list[object]", value)[:1]
            if not first or isinstance(first[0], dict):
                yield path


def _lines(lines: TextLines) -> Iterator[tuple[int, str]]:
    number = 0
    for block in lines.blocks():
        for line in block:
            number += 1
            text = line.strip()
            if text:
                yield number, text


def _open(
    source: TextLines | JSONValues,
    texts: Iterator[tuple[int, str]],
    *,
    name: str,
    options: InputOptions,
    counted: Counted,
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
    blocks = _blocks(reader, name, head, texts)
    return RowStream(name, choice, None, fees, blocks, counted=counted, notes=source.notes)


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
