"""Whatever ends an export of comments, and wherever it was to go: where it goes on is told."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import BudgetExceededError, InternalError, TokfluenceError
from tokfluence_async.export import export
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.exporting import Exported, try_export
from tokfluence_async.sandbox import Sandbox
from tokfluence_async.sandbox.posts import comments_total

pytestmark = pytest.mark.anyio

KEY = "tkf_live_" + "a" * 32
CAMPAIGN, SILENT = 4711, 4712


def video_ids(*, silent: bool) -> Iterator[str]:
    for number in range(7_300_000_000_000_000_000, 7_300_000_000_000_100_000):
        if (comments_total(str(number)) == 0) is silent:
            yield str(number)


def campaign(number: int, *, silent: bool) -> dict[str, Any]:
    urls = [
        f"https://www.tiktok.com/@maker/video/{each}"
        for each, _ in zip(video_ids(silent=silent), range(5), strict=False)
    ]
    return {"key": KEY, "id": number, "name": f"Spring {number}", "posts": [{"url": url} for url in urls]}


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox]:
    """A sandbox with a campaign whose posts have comments, and one whose posts have none."""
    async with Sandbox() as sandbox:
        sandbox.seed({"campaigns": [campaign(CAMPAIGN, silent=False), campaign(SILENT, silent=True)]})
        yield sandbox


@pytest.fixture
async def tok(sandbox: Sandbox) -> AsyncGenerator[Tokfluence]:
    async with Tokfluence(KEY, base_url=sandbox.base_url, backoff=0.0, max_retries=0) as tok:
        yield tok


def place_in(note: str) -> str:
    return note.partition("resume='")[2].partition("'")[0]


def listing(path: Path) -> list[str]:
    return [each.name for each in path.iterdir()]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system, where there is one."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        shared = tmp_path
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder).resolve()


async def test_a_cap_amid_posts_without_comments_tells_the_place(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    path, ids = tmp_path / "c.csv", sandbox.tracked(SILENT)
    with pytest.raises(BudgetExceededError) as caught:
        await export(tok.budget(max_credits=2 + 2 * 3), SILENT, "comments", path)
    (note,) = caught.value.__notes__
    assert note == f"There were no comments until then; the rest begins at resume='{ids[3]}:0'."
    assert not listing(tmp_path)
    before = len(sandbox.requests("posts.comments"))
    done = await export(tok, SILENT, "comments", path, resume=place_in(note))
    assert (done.rows, done.error) == (0, None)
    # What was paid for is not bought again.
    assert len(sandbox.requests("posts.comments")) - before == 2


@pytest.mark.parametrize("to_file", [True, False])
async def test_a_cancellation_amid_posts_without_comments_tells_the_place(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, *, to_file: bool
) -> None:
    told: list[Exported] = []
    target: Any = tmp_path / "c.csv" if to_file else io.BytesIO()
    ids = sandbox.tracked(SILENT)
    sandbox.add_fault(call="posts.comments", path=ids[2], effect="stall", seconds=30)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.5):
            await try_export(tok, SILENT, "comments", target, format="csv", on_cancelled=told.append)
    (done,) = told
    assert (done.rows, done.advanced, done.file) == (0, True, None)
    error = caught.value.__cause__ or caught.value.__context__  # the latter in Python 3.11.2
    assert error is not None
    (note,) = error.__notes__
    # The posts behind it were read at once with it, and are paid for.
    assert place_in(note) == str(done.position) == f"{ids[2]}:0,{ids[3]}:,{ids[4]}:"
    assert not listing(tmp_path)


async def test_at_its_beginning_there_is_no_place_to_tell(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add_fault(call="posts.comments", effect="status", status=500, count=9)
    for resume in (None, sandbox.tracked(CAMPAIGN)[-1]):
        with pytest.raises(InternalError) as caught:
            await export(tok, CAMPAIGN, "comments", tmp_path / "c.csv", resume=resume)
        assert not any("until then" in note for note in getattr(caught.value, "__notes__", ()))


async def test_a_part_is_kept_in_the_folder_that_a_link_leads_to(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, elsewhere: Path
) -> None:
    link = tmp_path / "latest.csv"
    link.symlink_to(elsewhere / "real.csv")
    sandbox.add_fault(call="posts.comments", nth=3, effect="status", status=500)
    done = await export(tok, CAMPAIGN, "comments", link)
    assert isinstance(done.error, InternalError)
    assert (done.file, done.lost) == (str(elsewhere / "real.partial.csv"), None)
    assert listing(elsewhere) == ["real.partial.csv"]
    assert (await export(tok, CAMPAIGN, "comments", link)).file == str(link)
    assert sorted(listing(elsewhere)) == ["real.csv", "real.partial.csv"]


async def test_a_part_of_a_long_name_is_kept(tok: Tokfluence, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".csv")
    sandbox.add_fault(call="posts.comments", nth=3, effect="status", status=500)
    done = await export(tok, CAMPAIGN, "comments", path)
    assert done.file is not None
    assert listing(tmp_path) == [Path(done.file).name]
    assert done.file.endswith("x.partial.csv")
    assert (await export(tok, CAMPAIGN, "comments", path)).file == str(path)


async def test_what_can_not_be_kept_has_its_place_told(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AtomicFile, "commit", full)
    sandbox.add_fault(call="posts.comments", nth=3, effect="status", status=500)
    with pytest.raises(TokfluenceError, match="No space left") as caught:
        await export(tok, CAMPAIGN, "comments", tmp_path / "c.csv")
    assert isinstance(caught.value.__cause__, InternalError)
    lost = caught.value.__notes__[0]
    assert "What was read is lost; what was not read yet begins at" in lost
    assert place_in(lost).partition(":")[0] in sandbox.tracked(CAMPAIGN)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
async def test_a_disk_that_fills_up_amid_the_comments_has_its_place_told(tok: Tokfluence) -> None:
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(TokfluenceError, match="No space"):  # noqa: ASYNC230, PTH123 - nothing waits there
        await export(tok, CAMPAIGN, "comments", file, format="csv")
    with pytest.raises(TokfluenceError, match="No space") as caught:
        # The buffer is full after some pages.
        await export(tok, CAMPAIGN, "comments", "/dev/full", format="jsonl")
    (note,) = caught.value.__notes__
    assert place_in(note)
