"""Rows of a source that a test writes down."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest

from tokfluence_async.campaign.sources import BadRow, InputOptions, Row, open_source
from tokfluence_async.errors import InputError

URL = "https://www.tiktok.com/@kitchen.lab.07/video/730123456789012345{}"
TABLE = f"url,creator_handle,fee_cents\n{URL.format(0)},@kitchen.lab.07,50000\n{URL.format(1)},,\n"


def read(data: bytes | str, **options: str | int) -> list[Row | BadRow]:
    raw = data.encode() if isinstance(data, str) else data
    return list(open_source(io.BytesIO(raw), InputOptions(**options)))  # type: ignore[arg-type] # checked by the class


def urls_of(rows: Iterable[Row | BadRow]) -> list[str]:
    return [row.url for row in rows if isinstance(row, Row)]


def fails(data: bytes | str, **options: str | int) -> InputError:
    with pytest.raises(InputError) as caught:
        read(data, **options)
    return caught.value
