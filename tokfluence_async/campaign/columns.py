"""Which column of a table holds the URL, the creator's handle and the fee."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING
from unicodedata import combining, normalize

from attrs import Attribute, field, frozen

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokfluence_async.campaign.money import FeeUnit

__all__ = [
    "Column",
    "ColumnChoice",
    "InputOptions",
    "choose_by_content",
    "choose_by_name",
    "delimiter_name",
    "looks_like_url",
    "names_post",
]

_DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})", re.IGNORECASE)


def delimiter_name(delimiter: str) -> str:
    """What to call a delimiter where not every character can be shown: itself, a name such as ``tab``, or an escape."""
    if delimiter.isprintable() and not delimiter.isspace():
        return delimiter
    named = {char: name for name, char in _DELIMITERS.items()}
    return named.get(delimiter) or (
        rf"\x{ord(delimiter):02x}" if delimiter.isascii() and len(delimiter) == 1 else delimiter
    )


def _delimiter(told: str | None) -> str | None:
    """The character that a name, or an escape of a shell, stands for; anything else as it is."""
    if told is None or len(told) == 1:
        return told
    escaped = _ESCAPED.fullmatch(told)
    if escaped is not None:
        return chr(int(escaped[1], 16))
    return "\t" if told == r"\t" else _DELIMITERS.get(told.lower(), told)


def _known_unit(_options: InputOptions, _attribute: Attribute[FeeUnit | None], value: object) -> None:
    if value not in {None, "cents", "units"}:
        raise InputError(f"a fee counts cents or units, not {value!r}: --fee-unit cents or --fee-unit units")


def _one_character(_options: InputOptions, _attribute: Attribute[str | None], value: str | None) -> None:
    if value is not None and (len(value) != 1 or value in '"\r\n\0'):
        raise InputError(
            f"a delimiter is one character and not a quote or line end, or {', '.join(_DELIMITERS)}; not {value!r}"
        )


@frozen
class InputOptions:
    """How to read an input. Whatever is None is guessed, and a guess that is not plain is an error.

    Attributes:
        url_column: Name of the column that holds the posts' URLs, or its number from 1 (``--url-column``).
        handle_column: The same for the creators' handles (``--handle-column``); empty for none.
        fee_column: The same for the fees (``--fee-column``); empty for none.
        fee_unit: ``cents`` for whole cents, ``units`` for units of the currency such as 500.00
            (``--fee-unit``).
        delimiter: The character between the fields of a text table, or its name: tab, comma, semicolon, pipe or space
            (``--delimiter``). A shell's escapes, such as that of a tab, count as the character.
        encoding: Encoding of a text table, as Python names it (``--encoding``).
    """

    url_column: str | int | None = None
    handle_column: str | int | None = None
    fee_column: str | int | None = None
    fee_unit: FeeUnit | None = field(default=None, validator=_known_unit)
    delimiter: str | None = field(default=None, converter=_delimiter, validator=_one_character)
    encoding: str | None = None


@frozen
class Column:
    """One column of a table.

    Attributes:
        index: Its position, from 0.
        name: Its name in the header, or ``column N`` (from 1) where there is none.
        guessed: Whether its meaning was guessed, rather than told by the caller.
    """

    index: int
    name: str
    guessed: bool


@frozen
class ColumnChoice:
    """Which column means what.

    Attributes:
        url: The posts' URLs.
        handle: The creators' handles; None if there are none.
        fee: The fees; None if there are none.
        fee_unit: What the fees count; None if there are none.
        ignored: Names of the columns that are not read.
        says_cents: Whether the name of the fees' column says that they are cents.
        fee_currency: The code of the currency that it names; None if it names none.
    """

    url: Column
    handle: Column | None
    fee: Column | None
    fee_unit: FeeUnit | None
    ignored: tuple[str, ...]
    says_cents: bool = False
    fee_currency: str | None = None

    def fee_parser(self) -> FeeParser:
        """What reads the fees."""
        return FeeParser(self.fee_unit or "cents", self.fee_currency, self.says_cents)

    def describe(self) -> str:
        """The choice in a sentence, guesses marked as such, for a person to check."""
        named = [("URL", self.url), ("creator", self.handle), (f"fee in {self.fee_unit}", self.fee)]
        parts = [
            f"{what} from {column.name!r}{' (guessed)' if column.guessed else ''}"
            for what, column in named
            if column is not None
        ]
        if self.ignored:
            parts.append("ignored: " + ", ".join(map(repr, self.ignored)))
        return "; ".join(parts)


_NONE = ""
_DIGITS = 10
# Names are compared by letters and digits alone, in lower case: "Post URL", "post_url" and "postUrl" are one.
_URL_NAME = re.compile(
    r"(?:post|video|tiktok(?:post|video)?|content|share|live|published|webvideo)?(?:urls?|links?)"
    r"|permalink|uri|post|video"
)
_WHO = "creator|influencer|author|user|account|profile|channel|talent"
_HANDLE_NAME = re.compile(
    rf"(?:{_WHO}|tiktok)?(?:handle|username)|(?:{_WHO})(?:url|link)?|(?:creator|influencer)id|(?:author)?uniqueid"
)
_CODES = "usd|eur|gbp|cad|aud|nzd|chf|sek|nok|dkk|pln|brl|mxn|inr"
_CURRENCY = rf"{_CODES}|dollars?|euros?|pounds?"
_UNIT = "cents?|units?"
_FEE_NAME = re.compile(
    r"(?:creator|influencer|author|talent|post|video|agreed|total)?"
    r"(?:fees?|price|cost|rate|amount|payment|payout|compensation)(?:in)?"
    rf"(?:(?P<currency>{_CURRENCY}|us(?=cents?))?(?:in)?(?P<unit>{_UNIT})?|(?P<first>{_UNIT})(?:in)?(?P<after>{_CURRENCY}))"
)
_CENTS = frozenset({"cent", "cents", "ct"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_CODE = re.compile(_CODES)
_NAMED = {"euro": "EUR", "euros": "EUR", "pound": "GBP", "pounds": "GBP"}
"""The currencies of words that are no codes; a dollar may be that of many."""
_SIGNS = {
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
_MONEY = re.compile(r"\s*[^\w\s]?\s*\d[\d.,]{0,14}\s*[^\w\s]?\s*")


def choose_by_name(names: Sequence[str], options: InputOptions, *, source: str | None = None) -> ColumnChoice:
    """Chooses the columns of a table that has a header.

    Args:
        names: The header.
        options: What the caller told.
        source: The table's name, for errors.

    Raises:
        InputError: A column can't be told from the others, is missing, or is a fee of unknown unit; the
            message names the columns found and the option that settles it.
    """
    keys = [_key(name) for name in names]
    picker = _Picker([name.strip() for name in names], options, source)
    url = picker.told("url") or picker.only(
        "url", [i for i, key in enumerate(keys) if _URL_NAME.fullmatch(key)]
    )
    if url is None:
        raise picker.error("can't tell which column holds the posts' URLs", "url")
    handle = picker.told("handle") or picker.only(
        "handle", [i for i, key in enumerate(keys) if _HANDLE_NAME.fullmatch(key)]
    )
    fees = [i for i, key in enumerate(keys) if _FEE_NAME.fullmatch(key)]
    fee = picker.told("fee") or picker.only("fee", fees)
    return picker.choice(url, handle, fee)


def choose_by_content(
    record: Sequence[str], options: InputOptions, *, source: str | None = None
) -> ColumnChoice:
    """Chooses the columns of a table without a header, by its first record.

    Only the URL and, where it is plain, the handle are guessed; a column that looks like money must be told.

    Args:
        record: The first record.
        options: What the caller told, columns by their number.
        source: The table's name, for errors.

    Raises:
        InputError: As for `choose_by_name`.
    """
    picker = _Picker([f"column {number}" for number in range(1, len(record) + 1)], options, source)
    posts = [i for i, text in enumerate(record) if names_post(text)]
    links = posts or [i for i, text in enumerate(record) if looks_like_url(text)]
    url = picker.told("url") or picker.only("url", links)
    if url is None:
        raise picker.error("can't tell which column holds the posts' URLs", "url")
    handles = [
        i
        for i, text in enumerate(record)
        if i != url.index and (text.strip().startswith("@") or looks_like_url(text))
    ]
    handle = picker.told("handle") or picker.only("handle", handles)
    fee = picker.told("fee")
    if (
        fee is None
        and options.fee_column != _NONE
        and any(_MONEY.fullmatch(text) for i, text in enumerate(record) if i != url.index)
    ):
        raise picker.error(
            "a column looks like a fee, and there is no header to tell; add one, or tell the column",
            "fee",
        )
    return picker.choice(url, handle, fee)


def looks_like_url(text: str) -> bool:
    """Whether a cell is data rather than a column's name: a URL, on TikTok or off it."""
    if re.match(r"\s*[\"'<]?https?:/", text, re.IGNORECASE):
        return True
    found = urls.parse(text)
    return isinstance(found, urls.PostURL) or found.reason not in {
        "empty",
        "not_a_url",
        "several_urls",
        "not_tiktok",
    }


def names_post(text: str) -> bool:
    """Whether a cell holds the URL of a post, or a short link to one."""
    found = urls.parse(text)
    return isinstance(found, urls.PostURL) or found.reason == "short_link"


def _key(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "", _spelt_out(name).casefold())


def _spelt_out(name: str) -> str:
    return name.translate(_SIGNS)


def _words(name: str) -> list[str]:
    """The words of a name in any case, snake_case and camelCase among them; letters without their accents."""
    # An accent must not end a word: a fee of "récent" videos is not one in cents.
    plain = "".join(char for char in normalize("NFKD", _spelt_out(name)) if not combining(char))
    return [word.casefold() for word in _WORD.findall(plain)]


def _says_cents(name: str) -> bool:
    # Also where all is written as one word, as in "feecents".
    found = _FEE_NAME.fullmatch(_key(name))
    if found and (found["unit"] or found["first"] or "").startswith("cent"):
        return True
    words = _words(name)
    return any(word in _CENTS and before != "per" for before, word in pairwise(["", *words]))


def _currency_in(name: str) -> str | None:
    """The code of the one currency that the name of a column of fees names; None if it names none, or several."""
    found = _FEE_NAME.fullmatch(_key(name))
    named = found and (found["currency"] or found["after"])
    if named == "us":
        return "USD"
    # A name of another kind is taken at its words: these letters stand in many a longer one.
    words = [named] if named else _words(name)
    codes = {_NAMED.get(word) or word.upper() for word in words if word in _NAMED or _CODE.fullmatch(word)}
    return codes.pop() if len(codes) == 1 else None


class _Picker:
    """Resolves what the caller told about the columns of one table."""

    def __init__(self, names: Sequence[str], options: InputOptions, source: str | None) -> None:
        self._names = names
        self._options = options
        self._source = source
        self._told: dict[str, str | int | None] = {
            "url": options.url_column,
            "handle": options.handle_column,
            "fee": options.fee_column,
        }

    def told(self, what: str) -> Column | None:
        """The column that the caller named for a purpose, by name or by number."""
        wanted = self._told[what]
        if wanted is None or wanted == _NONE:
            return None
        found: list[int] = []
        if isinstance(wanted, str):
            found = [i for i, name in enumerate(self._names) if name == wanted.strip()]
            found = found or [i for i, name in enumerate(self._names) if _key(name) == _key(wanted) != ""]
        number = str(wanted).strip()
        # Longer ones are no column's, and so long that they can't even be read.
        if (
            not found
            and number.isdecimal()
            and len(number) < _DIGITS
            and 1 <= int(number) <= len(self._names)
        ):
            found = [int(number) - 1]
        if len(found) == 1:
            return Column(found[0], self._names[found[0]], guessed=False)
        problem = f"{len(found)} columns are called {wanted!r}" if found else f"there is no column {wanted!r}"
        raise self.error(problem, what)

    def only(self, what: str, candidates: Sequence[int]) -> Column | None:
        """The one candidate that the caller did not give another meaning; None without any."""
        if self._told[what] == _NONE:
            return None
        taken = {column.index for other in self._told if other != what and (column := self.told(other))}
        left = [index for index in candidates if index not in taken]
        if len(left) > 1:
            several = ", ".join(repr(self._names[index]) for index in left)
            raise self.error(f"{several} may each be the {what} column", what)
        return Column(left[0], self._names[left[0]], guessed=True) if left else None

    def choice(self, url: Column, handle: Column | None, fee: Column | None) -> ColumnChoice:
        """All of it together, once the fee's unit is known."""
        in_cents = fee is not None and _says_cents(fee.name)
        chosen = [column.index for column in (url, handle, fee) if column is not None]
        if len(set(chosen)) < len(chosen):
            raise self.error("one column is given two meanings", "url")
        unit = self._options.fee_unit
        if fee is not None and in_cents and unit == "units":
            raise InputError(
                f"the column {fee.name!r} says cents, and --fee-unit units is given; rename it, or say cents",
                source=self._source,
                column=fee.name,
            )
        if fee is not None and unit is None:
            if not in_cents:
                raise InputError(
                    f"does {fee.name!r} hold cents, or units such as 500.00? "
                    "Say --fee-unit cents or --fee-unit units (fee_unit= in Python)",
                    source=self._source,
                    column=fee.name,
                )
            unit = "cents"
        ignored = tuple(name for index, name in enumerate(self._names) if index not in chosen)
        if fee is None:
            return ColumnChoice(url, handle, None, None, ignored)
        return ColumnChoice(url, handle, fee, unit, ignored, in_cents, _currency_in(fee.name))

    def error(self, problem: str, what: str) -> InputError:
        """An error that names the columns found and the option that settles it."""
        if not self._names:
            return InputError(f"{problem}: there are no columns at all", source=self._source)
        columns = ", ".join(map(repr, self._names))
        return InputError(
            f"{problem}; the columns are {columns}. Name one, or give its number from 1, "
            f"with --{what}-column ({what}_column= in Python)",
            source=self._source,
        )
