"""The input options: how to read a source."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from attrs import asdict, fields, frozen
from cyclopts import Group, Parameter

from tokfluence_async.campaign.columns import delimiter_name
from tokfluence_async.cli.arguments import Text

__all__ = ["InputFlags"]

_GROUP: Final = Group("Input", help="How to read the source; what is not told is guessed, and shown.")


@Parameter(name="*", group=_GROUP)
@frozen(kw_only=True)
class InputFlags:
    """How to read a source, and what to do about what is wrong in it."""

    url_column: Annotated[Text | None, Parameter(help="Column of the URLs: its name, or number from 1.")] = (
        None
    )
    handle_column: Annotated[Text | None, Parameter(help="Column of the creators; '' for none.")] = None
    fee_column: Annotated[Text | None, Parameter(help="Column of the fees; '' for none.")] = None
    fee_unit: Annotated[
        Literal["cents", "units"] | None, Parameter(help="What a fee counts: 50000 cents, or 500.00 units.")
    ] = None
    decimal: Annotated[
        Literal["comma", "point"] | None,
        Parameter(help="What stands before a fee's decimals: comma in 1.234,50, point in 1,234.50."),
    ] = None
    delimiter: Annotated[
        Text | None, Parameter(help="The character between fields, or its name, such as tab or semicolon.")
    ] = None
    encoding: Annotated[Text | None, Parameter(help="The text's encoding, such as utf-8 or cp1252.")] = None
    conflict: Annotated[
        Literal["fail", "first", "last"],
        Parameter(help="One video with two fees or creators: which row counts."),
    ] = "fail"
    invalid: Annotated[
        Literal["skip", "fail"], Parameter(help="Rows that name no post: leave them out, or end.")
    ] = "skip"
    short_links: Annotated[
        Literal["refuse", "send"], Parameter(help="Links such as vm.tiktok.com, which may hide a duplicate.")
    ] = "refuse"
    batch_size: Annotated[int | None, Parameter(help="URLs in one analyze call; 50 by default.")] = None

    def given(self) -> dict[str, object]:
        """The flags that differ from their defaults."""
        defaults = {each.name: each.default for each in fields(type(self))}
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}

    def arguments(self) -> list[str]:
        """The flags that were given, as words of a command."""
        words: list[str] = []
        for name, given in self.given().items():
            # A terminal shows no tab that could be copied.
            value = delimiter_name(given) if name == "delimiter" and isinstance(given, str) else given
            flag = f"--{name.replace('_', '-')}"
            # A value that begins with a dash would be taken for an option.
            words += [f"{flag}={value}"] if str(value).startswith("-") else [flag, str(value)]
        return words
