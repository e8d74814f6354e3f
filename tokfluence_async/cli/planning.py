"""From the sources' names and the input options to a plan."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Final

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.compression import without_suffix
from tokfluence_async.campaign.loadfile import is_load_file
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.sources import STDIN, InputOptions, find_sources, open_source
from tokfluence_async.cli.inputs import InputFlags
from tokfluence_async.cli.reading import reading
from tokfluence_async.errors import ConfigurationError
from tokfluence_async.options import Options

__all__ = [
    "build_plan",
    "default_name",
    "default_state",
    "describe",
    "free_state",
    "is_saved_plan",
    "offline_options",
    "slug",
]

_NAMED: Final = 5
"""Sources that are named where there are many."""
_NAME: Final = 100
"""Characters of a name that is made of a file's."""
_SLUG_BYTES: Final = 200
"""What a name of 255 bytes, the most that file systems take, leaves for suffixes such as that of the rejects."""


def is_saved_plan(source: str) -> bool:
    """Whether a source is a load file rather than a table. What can be read only once is never looked into."""
    # Unlike a path's own `is_file`, False where nobody may look, or the name is none; opening it tells why.
    return source != STDIN and os.path.isfile(source) and is_load_file(Path(source))  # noqa: PTH113 - as above


def default_name(source: str, *more: str) -> str:
    """A campaign's name made from its sources': ``sheets/spring_launch.csv.gz`` gives ``spring_launch``.

    Several give what their names begin with alike, or the name of the first.
    """
    stems = [_stem(each) for each in (source, *more)]
    if not more:
        return stems[0]
    alike = 0
    while all(len(stem) > alike and stem[alike] == stems[0][alike] for stem in stems):
        alike += 1
    return stems[0][:alike].strip("-_. ") or stems[0]


def _stem(source: str) -> str:
    if source == STDIN:
        return "stdin"
    stem = Path(without_suffix(Path(source).name)).stem[:_NAME]
    # A name for people to read: a file's may hold what is no letter at all.
    return "".join(char if char.isprintable() else "_" for char in stem).strip() or "campaign"


def describe(sources: Sequence[str]) -> str:
    """The sources in a few words, for a person to read."""
    if len(sources) == 1:
        return sources[0]
    more = f" and {len(sources) - _NAMED} more" if len(sources) > _NAMED else ""
    return f"{len(sources)} files: {', '.join(sources[:_NAMED])}{more}"


def default_state(sources: Sequence[str], name: str) -> Path:
    """The load file that a load makes unless told, in the present folder.

    Args:
        sources: What it is made of.
        name: The campaign's name: what is piped in has none of its own.
    """
    return Path(f"{slug(name if STDIN in sources else default_name(*sources))}.tokload")


def free_state(name: str) -> Path:
    """A load file for a campaign of this name, in the present folder: one that does not exist yet."""
    stem = slug(name)
    names = (Path(f"{stem}{more}.tokload") for more in chain([""], (f"-{number}" for number in count(2))))
    return next(each for each in names if not os.path.lexists(each))


def slug(name: str) -> str:
    """A campaign's name as a file's name, short enough for those that are made of it."""
    kept = re.sub(r"[^\w.-]+", "-", name).encode()[:_SLUG_BYTES].decode(errors="ignore")
    return kept.strip("-.") or "campaign"


def offline_options(batch_size: int | None) -> Options:
    """The settings for what needs no key: the one in the environment is not even looked at.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    environ = {name: value for name, value in os.environ.items() if name != "TOKFLUENCE_API_KEY"}
    return Options.load(environ, batch_size=batch_size)


def build_plan(
    sources: Sequence[str], *, name: str, currency: str | None, flags: InputFlags, batch_size: int
) -> Plan:
    """Read sources and make one plan of them. Sends nothing.

    Args:
        sources: Names of files, patterns that match some, or ``-`` for standard input.
        name: The campaign's name.
        currency: ISO 4217 code of the fees, if told.
        flags: How to read them.
        batch_size: URLs in one analyze call.

    Raises:
        InputError: A source can't be read, or is not fit for a plan.
        MissingExtraError: A format needs a package that is not installed.
    """
    builder = CampaignBuilder(
        name,
        currency=currency,
        batch_size=batch_size,
        on_conflict=flags.conflict,
        short_links=flags.short_links,
        on_invalid=flags.invalid,
    )
    try:
        "".encode(flags.encoding or "utf-8")
    except LookupError:
        raise ConfigurationError(f"there is no encoding {flags.encoding!r}") from None
    files = find_sources(sources)
    options = InputOptions(
        url_column=flags.url_column,
        handle_column=flags.handle_column,
        fee_column=flags.fee_column,
        fee_unit=flags.fee_unit,
        decimal=flags.decimal,
        delimiter=flags.delimiter,
        encoding=flags.encoding,
        one_of_several=len(files) > 1,
    )
    with reading() as tell:
        for source in files:
            with open_source(source, options) as rows:
                builder.add_stream(rows, tell)
    if builder.fee_marks and currency is None:
        marks = " and ".join(builder.fee_marks)
        builder.note(
            f"the fees are marked {marks}; without --currency they count in the account's own currency"
        )
    return builder.plan()
