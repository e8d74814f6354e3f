"""Rows of Python's own: strings, tuples and mappings, from any iterable, async ones too."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from attrs import define

from tokfluence_async.campaign.cells import Unusable, read_handle
from tokfluence_async.campaign.columns import ColumnChoice, InputOptions, choose_by_name
from tokfluence_async.campaign.creators import GuessedCreators, as_judged, guessed_creators
from tokfluence_async.campaign.missing import is_missing
from tokfluence_async.campaign.money import FEE_UNITS, FeeParser, FeeUnit
from tokfluence_async.campaign.namedrows import by_name
from tokfluence_async.campaign.rows import BLOCK_ROWS, BadRow, BadRowReason, Row, csv_line
from tokfluence_async.campaign.surrogates import escaped
from tokfluence_async.errors import InputError

__all__ = ["ITEM_COLUMNS", "Item", "ItemReader", "ShapedItem", "read_items", "read_items_async"]

Item = str | Sequence[object] | Mapping[str, object]
"""A post: its URL, or ``(url, creator_handle, fee_cents)`` of which the last may be missing, or a mapping
whose keys are recognised as the columns of a table are. So are the names of a database driver's row, of a named tuple,
and of an instance of a dataclass or attrs class."""

ITEM_COLUMNS = ("url", "creator_handle", "fee_cents")
"""What the fields of `Row.record` and `BadRow.text` are for rows that come from Python."""

_ACCEPTED = (
    "text (a URL), a tuple or list of (url, creator_handle, fee_cents), a mapping, or what has named fields, "
    "such as a database's row, a named tuple or an instance of a dataclass"
)
_KNOWN_SHAPES = 256
_MAX_DEPTH = 8


@define
class ShapedItem:
    """One item of which it is known what its fields mean.

    Attributes:
        number: Its position, from 1.
        fields: The URL, the creator and the fee, of which the last may be missing.
        unit: What the fee counts.
        currency: What tells the fee's currency.
        creators: Judges the creator's column, if that was guessed.
    """

    number: int
    fields: Sequence[object]
    unit: FeeUnit
    currency: object = None
    creators: GuessedCreators | None = None


class ItemReader:
    """Turns items into rows, a few at a time.

    Args:
        options: Which keys of mappings mean what, and what their fees count. A tuple's third field counts
            ``options.fee_unit``, cents without it.
        name: What to call the input in rows and errors.

    Attributes:
        name: The name.
    """

    def __init__(self, options: InputOptions | None = None, *, name: str | None = None) -> None:
        self._options = options or InputOptions()
        self.name: str | None = None if name is None else escaped(name)
        # Mappings of one origin have the same keys throughout, or a few sets of them.
        self._shapes: dict[tuple[str, ...], ColumnChoice | InputError] = {}
        self._choice: ColumnChoice | None = None
        self._creators: dict[str, GuessedCreators] = {}
        self._fees: dict[FeeUnit, FeeParser] = {
            unit: FeeParser(unit, decimal=self._options.decimal) for unit in FEE_UNITS
        }
        self._taken = 0
        self._held: list[ShapedItem | BadRow] = []

    def fees(self, unit: FeeUnit | None) -> FeeParser:
        """What reads the fees that count a unit, cents where none is told."""
        return self._fees[unit or "cents"]

    @property
    def choice(self) -> ColumnChoice | None:
        """What the names in the first item that has names mean; None before there was one."""
        return None if self._choice is None else as_judged(self._choice, self.creators)

    @property
    def creators(self) -> Collection[GuessedCreators]:
        """What judges the columns of creators that were guessed so far."""
        return self._creators.values()

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be said of the names, beside the choice."""
        return tuple(note for creators in self.creators for note in creators.notes)

    def take(self, item: object) -> list[Row | BadRow]:
        """The rows that can be read once one more item is there, in their order.

        Items whose creators' column was guessed wait until there are some to judge it by.

        Args:
            item: See `Item`; anything else gives a `BadRow`, unless it is the first.

        Raises:
            InputError: The first item is none; or as told for `item`.
        """
        self._taken += 1
        shaped = self.item(self._taken, item)
        if self._taken == 1 and isinstance(shaped, BadRow) and not isinstance(item, tuple | list):
            raise InputError(shaped.message, source=self.name, row=1)
        if not self._held:
            if isinstance(shaped, BadRow):
                return [shaped]
            if shaped.creators is None or shaped.creators.settled:
                return [self._row(shaped)]
        self._held.append(shaped)
        return [] if len(self._held) < BLOCK_ROWS else self.rest()

    def rest(self) -> list[Row | BadRow]:
        """The rows of the items that wait."""
        held, self._held = self._held, []
        return self.rows(held)

    def item(self, number: int, item: object) -> ShapedItem | BadRow:
        """What the fields of one item mean.

        Args:
            number: Its position, from 1.
            item: See `Item`; anything else gives a `BadRow`.

        Raises:
            InputError: It is the first item with names, and these do not tell which is the URL; later such items are
                bad rows.
        """
        unit = self._options.fee_unit or "cents"
        if isinstance(item, str):
            return ShapedItem(number, [item], unit)
        if isinstance(item, Mapping):
            return self._by_name(number, cast("Mapping[object, object]", item))
        if type(item) not in {tuple, list}:
            named = by_name(item)
            if named is not None:
                return self._by_name(number, named)
        if isinstance(item, tuple | list):
            return ShapedItem(number, cast("Sequence[object]", item), unit)
        return self._bad(number, [item], "malformed_row", f"a row is {_ACCEPTED}, not {_type(item)}")

    def rows(self, items: Sequence[ShapedItem | BadRow]) -> list[Row | BadRow]:
        """The rows of some items, once their creators' columns were judged.

        Args:
            items: The items; those that are bad rows already stay what they are.
        """
        for creators in self.creators:
            if not creators.settled:
                own = [
                    each.fields
                    for each in items
                    if isinstance(each, ShapedItem) and each.creators is creators
                ]
                creators.judge([url for url, *_ in own], [owner for _, owner, *_ in own])
        return [each if isinstance(each, BadRow) else self._row(each) for each in items]

    def _by_name(self, number: int, item: Mapping[Any, object]) -> ShapedItem | BadRow:
        if any(isinstance(value, Mapping) for value in item.values()):
            item = dict(flattened(item))
        keys = tuple(map(str, item))
        choice = self._shapes.get(keys)
        if choice is None:
            choice = self._choose(keys)
            if len(self._shapes) < _KNOWN_SHAPES:
                self._shapes[keys] = choice
        values = tuple(item.values())
        if isinstance(choice, InputError):
            if self._choice is None:
                raise InputError(choice.message, source=self.name, row=number, column=choice.column)
            return self._bad(number, values, "malformed_row", choice.message)
        self._choice = self._choice or choice
        # One by one, which is quicker than a loop over the four.
        handle, fee, currency = choice.handle, choice.fee, choice.currency
        fields = (
            values[choice.url.index],
            None if handle is None else values[handle.index],
            None if fee is None else values[fee.index],
        )
        told = None if currency is None else values[currency.index]
        creators = None if handle is None else self._creators.get(handle.name)
        return ShapedItem(number, fields, choice.fee_unit or "cents", told, creators)

    def _choose(self, keys: Sequence[str]) -> ColumnChoice | InputError:
        try:
            choice = choose_by_name(keys, self._options, source=self.name)
            self.fees(choice.fee_unit).heed(says_cents=choice.says_cents, currency=choice.fee_currency)
        except InputError as error:
            return error
        creators = guessed_creators(choice)
        if creators is not None:
            # One name is one column, wherever it stands among the others.
            self._creators.setdefault(creators.column.name, creators)
        return choice

    def _row(self, item: ShapedItem) -> Row | BadRow:
        number, fields = item.number, item.fields
        if not 1 <= len(fields) <= len(ITEM_COLUMNS):
            found = f"expected (url, creator_handle, fee_cents), found {len(fields)} fields"
            return self._bad(number, fields, "malformed_row", found)
        url, owner, fee = (
            fields if len(fields) == len(ITEM_COLUMNS) else (*fields, None, None)[: len(ITEM_COLUMNS)]
        )
        if not isinstance(url, str):
            if not is_missing(url):
                return self._bad(number, fields, "malformed_row", f"a URL is text, not {_type(url)}")
            url = ""
        if item.creators is not None and item.creators.refused:
            owner = None
        cents, wrong_fee = self._cents(fee, item)
        # With its currency: written elsewhere without it, it would be taken for an amount in another.
        shown_fee = " ".join(_texts([fee, item.currency])).strip() if wrong_fee else cents
        handle = read_handle(owner) if isinstance(owner, str) else None
        if handle is None and not _is_blank(owner):
            message = f"{_type(owner)} is not a TikTok username, a profile's URL or a tkc_ id"
            handle = Unusable("bad_handle", message, str(owner))
        if isinstance(handle, Unusable):
            return self._bad(number, fields, handle.reason, handle.message, fee=shown_fee)
        if wrong_fee:
            return self._bad(number, fields, "bad_fee", wrong_fee, fee=shown_fee)
        return Row(number, url, handle, cents, _texts(fields), self.name)

    def _cents(self, fee: object, item: ShapedItem) -> tuple[int | None, str]:
        """A fee in cents, and what is wrong with it."""
        currency = "" if _is_blank(item.currency) else str(item.currency)
        try:
            return self._fees[item.unit].parse_in(fee, currency), ""
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
        items: Of `Item`; others become bad rows, unless the first is none already.
        reader: What turns each into a row.

    Raises:
        InputError: What was given is no iterable of posts: one text, a table, or an async iterable. Or as told for
            `ItemReader.take`.
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
    return _read(items, reader)


def _read(items: Iterable[object], reader: ItemReader) -> Iterator[Row | BadRow]:
    for item in items:
        yield from reader.take(item)
    yield from reader.rest()


async def read_items_async(items: AsyncIterable[object], reader: ItemReader) -> AsyncIterator[Row | BadRow]:
    """The rows of an async iterable, lazily; otherwise as `read_items`.

    Raises:
        InputError: What was given is no async iterable, or as told for `ItemReader.take`.
    """
    given: object = items
    if not hasattr(given, "__aiter__"):
        instead = "give it to add_items" if hasattr(given, "__iter__") else "call the function that makes one"
        raise InputError(f"{_type(given)} is no async iterable; {instead}", source=reader.name)
    async for item in items:
        for row in reader.take(item):
            yield row
    for row in reader.rest():
        yield row


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
