from __future__ import annotations

from typing import Any

import pytest

from tokfluence_async.campaign.columns import (
    Column,
    InputOptions,
    choose_by_content,
    choose_by_name,
    delimiter_name,
    looks_like_url,
)
from tokfluence_async.errors import InputError

URL = "https://www.tiktok.com/@kitchen.lab.07/video/7301234567890123456"
PLAIN = InputOptions()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "url",
            "URL",
            "post_url",
            "Post URL",
            " postUrl ",
            "video-url",
            "Link",
            "TikTok URL",
            "TikTok Video Link",
        ),
        *("permalink", "Live link", "webVideoUrl", "Links", "tiktok_url", "Content link"),
    ],
)
def test_names_of_url_columns(name: str) -> None:
    choice = choose_by_name([name, "Notes"], PLAIN)
    assert choice.url == Column(0, name.strip(), guessed=True)
    assert (choice.handle, choice.fee, choice.fee_unit, choice.ignored) == (None, None, None, ("Notes",))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "creator_handle",
            "Handle",
            "Creator",
            "username",
            "Influencer",
            "Author",
            "TikTok username",
            "User Name",
        ),
        *("profile_url", "creator id", "influencer handle", "Account"),
    ],
)
def test_names_of_handle_columns(name: str) -> None:
    assert choose_by_name(["url", name], PLAIN).handle == Column(1, name, guessed=True)


@pytest.mark.parametrize(
    "name", ["fee_cents", "Fee (cents)", "FeeCents", "Fee [\u00a2]", "creator fee in cents", "price_cents"]
)
def test_fee_columns_that_say_cents(name: str) -> None:
    choice = choose_by_name(["url", name], PLAIN)
    assert (choice.fee, choice.fee_unit) == (Column(1, name, guessed=True), "cents")


@pytest.mark.parametrize(
    "name", ["fee", "Fee ($)", "Fee (USD)", "Creator Fee", "Price", "fees in euros", "Cost"]
)
def test_other_fee_columns_need_their_unit(name: str) -> None:
    with pytest.raises(InputError, match="--fee-unit") as caught:
        choose_by_name(["url", name], PLAIN, source="plan.csv")
    assert (caught.value.column, caught.value.source) == (name, "plan.csv")
    assert choose_by_name(["url", name], InputOptions(fee_unit="units")).fee_unit == "units"
    assert choose_by_name(["url", name], InputOptions(fee_unit="cents")).fee_unit == "cents"
    assert choose_by_name(["url", name], InputOptions(fee_column="")).fee is None


def test_a_column_of_cents_is_not_read_as_units() -> None:
    for name in ("fee_cents", "fee_usd_cents", "Fee cents (EUR)"):
        with pytest.raises(InputError, match="says cents"):
            choose_by_name(["url", name], InputOptions(fee_unit="units"))


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("fee_usd_cents", "USD"),
        ("amount_cents_usd", "USD"),
        ("Fee USD cents", "USD"),
        ("Fee (cents, EUR)", "EUR"),
        ("feeUsdCents", "USD"),
        ("fee_in_usd_cents", "USD"),
        ("creator fee in US cents", "USD"),
        ("fee_euro_cents", "EUR"),
        ("Fee (\u00a3, cents)", "GBP"),
        ("fee_dollar_cents", None),
    ],
)
def test_fee_columns_that_say_cents_and_a_currency(name: str, currency: str | None) -> None:
    choice = choose_by_name(["url", name], PLAIN)
    assert (choice.fee, choice.fee_unit) == (Column(1, name, guessed=True), "cents")
    assert (choice.says_cents, choice.fee_currency) == (True, currency)
    fees = choice.fee_parser()
    assert (fees.unit, fees.says_cents, fees.currency) == ("cents", True, currency)


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("fee_eur", "EUR"),
        ("Fee (\u20ac)", "EUR"),
        ("fees in euros", "EUR"),
        ("Price [GBP]", "GBP"),
        ("Fee ($)", None),
        ("fee in dollars", None),
        ("fee_usd_units", "USD"),
        ("fee_units_usd", "USD"),
        ("Fee", None),
    ],
)
def test_a_fee_column_may_name_a_currency(name: str, currency: str | None) -> None:
    choice = choose_by_name(["url", name], InputOptions(fee_unit="units"))
    assert (choice.fee_currency, choice.says_cents) == (currency, False)
    assert choice.fee_parser().currency == currency


@pytest.mark.parametrize(
    "name", ["fee_percent", "Fee percent", "Fee %", "rate (%)", "fee per cent", "fee_percents"]
)
def test_a_column_of_percents_is_no_fee(name: str) -> None:
    assert choose_by_name(["url", name], PLAIN).ignored == (name,)
    with pytest.raises(InputError, match="--fee-unit"):
        choose_by_name(["url", name], InputOptions(fee_column=name))
    choice = choose_by_name(["url", name], InputOptions(fee_column=name, fee_unit="cents"))
    assert (choice.fee, choice.says_cents) == (Column(1, name, guessed=False), False)


@pytest.mark.parametrize(
    ("name", "cents", "currency"),
    [
        ("honorarium", False, None),
        ("honorarium_cents", True, None),
        ("Honorarium (EUR cents)", True, "EUR"),
        ("honorarium_cents_usd", True, "USD"),
        ("Honorarium EUR", False, "EUR"),
        ("honorariumUSD", False, "USD"),
        ("influenceur", False, None),
        ("Honorarium US", False, None),
        ("EUR or USD", False, None),
    ],
)
def test_a_column_that_is_told_says_so_too(name: str, cents: bool, currency: str | None) -> None:  # noqa: FBT001 - a value
    options = InputOptions(fee_column=name, fee_unit=None if cents else "units")
    choice = choose_by_name(["url", name], options)
    assert (choice.says_cents, choice.fee_currency) == (cents, currency)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Fee (most recent)",
            "fee recent",
            "Fee per accent",
            "feeRecent",
            "fee_recent",
            "FEE_RECENT",
            "rent",
        ),
        *(
            "r\u00e9cent",
            "re\u0301cent",
            "Product",
            "fee per cent",
            "feePerCent",
            "honorariumcents",
            "scented",
        ),
    ],
)
def test_a_name_that_ends_like_cents_says_nothing(name: str) -> None:
    with pytest.raises(InputError, match="--fee-unit"):
        choose_by_name(["url", name], InputOptions(fee_column=name))
    choice = choose_by_name(["url", name], InputOptions(fee_column=name, fee_unit="units"))
    assert (choice.fee_unit, choice.says_cents) == ("units", False)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "fee_cents",
            "feeCents",
            "FeeInCents",
            "fee_usd_cents",
            "feecents",
            "FEECENTS",
            "FEECents",
            "feeusdcents",
        ),
        *(
            "FEE_CENTS",
            "cents",
            "Cent",
            "honorarium_ct",
            "Honorarium (ct)",
            "Cents, agreed",
            "recent_fee_cents",
        ),
        *("Honorar (Cent)", "Honorarium \u00a2", "feecentsusd", "pr\u00e9cisCents"),
    ],
)
def test_a_name_says_cents_by_a_word_of_it(name: str) -> None:
    choice = choose_by_name(["url", name], InputOptions(fee_column=name))
    assert (choice.fee_unit, choice.says_cents) == ("cents", True)


@pytest.mark.parametrize("names", [["Post", "Link", "Notes"], ["url", "url"], ["Where", "Notes"]])
def test_an_unclear_url_column_names_the_columns_and_the_option(names: list[str]) -> None:
    with pytest.raises(InputError, match="--url-column") as caught:
        choose_by_name(names, PLAIN)
    assert all(repr(name) in str(caught.value) for name in names)


def test_two_handle_columns_need_the_option() -> None:
    names = ["url", "Creator", "Handle"]
    with pytest.raises(InputError, match="--handle-column"):
        choose_by_name(names, PLAIN)
    assert choose_by_name(names, InputOptions(handle_column="Handle")).handle == Column(
        2, "Handle", guessed=False
    )
    assert choose_by_name(names, InputOptions(handle_column="")).handle is None


@pytest.mark.parametrize("name", ["creator_handle", "creator", "Handle"])
def test_a_column_of_ids_gives_way_to_one_of_handles(name: str) -> None:
    choice = choose_by_name(["url", "creator_id", name], PLAIN)
    assert (choice.handle, choice.ignored) == (Column(2, name, guessed=True), ("creator_id",))


def test_two_fee_columns_need_the_option() -> None:
    names = ["url", "fee_cents", "total cost"]
    with pytest.raises(InputError, match="--fee-column"):
        choose_by_name(names, PLAIN)
    assert choose_by_name(names, InputOptions(fee_column="fee_cents")).ignored == ("total cost",)


@pytest.mark.parametrize("told", ["Where", "where", " WHERE ", "2", 2])
def test_a_column_is_told_by_name_or_number(told: str | int) -> None:
    choice = choose_by_name(["url", "Where"], InputOptions(url_column=told))
    assert choice.url == Column(1, "Where", guessed=False)


def test_a_name_goes_before_a_number() -> None:
    assert choose_by_name(["2", "url"], InputOptions(url_column="2")).url.index == 0


@pytest.mark.parametrize("told", ["Nowhere", 0, 3, "0", "9" * 5000])
def test_a_column_that_is_not_there(told: str | int) -> None:
    with pytest.raises(InputError, match="there is no column"):
        choose_by_name(["url", "Where"], InputOptions(url_column=told))


def test_a_told_name_that_stands_there_twice() -> None:
    with pytest.raises(InputError, match="3 columns are called"):
        choose_by_name(["Where", "where ", "WHERE"], InputOptions(url_column="wHERE"))
    with pytest.raises(InputError, match="2 columns are called"):
        choose_by_name(["Where", "Where"], InputOptions(url_column="Where"))


def test_one_column_has_one_meaning() -> None:
    with pytest.raises(InputError, match="two meanings"):
        choose_by_name(["url", "x"], InputOptions(url_column="url", handle_column="url"))
    assert choose_by_name(["url", "link"], InputOptions(handle_column="link")).url.name == "url"


def test_the_choice_can_be_told_aloud() -> None:
    choice = choose_by_name(
        ["Post URL", "Creator", "Fee", "Notes"], InputOptions(fee_unit="units", handle_column=2)
    )
    assert choice.describe() == (
        "URL from 'Post URL' (guessed); creator from 'Creator'; fee in units from 'Fee' (guessed); ignored: 'Notes'"
    )


def test_without_a_header_the_url_is_recognised_by_content() -> None:
    choice = choose_by_content(["soon", URL, "@kitchen.lab.07"], PLAIN)
    assert choice.url == Column(1, "column 2", guessed=True)
    assert choice.handle == Column(2, "column 3", guessed=True)
    assert choice.ignored == ("column 1",)


def test_without_a_header_a_profile_is_the_handle() -> None:
    choice = choose_by_content(["https://www.tiktok.com/@kitchen.lab.07", URL], PLAIN)
    assert choice.url.index == 1
    assert choice.handle is not None
    assert choice.handle.index == 0


def test_without_a_header_two_urls_need_the_option() -> None:
    with pytest.raises(InputError, match="--url-column"):
        choose_by_content([URL, URL], PLAIN)
    assert choose_by_content([URL, URL], InputOptions(url_column=2, handle_column="")).url.index == 1


@pytest.mark.parametrize("money", ["50000", "500.00", "$1,234.50", "1.234,50 \u20ac"])
def test_without_a_header_money_must_be_told(money: str) -> None:
    with pytest.raises(InputError, match="--fee-column"):
        choose_by_content([URL, money], PLAIN)
    choice = choose_by_content([URL, money], InputOptions(fee_column=2, fee_unit="units"))
    assert choice.fee == Column(1, "column 2", guessed=False)
    with pytest.raises(InputError, match="--fee-unit"):
        choose_by_content([URL, money], InputOptions(fee_column=2))
    assert choose_by_content([URL, money], InputOptions(fee_column="")).fee is None


@pytest.mark.parametrize(
    "text", [URL, "www.tiktok.com/@h", "https://photos.example/", "vm.tiktok.com/ZM1", "http://x"]
)
def test_what_looks_like_a_url(text: str) -> None:
    assert looks_like_url(text)


@pytest.mark.parametrize(
    "text", ["", "url", "Post URL (https://\u2026)", "kitchen.lab.07", "fee", "@kitchen.lab.07"]
)
def test_what_looks_like_a_name(text: str) -> None:
    assert not looks_like_url(text)


@pytest.mark.parametrize(
    ("told", "char", "name"),
    [
        ("tab", "\t", "tab"),
        ("TAB", "\t", "tab"),
        (r"\t", "\t", "tab"),
        ("\t", "\t", "tab"),
        ("comma", ",", ","),
        ("semicolon", ";", ";"),
        ("pipe", "|", "|"),
        ("space", " ", "space"),
        (" ", " ", "space"),
        (r"\x01", "\x01", r"\x01"),
        ("\x1f", "\x1f", r"\x1f"),
        ("\u00a6", "\u00a6", "\u00a6"),
    ],
)
def test_a_delimiter_has_a_name(told: str, char: str, name: str) -> None:
    assert InputOptions(delimiter=told).delimiter == char
    assert delimiter_name(char) == name
    assert InputOptions(delimiter=name).delimiter == char


@pytest.mark.parametrize("delimiter", ["", ",,", r"\x0a", r"\x22", "tabs", '"', "\n", "\0"])
def test_a_delimiter_is_one_usable_character(delimiter: str) -> None:
    with pytest.raises(InputError, match="delimiter"):
        InputOptions(delimiter=delimiter)


def test_cents_by_name_are_cents_beside_other_inputs_in_units() -> None:
    options = InputOptions(fee_unit="units", one_of_several=True)
    choices = [choose_by_name(["url", name], options) for name in ("fee_cents", "fee")]
    assert [(choice.fee_unit, choice.says_cents) for choice in choices] == [("cents", True), ("units", False)]
    assert choices[0].describe() == "URL from 'url' (guessed); fee in cents from 'fee_cents' (guessed)"


@pytest.mark.parametrize(
    "name", ["currency", "Fee Currency", "feeCurrency", "currency_code", "price currency"]
)
def test_a_currency_is_taken_beside_a_fee_alone(name: str) -> None:
    choice = choose_by_name(["url", "fee_cents", name], PLAIN)
    assert (choice.currency, choice.ignored) == (Column(2, name, guessed=True), ())
    assert choice.describe().endswith(f"; currency of the fee from '{name}' (guessed)")
    for names, options in ((["url", name], PLAIN), (["url", "fee_cents", name], InputOptions(fee_column=""))):
        choice = choose_by_name(names, options)
        assert choice.currency is None
        assert name in choice.ignored


@pytest.mark.parametrize(
    "name",
    ["budget_currency", "account currency", "currencies", "sales.currency", "cryptocurrency", "current"],
)
def test_a_currency_of_something_else_is_not_taken(name: str) -> None:
    assert choose_by_name(["url", "fee_cents", name], PLAIN).ignored == (name,)


def test_of_several_currencies_the_fees_own_is_taken() -> None:
    def taken(*names: str, fee: str | None = None) -> str | None:
        column = choose_by_name(["url", *names], InputOptions(fee_column=fee, fee_unit="cents")).currency
        return column.name if column else None

    assert taken("currency", "fee", "fee_currency") == "fee_currency"
    assert taken("currency", "fee.cents", "fee.currency") == "fee.currency"
    assert taken("currency", "deal.pay", "deal.currency", fee="deal.pay") == "deal.currency"
    assert taken("currency", "pay.net", "other.currency", fee="pay.net") == "currency"


@pytest.mark.parametrize("mark", ["comma", "point", None])
def test_the_decimal_mark_goes_to_what_reads_the_fees(mark: Any) -> None:
    choice = choose_by_name(["url", "fee"], InputOptions(fee_unit="units", decimal=mark))
    assert choice.fee_parser().decimal == mark


def test_an_unknown_decimal_mark_is_refused() -> None:
    with pytest.raises(InputError, match="--decimal comma or --decimal point"):
        InputOptions(decimal=",")  # type: ignore[arg-type] # what a command line might pass


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(InputError, match="--fee-unit"):
        InputOptions(fee_unit="dollars")  # type: ignore[arg-type] # what a command line might pass
