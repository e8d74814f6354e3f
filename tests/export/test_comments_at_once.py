"""Exports of comments, several posts at once, against the sandbox: what is asked for, what is kept, what it costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import UsageError
from tokfluence_async.export import comments, export, read_table
from tokfluence_async.export.exporting import Exported, try_export
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

KEY = "tkf_live_" + "a" * 32
CAMPAIGN = 4711


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox]:
    async with Sandbox() as sandbox:
        posts = [
            {"url": f"https://www.tiktok.com/@maker/video/{7_300_000_000_000_000_000 + number}"}
            for number in range(20)
        ]
        sandbox.seed({"campaigns": [{"key": KEY, "id": CAMPAIGN, "name": "Spring", "posts": posts}]})
        yield sandbox


@pytest.fixture
async def tok(sandbox: Sandbox) -> AsyncGenerator[Tokfluence]:
    async with Tokfluence(
        KEY, base_url=sandbox.base_url, max_retries=0, requests_per_minute=0, concurrency=4
    ) as tok:
        yield tok


def bought(sandbox: Sandbox) -> Counter[str]:
    """How often each page was asked for."""
    return Counter(f"{each.path}?{each.query}" for each in sandbox.requests("posts.comments"))


def rows_of(*paths: str | Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for path in paths for line in Path(path).read_bytes().splitlines()]


def in_order(rows: Sequence[dict[str, Any]], ids: list[str]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: ids.index(row["post_id"]))


async def test_an_export_buys_each_page_once_and_so_many_at_once(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.jsonl"
    # None of them comes: so many are asked for, and no more.
    sandbox.add_fault(call="posts.comments", effect="stall", count=99)
    task = asyncio.create_task(export(tok, CAMPAIGN, "comments", path))
    async with asyncio.timeout(20):
        while len(sandbox.requests("posts.comments")) < 4:  # noqa: ASYNC110 - it has no event for a request
            await asyncio.sleep(0.01)
    assert len(bought(sandbox)) == len(sandbox.requests("posts.comments")) == 4
    monkeypatch.setattr(comments, "PATIENCE", 0.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sandbox.clear_faults()
    before = bought(sandbox)
    done = await export(tok, CAMPAIGN, "comments", path)
    pages = bought(sandbox) - before
    assert max(pages.values()) == 1
    assert done.credits == 2 + 2 * pages.total()
    rows = rows_of(path)
    expected = [
        (post_id, comment.comment_id)
        for post_id in sandbox.tracked(CAMPAIGN)
        async for comment in tok.posts.comments(post_id)
    ]
    assert [(row["post_id"], row["comment_id"]) for row in rows] == expected
    table = await read_table(tok, CAMPAIGN, "comments")
    assert [(row["post_id"], row["comment_id"]) for row in table] == expected


@pytest.mark.parametrize("cap", [6, 14, 20])
async def test_caps_are_kept_and_no_page_is_bought_twice(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, cap: int
) -> None:
    parts: list[str] = []
    place: str | None = None
    while True:
        net = sandbox.ledger().net
        done = await export(
            tok.budget(max_credits=cap), CAMPAIGN, "comments", tmp_path / "c.jsonl", resume=place
        )
        assert sandbox.ledger().net - net == done.credits <= cap
        parts.append(str(done.file))
        if done.error is None:
            break
        assert done.credits == cap
        place = str(done.position)
    assert max(bought(sandbox).values()) == 1
    await export(tok, CAMPAIGN, "comments", tmp_path / "whole.jsonl")
    ids = sandbox.tracked(CAMPAIGN)
    for part in parts:
        assert in_order(rows_of(part), ids) == rows_of(part)
    assert in_order(rows_of(*parts), ids) == rows_of(tmp_path / "whole.jsonl")


async def test_what_was_read_at_once_with_a_page_that_failed_is_kept(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids = sandbox.tracked(CAMPAIGN)
    sandbox.add_fault(call="posts.comments", path=ids[1], effect="status", status=500)
    done = await try_export(tok, CAMPAIGN, "comments", tmp_path / "c.jsonl")
    assert done.error is not None
    net = sandbox.ledger().net
    rest = await export(tok, CAMPAIGN, "comments", tmp_path / "rest.jsonl", resume=str(done.position))
    assert rest.credits == sandbox.ledger().net - net
    repeated = [page for page, times in bought(sandbox).items() if times > 1]
    assert len(repeated) == 1
    assert ids[1] in repeated[0]
    await export(tok, CAMPAIGN, "comments", tmp_path / "whole.jsonl")
    parts = rows_of(str(done.file), tmp_path / "rest.jsonl")
    assert in_order(parts, ids) == rows_of(tmp_path / "whole.jsonl")


async def test_a_cancelled_export_keeps_what_was_read_at_once(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "PATIENCE", 0.0)
    ids = sandbox.tracked(CAMPAIGN)
    sandbox.add_fault(call="posts.comments", path=ids[0], effect="stall", seconds=60)
    told: list[Exported] = []
    task = asyncio.create_task(
        try_export(tok, CAMPAIGN, "comments", tmp_path / "c.jsonl", on_cancelled=told.append)
    )
    # The window is full: twice the concurrency.
    async with asyncio.timeout(20):
        while len({each.path for each in sandbox.requests("posts.comments")}) < 8:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sandbox.clear_faults()
    (done,) = told
    assert done.rows
    # All that may have been charged is counted, the page that never came too.
    assert done.credits > sandbox.ledger().net
    await export(tok, CAMPAIGN, "comments", tmp_path / "rest.jsonl", resume=done.position)
    await export(tok, CAMPAIGN, "comments", tmp_path / "whole.jsonl")
    parts = rows_of(str(done.file), tmp_path / "rest.jsonl")
    assert in_order(parts, ids) == rows_of(tmp_path / "whole.jsonl")


async def test_an_output_that_breaks_leaves_nothing_under_way(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    def refuse(_: int) -> None:
        raise UsageError("enough")

    sandbox.add_fault(call="posts.comments", nth=3, effect="stall", seconds=60, count=99)
    with pytest.raises(UsageError, match="enough"):
        await export(tok, CAMPAIGN, "comments", tmp_path / "c.jsonl", on_rows=refuse)
    assert not tok.spent.reserved
