"""The journal: what is awaited is on disk, what fails fails alone, and a full disk stops the load."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from loads import Load, check, client, make_plan

from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.records import Connection
from tokfluence_async.errors import LoadFileError, PlanStaleError, UsageError
from tokfluence_async.protocol.wire import Outcome, Reply, Request
from tokfluence_async.sandbox import Sandbox
from tokfluence_async.session.transport import Transport

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


async def test_a_number_too_large_for_the_file_fails_alone(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    journal = Journal(file)

    def large(db: Connection) -> None:
        db.execute("INSERT INTO meta (key, value) VALUES ('n', ?)", (2**63,))

    with pytest.raises(LoadFileError, match="can't be written: Python int too large") as caught:
        await journal.run(large)
    assert isinstance(caught.value.__cause__, OverflowError)
    assert await journal.run(lambda _: 7) == 7
    await journal.close()
    file.close()


@pytest.mark.parametrize("balance", ["9" * 19, str(2**63), str(2**63 - 1), "9" * 30])
async def test_a_balance_that_no_wallet_holds(
    tokfluence_sandbox: Sandbox, path: Path, balance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Transport.send

    async def rich(self: Transport, request: Request, *, timeout: float) -> Outcome:
        outcome = await send(self, request, timeout=timeout)
        if isinstance(outcome, Reply):
            outcome.headers = {**outcome.headers, "x-credits-remaining": balance}
        return outcome

    monkeypatch.setattr(Transport, "send", rich)
    load = Load(tokfluence_sandbox, make_plan(30), path)
    report = await load.apply()
    check(load, report)
    assert report.state == "complete"


async def test_whatever_a_work_raises_the_others_and_their_callers_live(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    journal = Journal(file)

    def raising(error: BaseException) -> Callable[[Connection], None]:
        def work(_: Connection) -> None:
            raise error

        return work

    for error, seen in (
        (StopIteration(), RuntimeError),
        (MemoryError(), MemoryError),
        (SystemExitLike(), SystemExitLike),
        (KeyError("x"), KeyError),
        (PlanStaleError("stale"), PlanStaleError),
    ):
        with anyio.fail_after(5), pytest.raises(seen):
            await journal.run(raising(error))
    assert await journal.run(lambda _: 7) == 7
    await journal.close()
    file.close()


class SystemExitLike(BaseException):
    """What is no `Exception`."""


class Failing:
    """A connection on which some statements fail."""

    def __init__(self, db: sqlite3.Connection, *statements: str) -> None:
        self._db = db
        self.statements = statements

    def execute(self, sql: str, *values: Any) -> Any:
        if sql in self.statements:
            raise sqlite3.OperationalError(f"{sql} failed")
        return self._db.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@pytest.mark.parametrize(
    "statements",
    [
        ("COMMIT",),
        ("COMMIT", "ROLLBACK"),
        ("BEGIN IMMEDIATE",),
        ("SAVEPOINT work",),
        ("RELEASE work", "ROLLBACK"),
        ("ROLLBACK TO work", "ROLLBACK"),
    ],
)
async def test_a_transaction_that_fails_at_any_step_leaves_nobody_waiting(
    path: Path, statements: tuple[str, ...]
) -> None:
    file = LoadFile.create(path, make_plan(3))
    failing = Failing(file.db, *statements)
    file.db = failing  # type: ignore[assignment]
    journal = Journal(file)
    failed = 0

    def work(db: Connection) -> None:
        file.set_meta("n", "1")
        if "ROLLBACK TO work" in statements:
            raise ValueError("on purpose")

    async def run() -> None:
        nonlocal failed
        with pytest.raises(LoadFileError, match="failed"):
            await journal.run(work)
        failed += 1

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(run)
        assert failed == 5
        # Once the disk works again, so does the journal.
        failing.statements = ()
        assert await journal.run(lambda _: file.meta("n")) is None
        await journal.run(lambda _: file.set_meta("n", "2"))
    await journal.close()
    file.close()
    reader = LoadFile.read(path)
    assert reader.meta("n") == "2"
    reader.close()


def put_back(path: Path) -> None:
    """What a backup, or a tool that synchronises, does: another file of the same content and name."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


@pytest.mark.parametrize(
    "how",
    [
        Path.unlink,
        lambda path: path.rename(path.with_name("elsewhere")),
        put_back,
        cut_off,
    ],
    ids=["deleted", "moved", "replaced", "cut-off"],
)
async def test_a_file_that_is_not_in_its_place_any_more_stops_the_load(
    tokfluence_sandbox: Sandbox, path: Path, how: Callable[[Path], object]
) -> None:
    load = Load(tokfluence_sandbox, make_plan(400), path)
    gone_at = 0
    async with client(load.sandbox) as tok:
        file = LoadFile.create(path, load.plan)

        class Losing(Journal):
            writes = 0

            async def run(self, work: Any) -> Any:
                nonlocal gone_at
                Losing.writes += 1
                if Losing.writes == 20:
                    gone_at = len(load.sandbox.requests("posts.analyze"))
                    how(path)
                return await super().run(work)

        report = await Loader(tok, file, journal=Losing).run()
        file.close()
    assert (report.state, report.stopped_by) == ("stopped", "load_file")
    assert "was deleted, replaced or cut off while loading; nothing more is sent" in report.message
    assert str(path) in report.message
    sent = len(load.sandbox.requests("posts.analyze"))
    # What was under way has ended; nothing has begun.
    assert gone_at <= sent <= gone_at + 4 < 40
    assert report.credits.charged_min <= load.sandbox.ledger().net <= report.credits.charged_max


async def test_a_file_that_was_replaced_does_not_touch_the_log_of_the_other(path: Path) -> None:
    first = LoadFile.create(path, make_plan(3))
    first.set_meta("before", "1")
    put_back(path)
    second = LoadFile.open(path)
    second.set_meta("after", "2")
    first.close()
    assert second.meta("after") == "2"
    second.close()
    reader = LoadFile.read(path)
    assert reader.meta("after") == "2"
    reader.close()


async def test_a_link_that_comes_to_lead_elsewhere_is_no_loss(path: Path, tmp_path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    link = tmp_path / "link"
    link.symlink_to(path)
    file = LoadFile.open(link)
    link.unlink()
    file.check_in_place()
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


def nothing(_: Connection) -> None:
    """A work that does nothing."""


def journal_threads() -> int:
    return sum(thread.name == "tokfluence-journal" for thread in threading.enumerate())


async def test_a_journal_that_is_closed_refuses_work(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    used, unused = Journal(file), Journal(file)
    await used.run(lambda _: None)
    for journal in (used, unused):
        with anyio.fail_after(5):
            await journal.close()
            await journal.close()
            with pytest.raises(UsageError, match="closed"):
                await journal.run(lambda _: None)
    file.close()


async def test_a_journal_has_a_thread_only_while_it_works(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    before = journal_threads()
    journal = Journal(file)
    assert journal_threads() == before
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(journal.run, nothing)
    assert journal_threads() == before + 1
    await journal.close()
    assert journal_threads() == before
    file.close()
