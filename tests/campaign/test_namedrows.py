"""Rows of database drivers and of classes are read by their names, wherever these stand."""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import attrs
import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.errors import InputError

pytestmark = pytest.mark.anyio
URL = "https://www.tiktok.com/@tea_1/video/7301234567890123456"

Loose = namedtuple("Loose", "language url fee_cents creator_handle")  # noqa: PYI024 - as drivers make them


Nameless = namedtuple("Nameless", "a b c")  # noqa: PYI024 - as drivers make them


class Strict(NamedTuple):
    fee_cents: int
    url: str
    creator_handle: str


@dataclass
class Data:
    creator_handle: str
    fee_cents: int
    url: str


@dataclass(slots=True, frozen=True)
class Slotted:
    fee_cents: int
    creator_handle: str
    url: str


@attrs.frozen
class Attrs:
    fee_cents: int
    url: str
    creator_handle: str


class Indexed:
    """A row as asyncpg has it: no mapping, no sequence, and its iteration gives the values."""

    def __init__(self, **fields: object) -> None:
        self._held = fields

    def keys(self) -> Iterator[str]:
        return iter(self._held)

    def __getitem__(self, key: str) -> object:
        return self._held[key]

    def __iter__(self) -> Iterator[object]:
        return iter(self._held.values())

    def __len__(self) -> int:
        return len(self._held)


class Listed(list[object]):
    """A row as psycopg2's DictRow: a list that has keys as well."""

    def __init__(self, **fields: object) -> None:
        super().__init__(fields.values())
        self._held = fields

    def keys(self) -> list[str]:
        return list(self._held)

    def __getitem__(self, key: Any) -> Any:
        return self._held[key]


class Mapped:
    """A row as SQLAlchemy has it."""

    def __init__(self, **fields: object) -> None:
        self._mapping = fields
        self._fields = tuple(fields)


def sqlite_row() -> object:
    database = sqlite3.connect(":memory:")
    try:
        database.row_factory = sqlite3.Row
        return database.execute(
            f"SELECT 7 fee_cents, 'de' language, '{URL}' url, 'tea_1' creator_handle"
        ).fetchone()
    finally:
        database.close()


def planned(row: object) -> Plan:
    return CampaignBuilder("Spring").add_items([row]).plan()  # type: ignore[list-item] # what a driver gives


FIELDS = {"fee_cents": 7, "language": "de", "creator_handle": "tea_1", "url": URL}


@pytest.mark.parametrize(
    "row",
    [
        Loose("de", URL, 7, "tea_1"),
        Strict(7, URL, "tea_1"),
        Data("tea_1", 7, URL),
        Slotted(7, "tea_1", URL),
        Attrs(7, URL, "tea_1"),
        Indexed(**FIELDS),
        Listed(**FIELDS),
        Mapped(**FIELDS),
        sqlite_row(),
    ],
    ids=lambda row: type(row).__name__,
)
def test_rows_with_names_are_read_by_them(row: object) -> None:
    plan = planned(row)
    assert [(post.creator_handle, post.fee_cents) for post in plan.posts()] == [("tea_1", 7)]
    assert plan.notes[0].startswith(
        "mappings: URL from 'url' (guessed); creator from 'creator_handle' (guessed)"
    )


async def test_async_rows_are_read_by_their_names() -> None:
    async def rows() -> AsyncIterator[Any]:
        yield Indexed(**FIELDS)
        yield sqlite_row()

    plan = (await CampaignBuilder("Spring").add_items_async(rows())).plan()
    assert (plan.rows, plan.urls, plan.invalid) == (2, 1, 0)


def test_names_that_tell_no_url_are_an_error() -> None:
    with pytest.raises(InputError, match="--url-column"):
        planned(Nameless(URL, "tea_1", 7))


@pytest.mark.parametrize("item", [5, None, b"https://www.tiktok.com/", {URL}, object(), Data, 1.5])
def test_a_first_item_that_is_none_is_an_error_that_names_its_type(item: object) -> None:
    with pytest.raises(InputError, match=f"not {type(item).__name__}") as caught:
        planned(item)
    assert "a tuple or list of (url, creator_handle, fee_cents), a mapping" in caught.value.message
    assert "dataclass" in caught.value.message
    assert caught.value.row == 1


async def test_the_same_for_async_items() -> None:
    async def items() -> AsyncIterator[Any]:
        yield object()

    with pytest.raises(InputError, match="not object"):
        await CampaignBuilder("Spring").add_items_async(items())


def test_a_later_item_that_is_none_is_a_bad_row() -> None:
    plan = CampaignBuilder("Spring").add_items([URL, 5, None]).plan()  # type: ignore[list-item] # as said
    assert (plan.urls, plan.reasons) == (1, {"malformed_row": 2})
