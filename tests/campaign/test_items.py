from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest

from tokfluence_async.campaign.items import read_items, read_items_async
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
        {"Creator": "run_club_22", "Post URL": URL, "fee_cents": 7, "Notes": "x"},
        {"url": URL},
        (URL, None, None),
        (URL, float("nan"), float("nan")),
        "",
    ]
    rows = list(read_items(items, name="sheet"))
    assert rows == [
        Row(1, URL, None, None, [URL], "sheet"),
        Row(2, URL, None, None, [URL], "sheet"),
        Row(3, URL, "run_club_22", None, [URL, "@run_club_22"], "sheet"),
        Row(4, URL, "tkc_8fQ2", 50000, [URL, "tkc_8fQ2", "50000"], "sheet"),
        Row(5, URL, "run_club_22", 7, [URL, "run_club_22", "7"], "sheet"),
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
        (5, "malformed_row"),
        (None, "malformed_row"),
        (b"https://www.tiktok.com/", "malformed_row"),
        ((URL, "Kitchen Lab", 5), "bad_handle"),
        ((URL, 5, 5), "bad_handle"),
        ((URL, "h", 5.0), "bad_fee"),
        ((URL, "h", True), "bad_fee"),
        ((URL, "h", -5), "bad_fee"),
        ((URL, "h", "5.00"), "bad_fee"),
        ((URL, "h", Decimal("5.5")), "bad_fee"),
    ],
)
def test_what_can_not_be_used_is_a_bad_row(item: object, reason: str) -> None:
    (row,) = read_items([item])
    assert isinstance(row, BadRow)
    assert (row.number, row.reason, row.source) == (1, reason, None)
    assert row.message


def test_units_hold_for_tuples_and_mappings() -> None:
    items = [(URL, "h", "1,234.50"), (URL, "h", Decimal("0.05")), {"url": URL, "Fee": 500}, {"url": URL}]
    rows = list(read_items(items, InputOptions(fee_unit="units")))
    assert [row.fee_cents for row in rows if isinstance(row, Row)] == [123450, 5, 50000, None]


def test_the_first_mapping_without_a_url_is_an_error() -> None:
    with pytest.raises(InputError, match="--url-column") as caught:
        list(read_items([URL, {"where": URL}], name="sheet"))
    assert (caught.value.row, caught.value.source) == (2, "sheet")
    assert [type(row) for row in read_items([{"where": URL}], InputOptions(url_column="where"))] == [Row]


def test_later_mappings_without_a_url_are_bad_rows() -> None:
    rows = list(read_items([{"url": URL}, {"where": URL}, {"url": URL, "link": URL}, {"url": URL}]))
    assert [type(row) for row in rows] == [Row, BadRow, BadRow, Row]
    assert isinstance(rows[1], BadRow)
    assert rows[1].reason == "malformed_row"


def test_many_shapes_of_mappings_are_all_read() -> None:
    rows = list(read_items({"url": URL, f"extra {n}": n} for n in range(600)))
    assert all(isinstance(row, Row) for row in rows)
    assert [row.number for row in rows] == list(range(1, 601))


@pytest.mark.parametrize("text", [URL, URL.encode()])
def test_one_text_is_not_an_iterable_of_urls(text: str | bytes) -> None:
    with pytest.raises(InputError, match="give a list"):
        read_items(text)


def test_iterables_are_read_lazily() -> None:
    taken: list[int] = []

    def endless() -> Iterator[str]:
        while True:
            taken.append(1)
            yield URL

    rows = read_items(endless())
    assert taken == []
    assert [next(rows).number, next(rows).number] == [1, 2]
    assert len(taken) == 2


def test_an_empty_iterable_has_no_rows() -> None:
    assert list(read_items([])) == []


async def test_async_iterables() -> None:
    async def items() -> AsyncIterator[object]:
        yield URL
        yield (URL, "Kitchen Lab")
        yield {"url": URL, "fee_cents": "5"}

    rows = [row async for row in read_items_async(items(), name="queue")]
    assert [(row.number, type(row), row.source) for row in rows] == [
        (1, Row, "queue"),
        (2, BadRow, "queue"),
        (3, Row, "queue"),
    ]
