"""What the names of columns say: which may hold posts, creators, fees or a currency, and what the fees count."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final
from unicodedata import combining, normalize

__all__ = [
    "currency_in",
    "key",
    "may_hold_creators",
    "may_hold_currency",
    "may_hold_fees",
    "may_hold_urls",
    "names_creators",
    "names_id",
    "says_cents",
]

# Names are compared by letters and digits alone, in lower case: "Post URL", "post_url" and "postUrl" are one.
_URL_NAME: Final = re.compile(
    r"(?:post|video|tiktok(?:post|video)?|content|share|live|published|webvideo)?(?:urls?|links?)"
    r"|permalink|uri|post|video"
)
_WHO: Final = "creator|influencer|author|user|account|profile|channel|talent"
_HANDLE_NAME: Final = re.compile(
    rf"(?:{_WHO}|tiktok)?(?:handle|username)|(?:{_WHO})(?:url|link)?|(?:creator|influencer)id|(?:author)?uniqueid"
)
_CODES: Final = "usd|eur|gbp|cad|aud|nzd|chf|sek|nok|dkk|pln|brl|mxn|inr"
_CURRENCY: Final = rf"{_CODES}|dollars?|euros?|pounds?"
_UNIT: Final = "cents?|units?"
_WHOSE: Final = "creator|influencer|author|talent|post|video|agreed|total"
_FEE: Final = "fees?|price|cost|rate|amount|payment|payout|compensation"
_FEE_NAME: Final = re.compile(
    rf"(?:{_WHOSE})?(?:{_FEE})(?:in)?"
    rf"(?:(?P<currency>{_CURRENCY}|us(?=cents?))?(?:in)?(?P<unit>{_UNIT})?|(?P<first>{_UNIT})(?:in)?(?P<after>{_CURRENCY}))"
)
_CURRENCY_NAME: Final = re.compile(rf"(?:{_WHOSE})?(?P<fee>{_FEE})?currency(?:code)?")
_CENTS: Final = frozenset({"cent", "cents", "ct"})
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_CODE: Final = re.compile(_CODES)
_NAMED: Final = {"euro": "EUR", "euros": "EUR", "pound": "GBP", "pounds": "GBP"}
"""The currencies of words that are no codes; a dollar may be that of many."""
_SIGNS: Final = {
    ord(sign): word
    for sign, word in {
        "\u00a2": " cents ",
        "%": " percent ",
        "\u20ac": " EUR ",
        "\u00a3": " GBP ",
        "\u20b9": " INR ",
    }.items()
}
"""Signs that tell something, in words, by their code points."""


def key(name: str) -> str:
    """What a name is compared by: its letters and digits, in lower case."""
    return re.sub(r"[^0-9a-z]+", "", _spelt_out(name).casefold())


def may_hold_urls(name: str) -> bool:
    """Whether a column of this name may hold the URLs of posts."""
    return _URL_NAME.fullmatch(key(name)) is not None


def may_hold_creators(name: str) -> bool:
    """Whether a column of this name may hold creators."""
    return _HANDLE_NAME.fullmatch(key(name)) is not None


def names_creators(name: str) -> bool:
    """Whether a column of this name holds nothing but creators: it counts, whatever the URLs say."""
    return key(name).endswith(("creator", "influencer", "handle", "username"))


def names_id(name: str) -> bool:
    """Whether a column of creators may as well hold the keys of somebody's own database."""
    return key(name).endswith("id")


def may_hold_fees(name: str) -> bool:
    """Whether a column of this name may hold fees."""
    return _FEE_NAME.fullmatch(key(name)) is not None


def may_hold_currency(name: str, fee: str) -> int:
    """How likely a column of this name tells the currency of the fees beside it: 0 for not at all.

    Args:
        name: Its name.
        fee: The name of the fees' column.
    """
    # What stands in one object with the fee is the fee's: "deal.price" and "deal.currency".
    (above, _, last), (fee_above, _, _) = name.rpartition("."), fee.rpartition(".")
    if above and above in {fee_above, fee} and _CURRENCY_NAME.fullmatch(key(last)):
        return 3
    found = _CURRENCY_NAME.fullmatch(key(name))
    return 0 if found is None else 2 if found["fee"] else 1


def _spelt_out(name: str) -> str:
    return name.translate(_SIGNS)


def _words(name: str) -> list[str]:
    """The words of a name in any case, snake_case and camelCase among them; letters without their accents."""
    # An accent must not end a word: a fee of "récent" videos is not one in cents.
    plain = "".join(char for char in normalize("NFKD", _spelt_out(name)) if not combining(char))
    return [word.casefold() for word in _WORD.findall(plain)]


def says_cents(name: str) -> bool:
    """Whether the name of a column of fees says that they are cents."""
    # Also where all is written as one word, as in "feecents".
    found = _FEE_NAME.fullmatch(key(name))
    if found and (found["unit"] or found["first"] or "").startswith("cent"):
        return True
    words = _words(name)
    return any(word in _CENTS and before != "per" for before, word in pairwise(["", *words]))


def currency_in(name: str) -> str | None:
    """The code of the one currency that the name of a column of fees names; None if it names none, or several."""
    found = _FEE_NAME.fullmatch(key(name))
    named = found and (found["currency"] or found["after"])
    if named == "us":
        return "USD"
    # A name of another kind is taken at its words: these letters stand in many a longer one.
    words = [named] if named else _words(name)
    codes = {_NAMED.get(word) or word.upper() for word in words if word in _NAMED or _CODE.fullmatch(word)}
    return codes.pop() if len(codes) == 1 else None
