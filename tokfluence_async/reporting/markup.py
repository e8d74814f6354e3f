"""HTML that nothing from outside can break out of: text is escaped where it is put in, and links are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

import orjson
from attrs import frozen

from tokfluence_async.unseen import without_unseen

__all__ = ["Markup", "data_block", "element", "join", "link", "table", "text"]

_SAFE_URL: Final = re.compile(r"https?://[^\s<>\"']+")
_EXACT: Final = 2**53
_LARGEST: Final = 10**300


@frozen
class Markup:
    """HTML that is fit to be put into a page as it is."""

    html: str

    def __str__(self) -> str:
        return self.html


def text(value: object) -> Markup:
    """Text, escaped, without control characters and marks that reorder text.

    What can't be written as UTF-8 is shown as an escape.
    """
    return Markup(escape(without_unseen(str(value))))


def element(tag: str, *content: Markup | str, **attributes: str | None) -> Markup:
    """An element; text in it, and in its attributes, is escaped.

    Args:
        tag: Its name.
        *content: What is in it.
        **attributes: Its attributes, a ``_`` at their end left off; None leaves one out.
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{named}>{join(content)}</{tag}>")


def join(parts: Iterable[Markup | str]) -> Markup:
    """Parts one after another."""
    return Markup("".join(part.html if isinstance(part, Markup) else text(part).html for part in parts))


def link(url: str | None, label: str) -> Markup:
    """A link, if the URL is one of the web; else its label alone."""
    if url is None or not _SAFE_URL.fullmatch(url):
        return text(label)
    return element("a", label, href=url, rel="noopener noreferrer nofollow", target="_blank")


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Markup | str]], *, numbers: Iterable[int] = ()
) -> Markup:
    """A table. Each cell tells its column's name as well, for a page too narrow for columns.

    Args:
        heads: The columns' names.
        rows: The cells.
        numbers: Which columns hold numbers, counted from 0.
    """
    right = set(numbers)

    def cells(tag: str, row: Sequence[Markup | str]) -> Markup:
        return element(
            "tr",
            *(
                element(
                    tag,
                    each,
                    class_="number" if place in right else None,
                    data_head=heads[place] if tag == "td" else None,
                )
                for place, each in enumerate(row)
            ),
        )

    body = [cells("td", row) for row in rows]
    return element("table", element("thead", cells("th", heads)), element("tbody", *body))


def data_block(name: str, value: Any) -> Markup:
    """JSON that a script in the page reads: its texts cleaned as `text` cleans them, its numbers such as a script has.

    Args:
        name: The block's name, unique in the page.
        value: What it holds.
    """
    # Inside a script nothing is unescaped: what could end it, or begin a comment, is written in JSON's own way.
    safe = orjson.dumps(_clean(value), option=orjson.OPT_NON_STR_KEYS).decode()
    for character in "<>&":
        safe = safe.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/json" id="{escape(name)}">{safe}</script>')


def _clean(value: Any) -> Any:
    whole: Any = value
    match value:
        case str():
            # What ends a line in scripts of old can't be parsed where Vega makes an expression of a text.
            return without_unseen(value).replace("\u2028", " ").replace("\u2029", " ")
        case int() if abs(value) > _EXACT:
            # Scripts have no larger integers, nor has orjson beyond 64 bits.
            return float(min(max(value, -_LARGEST), _LARGEST))
        case dict():
            return {name: _clean(each) for name, each in whole.items()}
        case list() | tuple():
            return [_clean(each) for each in whole]
        case _:
            return value
