"""A damaged load file is called damaged: never a traceback, never another video bought in place of one."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from loads import Load, client, make_plan

from tokfluence_async.campaign import records
from tokfluence_async.campaign.applying import resume, status
from tokfluence_async.campaign.batch import Post, pack, unpack
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.errors import LoadFileError, TokfluenceError
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def load(tokfluence_sandbox: Sandbox, tmp_path: Path) -> Load:
    made = Load(tokfluence_sandbox, make_plan(200), tmp_path / "spring.tokload")
    LoadFile.create(made.file, made.plan).close()
    return made


def alter(file: Path, sql: str) -> None:
    db = sqlite3.connect(file)
    db.execute(sql)
    db.commit()
    db.close()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def resumed(load: Load) -> str:
    """What resuming ends in, in words; fails where that is no error of ours."""
    try:
        return (await load.resume()).message
    except LoadFileError as error:
        return str(error)


DAMAGE = [
    "UPDATE batch SET posts = x'00' WHERE id = 3",
    "UPDATE batch SET posts = x'' WHERE id = 3",
    "UPDATE batch SET posts = 'text' WHERE id = 3",
    "UPDATE batch SET posts = NULL WHERE id = 3",
    "UPDATE batch SET posts = CAST(substr(posts, 1, length(posts) - 8) AS BLOB) WHERE id = 3",
    "UPDATE batch SET posts = (SELECT posts FROM batch WHERE id = 4) || x'00' WHERE id = 3",
    "UPDATE batch SET urls = 'many' WHERE id = 3",
    "UPDATE batch SET state = 'odd' WHERE id = 2",
    "UPDATE batch SET charged_min = 9223372036854775807",
    "DELETE FROM batch WHERE id = 0",
    "DELETE FROM batch",
    "DROP TABLE batch",
    "DROP TABLE attempt",
    "DROP TABLE meta",
    "DELETE FROM meta",
    "DELETE FROM meta WHERE key = 'plan_checksum'",
    "UPDATE meta SET value = '{' WHERE key = 'plan'",
    "UPDATE meta SET value = '[]' WHERE key = 'plan'",
    "UPDATE meta SET value = replace(value, 'plan_id\":\"', 'plan_id\":\"f') WHERE key = 'plan'",
    "UPDATE meta SET value = CAST(x'ff80' AS TEXT) WHERE key = 'plan'",
    "INSERT INTO meta VALUES ('campaign_id', 'x')",
    "INSERT INTO meta VALUES ('max_credits', 'much')",
    "INSERT INTO meta VALUES ('elapsed', 'long')",
    "INSERT INTO attempt (batch, call, price, started, kind) VALUES (2, 'a', 1, 1, 'new_kind')",
]


@pytest.mark.parametrize("sql", DAMAGE)
async def test_what_was_altered_is_damage(load: Load, sql: str) -> None:
    alter(load.file, sql)
    with suppress(LoadFileError):
        status(load.file)
    said = await resumed(load)
    assert "damaged" in said
    assert str(load.file) in said
    bought = load.sandbox.ledger().videos
    assert set(bought) <= {post.url.rsplit("/", 1)[1] for post in load.plan.posts()}


@pytest.mark.parametrize("cut", [50, 100, 4096, 8192, -4096, -1])
async def test_a_file_that_was_cut_off(load: Load, cut: int) -> None:
    whole = load.file.read_bytes()
    load.file.write_bytes(whole[:cut])
    with suppress(LoadFileError):
        status(load.file)
    with suppress(LoadFileError):
        await load.resume()
    for video in load.sandbox.ledger().videos:
        assert any(post.url.endswith(video) for post in load.plan.posts())


@pytest.mark.parametrize("seed", range(8))
async def test_flipped_bytes(load: Load, seed: int) -> None:
    rand = random.Random(seed)
    raw = bytearray(load.file.read_bytes())
    start = rand.randrange(100, len(raw))
    for place in range(start, min(start + rand.choice((1, 40, 4096)), len(raw))):
        raw[place] ^= rand.randrange(1, 256)
    load.file.write_bytes(bytes(raw))
    with suppress(LoadFileError):
        status(load.file)
    with suppress(LoadFileError):
        await load.resume()
    planned = {post.url.rsplit("/", 1)[1] for post in load.plan.posts()}
    assert set(load.sandbox.ledger().videos) <= planned, "something else was bought"


def test_no_flipped_bit_of_a_batch_goes_unnoticed() -> None:
    posts = [
        Post(row, f"https://www.tiktok.com/@maker/video/{7_300_000_000_000_000_000 + row}", "maker", row)
        for row in range(1, 11)
    ]
    blob = pack(posts)
    assert unpack(blob) == posts
    for place in range(len(blob)):
        for bit in range(8):
            flipped = bytearray(blob)
            flipped[place] ^= 1 << bit
            with pytest.raises(ValueError, match="checksum"):
                unpack(bytes(flipped))
    for length in range(len(blob)):
        with pytest.raises(ValueError, match="checksum"):
            unpack(blob[:length])


async def test_the_message_names_the_campaign(load: Load) -> None:
    load.sandbox.add_fault(effect="status", status=401, call="posts.analyze", nth=2, count=9)
    report = await load.resume()
    assert report.campaign_id is not None
    alter(load.file, "UPDATE batch SET posts = x'00' WHERE state = 'pending'")
    said = await resumed(load)
    assert f"campaign {report.campaign_id} " in said
    assert "Restore it from a backup" in said


async def test_truncation_while_loading(load: Load) -> None:
    async with client(load.sandbox) as tok:
        file = LoadFile.open(load.file)
        sent = 0

        class Cutting(Journal):
            async def run(self, work: Any) -> Any:
                nonlocal sent
                sent += 1
                if sent == 12:
                    os.truncate(load.file, 4096)
                return await super().run(work)

        said = ""
        try:
            said = (await Loader(tok, file, journal=Cutting).run()).message
        except LoadFileError as error:
            said = str(error)
        finally:
            file.close()
    assert "cut off" in said
    planned = {post.url.rsplit("/", 1)[1] for post in load.plan.posts()}
    assert set(load.sandbox.ledger().videos) <= planned
    assert not load.sandbox.ledger().charged_twice


def test_a_damaged_list_of_skipped_rows(load: Load) -> None:
    alter(load.file, "INSERT INTO skipped (rows) VALUES (x'00')")
    file = LoadFile.read(load.file)
    with pytest.raises(LoadFileError, match="damaged"):
        list(file.skipped())
    file.close()


def test_a_consent_that_can_not_be_written(load: Load) -> None:
    file = LoadFile.open(load.file)
    file.db.execute("PRAGMA query_only = ON")
    with pytest.raises(LoadFileError, match="can't be written: attempt to write"):
        file.agree(None)
    file.close()


async def test_errors_of_a_caller_s_own_code_are_not_called_damage(load: Load) -> None:
    def encoder(campaign_id: int | None, posts: Any, /) -> dict[str, Any]:
        raise TypeError("my own mistake")

    async with client(load.sandbox, analyze_encoder=encoder) as tok:
        with pytest.raises(TypeError, match="my own mistake"):
            await resume(load.file, tok)


def test_errors_within_the_guard_that_say_more_are_left_alone(load: Load) -> None:
    file = LoadFile.read(load.file)
    with pytest.raises(TokfluenceError, match="on purpose"), file.reading():
        raise TokfluenceError("on purpose")
    with pytest.raises(AttributeError), file.reading():
        raise AttributeError
    file.close()


def test_rows_that_are_missing_are_noticed(load: Load) -> None:
    alter(load.file, "DELETE FROM batch WHERE id = 5")
    file = LoadFile.read(load.file)
    with pytest.raises(LoadFileError, match="accounts for 190 rows"):
        LoadReport.of(file)
    assert records.create_of(file.db).id == 0
    file.close()


async def test_resuming_a_damaged_file_again_and_again_costs_nothing(load: Load) -> None:
    alter(load.file, "INSERT INTO meta VALUES ('elapsed', 'long')")
    async with client(load.sandbox) as tok:
        threads, descriptors = threading.active_count(), open_files()
        for _ in range(5):
            with pytest.raises(LoadFileError, match="damaged"):
                await resume(load.file, tok)
        assert threading.active_count() == threads
        assert open_files() == descriptors
