"""Rows of Python's own: strings, tuples and mappings, from any iterable, async ones too."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from tokfluence_async.campaign.cells import Unusable, read_handle
from tokfluence_async.campaign.columns import ColumnChoice, InputOptions, choose_by_name
from tokfluence_async.campaign.missing import is_missing
from tokfluence_async.campaign.money import FeeParser, FeeUnit
from tokfluence_async.campaign.rows import BadRow, BadRowReason, Row, csv_line
from tokfluence_async.campaign.surrogates import escaped
from tokfluence_async.errors import InputError

__all__ = ["ITEM_COLUMNS", "Item", "ItemReader", "read_items", "read_items_async"]

Item = str | Sequence[object] | Mapping[str, object]
"""A post: its URL, or ``(url, creator_handle, fee_cents)`` of which the last may be missing, or a mapping
whose keys are recognised as the columns of a table are."""

ITEM_COLUMNS = ("url", "creator_handle", "fee_cents")
"""What the fields of `Row.record` and `BadRow.text` are for rows that come from Python."""

_KNOWN_SHAPES = 256
_MAX_DEPTH = 8


class ItemReader:
    """Turns items into rows, one by one.

    Args:
        options: Which keys of mappings mean what, and what their fees count. A tuple's third field counts
            ``options.fee_unit``, cents without it.
        name: What to call the input in rows and errors.

    Attributes:
        name: The name.
        choice: What the keys of the first mapping mean; None before there was one.
    """

    def __init__(self, options: InputOptions | None = None, *, name: str | None = None) -> None:
        self._options = options or InputOptions()
        self.name: str | None = None if name is None else escaped(name)
        # Mappings of one origin have the same keys throughout, or a few sets of them.
        self._shapes: dict[tuple[str, ...], ColumnChoice | InputError] = {}
        self.choice: ColumnChoice | None = None
        self._fees: dict[FeeUnit, FeeParser] = {"cents": FeeParser("cents"), "units": FeeParser("units")}

    def fees(self, unit: FeeUnit | None) -> FeeParser:
        """What reads the fees that count a unit, cents where none is told."""
        return self._fees[unit or "cents"]

    def read(self, number: int, item: object) -> Row | BadRow:
        """The row of one item.

        Args:
            number: Its position, from 1.
            item: See `Item`; anything else gives a `BadRow`.

        Raises:
            InputError: It is the first mapping, and its keys do not tell which is the URL; later such
                mappings are bad rows.
        """
        unit = self._options.fee_unit or "cents"
        if isinstance(item, str):
            return self._row(number, [item], unit)
        if isinstance(item, Mapping):
            return self._read_mapping(number, cast("Mapping[object, object]", item))
        if isinstance(item, tuple | list):
            return self._row(number, cast("Sequence[object]", item), unit)
        message = f"a row is text, a tuple, a list or a mapping, not {_type(item)}"
        return self._bad(number, [item], "malformed_row", message)

    def _read_mapping(self, number: int, item: Mapping[object, object]) -> Row | BadRow:
        if any(isinstance(value, Mapping) for value in item.values()):
            item = dict(flattened(item))
        keys = tuple(map(str, item))
        choice = self._shapes.get(keys)
        if choice is None:
            try:
                choice = choose_by_name(keys, self._options, source=self.name)
                self.fees(choice.fee_unit).heed(says_cents=choice.says_cents, currency=choice.fee_currency)
            except InputError as error:
                choice = error
            if len(self._shapes) < _KNOWN_SHAPES:
                self._shapes[keys] = choice
        values = tuple(item.values())
        if isinstance(choice, InputError):
            if self.choice is None:
                raise InputError(choice.message, source=self.name, row=number, column=choice.column)
            return self._bad(number, values, "malformed_row", choice.message)
        self.choice = self.choice or choice
        fields = [
            values[column.index] if column else None for column in (choice.url, choice.handle, choice.fee)
        ]
        return self._row(number, fields, choice.fee_unit or "cents")

    def _row(self, number: int, fields: Sequence[object], unit: FeeUnit) -> Row | BadRow:
        if not 1 <= len(fields) <= len(ITEM_COLUMNS):
            found = f"expected (url, creator_handle, fee_cents), found {len(fields)} fields"
            return self._bad(number, fields, "malformed_row", found)
        url, owner, fee = (*fields, None, None)[: len(ITEM_COLUMNS)]
        if not isinstance(url, str):
            if not is_missing(url):
                return self._bad(number, fields, "malformed_row", f"a URL is text, not {_type(url)}")
            url = ""
        cents, wrong_fee = self._cents(fee, unit)
        handle = read_handle(owner) if isinstance(owner, str) else None
        if handle is None and not _is_blank(owner):
            message = f"{_type(owner)} is not a TikTok username, a profile's URL or a tkc_ id"
            handle = Unusable("bad_handle", message, str(owner))
        if isinstance(handle, Unusable):
            return self._bad(
                number, fields, handle.reason, handle.message, fee=_texts([fee])[0] if wrong_fee else cents
            )
        if wrong_fee:
            return self._bad(number, fields, "bad_fee", wrong_fee, fee=str(fee))
        return Row(number, url, handle, cents, _texts(fields), self.name)

    def _cents(self, fee: object, unit: FeeUnit) -> tuple[int | None, str]:
        """A fee in cents, and what is wrong with it."""
        try:
            return self._fees[unit].parse(fee), ""
        except InputError as error:
            return None, error.message

    def _bad(
        self,
        number: int,
        fields: Sequence[object],
        reason: BadRowReason,
        message: str,
        *,
        fee: str | int | None = None,
    ) -> BadRow:
        texts = _texts(fields)
        row = BadRow(number, csv_line(texts), self.name, reason, message, fee=fee)
        if reason != "malformed_row":
            row.url, row.creator_handle = (*texts, "")[:2]
        return row


def read_items(items: Iterable[object], reader: ItemReader) -> Iterator[Row | BadRow]:
    """The rows of an iterable, lazily.

    An empty iterable is not an error: unlike an empty file it is no sign of a mistake.

    Args:
        items: Of `Item`; others become bad rows.
        reader: What turns each into a row.

    Raises:
        InputError: What was given is no iterable of posts: one text, a table, or an async iterable. Or as told for
            `ItemReader.read`.
    """
    given: object = items
    if isinstance(given, str | bytes):
        raise InputError(
            "this is one text; give a list of URLs, or open it as a file if it is a file's name",
            source=reader.name,
        )
    if isinstance(given, Mapping):
        raise InputError("this is one mapping; give a list of them", source=reader.name)
    # A table's iteration gives the names of its columns, or the columns; that of a single column gives its values.
    if hasattr(given, "__arrow_c_stream__") and len(getattr(given, "shape", (0, 0))) > 1:
        raise InputError(f"this is a table ({_type(given)}); give it to add_table", source=reader.name)
    if hasattr(given, "__aiter__"):
        raise InputError(
            "this is an async iterable; give it to `await add_items_async(…)`", source=reader.name
        )
    if not hasattr(given, "__iter__"):
        raise InputError(f"posts come as a list or another iterable, not {_type(given)}", source=reader.name)
    return (reader.read(number, item) for number, item in enumerate(items, start=1))


async def read_items_async(items: AsyncIterable[object], reader: ItemReader) -> AsyncIterator[Row | BadRow]:
    """The rows of an async iterable, lazily; otherwise as `read_items`.

    Raises:
        InputError: What was given is no async iterable, or as told for `ItemReader.read`.
    """
    given: object = items
    if not hasattr(given, "__aiter__"):
        instead = "give it to add_items" if hasattr(given, "__iter__") else "call the function that makes one"
        raise InputError(f"{_type(given)} is no async iterable; {instead}", source=reader.name)
    number = 0
    async for item in items:
        number += 1
        yield reader.read(number, item)


def flattened(item: Mapping[Any, object], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """What stands in mappings within a mapping, under dotted names."""
    for key, value in item.items():
        if isinstance(value, Mapping) and depth < _MAX_DEPTH:
            yield from flattened(cast("Mapping[Any, object]", value), f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value


def _is_blank(value: object) -> bool:
    return not value.strip() if isinstance(value, str) else is_missing(value)


def _texts(fields: Sequence[object]) -> list[str]:
    return ["" if _is_blank(value) else str(value) for value in fields]


def _type(value: object) -> str:
    return type(value).__name__
