"""From a source's name and the input options to a plan."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.loadfile import is_load_file
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.sources import STDIN, InputOptions, open_source
from tokfluence_async.cli.inputs import InputFlags
from tokfluence_async.errors import ConfigurationError, InputError
from tokfluence_async.options import Options

__all__ = ["build_plan", "default_name", "is_saved_plan", "offline_options", "slug"]

_SIGNS: Final = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB"}
"""Signs that stand for one currency in practice; $ and ¥ do not."""


def is_saved_plan(source: str) -> bool:
    """Whether a source is a load file rather than a table. What can be read only once is never looked into."""
    return source != STDIN and Path(source).is_file() and is_load_file(Path(source))


def default_name(source: str) -> str:
    """A campaign's name made from a source's: ``sheets/spring_launch.csv.gz`` gives ``spring_launch``."""
    if source == STDIN:
        return "stdin"
    name = Path(source).name
    name = name[:-3] if name.lower().endswith(".gz") else name
    return Path(name).stem or "campaign"


def slug(name: str) -> str:
    """A campaign's name as a file's name."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "campaign"


def offline_options(batch_size: int | None) -> Options:
    """The settings for what needs no key: the one in the environment is not even looked at.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    environ = {name: value for name, value in os.environ.items() if name != "TOKFLUENCE_API_KEY"}
    return Options.load(environ, batch_size=batch_size)


def build_plan(source: str, *, name: str, currency: str | None, flags: InputFlags, batch_size: int) -> Plan:
    """Read a source and make a plan of it. Sends nothing.

    Args:
        source: A file's name, or ``-`` for standard input.
        name: The campaign's name.
        currency: ISO 4217 code of the fees, if told.
        flags: How to read it.
        batch_size: URLs in one analyze call.

    Raises:
        InputError: The source can't be read, or is not fit for a plan.
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
    options = InputOptions(
        url_column=flags.url_column,
        handle_column=flags.handle_column,
        fee_column=flags.fee_column,
        fee_unit=flags.fee_unit,
        delimiter=flags.delimiter,
        encoding=flags.encoding,
    )
    with open_source(source, options) as rows:
        builder.note(rows.columns.describe())
        builder.add_rows(rows)
        marked = rows.fees.currency
    if marked is not None:
        _check_currency(marked, currency, source)
        if currency is None:
            builder.note(
                f"the fees are marked {marked}; without --currency they count in the account's own currency"
            )
    return builder.plan()


def _check_currency(marked: str, currency: str | None, source: str) -> None:
    meant = _SIGNS.get(marked, marked)
    if currency is not None and re.fullmatch(r"[A-Z]{3}", meant) and meant != currency:
        raise InputError(f"the fees are marked {marked}, and --currency says {currency}", source=source)
