"""Which column of a table holds the URL, the creator's handle and the fee."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import Attribute, evolve, field, frozen

from tokfluence_async.campaign import headings, urls
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokfluence_async.campaign.money import DecimalMark, FeeUnit

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


def _known_mark(_options: InputOptions, _attribute: Attribute[DecimalMark | None], value: object) -> None:
    if value not in {None, "comma", "point"}:
        raise InputError(
            f"a decimal mark is a comma or a point, not {value!r}: --decimal comma or --decimal point"
        )


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
        decimal: What stands before the decimals of fees in units: ``comma`` as in 1.234,50, or ``point`` as in
            1,234.50 (``--decimal``). Told fee by fee without it, as far as that is plain.
        delimiter: The character between the fields of a text table, or its name: tab, comma, semicolon, pipe or space
            (``--delimiter``). A shell's escapes, such as that of a tab, count as the character.
        encoding: Encoding of a text table, as Python names it (``--encoding``). Without it a table that is not UTF-8 is
            read as CP1252, if it can be.
        one_of_several: Whether several inputs are read alike. A column whose name says cents is then one of cents also
            where ``fee_unit`` says units, which is an error otherwise.
    """

    url_column: str | int | None = None
    handle_column: str | int | None = None
    fee_column: str | int | None = None
    fee_unit: FeeUnit | None = field(default=None, validator=_known_unit)
    decimal: DecimalMark | None = field(default=None, validator=_known_mark)
    delimiter: str | None = field(default=None, converter=_delimiter, validator=_one_character)
    encoding: str | None = None
    one_of_several: bool = False


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
        currency: What tells the currency of each fee; None if nothing does.
        decimal: What stands before the decimals of fees, if the caller told.
    """

    url: Column
    handle: Column | None
    fee: Column | None
    fee_unit: FeeUnit | None
    ignored: tuple[str, ...]
    says_cents: bool = False
    fee_currency: str | None = None
    currency: Column | None = None
    decimal: DecimalMark | None = None

    def fee_parser(self) -> FeeParser:
        """What reads the fees."""
        return FeeParser(self.fee_unit or "cents", self.fee_currency, self.says_cents, self.decimal)

    def without(self, column: Column) -> ColumnChoice:
        """The same without a column of creators or currencies."""
        return evolve(
            self,
            handle=None if column == self.handle else self.handle,
            currency=None if column == self.currency else self.currency,
            ignored=(*self.ignored, column.name),
        )

    def describe(self) -> str:
        """The choice in a sentence, guesses marked as such, for a person to check."""
        named = [
            ("URL", self.url),
            ("creator", self.handle),
            (f"fee in {self.fee_unit}", self.fee),
            ("currency of the fee", self.currency),
        ]
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
    picker = _Picker([name.strip() for name in names], options, source)
    url = picker.told("url") or picker.only(
        "url", [i for i, name in enumerate(names) if headings.may_hold_urls(name)]
    )
    if url is None:
        raise picker.error("can't tell which column holds the posts' URLs", "url")
    creators = [i for i, name in enumerate(names) if headings.may_hold_creators(name)]
    # Beside a column of handles, one of ids holds the keys of a database.
    creators = [i for i in creators if not headings.names_id(names[i])] or creators
    handle = picker.told("handle") or picker.only("handle", creators)
    fee = picker.told("fee") or picker.only(
        "fee", [i for i, name in enumerate(names) if headings.may_hold_fees(name)]
    )
    return picker.choice(url, handle, fee, currency=picker.currency(fee, (url, handle)))


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
            found = found or [
                i for i, name in enumerate(self._names) if headings.key(name) == headings.key(wanted) != ""
            ]
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

    def currency(self, fee: Column | None, others: Iterable[Column | None]) -> Column | None:
        """The column that tells the currency of each fee; None without one, or without fees."""
        if fee is None:
            return None
        taken = {column.index for column in (fee, *others) if column is not None}
        ranks = [
            (headings.may_hold_currency(name, fee.name), -index)
            for index, name in enumerate(self._names)
            if index not in taken
        ]
        rank, place = max(ranks, default=(0, 0))
        return Column(-place, self._names[-place], guessed=True) if rank else None

    def choice(
        self, url: Column, handle: Column | None, fee: Column | None, *, currency: Column | None = None
    ) -> ColumnChoice:
        """All of it together, once the fee's unit is known."""
        in_cents = fee is not None and headings.says_cents(fee.name)
        chosen = [column.index for column in (url, handle, fee) if column is not None]
        if len(set(chosen)) < len(chosen):
            raise self.error("one column is given two meanings", "url")
        unit = self._options.fee_unit
        if in_cents and unit == "units" and self._options.one_of_several:
            unit = "cents"
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
        read = {*chosen, currency.index} if currency else {*chosen}
        ignored = tuple(name for index, name in enumerate(self._names) if index not in read)
        if fee is None:
            return ColumnChoice(url, handle, None, None, ignored)
        named = headings.currency_in(fee.name)
        return ColumnChoice(url, handle, fee, unit, ignored, in_cents, named, currency, self._options.decimal)

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
