from __future__ import annotations

import runpy
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tokfluence_async.campaign.handles import handle_key
from tokfluence_async.campaign.sources import BadRow, open_source
from tokfluence_async.campaign.urls import Refused, created_at, parse

EXAMPLES = Path(__file__).parents[2] / "examples"
FILE = EXAMPLES / "spring_launch.csv"


def test_the_example_is_what_its_script_writes() -> None:
    assert runpy.run_path(str(EXAMPLES / "make_spring_launch.py"))["build"]() == FILE.read_bytes()


def test_the_example_is_written_as_spreadsheets_do() -> None:
    data = FILE.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfCreator,Post URL,Fee (cents),Campaign notes,Published\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") + 1  # the line end inside a note is a bare one
    assert b"@ghost" not in data


def test_the_example_has_one_of_everything() -> None:
    counts: Counter[str] = Counter()
    posts: dict[str, tuple[int | None, str]] = {}
    stream = open_source(FILE)
    assert [stream.columns.url.name, stream.columns.fee_unit] == ["Post URL", "cents"]
    for row in stream:
        counts["rows"] += 1
        if isinstance(row, BadRow):
            counts[row.reason] += 1
            continue
        found = parse(row.url)
        if isinstance(found, Refused):
            counts[found.reason] += 1
            continue
        made = created_at(found.video_id)
        assert made is not None
        assert datetime(2025, 1, 1, tzinfo=UTC) < made < datetime(2027, 1, 1, tzinfo=UTC)
        handle = row.creator_handle or found.handle
        assert handle is not None
        counts["handle from URL"] += row.creator_handle is None
        offer = (row.fee_cents, handle_key(handle))
        counts["duplicate"] += found.video_id in posts
        counts["conflict"] += posts.setdefault(found.video_id, offer) != offer
        counts["without canonical form"] += found.canonical is None
    assert counts == {
        "rows": 400,
        "duplicate": 23,
        "conflict": 1,
        "short_link": 4,
        "profile": 1,
        "not_tiktok": 1,
        "no_video_id": 1,
        "live": 1,
        "bad_fee": 1,
        "malformed_row": 1,
        "handle from URL": counts["handle from URL"],
        "without canonical form": counts["without canonical form"],
    }
    assert counts["handle from URL"] >= 10
    assert counts["without canonical form"] >= 10
    assert len(posts) == 367
