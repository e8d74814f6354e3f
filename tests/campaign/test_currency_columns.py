"""A column that tells the currency of each fee is heeded as a mark inside the fee is."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.errors import InputError

UNITS = InputOptions(fee_unit="units")


def url(number: int) -> str:
    return f"https://www.tiktok.com/@tea_1/video/73012345678901{number:05}"


def of_csv(*rows: str, names: str = "url,fee,currency", currency: str | None = "USD") -> Plan:
    text = "\n".join([names, *(f"{url(number)},{row}" for number, row in enumerate(rows))])
    return CampaignBuilder("Spring", currency=currency).add_file(io.BytesIO(text.encode()), UNITS).plan()


def as_items(fields: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)]


def test_a_row_in_another_currency_is_a_bad_fee() -> None:
    plan = of_csv("100.00,USD", "10000,JPY", "5,usd", "7,$", "8,", ",JPY", "-,EUR")
    assert [post.fee_cents for post in plan.posts()] == [10000, 500, 700, 800, 0, 0]
    assert plan.reasons == {"bad_fee": 1}
    (sample,) = plan.samples["bad_fee"]
    assert (sample.row, sample.message) == (3, "the fee '10000' is in JPY, but others here are in USD")
    assert "currency of the fee from 'currency' (guessed)" in plan.notes[0]


def test_what_is_written_of_a_bad_fee_has_its_currency() -> None:
    plan = of_csv("100.00,USD", "10000,JPY")
    assert [each.fee for each in plan.skipped()] == ["10000 JPY"]
    plan = (
        CampaignBuilder("Spring")
        .add_items(as_items({"url": [url(1), url(2)], "fee_cents": [100, 10000], "currency": ["USD", "JPY"]}))
        .plan()
    )
    assert [each.fee for each in plan.skipped()] == ["10000 JPY"]


def test_an_input_in_another_currency_than_the_campaign_is_refused() -> None:
    with pytest.raises(InputError, match="the fees are in JPY, the campaign in USD"):
        of_csv("10000,JPY")
    assert of_csv("10000,JPY", currency="JPY").urls == 1


def test_the_header_counts_too() -> None:
    plan = of_csv("100,EUR", "100,USD", names="url,fee_eur,currency", currency="EUR")
    assert plan.reasons == {"bad_fee": 1}


@pytest.mark.parametrize("names", ["url,notes,currency", "url,views,fee_currency"])
def test_without_fees_a_currency_is_nobodys_business(names: str) -> None:
    text = f"{names}\n{url(1)},x,JPY\n{url(2)},y,Euros and more\n"
    plan = CampaignBuilder("Spring", currency="USD").add_file(io.BytesIO(text.encode())).plan()
    assert (plan.urls, plan.invalid) == (2, 0)


def test_a_currency_that_is_none_is_a_bad_fee() -> None:
    plan = of_csv("1,USD", "2,dollars")
    assert plan.reasons == {"bad_fee": 1}
    assert "'dollars'" in plan.samples["bad_fee"][0].message


def test_nested_json_and_mappings() -> None:
    items = [
        {"url": url(1), "fee": {"cents": 100, "currency": "USD"}},
        {"url": url(2), "fee": {"cents": 10000, "currency": "JPY"}},
        {"url": url(3), "fee": {"currency": None, "cents": 5}},
    ]
    file = io.BytesIO(orjson.dumps(items))
    file.name = "posts.json"
    plans = [
        CampaignBuilder("Spring", currency="USD").add_file(file).plan(),
        CampaignBuilder("Spring", currency="USD").add_items(items).plan(),
    ]
    for plan in plans:
        assert [post.fee_cents for post in plan.posts()] == [100, 5]
        assert plan.reasons == {"bad_fee": 1}
        assert "currency of the fee from 'fee.currency' (guessed)" in plan.notes[0]


def test_tables_of_arrow() -> None:
    arrow = pytest.importorskip("pyarrow")
    fields: dict[str, list[Any]] = {
        "url": [url(1), url(2)],
        "fee_cents": [100, 10000],
        "currency": ["USD", "JPY"],
    }
    plan = CampaignBuilder("Spring", currency="USD").add_table(arrow.table(fields)).plan()
    assert (plan.urls, plan.reasons) == (1, {"bad_fee": 1})
    numbers = arrow.table(fields | {"currency": [1, 2]})
    plan = CampaignBuilder("Spring", currency="USD").add_table(numbers).plan()
    assert (plan.urls, plan.notes[1]) == (
        2,
        "table: currency not taken from 'currency': it holds int64, not text",
    )
