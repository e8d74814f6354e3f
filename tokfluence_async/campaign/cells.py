"""Cells of a table: from what stands in three of its columns to rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, Generic, TypeVar, cast

from attrs import define

from tokfluence_async.campaign.creators import GuessedCreators
from tokfluence_async.campaign.handles import parse_handle, parse_usual_handles
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.campaign.rows import BadRow, BadRowReason, RowBlock, csv_line
from tokfluence_async.errors import InputError

__all__ = ["CellReader", "Unusable", "read_handle"]

_REMEMBERED: Final = 1 << 16
_SHOWN: Final = 80

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@define
class Unusable:
    """A cell that is wrong.

    Attributes:
        reason: Why, as a stable code.
        message: Why, in words.
        text: What stands in it.
    """

    reason: BadRowReason
    message: str
    text: str


class _Remembered(dict[K, V], Generic[K, V]):
    """What cells mean, by what they hold. Tables repeat themselves: looking one up is a tenth of parsing it."""

    any_unusable = False
    """Whether there ever was a cell that is wrong."""

    def __init__(self, parse: Callable[[K], V]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, cell: K) -> V:
        if len(self) >= _REMEMBERED:
            self.clear()
        value = self[cell] = self._parse(cell)
        if isinstance(value, Unusable):
            self.any_unusable = True
        return value


class CellReader:
    """Makes blocks of rows from the cells of one table.

    Args:
        fees: Reads its fees.
        source: Its name.
        creators: Judges its column of creators, if that was guessed.
    """

    def __init__(
        self, fees: FeeParser, *, source: str | None, creators: GuessedCreators | None = None
    ) -> None:
        self._source = source
        self._creators = creators
        self._parse_fee = fees.parse
        self._handles: _Remembered[str, str | Unusable | None] = _Remembered(read_handle)
        self._fees: _Remembered[Hashable, int | Unusable | None] = _Remembered(self._read_fee)
        self._parse_fee_in = fees.parse_in
        self._fees_in: _Remembered[tuple[Hashable, str], int | Unusable | None] = _Remembered(
            self._read_fee_in
        )

    def block(
        self,
        numbers: Sequence[int],
        urls: Sequence[str],
        handles: Sequence[str] | None,
        fees: Iterable[Hashable] | None,
        records: Sequence[Sequence[str]],
        currencies: Sequence[str] | None = None,
    ) -> RowBlock:
        """The rows of some records.

        Args:
            numbers: The rows' numbers.
            urls: The cells of the URL column.
            handles: The cells of the creator column, empty for none; None without that column.
            fees: The cells of the fee column; None without that column.
            records: The rows as they were written.
            currencies: The cells of the column that tells the fees' currency; None without that column.
        """
        nothing = [None] * len(numbers)
        if handles is not None and self._creators is not None:
            self._creators.judge(urls, handles)
            handles = None if self._creators.refused else handles
        owners = nothing if handles is None else self._read_handles(handles)
        cents = nothing if fees is None else self._read_fees(fees, currencies)
        suspect = self._handles.any_unusable or self._fees.any_unusable or self._fees_in.any_unusable
        if suspect and Unusable in {*map(type, owners), *map(type, cents)}:
            return self._parted(numbers, urls, owners, cents, records)
        return RowBlock(
            numbers, urls, cast("list[str | None]", owners), cast("list[int | None]", cents), records
        )

    def _read_handles(self, cells: Sequence[str]) -> Sequence[str | Unusable | None]:
        usual = parse_usual_handles(cells)
        if all(usual):
            return usual
        return [handle or self._handles[cell] for handle, cell in zip(usual, cells, strict=True)]

    def _read_fees(
        self, cells: Iterable[Hashable], currencies: Sequence[str] | None
    ) -> list[int | Unusable | None]:
        if currencies is None:
            return list(map(self._fees.__getitem__, cells))
        return list(map(self._fees_in.__getitem__, zip(cells, currencies, strict=True)))

    def _parted(
        self,
        numbers: Sequence[int],
        urls: Sequence[str],
        owners: Sequence[str | Unusable | None],
        cents: Sequence[int | Unusable | None],
        records: Sequence[Sequence[str]],
    ) -> RowBlock:
        """The rows that can be used apart from those that can't."""
        good: list[int] = []
        bad: list[BadRow] = []
        for place, (owner, fee) in enumerate(zip(owners, cents, strict=True)):
            wrong = owner if isinstance(owner, Unusable) else fee
            if not isinstance(wrong, Unusable):
                good.append(place)
                continue
            record = records[place]
            bad.append(
                BadRow(
                    number=numbers[place],
                    text=record if isinstance(record, str) else csv_line(record),
                    source=self._source,
                    reason=wrong.reason,
                    message=wrong.message,
                    url=urls[place],
                    creator_handle=owner.text if isinstance(owner, Unusable) else owner,
                    fee=fee.text if isinstance(fee, Unusable) else fee,
                )
            )
        return RowBlock(
            [numbers[place] for place in good],
            [urls[place] for place in good],
            cast("list[str | None]", [owners[place] for place in good]),
            cast("list[int | None]", [cents[place] for place in good]),
            [records[place] for place in good],
            bad,
        )

    def _read_fee(self, cell: Hashable) -> int | Unusable | None:
        try:
            return self._parse_fee(cell)
        except InputError as error:
            return Unusable("bad_fee", error.message, str(cell))

    def _read_fee_in(self, cells: tuple[Hashable, str]) -> int | Unusable | None:
        fee, currency = cells
        try:
            return self._parse_fee_in(fee, currency)
        except InputError as error:
            # With its currency: written elsewhere without it, it would be taken for an amount in another.
            return Unusable("bad_fee", error.message, f"{fee} {currency.strip()}".strip())


def read_handle(cell: str) -> str | Unusable | None:
    """The handle in a cell; None if it is blank."""
    handle = parse_handle(cell)
    if handle is not None or not cell.strip():
        return handle
    message = f"{cell[:_SHOWN]!r} is not a TikTok username, a profile's URL or a tkc_ id"
    return Unusable("bad_handle", message, cell)
