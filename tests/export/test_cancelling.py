"""An export of comments that is cancelled keeps what was read and paid for, and says where to go on."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import TokfluenceError
from tokfluence_async.export import comments, export
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.exporting import Exported, try_export
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

KEY = "tkf_live_" + "a" * 32
CAMPAIGN = 4711
STALLED = 3
"""Which page never comes."""


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox]:
    async with Sandbox() as sandbox:
        posts = [
            {"url": f"https://www.tiktok.com/@maker/video/{7_300_000_000_000_000_000 + number}"}
            for number in range(6)
        ]
        sandbox.seed({"campaigns": [{"key": KEY, "id": CAMPAIGN, "name": "Spring", "posts": posts}]})
        yield sandbox


@pytest.fixture
async def tok(sandbox: Sandbox) -> AsyncGenerator[Tokfluence]:
    # One page at a time, so that it is known which of them never comes.
    async with Tokfluence(KEY, base_url=sandbox.base_url, backoff=0.0, max_retries=0, concurrency=1) as tok:
        yield tok


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for no page that is under way: the stalled one never comes."""
    monkeypatch.setattr(comments, "PATIENCE", 0.0)


@pytest.fixture
async def whole(tok: Tokfluence, tmp_path: Path) -> list[bytes]:
    """The lines of an export that nothing disturbs."""
    await export(tok, CAMPAIGN, "comments", tmp_path / "whole.jsonl")
    return lines(tmp_path / "whole.jsonl")


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def listing(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


async def until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110 - the sandbox is asked over and over: it has no event for a request
        await asyncio.sleep(0.01)


async def cancelled(
    sandbox: Sandbox, tok: Tokfluence, target: Any, *, nth: int = STALLED, **how: Any
) -> asyncio.CancelledError:
    """An export that is cancelled while it waits for a page."""
    before = len(sandbox.requests("posts.comments"))
    sandbox.add_fault(call="posts.comments", nth=nth, effect="stall", seconds=30)
    task = asyncio.create_task(export(tok, CAMPAIGN, "comments", target, **how))
    await until(lambda: len(sandbox.requests("posts.comments")) - before >= nth)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert task.cancelled()
    sandbox.clear_faults()
    return caught.value


def place_in(error: BaseException) -> str:
    (note,) = error.__notes__
    return str(note).partition("resume='")[2].partition("'")[0]


async def test_what_was_read_is_kept_and_the_rest_can_be_read(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, whole: list[bytes]
) -> None:
    path, part = tmp_path / "c.jsonl", tmp_path / "c.partial.jsonl"
    error = await cancelled(sandbox, tok, path)
    assert listing(tmp_path) == ["c.partial.jsonl", "whole.jsonl"]
    assert 0 < len(lines(part)) < len(whole)
    assert str(part) in error.__notes__[0]
    await export(tok, CAMPAIGN, "comments", path, resume=place_in(error))
    assert lines(part) + lines(path) == whole


@pytest.mark.parametrize("suffix", ["csv.gz", "parquet", "arrow"])
async def test_the_part_is_a_whole_file_of_its_format(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, suffix: str
) -> None:
    arrow = pytest.importorskip("pyarrow")
    error = await cancelled(sandbox, tok, tmp_path / f"c.{suffix}")
    part = tmp_path / f"c.partial.{suffix}"
    assert str(part) in error.__notes__[0]
    if suffix == "csv.gz":
        table = pytest.importorskip("pyarrow.csv").read_csv(part)
    elif suffix == "parquet":
        table = pytest.importorskip("pyarrow.parquet").read_table(part)
    else:
        table = arrow.ipc.open_file(part).read_all()
    assert f"{table.num_rows:,} row" in error.__notes__[0]


async def test_a_time_limit_keeps_it_too(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, whole: list[bytes]
) -> None:
    sandbox.add_fault(call="posts.comments", nth=STALLED, effect="stall", seconds=30)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.5):
            await export(tok, CAMPAIGN, "comments", tmp_path / "c.jsonl")
    error = caught.value.__cause__ or caught.value.__context__  # the latter in Python 3.11.2
    assert isinstance(error, asyncio.CancelledError)
    assert place_in(error)
    assert lines(tmp_path / "c.partial.jsonl") == whole[: len(lines(tmp_path / "c.partial.jsonl"))]


async def test_a_scope_that_cancels_every_wait_keeps_it_too(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add_fault(call="posts.comments", nth=STALLED, effect="stall", seconds=30)
    with anyio.move_on_after(0.5) as scope:
        await export(tok, CAMPAIGN, "comments", tmp_path / "c.parquet.jsonl")
    assert scope.cancelled_caught
    assert listing(tmp_path) == ["c.parquet.partial.jsonl"]


async def test_before_the_first_comment_nothing_is_left(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    error = await cancelled(sandbox, tok, tmp_path / "c.csv", nth=1)
    assert not listing(tmp_path)
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
async def test_an_open_file_has_what_was_read(tok: Tokfluence, sandbox: Sandbox, format_: Any) -> None:
    arrow = pytest.importorskip("pyarrow.parquet")
    target = io.BytesIO()
    error = await cancelled(sandbox, tok, target, format=format_)
    rows = len(target.getvalue().splitlines())
    if format_ == "parquet":
        rows = arrow.read_table(io.BytesIO(target.getvalue())).num_rows
    assert f"{rows:,} row" in error.__notes__[0]
    assert "The output" in error.__notes__[0]
    assert place_in(error)


async def test_a_pipe_has_what_was_read(tok: Tokfluence, sandbox: Sandbox) -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as file:
        with os.fdopen(theirs, "wb"):
            reading = asyncio.create_task(asyncio.to_thread(file.read))
            error = await cancelled(sandbox, tok, f"/dev/fd/{theirs}", format="jsonl")
        rows = len((await reading).splitlines())
    assert f"/dev/fd/{theirs} holds {rows:,} row" in error.__notes__[0]


async def test_who_asks_is_told_what_there_is(tok: Tokfluence, sandbox: Sandbox, tmp_path: Path) -> None:
    told: list[Exported] = []
    sandbox.add_fault(call="posts.comments", nth=STALLED, effect="stall", seconds=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await try_export(tok, CAMPAIGN, "comments", tmp_path / "c.csv", on_cancelled=told.append)
    (done,) = told
    assert (done.file, done.error) == (str(tmp_path / "c.partial.csv"), None)
    assert done.position is not None
    assert done.rows


async def test_a_part_that_can_not_be_kept_does_not_hide_the_cancellation(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AtomicFile, "commit", full)
    error = await cancelled(sandbox, tok, tmp_path / "c.csv")
    lost, place = error.__notes__
    assert "is lost" in lost
    assert "can't be written: No space left on device" in lost
    assert "what was not read yet begins at resume='" in place
    assert not listing(tmp_path)


@pytest.mark.parametrize("resource", ["posts", "comments"])
async def test_a_file_that_is_appearing_appears(
    tok: Tokfluence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resource: Any
) -> None:
    loop, began, commit = asyncio.get_running_loop(), asyncio.Event(), AtomicFile.commit

    def slowly(self: AtomicFile, *name: Any) -> Path:
        loop.call_soon_threadsafe(began.set)
        released.wait(10)
        return commit(self, *name)

    released = threading.Event()
    monkeypatch.setattr(AtomicFile, "commit", slowly)
    task = asyncio.create_task(export(tok, CAMPAIGN, resource, tmp_path / "x.jsonl"))
    await began.wait()
    task.cancel()
    threading.Timer(0.05, released.set).start()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert listing(tmp_path) == ["x.jsonl"]
    assert "x.jsonl is whole" in caught.value.__notes__[0]


async def test_an_error_of_writing_is_told_as_ever(
    tok: Tokfluence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AtomicFile, "commit", full)
    with pytest.raises(TokfluenceError, match="No space"):
        await export(tok, CAMPAIGN, "comments", tmp_path / "c.csv")
