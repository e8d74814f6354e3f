from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async.campaign.money import MAX_FEE_CENTS, DecimalMark, FeeParser, is_of_currency, marks_agree
from tokfluence_async.errors import InputError

NBSP, THIN, NARROW = "\u00a0", "\u2009", "\u202f"


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("", None),
        ("  ", None),
        ("0", 0),
        ("50000", 50000),
        (" 50000 ", 50000),
        ("007", 7),
        # What pandas makes of whole cents with a gap among them.
        ("50000.0", 50000),
        ("0.0", 0),
        ("50000\u00a2", 50000),
        ("50 \u00a2", 50),
        ("\u00a250", 50),
        (str(MAX_FEE_CENTS), MAX_FEE_CENTS),
    ],
)
def test_cents(text: str, cents: int | None) -> None:
    assert FeeParser("cents").parse(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        *(
            "500.50",
            "500.00",
            "500,00",
            "500.",
            ".0",
            "1.234.0",
            "\u0667.0",
            "\u00a25\u00a2",
            "\u00a2",
            "1,000",
            "-1",
            "+1",
            "1_000",
            "1e3",
            "$5",
            "tbc",
            "\u0667",
            "0x10",
            "5 0",
            "--5",
            "\u00b2",
        ),
        *(str(MAX_FEE_CENTS + 1), "-" + "9" * 30, "9" * 5000, "9" * 5000 + ".0", "-5.0"),
    ],
)
def test_what_is_not_whole_cents(text: str) -> None:
    with pytest.raises(InputError):
        FeeParser("cents").parse(text)


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        *(
            ("", None),
            ("0", 0),
            ("500", 50000),
            ("500.00", 50000),
            ("500,00", 50000),
            ("500.5", 50050),
            ("12,34", 1234),
        ),
        *(("1,234.50", 123450), ("1.234,50", 123450), ("1,234", 123400), ("1,234,567", 123456700)),
        *(("1.234.567", 123456700), ("1.234.567,8", 123456780), ("1'234.50", 123450), ("1\u2019234", 123400)),
        *(
            (f"1{NBSP}234,50", 123450),
            (f"12{NARROW}345", 1234500),
            (f"1{THIN}234", 123400),
            ("1 234 567.89", 123456789),
        ),
        *(("$500", 50000), ("$ 1,234.50", 123450), ("500 USD", 50000), (f"1.234,50{NBSP}\u20ac", 123450)),
        *(("US$5", 500), ("EUR 5,00", 500), ("0.01", 1), ("92233720368547758.07", MAX_FEE_CENTS)),
    ],
)
def test_units(text: str, cents: int | None) -> None:
    assert FeeParser("units").parse(text) == cents


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1.234", "thousands or three decimals"),
        ("500.125", "thousands or three decimals"),
        ("1234.567", "more than two decimals"),
        ("0,500", "more than two decimals"),
        ("1,234.567", "more than two decimals"),
        ("-5.00", "negative"),
        ("$-5", "negative"),
        ("92233720368547758.08", "64 bits"),
        ("tbc", "not an amount"),
        ("1,23,45", "not an amount"),
        ("1,234.567,8", "not an amount"),
        ("1 234.567", "not an amount"),
        ("500.", "not an amount"),
        ("5 USD EUR", "not an amount"),
        ("50\u00a2", "in cents"),
        ("50 \u00a2", "in cents"),
        ("\u00a250", "in cents"),
        ("US\u00a2 50", "in cents"),
        ("$5 EUR", "two currencies"),
        ("NaN", "not an amount"),
        ("1e3", "not an amount"),
        ("\u0667", "not an amount"),
    ],
)
def test_what_is_not_an_amount(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        FeeParser("units").parse(text)


def test_the_hint_about_units_stands_only_where_it_may_help() -> None:
    with pytest.raises(InputError, match="--fee-unit units"):
        FeeParser("cents").parse("500.50")
    with pytest.raises(InputError, match="not a whole number of cents") as caught:
        FeeParser("cents", says_cents=True).parse("500.50")
    assert "--fee-unit" not in str(caught.value)
    with pytest.raises(InputError) as caught:
        FeeParser("cents").parse("tbc")
    assert "--fee-unit" not in str(caught.value)


def test_one_source_has_one_currency() -> None:
    fees = FeeParser("units")
    assert (fees.parse("5"), fees.currency) == (500, None)
    assert (fees.parse("5 eur"), fees.currency) == (500, "EUR")
    assert fees.parse("EUR 6") == 600
    assert fees.parse("7") == 700
    with pytest.raises(InputError, match=r"\$.* EUR"):
        fees.parse("$5")
    assert fees.currency == "EUR"


def test_a_sign_and_its_code_are_one_currency_in_either_order() -> None:
    for texts in (["$5", "5 USD", "US$5"], ["5 USD", "$5", "5 USD"]):
        fees = FeeParser("units")
        assert [fees.parse(text) for text in texts] == [500] * 3
        assert fees.currency == "USD"
        with pytest.raises(InputError, match="others here are in USD"):
            fees.parse("5 CAD")


@pytest.mark.parametrize(
    ("mark", "currency", "agrees"),
    [
        *(("$", each, True) for each in ("USD", "CAD", "AUD", "NZD", "MXN", "SGD")),
        *(("$", each, False) for each in ("EUR", "GBP", "SEK", "BRL", "JPY")),
        *(("A$", "AUD", True), ("A$", "USD", False), ("A$", "EUR", False), ("US$", "USD", True)),
        *(("\u20ac", "EUR", True), ("\u20ac", "USD", False), ("\u20ac", "GBP", False)),
        *(
            ("\u00a3", "GBP", True),
            ("\u00a3", "EUR", False),
            ("\u00a5", "JPY", True),
            ("\u00a5", "CNY", True),
        ),
        *(("USD", "USD", True), ("USD", "CAD", False), ("SEK", "EUR", False), ("SEK", "SEK", True)),
        # Marks that nobody told us of.
        *(("XY$", "EUR", True), ("\u20b5", "USD", True)),
    ],
)
def test_marks_of_a_currency(mark: str, currency: str, agrees: bool) -> None:  # noqa: FBT001 - a value
    assert is_of_currency(mark, currency) is agrees


def test_marks_agree_where_one_is_a_sign_of_the_other() -> None:
    assert marks_agree("$", "USD")
    assert marks_agree("USD", "$")
    assert marks_agree("XY$", "XY$")
    for one, other in (("$", "EUR"), ("USD", "CAD"), ("A$", "C$"), ("$", "\u20ac")):
        assert not marks_agree(one, other)
        assert not marks_agree(other, one)


def test_a_column_names_the_currency_of_its_fees() -> None:
    fees = FeeParser("units", currency="USD")
    # A sign that several currencies have is no other one.
    assert [fees.parse(text) for text in ("5", "$5", "US$ 5", "5 usd")] == [500] * 4
    assert fees.currency == "USD"
    for text in ("5 EUR", "\u20ac5", "C$5"):
        with pytest.raises(InputError, match="others here are in USD"):
            fees.parse(text)
    assert FeeParser("units", currency="EUR").parse("5 \u20ac") == 500
    with pytest.raises(InputError, match="EUR"):
        FeeParser("units", currency="EUR").parse("$5")


def test_what_several_columns_say_must_agree() -> None:
    fees = FeeParser("units")
    fees.heed(says_cents=False, currency=None)
    assert (fees.currency, fees.says_cents) == (None, False)
    assert fees.parse("$5") == 500
    fees.heed(says_cents=True, currency="CAD")
    assert (fees.currency, fees.says_cents) == ("CAD", True)
    fees.heed(says_cents=False, currency=None)
    assert (fees.currency, fees.says_cents) == ("CAD", True)
    with pytest.raises(InputError, match=r"in EUR.* in CAD"):
        fees.heed(says_cents=False, currency="EUR")


@pytest.mark.parametrize(
    ("unit", "value", "cents"),
    [
        ("cents", None, None),
        ("cents", float("nan"), None),
        ("cents", 50000, 50000),
        ("cents", Decimal("5E+2"), 500),
        ("units", 500, 50000),
        ("units", Decimal("500.25"), 50025),
        ("units", Decimal("92233720368547758.07"), MAX_FEE_CENTS),
    ],
)
def test_values_of_python(unit: str, value: object, cents: int | None) -> None:
    assert FeeParser("units" if unit == "units" else "cents").parse(value) == cents


@pytest.mark.parametrize(
    "value",
    [
        *(True, 5.0, b"5", -1, MAX_FEE_CENTS + 1, [5], object()),
        *map(
            Decimal,
            (
                "0.5",
                "-1",
                "NaN",
                "sNaN",
                "Infinity",
                "1e999999",
                "1e-999999",
                "1.0000000000000000000000000000001",
            ),
        ),
    ],
)
def test_values_that_are_no_fee(value: object) -> None:
    with pytest.raises(InputError):
        FeeParser("cents").parse(value)


@given(cents=st.integers(0, MAX_FEE_CENTS), style=st.sampled_from(["plain", "us", "german", "swiss"]))
@settings(deadline=None)
def test_every_amount_survives_its_formatting(cents: int, style: str) -> None:
    whole, rest = divmod(cents, 100)
    text = f"{whole:,}.{rest:02}" if style != "plain" else f"{whole}.{rest:02}"
    if style == "german":
        text = text.translate(str.maketrans(",.", ".,"))
    if style == "swiss":
        text = text.replace(",", "'")
    assert FeeParser("units").parse(text) == cents


@given(text=st.text(st.sampled_from("0123456789.,' -$\u20ac\u00a0aE+()"), max_size=14), unit=st.booleans())
@settings(deadline=None)
def test_any_text_is_a_fee_or_an_input_error(text: str, unit: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
    cents: int | None = None
    with contextlib.suppress(InputError):  # and nothing else
        cents = FeeParser("units" if unit else "cents").parse(text)
    assert cents is None or 0 <= cents <= MAX_FEE_CENTS


@pytest.mark.parametrize(
    ("text", "told", "cents"),
    [
        *(("1.500", "comma", 150000), ("1.500,00", "comma", 150000), ("1,50", "comma", 150)),
        *(("1.234.567,8", "comma", 123456780), ("1 500,5 \u20ac", "comma", 150050), ("500", "comma", 50000)),
        *(("1,500", "point", 150000), ("1,500.00", "point", 150000), ("1.50", "point", 150)),
        *(("1'500.5", "point", 150050), ("5,00,000.00", "point", 50000000), ("500", "point", 50000)),
    ],
)
def test_a_decimal_mark_that_is_told(text: str, told: DecimalMark, cents: int) -> None:
    assert FeeParser("units", decimal=told).parse(text) == cents


@pytest.mark.parametrize(
    ("text", "told"),
    [
        *(
            ("1,500", "comma"),
            ("1.50", "comma"),
            ("1,500.00", "comma"),
            ("5,00,000", "comma"),
            ("500.-", "comma"),
        ),
        *(
            ("1.500", "point"),
            ("1,50", "point"),
            ("1.500,00", "point"),
            ("1.234.567", "point"),
            ("500,-", "point"),
        ),
    ],
)
def test_a_fee_that_gainsays_the_decimal_mark(text: str, told: DecimalMark) -> None:
    with pytest.raises(InputError, match=f"--decimal {told}"):
        FeeParser("units", decimal=told).parse(text)


def test_what_may_be_either_names_the_option() -> None:
    with pytest.raises(InputError, match=r"--decimal comma or --decimal point \(decimal= in Python\)"):
        FeeParser("units").parse("1.500")


@pytest.mark.parametrize("text", ["NULL", "null", "n/a", "N/A", "-", "\u2013", " - "])
def test_words_for_no_fee(text: str) -> None:
    assert FeeParser("units").parse(text) is None
    assert FeeParser("cents").parse(text) is None


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        *(
            ("500,-", 50000),
            ("500.-", 50000),
            ("500,--", 50000),
            ("500,\u2013 \u20ac", 50000),
            ("1.500,-", 150000),
        ),
        *(
            ("EUR 500,-", 50000),
            ("5,00,000.00", 50000000),
            ("12,34,56,789", 12345678900),
            ("1,00,000.5", 10000050),
        ),
    ],
)
def test_price_tags_and_lakhs(text: str, cents: int) -> None:
    assert FeeParser("units").parse(text) == cents


@pytest.mark.parametrize(
    "text",
    ["500-", "5,0,-", "1.5,-", ",-", "500,-5", "500,---", "0,00,000", "5,00,00", "500,00,000", "n", "--"],
)
def test_what_is_neither_a_price_tag_nor_a_lakh(text: str) -> None:
    with pytest.raises(InputError):
        FeeParser("units").parse(text)


def test_a_currency_beside_the_fee_is_as_one_in_it() -> None:
    fees = FeeParser("cents")
    assert [fees.parse_in(100, ""), fees.parse_in("200", " usd "), fees.parse_in("300", "$")] == [
        100,
        200,
        300,
    ]
    assert (fees.parse_in(None, "JPY"), fees.parse_in("", "JPY"), fees.parse_in("4", "n/a")) == (
        None,
        None,
        4,
    )
    assert fees.currency == "USD"
    with pytest.raises(InputError, match="the fee '500' is in JPY, but others here are in USD"):
        fees.parse_in(500, "JPY")
    for told in ("Yens", "\u5186", "\u00a2", "US Dollar"):
        with pytest.raises(InputError, match=f"the currency '{told}' of the fee '5' is no code such as USD"):
            FeeParser("cents").parse_in("5", told)


def test_a_currency_beside_the_fee_must_agree_with_that_in_it() -> None:
    fees = FeeParser("units")
    assert fees.parse_in("$5", "CAD") == 500
    assert fees.currency == "CAD"
    with pytest.raises(InputError, match="is in USD, but others here are in CAD"):
        fees.parse_in("5 USD", "CAD")


def test_errors_show_letters_as_they_are_and_nothing_that_drives_a_terminal() -> None:
    with pytest.raises(InputError) as caught:
        FeeParser("units").parse("f\u00fcnfhundert \u5186")
    assert "'f\u00fcnfhundert \u5186'" in caught.value.message
    with pytest.raises(InputError) as caught:
        FeeParser("units").parse("x\x1b[31m\u202e\ud83d\u0085\u2028\u200b")
    assert r"'x\x1b[31m\u202e\ud83d\x85\u2028\u200b'" in caught.value.message
