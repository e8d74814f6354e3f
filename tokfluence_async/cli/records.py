"""What the API answered, as tables for people and as JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from tokfluence_async.cli.counting import counted
from tokfluence_async.cli.output import Line, print_json, print_lines, say
from tokfluence_async.cli.sanitise import sanitise

if TYPE_CHECKING:
    from rich.table import Table

    from tokfluence_async.models import Model, ResponseInfo, Result

__all__ = ["Field", "print_answer", "print_items", "print_record", "print_table"]

_WIDEST: Final = 60
"""Characters of a cell."""
_NARROWEST: Final = 7
"""Characters that are left of an elastic one."""
_GAP: Final = 2
"""Blanks between two columns."""
_UNBOUNDED: Final = 10_000
"""Width of a table that goes to no terminal: nothing is cut off."""


@frozen
class Field:
    """A column of a table."""

    head: str
    get: Callable[[Any], object]
    right: bool = False
    """Whether it holds numbers."""
    elastic: bool = False
    """Whether it gives way where there is little room; the others are shown whole."""


def print_table(fields: Sequence[Field], items: Iterable[object]) -> None:
    """Print a table on stdout, as wide as the terminal, or as it needs to be where there is none.

    Where a terminal is too narrow for the columns that do not give way, a record is printed per item: no number and no
    id is cut short, and no column left out.
    """
    listed = [[_shown(each.get(item)) for each in fields] for item in items]
    # Escape sequences are taken out before anything is measured.
    rows = [
        [sanitise(text, _WIDEST if each.elastic else None) for each, text in zip(fields, row, strict=True)]
        for row in listed
    ]
    if sys.stdout is None or not sys.stdout.isatty():
        _print_plainly(fields, rows)
        return
    from rich.console import Console  # noqa: PLC0415 - a help text needs none

    console = Console(file=sys.stdout)
    widths = _widths(fields, rows, console.width)
    if widths is not None:
        console.print(_table(fields, rows, widths))
        return
    for number, row in enumerate(listed):
        if number:
            print_lines([Line()])
        _print_fields([(each.head, text) for each, text in zip(fields, row, strict=True)])


def _print_plainly(fields: Sequence[Field], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a help text needs none

    console = Console(width=_UNBOUNDED, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(_table(fields, rows, _natural(fields, rows)))
    print_lines(Line(line.rstrip()) for line in captured.get().splitlines())


def _table(fields: Sequence[Field], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Table:
    from rich import box  # noqa: PLC0415 - a help text needs none
    from rich.table import Table  # noqa: PLC0415 - likewise
    from rich.text import Text  # noqa: PLC0415 - likewise

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for each, width in zip(fields, widths, strict=True):
        table.add_column(
            each.head,
            justify="right" if each.right else "left",
            overflow="ellipsis",
            no_wrap=True,
            width=width,
        )
    for row in rows:
        # Not as markup: brackets in a text of the server's would be taken for styles.
        table.add_row(*map(Text, row))
    return table


def _natural(fields: Sequence[Field], rows: Sequence[Sequence[str]]) -> list[int]:
    """The columns' widths in cells, where nothing gives way."""
    from rich.cells import cell_len  # noqa: PLC0415 - a help text needs none

    return [
        max(cell_len(each.head), *(cell_len(row[place]) for row in rows), 1)
        for place, each in enumerate(fields)
    ]


def _widths(fields: Sequence[Field], rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """The columns' widths in a terminal; None if those that do not give way are too wide for it."""
    widths = _natural(fields, rows)
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    for place in sorted(
        (place for place, each in enumerate(fields) if each.elastic), key=lambda at: -widths[at]
    ):
        less = min(max(0, excess), max(0, widths[place] - max(_NARROWEST, len(fields[place].head))))
        widths[place] -= less
        excess -= less
    return None if excess > 0 else widths


def print_record(record: dict[str, Any]) -> None:
    """Print one thing on stdout, a line for each of its fields."""
    _print_fields([(name, _shown(value)) for name, value in record.items()])


def _print_fields(named: Sequence[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in named), default=0)
    print_lines(Line(f"{name:<{width}}  {text}") for name, text in named)


def _shown(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case list() | dict():
            import json  # noqa: PLC0415 - a help text needs none

            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def print_answer(call: str, result: Result, *, as_json: bool) -> None:
    """Print one thing that the API answered with.

    Args:
        call: The call's name.
        result: What it gave.
        as_json: Whether it is printed as JSON.
    """
    if as_json:
        print_json(_document(call, {"data": result.to_dict()}, result.response))
        return
    # Numbers are not grouped where they are names.
    print_record({name: str(value) if name == "id" else value for name, value in result.to_dict().items()})
    _tell_credits(result.response.credits_remaining)


def print_items(
    call: str,
    items: Sequence[Model],
    fields: Sequence[Field],
    *,
    as_json: bool,
    response: ResponseInfo | None = None,
    meta: dict[str, Any] | None = None,
) -> None:
    """Print things that the API listed.

    Args:
        call: The call's name.
        items: The things.
        fields: The table's columns.
        as_json: Whether they are printed as JSON.
        response: How the last answer came.
        meta: What the API said about the list.
    """
    if as_json:
        listed = {"data": [item.to_dict() for item in items], "meta": meta or {}}
        print_json(_document(call, listed, response))
        return
    print_table(fields, items)
    say(f"{len(items):,} listed.")
    if response is not None:
        _tell_credits(response.credits_remaining)


def _document(call: str, answer: dict[str, Any], response: ResponseInfo | None) -> dict[str, Any]:
    return {
        "schema": f"tokfluence.{call}/1",
        **answer,
        "request_id": None if response is None else response.request_id,
        "credits_remaining": None if response is None else response.credits_remaining,
    }


def _tell_credits(remaining: int | None) -> None:
    if remaining is not None:
        say(f"{counted(remaining, 'credit')} left in the wallet.")
