"""The builder: every video once, every row accounted for, nothing sent."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.items import Item
from tokfluence_async.errors import ConflictError, InputError
from tokfluence_async.tariff import Price, Tariff

ID = "7301234567890123456"
OTHER = "7301234567890123457"
URL = f"https://www.tiktok.com/@maker/video/{ID}"


def builder(**how: object) -> CampaignBuilder:
    return CampaignBuilder("Spring", **how)  # type: ignore[arg-type]


def test_the_price_is_spelled_out() -> None:
    plan = builder().add(URL).add(URL.replace(ID, OTHER)).plan()
    assert plan.estimate.total == 51
    assert plan.estimate.formula == "1 + 25 × 2 = 51"
    assert plan.batches == 1


def test_another_tariff_makes_another_price() -> None:
    tariff = Tariff({"posts.analyze": Price(0, 10), "campaigns.create": Price(3, 10)})
    assert builder(tariff=tariff).add(URL).plan().estimate.total == 13


def test_spellings_of_one_video_are_sent_once() -> None:
    spellings = [
        URL,
        f"HTTP://M.TikTok.com/@Maker/video/{ID}/?is_from_webapp=1&lang=en#top",
        f"https://m.tiktok.com/v/{ID}.html",
        f"tiktok.com/@maker/photo/{ID}",
        f"  '{URL}?_t=8x' ",
    ]
    plan = builder().add_items(spellings).plan()
    assert (plan.rows, plan.urls, plan.duplicates, plan.invalid, plan.conflict_count) == (5, 1, 4, 0, 0)
    assert [post.url for post in plan.posts()] == [URL]
    assert plan.estimate.saved == 100
    assert [each.row for each in plan.skipped()] == [2, 3, 4, 5]
    assert {each.video_id for each in plan.skipped()} == {ID}


def test_every_row_is_in_one_class() -> None:
    rows: list[Item] = [
        URL,
        URL,
        "https://www.tiktok.com/@maker",
        "https://vm.tiktok.com/ZM123/",
        "",
        (URL, "maker", -5),
    ]
    plan = builder().add_items(rows).plan()
    assert plan.rows == 6
    assert plan.rows == plan.urls + plan.duplicates + plan.invalid
    assert plan.reasons == {"duplicate": 1, "profile": 1, "short_link": 1, "empty": 1, "bad_fee": 1}
    assert [(each.row, each.reason) for each in plan.skipped()] == [
        (2, "duplicate"),
        (3, "profile"),
        (4, "short_link"),
        (5, "empty"),
        (6, "bad_fee"),
    ]


@pytest.mark.parametrize(("rule", "fee"), [("first", 100), ("last", 300)])
def test_a_conflict_is_decided_by_rule(rule: str, fee: int) -> None:
    build = builder(on_conflict=rule)
    for cents in (100, 200, 300):
        build.add(URL, fee_cents=cents)
    plan = build.plan()
    assert (plan.urls, plan.duplicates, plan.conflict_count) == (1, 2, 2)
    assert [post.fee_cents for post in plan.posts()] == [fee]
    plan.check_applicable()


def test_an_undecided_conflict_names_both_rows() -> None:
    plan = builder().add(URL, fee_cents=100).add(URL, fee_cents=200).plan()
    assert plan.conflicts[0].row == 2
    assert plan.conflicts[0].first_row == 1
    assert plan.conflicts[0].what == "fee_cents 200 against 100"
    with pytest.raises(ConflictError, match="row 2 against row 1"):
        plan.check_applicable()


def test_another_creator_is_a_conflict_and_another_case_is_none() -> None:
    assert builder().add(URL).add(URL.replace("maker", "MAKER")).plan().conflict_count == 0
    assert builder().add(URL).add(URL, creator_handle="other").plan().conflict_count == 1


def test_what_the_first_row_left_open_is_filled_in() -> None:
    build = builder(batch_size=1)
    build.add(f"https://www.tiktok.com/video/{ID}")
    build.add(URL.replace(ID, OTHER))
    build.add(f"https://www.tiktok.com/video/{ID}", creator_handle="maker", fee_cents=700)
    plan = build.plan()
    assert (plan.urls, plan.conflict_count, plan.without_handle) == (2, 0, 0)
    first = next(plan.posts())
    assert (first.row, first.url, first.creator_handle, first.fee_cents) == (1, URL, "maker", 700)


def test_handles_come_from_the_row_then_from_the_url() -> None:
    build = builder()
    build.add(URL)
    build.add(URL.replace(ID, OTHER), creator_handle="tkc_a1b2")
    build.add("https://www.tiktok.com/video/7301234567890123458")
    plan = build.plan()
    assert [post.creator_handle for post in plan.posts()] == ["maker", "tkc_a1b2", None]
    assert (plan.handles_from_url, plan.without_handle) == (1, 1)


def test_short_links_are_sent_if_allowed_each_once() -> None:
    link = "https://vm.tiktok.com/ZMabc/"
    plan = builder(short_links="send").add_items([link, link, link.replace("abc", "abd")]).plan()
    assert (plan.urls, plan.duplicates) == (2, 1)
    assert plan.without_handle == 2


def test_invalid_rows_can_fail() -> None:
    with pytest.raises(InputError, match=r"1: .*\[profile\]"):
        builder(on_invalid="fail").add_items(["https://www.tiktok.com/@maker"])


def test_ids_from_the_future_are_counted() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    future = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) << 32
    plan = builder(now=now).add_items([URL, URL.replace(ID, str(future))]).plan()
    assert plan.from_future == 1


def test_a_source_that_breaks_makes_no_plan() -> None:
    build = builder()
    many = b"".join(f"{URL}\n".encode() for _ in range(100_000))
    with pytest.raises(InputError):
        build.add_file(io.BytesIO(b"url\n" + many + b"\xff\xfe\x81\n"))
    with pytest.raises(InputError, match="in part only"):
        build.plan()


def test_fees_in_another_currency_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text(f"url,fee\n{URL},500.00 EUR\n")
    with pytest.raises(InputError, match="in EUR, the campaign in USD"):
        builder(currency="USD").add_file(file, InputOptions(fee_unit="units"))


@pytest.mark.parametrize(
    ("fee", "currency"),
    [("\u20ac500", "USD"), ("\u20ac500", "GBP"), ("\u00a3500", "EUR"), ("$500", "EUR"), ("A$500", "USD")],
)
@pytest.mark.anyio
async def test_fees_with_the_sign_of_another_currency_are_refused(
    tmp_path: Path, fee: str, currency: str
) -> None:
    file = tmp_path / "posts.csv"
    file.write_text(f"url,fee\n{URL},{fee}\n", encoding="utf-8")
    units = InputOptions(fee_unit="units")

    async def items() -> AsyncIterator[Item]:
        yield URL, None, fee

    with pytest.raises(InputError, match=f"the campaign in {currency}") as caught:
        builder(currency=currency).add_file(file, units)
    assert caught.value.source == str(file)
    for build in (builder(currency=currency), builder(currency=currency)):
        with pytest.raises(InputError, match=f"the campaign in {currency}"):
            build.add_items([(URL, None, fee)], units)
        with pytest.raises(InputError, match="in part only"):
            build.plan()
    with pytest.raises(InputError, match=f"the campaign in {currency}"):
        await builder(currency=currency).add_items_async(items(), units)


def test_inputs_in_two_currencies_are_refused() -> None:
    units = InputOptions(fee_unit="units")
    build = builder().add_items([(URL, None, "$5")], units, name="one")
    assert build.add_items([(URL, None, "5 USD")], units).fee_marks == ("$", "USD")
    with pytest.raises(InputError, match="CAD here and USD before"):
        build.add_items([(URL, None, "5 CAD")], units)
    with pytest.raises(InputError, match=r"\u20ac here and \$ in one; load each by itself"):
        builder().add_items([(URL, None, "$5")], units, name="one").add_items([(URL, None, "\u20ac5")], units)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 256])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        CampaignBuilder(name)


@pytest.mark.parametrize("currency", ["usd", "US", "dollars", ""])
def test_currencies_that_are_none(currency: str) -> None:
    with pytest.raises(InputError, match="ISO 4217"):
        CampaignBuilder("Spring", currency=currency)


@pytest.mark.parametrize(("handle", "fee"), [("a b", None), (None, -1), (None, True), (None, 2**63)])
def test_add_refuses_what_is_no_handle_or_fee(handle: str | None, fee: int | None) -> None:
    with pytest.raises(InputError) as caught:
        builder().add(URL, creator_handle=handle, fee_cents=fee)
    assert caught.value.row == 1


@pytest.mark.anyio
async def test_async_items() -> None:
    async def items() -> AsyncIterator[Item]:
        yield URL
        yield {"url": URL.replace(ID, OTHER), "creator_handle": "maker", "fee_cents": 5}

    plan = (await builder().add_items_async(items())).plan()
    assert plan.urls == 2


def test_each_plan_is_a_purchase_of_its_own() -> None:
    build = builder().add(URL)
    assert build.plan().plan_id != build.plan().plan_id


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["a", "b"]), st.sampled_from([0, 100, None]))),
    st.sampled_from(["fail", "first", "last"]),
    st.integers(1, 4),
)
def test_whatever_is_added_sums_up(
    rows: list[tuple[int, str, int | None]], rule: str, batch_size: int
) -> None:
    build = builder(on_conflict=rule, batch_size=batch_size)
    for number, handle, fee in rows:
        build.add(
            f"https://www.tiktok.com/@{handle}/video/730123456789012345{number}",
            creator_handle=handle,
            fee_cents=fee,
        )
    plan = build.plan()
    posts = list(plan.posts())
    assert plan.rows == len(rows) == len(posts) + len(list(plan.skipped()))
    assert len({post.url.rsplit("/", 1)[1] for post in posts}) == len(posts) == plan.urls
    for post in posts:
        number = int(post.url[-1])
        told = [(handle, fee) for each, handle, fee in rows if each == number]
        handles = [handle for handle, _ in told]
        fees = [fee for _, fee in told if fee is not None] or [0]
        at = -1 if rule == "last" else 0
        assert post.creator_handle == handles[at]
        assert post.fee_cents == fees[at]
