"""The journal: what is awaited is on disk, what fails fails alone, and a full disk stops the load."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest
from loads import Load, check, client, make_plan

from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.records import Connection
from tokfluence_async.errors import LoadFileError
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spring.tokload"


async def test_what_is_awaited_is_on_disk(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    journal = Journal(file)
    for number in range(20):
        await journal.run(lambda _, number=number: file.set_meta("n", str(number)))  # type: ignore[misc]
        reader = LoadFile.read(path)
        assert reader.meta("n") == str(number)
        reader.close()
    await journal.close()
    file.close()


async def test_concurrent_writes_keep_their_order_and_results(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    journal = Journal(file)
    results: list[int] = []

    async def write(number: int) -> None:
        def work(_: Connection) -> int:
            file.set_meta(f"n{number}", str(number))
            return number

        results.append(await journal.run(work))

    async with anyio.create_task_group() as tasks:
        for number in range(500):
            tasks.start_soon(write, number)
    await journal.close()
    assert sorted(results) == list(range(500))
    assert all(file.meta(f"n{number}") == str(number) for number in range(500))
    file.close()


async def test_a_write_that_fails_fails_alone(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    journal = Journal(file)

    def good(_: Connection) -> None:
        file.set_meta("good", "1")

    def bad(_: Connection) -> None:
        file.set_meta("bad", "1")
        raise ValueError("on purpose")

    def broken(db: Connection) -> None:
        db.execute("INSERT INTO nowhere VALUES (1)")

    errors: list[BaseException] = []

    async def run(work: object) -> None:
        try:
            await journal.run(work)  # type: ignore[arg-type]
        except (ValueError, LoadFileError) as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        for work in (good, bad, broken):
            tasks.start_soon(run, work)
    await journal.close()
    assert {type(error) for error in errors} == {ValueError, LoadFileError}
    assert (file.meta("good"), file.meta("bad")) == ("1", None)
    file.close()


async def test_a_cancelled_caller_leaves_the_write_in_place(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    journal = Journal(file)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await journal.run(lambda _: file.set_meta("n", "1"))
    await journal.run(lambda _: None)
    assert file.meta("n") == "1"
    await journal.close()
    file.close()


async def test_a_full_disk_stops_the_load_and_says_so(tokfluence_sandbox: Sandbox, path: Path) -> None:
    load = Load(tokfluence_sandbox, make_plan(400), path)
    async with client(load.sandbox) as tok:
        file = LoadFile.create(path, load.plan)
        (pages,) = file.db.execute("PRAGMA page_count").fetchone()
        file.db.execute(f"PRAGMA max_page_count = {pages + 1}")
        report = await Loader(tok, file).run()
        file.close()
    assert (report.state, report.stopped_by) == ("stopped", "load_file")
    assert "full" in report.message
    sent = len(load.sandbox.requests("posts.analyze"))
    assert sent < 40, "it went on sending"
    check(load, report)
    report = await load.resume()
    check(load, report)
    assert report.state == "complete"


async def test_a_file_that_became_read_only(path: Path, tokfluence_sandbox: Sandbox) -> None:
    load = Load(tokfluence_sandbox, make_plan(30), path)
    async with client(load.sandbox) as tok:
        file = LoadFile.create(path, load.plan)
        file.db.execute("PRAGMA query_only = ON")
        report = await Loader(tok, file).run()
        file.close()
    assert (report.state, report.stopped_by) == ("stopped", "load_file")
    assert not load.sandbox.requests(), "nothing is sent that can't be recorded first"
    with pytest.raises(sqlite3.ProgrammingError):
        file.db.execute("SELECT 1")
