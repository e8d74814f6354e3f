"""Rows of JSON: one value a line (JSON Lines), or an array of values, in bounded memory.

The array may stand in an object, as answers of APIs have it, if it is the only array of objects there.

A value is an object whose keys are recognised as the columns of a table are, a URL, or an array of URL, creator, fee.
Objects within objects count as columns with dotted names. Numbers with a decimal point are read as what is written, and
never through a float.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import chain, islice
from typing import Any, BinaryIO, Final, cast

import orjson
from attrs import evolve

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.columns import (
    Column,
    ColumnChoice,
    InputOptions,
    choose_by_name,
    looks_like_url,
)
from tokfluence_async.campaign.compression import peek
from tokfluence_async.campaign.encodings import as_utf_8, encoding_of
from tokfluence_async.campaign.items import ITEM_COLUMNS, ItemReader, ShapedItem, flattened
from tokfluence_async.campaign.jsonvalues import JSONValues
from tokfluence_async.campaign.origins import Counted
from tokfluence_async.campaign.rows import BLOCK_ROWS, BadRow, Row, RowBlock, RowStream, block_of
from tokfluence_async.campaign.textlines import TextLines
from tokfluence_async.errors import InputError

__all__ = ["read_json", "read_jsonl"]

_PEEKED: Final = 64
_NOT_JSON: Final = "not JSON"
_DEEPEST: Final = 4
"""Levels of an object down to which rows are looked for."""


def read_jsonl(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a file of one JSON value a line. Rows are counted by line.

    A line that is not JSON, or an object without any fields, is a row that can't be used; if the first lines are all
    like that, the file is not taken for one of JSON.

    Raises:
        InputError: It is not JSON, the first value does not tell which of its fields is the URL, or there is none.
    """
    lines = TextLines(stream, name=name, encoding=options.encoding)
    texts = _lines(lines)
    head = _head(texts, most=BLOCK_ROWS)
    return _open(head, texts, name=name, options=options, counted="line", notes=lambda: lines.notes)


def read_json(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
    """Opens a file that holds one JSON array, or one value after the other. Rows are counted by record.

    Raises:
        InputError: It is not JSON, the first value does not tell which of its fields is the URL, or there is none.
    """
    head, stream = peek(stream, _PEEKED)
    encoding = encoding_of(head, options.encoding)
    values = JSONValues(as_utf_8(stream, encoding), name)
    within = _holds_rows(values.object_ahead(), name, options)
    texts = enumerate(values.within() if within else values.values(), start=1)
    # Without an array around them, what is no JSON tells that the file is none: strings stand in HTML, too.
    in_array = within or encoding.first_character(head) == "["
    first = _head(texts, most=BLOCK_ROWS if in_array else 1)
    return _open(
        first,
        texts,
        name=name,
        options=options,
        counted="row",
        notes=lambda: (*encoding.notes, *values.notes),
    )


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


def _head(texts: Iterator[tuple[int, str]], *, most: int) -> list[tuple[int, str]]:
    """The first values of a file, down to the one that tells of how the others are made, or so many of them."""
    head: list[tuple[int, str]] = []
    for number, text in islice(texts, most):
        head.append((number, text))
        if _tells(text):
            break
    return head


def _tells(text: str) -> bool:
    """Whether a value is like a row: an object that has fields, a URL, or an array that begins with one."""
    try:
        item: object = orjson.loads(text)
    except ValueError:
        return False
    if isinstance(item, list):
        item = next(iter(cast("list[object]", item)), None)
    if isinstance(item, str):
        return looks_like_url(item)
    return isinstance(item, dict) and bool(cast("dict[str, object]", item))


def _open(
    head: list[tuple[int, str]],
    texts: Iterator[tuple[int, str]],
    *,
    name: str,
    options: InputOptions,
    counted: Counted,
    notes: Callable[[], tuple[str, ...]],
) -> RowStream:
    if not head:
        raise InputError("the file holds no rows: it is empty", source=name)
    reader = ItemReader(options, name=name)
    # Read at once, so that a file whose columns can't be told is refused before anything of it is taken. What tells
    # them comes first, whatever stands before it.
    telling = -1 if _tells(head[-1][1]) else 0
    number, text = head[telling]
    first = _item(reader, name, number, text)
    if isinstance(first, BadRow) and first.message.startswith(_NOT_JSON):
        raise InputError(first.message, source=name, row=number)
    choice = reader.choice or _by_place(text, options)
    fees = reader.fees(choice.fee_unit or options.fee_unit)
    blocks = _blocks(reader, name, chain(head, texts))
    return RowStream(name, choice, None, fees, blocks, counted=counted, notes=notes, creators=reader.creators)


def _by_place(text: str, options: InputOptions) -> ColumnChoice:
    """The choice for values that are no objects: an array has as many columns as its row may, any other value one."""
    item: object = orjson.loads(text)
    width = max(len(cast("list[object]", item)), 1) if isinstance(item, list) else 1
    columns = [Column(place, f"column {place + 1}", guessed=True) for place in range(len(ITEM_COLUMNS))]
    url, handle, fee = (column if column.index < width else None for column in columns)
    return ColumnChoice(url or columns[0], handle, fee, (options.fee_unit or "cents") if fee else None, ())


def _blocks(reader: ItemReader, name: str, texts: Iterator[tuple[int, str]]) -> Iterator[RowBlock]:
    while some := list(islice(texts, BLOCK_ROWS)):
        rows = reader.rows([_item(reader, name, number, text) for number, text in some])
        for row, (_, text) in zip(rows, some, strict=True):
            if isinstance(row, Row):
                row.record = text
            else:
                row.text = text
        yield block_of(rows)


def _item(reader: ItemReader, name: str, number: int, text: str) -> ShapedItem | BadRow:
    try:
        item: Any = orjson.loads(text)
        if "." in text or "e" in text or "E" in text:
            item = _exactly(item, text)
    except ValueError as error:
        return BadRow(number, text, name, "malformed_row", f"{_NOT_JSON}: {error}")
    return reader.item(number, item)


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
