from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.items import Item, ItemReader, read_items, read_items_async
from tokfluence_async.campaign.sources import BadRow, InputOptions, Row
from tokfluence_async.errors import InputError

pytestmark = pytest.mark.anyio
URL = "https://www.tiktok.com/@kitchen.lab.07/video/7301234567890123456"


def test_strings_tuples_lists_and_mappings() -> None:
    items: list[object] = [
        URL,
        (URL,),
        (URL, "@run_club_22"),
        [URL, "tkc_8fQ2", 50000],
        {"Creator": "@Kitchen.Lab.07", "Post URL": URL, "fee_cents": 7, "Notes": "x"},
        {"url": URL},
        (URL, None, None),
        (URL, float("nan"), float("nan")),
        "",
    ]
    rows = list(read_items(items, ItemReader(name="sheet")))
    assert rows == [
        Row(1, URL, None, None, [URL], "sheet"),
        Row(2, URL, None, None, [URL], "sheet"),
        Row(3, URL, "run_club_22", None, [URL, "@run_club_22"], "sheet"),
        Row(4, URL, "tkc_8fQ2", 50000, [URL, "tkc_8fQ2", "50000"], "sheet"),
        Row(5, URL, "Kitchen.Lab.07", 7, [URL, "@Kitchen.Lab.07", "7"], "sheet"),
        Row(6, URL, None, None, [URL, "", ""], "sheet"),
        Row(7, URL, None, None, [URL, "", ""], "sheet"),
        Row(8, URL, None, None, [URL, "", ""], "sheet"),
        Row(9, "", None, None, [""], "sheet"),
    ]
    assert rows[3].text == f"{URL},tkc_8fQ2,50000"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ((), "malformed_row"),
        ((URL, "h", 5, "x"), "malformed_row"),
        ((5, "h", 5), "malformed_row"),
        ((URL, "Kitchen Lab", 5), "bad_handle"),
        ((URL, 5, 5), "bad_handle"),
        ((URL, "h", 5.0), "bad_fee"),
        ((URL, "h", True), "bad_fee"),
        ((URL, "h", -5), "bad_fee"),
        ((URL, "h", "5.50"), "bad_fee"),
        ((URL, "h", Decimal("5.5")), "bad_fee"),
    ],
)
def test_what_can_not_be_used_is_a_bad_row(item: object, reason: str) -> None:
    (row,) = read_items([item], ItemReader())
    assert isinstance(row, BadRow)
    assert (row.number, row.reason, row.source) == (1, reason, None)
    assert row.message


def test_what_pandas_puts_where_nothing_stands_is_missing() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "url": pandas.array([URL, URL, None], "string"),
            "creator_handle": pandas.array(["@maker", None, None], "string"),
            "fee_cents": pandas.array([5, None, None], "Int64"),
        }
    )
    records = frame.to_dict("records")
    rows = list(
        read_items([*records, (URL, pandas.NaT, pandas.NaT), (float("nan"), pandas.NA)], ItemReader())
    )
    assert rows == [
        Row(1, URL, "maker", 5, [URL, "@maker", "5"]),
        Row(2, URL, None, None, [URL, "", ""]),
        Row(3, "", None, None, ["", "", ""]),
        Row(4, URL, None, None, [URL, "", ""]),
        Row(5, "", None, None, ["", ""]),
    ]


def test_what_is_only_called_like_a_mark_of_pandas_is_none() -> None:
    mark = type("NAType", (), {})()
    rows = list(read_items([(URL, "h", mark), (URL, mark), (mark,)], ItemReader()))
    assert [row.reason for row in rows if isinstance(row, BadRow)] == [
        "bad_fee",
        "bad_handle",
        "malformed_row",
    ]


def test_keys_tell_the_unit_and_the_currency_of_fees() -> None:
    reader = ItemReader(InputOptions())
    items: list[object] = [
        {"url": URL},
        {"url": URL, "fee_usd_cents": 5},
        {"url": URL, "fee_usd_cents": "5.50"},
        {"url": URL, "fee_cents": 6},
        {"url": URL, "fee_eur_cents": 7},
    ]
    rows = list(read_items(items, reader))
    assert [row.fee_cents if isinstance(row, Row) else row.reason for row in rows] == [
        *(None, 5, "bad_fee", 6, "malformed_row"),
    ]
    assert reader.fees("cents").currency == "USD"
    assert isinstance(rows[2], BadRow)
    assert isinstance(rows[4], BadRow)
    assert "--fee-unit" not in rows[2].message
    assert "these fees are in EUR, but others here are in USD" in rows[4].message


def test_units_hold_for_tuples_and_mappings() -> None:
    items = [(URL, "h", "1,234.50"), (URL, "h", Decimal("0.05")), {"url": URL, "Fee": 500}, {"url": URL}]
    rows = list(read_items(items, ItemReader(InputOptions(fee_unit="units"))))
    assert [row.fee_cents for row in rows if isinstance(row, Row)] == [123450, 5, 50000, None]


def test_the_first_mapping_without_a_url_is_an_error() -> None:
    with pytest.raises(InputError, match="--url-column") as caught:
        list(read_items([URL, {"where": URL}], ItemReader(name="sheet")))
    assert (caught.value.row, caught.value.source) == (2, "sheet")
    reader = ItemReader(InputOptions(url_column="where"))
    assert [type(row) for row in read_items([{"where": URL}], reader)] == [Row]


def test_later_mappings_without_a_url_are_bad_rows() -> None:
    items = [{"url": URL}, {"where": URL}, {"url": URL, "link": URL}, {"url": URL}]
    rows = list(read_items(items, ItemReader()))
    assert [type(row) for row in rows] == [Row, BadRow, BadRow, Row]
    assert isinstance(rows[1], BadRow)
    assert rows[1].reason == "malformed_row"


def test_many_shapes_of_mappings_are_all_read() -> None:
    rows = list(read_items(({"url": URL, f"extra {n}": n} for n in range(600)), ItemReader()))
    assert all(isinstance(row, Row) for row in rows)
    assert [row.number for row in rows] == list(range(1, 601))


@pytest.mark.parametrize("text", [URL, URL.encode()])
def test_one_text_is_not_an_iterable_of_urls(text: str | bytes) -> None:
    with pytest.raises(InputError, match="give a list"):
        read_items(text, ItemReader())


def test_iterables_are_read_lazily() -> None:
    taken: list[int] = []

    def endless() -> Iterator[str]:
        while True:
            taken.append(1)
            yield URL

    rows = read_items(endless(), ItemReader())
    assert taken == []
    assert [next(rows).number, next(rows).number] == [1, 2]
    assert len(taken) == 2


def test_an_empty_iterable_has_no_rows() -> None:
    assert list(read_items([], ItemReader())) == []


async def test_async_iterables() -> None:
    async def items() -> AsyncIterator[object]:
        yield URL
        yield (URL, "Kitchen Lab")
        yield {"url": URL, "fee_cents": "5"}

    rows = [row async for row in read_items_async(items(), ItemReader(name="queue"))]
    assert [(row.number, type(row), row.source) for row in rows] == [
        (1, Row, "queue"),
        (2, BadRow, "queue"),
        (3, Row, "queue"),
    ]


class Table:
    """What a data frame looks like from here: its iteration gives the names of its columns."""

    shape = (2, 2)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise AssertionError("nobody may read it")

    def __iter__(self) -> Iterator[str]:
        return iter(("url", "fee_cents"))


async def no_posts() -> AsyncIterator[object]:
    yield URL


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (Table(), r"this is a table \(Table\); give it to add_table"),
        (no_posts(), "await add_items_async"),
        ({"url": URL}, "a list of them"),
        (None, "not NoneType"),
        (5, "not int"),
    ],
)
def test_what_is_no_iterable_of_posts_is_told_what_to_do(items: Any, says: str) -> None:
    builder = CampaignBuilder("x")
    with pytest.raises(InputError, match=says):
        builder.add_items(items)


def test_a_column_of_a_table_is_an_iterable_of_urls() -> None:
    for library in ("pandas", "polars"):
        column = pytest.importorskip(library).Series([URL])
        assert CampaignBuilder("x").add_items(column).plan().urls == 1
        with pytest.raises(InputError, match="add_table"):
            CampaignBuilder("x").add_items(pytest.importorskip(library).DataFrame({"url": [URL]}))


@pytest.mark.parametrize(
    ("items", "says"), [([URL], "give it to add_items"), (no_posts, "call the function"), (None, "NoneType")]
)
async def test_what_is_no_async_iterable_is_told_what_to_do(items: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        await CampaignBuilder("x").add_items_async(items)


async def test_keys_that_are_ignored_are_noted_as_columns_are() -> None:
    async def mappings() -> AsyncIterator[Item]:
        yield {"url": URL, "fee_cnts": 5}

    said = "mappings: URL from 'url' (guessed); ignored: 'fee_cnts'"
    assert CampaignBuilder("x").add_items([{"url": URL, "fee_cnts": 5}]).plan().notes == (said,)
    assert (await CampaignBuilder("x").add_items_async(mappings())).plan().notes == (said,)
    named = CampaignBuilder("x").add_items([{"url": URL}], name="queue").plan()
    assert named.notes == ("queue: URL from 'url' (guessed)",)
    assert CampaignBuilder("x").add_items([URL]).plan().notes == ()
