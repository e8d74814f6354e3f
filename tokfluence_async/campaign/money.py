"""Fees as people write them, as whole cents: exact, without floats."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, Literal, SupportsIndex

from attrs import define

from tokfluence_async.campaign.missing import is_missing
from tokfluence_async.errors import InputError

__all__ = [
    "FEE_UNITS",
    "MAX_FEE_CENTS",
    "DecimalMark",
    "FeeParser",
    "FeeUnit",
    "is_of_currency",
    "marks_agree",
]

FeeUnit = Literal["cents", "units"]
"""What a fee counts: whole cents, or units of the currency with up to two decimals (500.00)."""

FEE_UNITS: Final[tuple[FeeUnit, ...]] = ("cents", "units")

DecimalMark = Literal["comma", "point"]
"""What stands before the decimals of a fee in units: 1.234,50 has a comma there, 1,234.50 a point."""

MAX_FEE_CENTS = 2**63 - 1
"""The largest fee, in cents: what a signed 64-bit integer holds."""

_CENT_SIGN = "\u00a2"
_CENTS_PER_UNIT = 100
_SAFE_DIGITS = 18
_CODES = r"[A-Za-z]{0,3}[$\u00a2-\u00a5\u20a0-\u20cf]|[A-Za-z]{3}"
_MARKED = re.compile(rf"(?P<before>{_CODES})?\s*(?P<number>-?[0-9].*?)\s*(?P<after>{_CODES})?", re.DOTALL)
_PLAIN = re.compile(r"(?P<whole>\d+)(?:[.,](?P<cents>\d{1,2}))?", re.ASCII)
# A group sign is a comma, a dot, an apostrophe, or one of the blanks that are set between thousands.
_GROUPED = re.compile(
    r"(?P<whole>[1-9]\d{0,2}(?P<sign>[,.' \u2019\u00a0\u2009\u202f])\d{3}(?:(?P=sign)\d{3})*)"
    r"(?:(?!(?P=sign))[.,](?P<cents>\d{1,2}))?",
    re.ASCII,
)
# Lakh and crore, as in India: the last group has three digits, the others two.
_INDIAN = re.compile(r"(?P<whole>[1-9]\d?(?:,\d{2})+,\d{3})(?:\.(?P<cents>\d{1,2}))?", re.ASCII)
# "500,-" and "500.--", as price tags have it for no cents.
_NO_CENTS = re.compile(r"(?P<whole>.*\d)(?P<mark>[.,])[-\u2013\u2014]{1,2}", re.ASCII)
_NOTHING: Final = {"null", "n/a", "-", "\u2013", "\u2014"}
"""What is written where there is no fee, in lower case."""
_MARKS: Final = {"comma": ",", "point": "."}
# Whole cents as tables of numbers write them where one of their cells is empty.
# With one 0 behind the point, as pandas writes integers where one is missing; with two it may well be money in units.
_WHOLE_CENTS = re.compile(r"(?P<cents>-?\d+)(?:\.0)?", re.ASCII)
_ONE_DOT_THREE_DIGITS = re.compile(r"\d{1,3}\.\d{3}", re.ASCII)
_TOO_MANY_DECIMALS = re.compile(r"(?:\d+|\d{1,3}(?:[,.']\d{3})*)[.,]\d{3,}", re.ASCII)

_DOLLARS: Final = {
    *("ARS", "AUD", "BBD", "BMD", "BND", "BSD", "BZD", "CAD", "CLP", "COP", "DOP", "FJD", "GYD", "HKD"),
    *("JMD", "KYD", "LRD", "MXN", "NAD", "NZD", "SBD", "SGD", "SRD", "TTD", "TWD", "USD", "UYU", "XCD"),
}
"""Currencies, some of them pesos, that are written with a plain dollar sign."""
_OWN_SIGNS: Final = {
    "AUD": {"A$", "AU$"},
    "BRL": {"R$"},
    "CAD": {"C$", "CA$", "CAN$", "CDN$"},
    "CNY": {"\u00a5", "CN\u00a5", "RMB"},
    "EGP": {"\u00a3"},
    "EUR": {"\u20ac"},
    "GBP": {"\u00a3"},
    "HKD": {"HK$"},
    "ILS": {"\u20aa"},
    "INR": {"\u20b9"},
    "JPY": {"\u00a5", "JP\u00a5"},
    "KRW": {"\u20a9"},
    "MXN": {"MX$"},
    "NGN": {"\u20a6"},
    "NZD": {"NZ$"},
    "PHP": {"\u20b1"},
    "RUB": {"\u20bd"},
    "SGD": {"S$", "SG$"},
    "TRY": {"\u20ba"},
    "TWD": {"NT$"},
    "UAH": {"\u20b4"},
    "USD": {"US$"},
    "VND": {"\u20ab"},
}
_SIGNS: Final = {
    code: _OWN_SIGNS.get(code, set[str]()) | ({"$"} if code in _DOLLARS else set[str]())
    for code in {*_OWN_SIGNS, *_DOLLARS}
}
"""What may stand beside an amount of a currency, apart from its code."""
_CODE = re.compile(r"[A-Z]{3}")


def marks_agree(one: str, other: str) -> bool:
    """Whether two marks of fees are one, or one of them is a sign of the other.

    ``$`` and ``CAD`` agree, ``$`` and ``EUR`` don't, and neither do two signs.

    Args:
        one: A sign or a code, as in `FeeParser.currency`.
        other: Another.
    """
    return one == other or one in _SIGNS.get(other, ()) or other in _SIGNS.get(one, ())


def is_of_currency(mark: str, currency: str) -> bool:
    """Whether fees with a mark may be in a currency.

    Args:
        mark: A sign or a code, as in `FeeParser.currency`. A sign that is not known may be that of any.
        currency: The currency's ISO 4217 code.
    """
    known = any(mark in signs for signs in _SIGNS.values()) or _CODE.fullmatch(mark) is not None
    return not known or marks_agree(mark, currency)


@define
class FeeParser:
    """Reads the fees of one source.

    Attributes:
        unit: What a number in this source counts.
        currency: The currency sign or code that the fees' column names, or that stands beside the fees, once one
            was seen. All fees of a source must agree in it; it is for the caller to compare it with the campaign's
            currency.
        says_cents: Whether the column's own name says cents, so that they can't be taken for units.
        decimal: What stands before the decimals of units; None to tell it fee by fee, as far as that is plain.
    """

    unit: FeeUnit = "cents"
    currency: str | None = None
    says_cents: bool = False
    decimal: DecimalMark | None = None

    def heed(self, *, says_cents: bool, currency: str | None) -> None:
        """Take note of what the name of a further column of fees says.

        Args:
            says_cents: Whether it says cents.
            currency: The code of the currency that it names, if any.

        Raises:
            InputError: It is another currency than that of the fees so far.
        """
        self.says_cents = self.says_cents or says_cents
        if currency is None or currency == self.currency:
            return
        if self.currency is not None and not marks_agree(self.currency, currency):
            raise InputError(f"these fees are in {currency}, but others here are in {self.currency}")
        self.currency = currency

    def parse_in(self, value: object, currency: str) -> int | None:
        """The fee in whole cents, where a column of its own tells its currency.

        Args:
            value: As for `parse`.
            currency: A code or sign; blank where none is told. Without a fee it does not matter.

        Raises:
            InputError: As for `parse`; or what should be a currency is none.
        """
        cents, told = self.parse(value), currency.strip()
        if cents is None or not told or told.lower() in _NOTHING:
            return cents
        if re.fullmatch(_CODES, told) is None or _CENT_SIGN in told:
            raise InputError(
                f"the currency {_shown(told)} of the fee {_shown(str(value))} is no code such as USD, and no sign"
            )
        self._agree(told, "", str(value))
        return cents

    def parse(self, value: object) -> int | None:
        """The fee in whole cents.

        Args:
            value: Text, an integer or a `Decimal`. Blank text, a dash or ``NULL`` or ``n/a`` alone, None, a float NaN
                and the NA of pandas (how tables mark a missing number) mean that no fee is told. Other floats are
                refused: most amounts have no exact one.

        Returns:
            Cents; None if no fee is told.

        Raises:
            InputError: It is not a fee: negative, not a number, too large, of more than two decimals,
                ambiguous, or in another currency than the source's other fees. The message says which.
        """
        if isinstance(value, str):
            # The common case first: digits alone.
            if self.unit == "cents" and value.isdecimal() and value.isascii() and len(value) <= _SAFE_DIGITS:
                return int(value)
            cents = self._of_text(value.strip())
        else:
            cents = self._of_number(value)
        if cents is None:
            return None
        if cents < 0:
            raise InputError(f"the fee {_shown(str(value))} is negative")
        if cents > MAX_FEE_CENTS:
            raise InputError("the fee does not fit 64 bits")
        return cents

    def _of_number(self, value: object) -> int | None:
        if is_missing(value):
            return None
        scale = 1 if self.unit == "cents" else _CENTS_PER_UNIT
        if isinstance(value, Decimal):
            if not value.is_finite() or abs(value.adjusted()) > _SAFE_DIGITS:
                raise InputError(f"the fee {_shown(str(value))} is not an amount of money")
            # Arithmetic on a Decimal rounds to the context's precision; a ratio of integers does not.
            above, below = value.as_integer_ratio()
            cents, rest = divmod(above * scale, below)
            if rest:
                raise InputError(f"the fee {_shown(str(value))} is not a whole number of cents")
            return cents
        # The plain int first: asking a runtime protocol costs ten times as much.
        if type(value) is int:
            return value * scale
        if isinstance(value, SupportsIndex) and not isinstance(value, bool):
            return value.__index__() * scale
        raise InputError(
            f"a fee is an int, a Decimal or text, not {type(value).__name__}"
            + (", which is not exact" if isinstance(value, float) else "")
        )

    def _of_text(self, text: str) -> int | None:
        if not text or text.lower() in _NOTHING:
            return None
        if self.unit == "cents":
            whole = _WHOLE_CENTS.fullmatch(_without_cent_sign(text))
            if whole is None:
                units = "; if this column holds units such as 500.00, say so with --fee-unit units"
                hint = units if text[:1].isdecimal() and not self.says_cents else ""
                raise InputError(f"the fee {_shown(text)} is not a whole number of cents{hint}")
            return _integer(whole["cents"])
        marked = _MARKED.fullmatch(text)
        if marked is None:
            raise InputError(f"the fee {_shown(text)} is not an amount such as 500.00 or 1,234.50")
        if _CENT_SIGN in f"{marked['before']}{marked['after']}":
            raise InputError(
                f"the fee {_shown(text)} is in cents, and this column holds units such as 500.00"
            )
        cents = _units(marked["number"], text, self.decimal)
        self._agree(marked["before"] or "", marked["after"] or "", text)
        return cents

    def _agree(self, before: str, after: str, text: str) -> None:
        mark = (before or after).upper()
        if before and after and before.upper() != after.upper():
            raise InputError(f"the fee {_shown(text)} names two currencies")
        if not mark or mark in _SIGNS.get(self.currency or "", ()):
            return
        if self.currency is not None and not marks_agree(self.currency, mark):
            raise InputError(f"the fee {_shown(text)} is in {mark}, but others here are in {self.currency}")
        self.currency = mark


def _units(number: str, text: str, decimal: DecimalMark | None) -> int:
    negative = number.startswith("-")
    amount = number.removeprefix("-")
    bare = _NO_CENTS.fullmatch(amount)
    if bare is not None:
        amount = f"{bare['whole']}{bare['mark']}00"
    # 1,234 can only be thousands; 1.234 is as often a number with three decimals.
    if decimal is None and _ONE_DOT_THREE_DIGITS.fullmatch(amount):
        raise InputError(
            f"the fee {_shown(text)} may mean thousands or three decimals; say which mark stands before decimals with "
            "--decimal comma or --decimal point (decimal= in Python), or write it without a group sign"
        )
    found = _PLAIN.fullmatch(amount) or _GROUPED.fullmatch(amount) or _INDIAN.fullmatch(amount)
    if found is not None and decimal is not None and not _is_marked(found, amount, _MARKS[decimal]):
        raise InputError(
            f"the fee {_shown(text)} is not an amount with a {decimal} before its decimals (--decimal {decimal})"
        )
    if found is None:
        what = (
            "has more than two decimals"
            if _TOO_MANY_DECIMALS.fullmatch(amount)
            else "is not an amount such as 500.00"
        )
        raise InputError(f"the fee {_shown(text)} {what}")
    whole = "".join(filter(str.isdecimal, found["whole"]))
    cents = _integer(whole) * _CENTS_PER_UNIT + int((found["cents"] or "0").ljust(2, "0"))
    return -cents if negative else cents


def _is_marked(found: re.Match[str], amount: str, mark: str) -> bool:
    """Whether an amount has a mark before its decimals, or none, and no such mark between its groups."""
    end = found.end("whole")
    return amount[end : end + 1] in {"", mark} and mark not in found["whole"]


def _without_cent_sign(text: str) -> str:
    """What stands before or behind one cent sign; a text without one as it is."""
    before, sign, after = text.partition(_CENT_SIGN)
    return text if before and after else (before or after).strip() if sign else text


def _integer(digits: str) -> int:
    # Far past 64 bits, where int() itself would refuse the length with a ValueError of its own.
    return int(digits) if len(digits.lstrip("-0")) <= len(str(MAX_FEE_CENTS)) else MAX_FEE_CENTS + 1


def _shown(text: str, limit: int = 40) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "...")
