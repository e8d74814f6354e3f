"""Exports against the sandbox: what is in the file, and what its ledger says that it cost."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tokfluence_async.campaign.compression import decompressed
from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import (
    BudgetExceededError,
    CampaignNotFoundError,
    ConfigurationError,
    InternalError,
    InvalidRequestError,
    MissingExtraError,
    TokfluenceError,
)
from tokfluence_async.export import Comments, Position, export, read_table, tracked_posts
from tokfluence_async.export.comments import pages_of
from tokfluence_async.export.exporting import price_of
from tokfluence_async.models import CampaignPost
from tokfluence_async.sandbox import Sandbox, Switches

pytestmark = pytest.mark.anyio

KEY = "tkf_live_" + "a" * 32
CAMPAIGN = 4711
POSTS = 6


def url(number: int) -> str:
    return (
        f"https://www.tiktok.com/@maker_{number % 3}/video/{7_300_000_000_000_000_000 + number * 1_000_003}"
    )


@pytest.fixture
def switches() -> Switches:
    return Switches(campaign_posts_page_size=4)


@pytest.fixture
async def sandbox(switches: Switches) -> AsyncGenerator[Sandbox]:
    async with Sandbox(switches=switches) as sandbox:
        posts = [{"url": url(number), "fee_cents": 100 * number} for number in range(POSTS)]
        sandbox.seed({"campaigns": [{"key": KEY, "id": CAMPAIGN, "name": "Spring", "posts": posts}]})
        yield sandbox


@pytest.fixture
async def tok(sandbox: Sandbox) -> AsyncGenerator[Tokfluence]:
    async with Tokfluence(KEY, base_url=sandbox.base_url, backoff=0.0, max_retries=0) as tok:
        yield tok


async def until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110 - the sandbox is asked over and over: it has no event for a request
        await asyncio.sleep(0.01)


def read(path: Path) -> bytes:
    return path.read_bytes()


def replace(path: Path, text: str) -> None:
    path.write_text(text)


def listing(path: Path) -> list[str]:
    return [each.name for each in path.iterdir()]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("resource", "rows", "price"), [("posts", POSTS, 4), ("influencers", 3, 2), ("metrics", 1, 2)]
)
async def test_what_it_costs_and_gives(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, resource: Any, rows: int, price: int
) -> None:
    path = tmp_path / f"{resource}.jsonl"
    done = await export(tok, CAMPAIGN, resource, path)
    assert (done.rows, done.credits, done.error, done.file) == (rows, price, None, str(path))
    assert sandbox.ledger().net == price
    assert price_of(tok, resource) == 2
    found = rows_of(path)
    assert len(found) == rows
    assert all(each["campaign_id"] == CAMPAIGN for each in found)
    table = await read_table(tok, CAMPAIGN, resource)
    assert orjson.loads(orjson.dumps(list(table), option=orjson.OPT_UTC_Z)) == found


async def test_posts_are_all_there_in_the_order_of_the_api(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    await export(tok, CAMPAIGN, "posts", tmp_path / "x.jsonl")
    found = rows_of(tmp_path / "x.jsonl")
    assert [each["post_id"] for each in found] == sandbox.tracked(CAMPAIGN)
    assert [each["fee_cents"] for each in found] == [100 * number for number in range(POSTS)]
    assert [each["creator_handle"] for each in found[:3]] == ["maker_0", "maker_1", "maker_2"]
    shown = await tok.posts.show(found[0]["post_id"])
    for name in ("hashtags", "mentions", "music", "is_sponsored"):
        assert found[0][name] == shown.to_dict()[name]
        assert name not in found[0]["extra"]
    assert [post.url async for post in tracked_posts(tok, CAMPAIGN)] == [url(n) for n in range(POSTS)]


async def test_comments_are_all_there(tok: Tokfluence, sandbox: Sandbox, tmp_path: Path) -> None:
    before: list[Sequence[CampaignPost]] = []
    counts: list[int] = []

    async def agree(posts: Sequence[CampaignPost]) -> bool:
        before.append(posts)
        return True

    done = await export(tok, CAMPAIGN, "comments", tmp_path / "c.jsonl", agree=agree, on_rows=counts.append)
    found = rows_of(tmp_path / "c.jsonl")
    assert done.rows == len(found) == counts[-1] > 200
    assert done.position is None
    assert len(before[0]) == POSTS
    expected = [
        (post, item.comment_id)
        for post in sandbox.tracked(CAMPAIGN)
        async for item in tok.posts.comments(post)
    ]
    assert [(each["post_id"], each["comment_id"]) for each in found] == expected


async def test_comments_that_are_not_agreed_to_are_not_read(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    async def refuse(_: Sequence[CampaignPost]) -> bool:
        return False

    with pytest.raises(TokfluenceError, match="not agreed"):
        await export(tok, CAMPAIGN, "comments", tmp_path / "c.csv", agree=refuse)
    assert not listing(tmp_path)
    assert sandbox.ledger().calls.keys() == {"campaigns.posts"}


async def test_a_cap_keeps_what_is_paid_for_and_tells_where_to_go_on(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    whole = await export(tok, CAMPAIGN, "comments", tmp_path / "whole.jsonl")
    net = sandbox.ledger().net
    path = tmp_path / "c.jsonl"
    parts: list[dict[str, Any]] = []
    position: Position | None = None
    stops = 0
    for _ in range(10):
        capped = tok.budget(max_credits=4 + 4)
        before = sandbox.ledger().net
        done = await export(capped, CAMPAIGN, "comments", path, resume=position)
        assert sandbox.ledger().net - before == done.credits <= 8
        if done.error is None:
            parts += rows_of(path)
            break
        assert isinstance(done.error, BudgetExceededError)
        assert path.name not in listing(tmp_path)
        stops += 1
        # An earlier part is not replaced.
        assert done.file == str(tmp_path / f"c.partial{stops if stops > 1 else ''}.jsonl")
        parts += rows_of(Path(done.file))
        # The cap would end it at the next post as well.
        assert done.following is None
        position = Position.parse(str(done.position))
    assert stops > 1
    ids = sandbox.tracked(CAMPAIGN)
    # Each part is in the order of the posts; several of them were read at once.
    parts.sort(key=lambda row: ids.index(row["post_id"]))
    assert parts == rows_of(tmp_path / "whole.jsonl")
    assert len(parts) == whole.rows
    # No page was bought twice.
    assert sandbox.ledger().net - net == (stops + 1) * 4 + whole.credits - 4


async def test_a_post_whose_comments_never_come_can_be_left_out(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids = sandbox.tracked(CAMPAIGN)
    await export(tok, CAMPAIGN, "comments", tmp_path / "whole.jsonl")
    path = tmp_path / "c.jsonl"
    sandbox.add_fault(call="posts.comments", path=ids[2], effect="status", status=422, count=99)
    done = await export(tok, CAMPAIGN, "comments", path)
    assert isinstance(done.error, InvalidRequestError)
    assert done.position is not None
    assert done.following is not None
    assert done.file is not None
    rest = await export(tok, CAMPAIGN, "comments", path, resume=str(done.following))
    assert rest.error is None
    rows = sorted(rows_of(Path(done.file)) + rows_of(path), key=lambda row: ids.index(row["post_id"]))
    assert rows == [row for row in rows_of(tmp_path / "whole.jsonl") if row["post_id"] != ids[2]]
    last = await export(tok, CAMPAIGN, "comments", path, resume=ids[-1])
    assert (last.error, last.following) == (None, None)
    sandbox.add_fault(call="posts.comments", effect="status", status=422, count=99)
    with pytest.raises(InvalidRequestError) as caught:
        await export(tok, CAMPAIGN, "comments", path, resume=ids[-2])
    assert caught.value.__notes__ == [f"Without its post, the rest begins at resume='{ids[-1]}:0'."]


async def test_a_place_may_be_given_as_its_text(tok: Tokfluence, sandbox: Sandbox) -> None:
    last = sandbox.tracked(CAMPAIGN)[-1]
    table = await read_table(tok, CAMPAIGN, "comments", resume=f"{last}:0")
    assert {row["post_id"] for row in table} == {last}


async def test_an_error_before_the_first_comment_leaves_nothing(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add_fault(call="posts.comments", effect="status", status=500, count=POSTS)
    with pytest.raises(InternalError):
        await export(tok, CAMPAIGN, "comments", tmp_path / "c.csv")
    assert not listing(tmp_path)


async def test_an_error_leaves_what_was_there(tok: Tokfluence, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    replace(path, "old")
    sandbox.add_fault(call="campaigns.posts", nth=2, effect="status", status=500)
    with pytest.raises(InternalError):
        await export(tok, CAMPAIGN, "posts", path)
    assert read(path) == b"old"
    assert listing(tmp_path) == ["posts.csv"]
    with pytest.raises(CampaignNotFoundError):
        await export(tok, 1, "posts", path)


async def test_a_cancelled_export_leaves_nothing(tok: Tokfluence, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.add_fault(call="campaigns.posts", nth=2, effect="stall", seconds=30)
    task = asyncio.create_task(export(tok, CAMPAIGN, "posts", tmp_path / "posts.csv"))
    await until(lambda: bool(sandbox.requests()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not listing(tmp_path)


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet", "arrow"])
async def test_an_open_file_gets_the_same_bytes(tok: Tokfluence, tmp_path: Path, format_: Any) -> None:
    if format_ in {"parquet", "arrow"}:
        pytest.importorskip("pyarrow")
    target = io.BytesIO()
    done = await export(tok, CAMPAIGN, "influencers", target, format=format_)
    assert done.file is None
    assert not target.closed
    await export(tok, CAMPAIGN, "influencers", tmp_path / "x", format=format_)
    assert read(tmp_path / "x") == target.getvalue()


def unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        return decompressed(file, path.name).read()


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst", ".GZ"])
@pytest.mark.parametrize("format_", ["csv", "jsonl"])
async def test_a_name_may_say_that_it_is_compressed(
    tok: Tokfluence, tmp_path: Path, suffix: str, format_: Any
) -> None:
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    plain, packed = tmp_path / f"x.{format_}", tmp_path / f"x.{format_}{suffix}"
    await export(tok, CAMPAIGN, "posts", plain)
    await export(tok, CAMPAIGN, "posts", packed)
    assert read(packed) != read(plain)
    assert unpacked(packed) == read(plain)
    again = tmp_path / f"y{suffix}"
    await export(tok, CAMPAIGN, "posts", again, format=format_)
    assert read(again) == read(packed)


async def test_a_part_of_a_compressed_export_is_compressed(tok: Tokfluence, tmp_path: Path) -> None:
    done = await export(tok.budget(max_credits=6), CAMPAIGN, "comments", tmp_path / "c.jsonl.gz")
    assert done.file == str(tmp_path / "c.partial.jsonl.gz")
    assert len(unpacked(Path(done.file)).splitlines()) == done.rows


async def test_zstandard_has_to_be_installed(
    tok: Tokfluence, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtraError, match="zstd"):
        await export(tok, CAMPAIGN, "posts", tmp_path / "x.csv.zst")
    assert not sandbox.requests()
    assert not listing(tmp_path)


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet", "arrow"])
async def test_a_pipe_gets_the_same_bytes(tok: Tokfluence, tmp_path: Path, format_: Any) -> None:
    if format_ in {"parquet", "arrow"}:
        pytest.importorskip("pyarrow")
    ours, theirs = os.pipe()
    try:
        done = await export(tok, CAMPAIGN, "influencers", f"/dev/fd/{theirs}", format=format_)
        assert done.file == f"/dev/fd/{theirs}"
        got = os.read(ours, 1 << 16)
    finally:
        os.close(ours)
        os.close(theirs)
    await export(tok, CAMPAIGN, "influencers", tmp_path / "x", format=format_)
    if format_ == "arrow":
        ipc = pytest.importorskip("pyarrow.ipc")
        assert ipc.open_stream(got).read_all() == ipc.open_file(tmp_path / "x").read_all()
    else:
        assert got == read(tmp_path / "x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("buffering", [0, -1])
async def test_a_full_disk_is_told(tok: Tokfluence, format_: Any, buffering: int) -> None:
    if format_ in {"parquet", "arrow"}:
        pytest.importorskip("pyarrow")
    with pytest.raises(TokfluenceError, match="can't be written: No space"):
        await export(tok, CAMPAIGN, "influencers", "/dev/full", format=format_)
    file = io.FileIO("/dev/full", "wb")
    stream: Any = file if buffering == 0 else io.BufferedWriter(file)
    with pytest.raises(TokfluenceError, match="can't be written: No space"):
        await export(tok, CAMPAIGN, "influencers", stream, format=format_)
    file.close()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"resource": "likes", "target": "x.csv"}, "likes"),
        ({"resource": "posts", "target": "x.xlsx"}, "suffix"),
        ({"resource": "posts", "target": "x.csv", "format": "xml"}, "xml"),
        ({"resource": "posts", "target": io.BytesIO()}, "format="),
        ({"resource": "posts", "target": "missing/x.csv"}, "can't be written"),
        ({"resource": "posts", "target": "x.csv", "resume": Position("1")}, "only comments"),
        ({"resource": "posts", "target": "x.parquet.gz"}, "x.parquet"),
        ({"resource": "posts", "target": "x.gz"}, "suffix"),
        ({"resource": "posts", "target": io.StringIO(), "format": "csv"}, "in binary"),
        ({"resource": "comments", "target": io.StringIO(), "format": "parquet"}, "in binary"),
        ({"resource": "posts", "target": 5, "format": "csv"}, "which int is not"),
        ({"resource": "comments", "target": "x.csv", "resume": "garbage"}, "no place"),
        ({"resource": "comments", "target": "x.csv", "resume": 7}, "Position"),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_sent(
    tok: Tokfluence, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: Any, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=says):
        await export(tok, CAMPAIGN, **how)
    assert not sandbox.requests()
    assert not listing(tmp_path)


async def test_pending_posts_are_counted_and_their_comments_not_asked_for(
    tmp_path: Path,
) -> None:
    async with (
        Sandbox(switches=Switches(analysis_delay=60)) as sandbox,
        Tokfluence(KEY, base_url=sandbox.base_url) as tok,
    ):
        campaign = await tok.campaigns.create("x", posts=[(url(1), None, 0), (url(2), None, 0)])
        for resource in ("posts", "comments"):
            done = await export(tok, campaign.id, resource, tmp_path / f"{resource}.csv")
            assert done.pending == 2
        assert not sandbox.requests("posts.comments")


async def test_a_post_that_the_index_lost_does_not_end_it(tok: Tokfluence, sandbox: Sandbox) -> None:
    ids = sandbox.tracked(CAMPAIGN)
    reader = Comments(tok, [ids[0], "7199999999999999999", ids[1]])
    posts = {post_id async for post_id, _ in reader}
    assert posts == set(ids[:2])
    assert reader.missing == ["7199999999999999999"]


def paged(comments: int | None, status: str = "analyzed") -> CampaignPost:
    return CampaignPost(post_id="1", status=status, comments=comments)


def test_pages_are_counted_by_what_the_posts_tell() -> None:
    assert pages_of([paged(None), paged(0), paged(200), paged(201), paged(999, "pending")]) == 5
