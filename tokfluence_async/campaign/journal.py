"""The journal: a load file's writes, off the event loop, on one thread, several to a commit.

A write is on disk when its `await` returns. Writes that wait while another is being synced share the next sync, which
is what makes a durable load as fast as the disk's syncs allow rather than one batch a sync.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from tokfluence_async.campaign.damage import misread
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.errors import TokfluenceError, UsageError

__all__ = ["Journal"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Result = tuple[asyncio.Future[Any], Any, BaseException | None]


class Journal:
    """Runs functions on a load file's connection, each in a transaction.

    Args:
        file: The load file; nobody else may use it until `close` has returned.

    Attributes:
        after_commit: Called after each commit, where the file is written; must not raise.
    """

    after_commit: Callable[[], None] | None = None

    def __init__(self, file: LoadFile) -> None:
        self.file = file
        self._loop = asyncio.get_running_loop()
        self._work: queue.SimpleQueue[tuple[Work, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` and return its result once it is on disk.

        If the caller is cancelled meanwhile, the work is done and recorded all the same.

        Raises:
            LoadFileError: It could not be written, and nothing of it was; or the file is damaged, or is not in its
                place any more.
            UsageError: The journal is closed.
        """
        if self._closed:
            raise UsageError(
                "the journal of this load file is closed; to go on with the load, make another Loader"
            )
        if self._thread is None:
            # Not before there is work: who never gets so far need not close the journal either.
            thread = threading.Thread(target=self._serve, name="tokfluence-journal", daemon=True)
            thread.start()
            self._thread = thread
        future: asyncio.Future[T] = self._loop.create_future()
        self._work.put((work, future))
        return await future

    async def close(self) -> None:
        """Wait for what is queued, and end the thread; the load file stays open. It can be repeated.

        Cancelling does not shorten the wait, however often: whoever closes the file then must not do so under the
        thread.
        """
        self._closed = True
        if self._thread is None:
            return
        self._work.put(None)
        cancelled: asyncio.CancelledError | None = None
        while self._thread.is_alive():
            try:
                await asyncio.to_thread(self._thread.join)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _serve(self) -> None:
        while (first := self._work.get()) is not None:
            batch, last = [first], False
            while not self._work.empty() and not last:
                following = self._work.get()
                if following is None:
                    last = True
                else:
                    batch.append(following)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: list[tuple[Work, asyncio.Future[Any]]]) -> None:
        """Run several works in one transaction; whatever happens, each caller hears of it."""
        results: list[Result]
        try:
            results = self._transact(batch)
            if self.after_commit is not None:
                self.after_commit()
        except BaseException as error:  # noqa: BLE001 - handed to the callers, who await it
            failure = self._failure(error)
            results = [(future, None, failure) for _, future in batch]
        with suppress(RuntimeError):  # the event loop has ended, and with it all who wait
            self._loop.call_soon_threadsafe(_deliver, results)

    def _transact(self, batch: list[tuple[Work, asyncio.Future[Any]]]) -> list[Result]:
        """Run several works in one transaction; a work that fails is undone alone."""
        db = self.file.db
        results: list[Result] = []
        if db.in_transaction:
            db.execute("ROLLBACK")  # the one before could not be undone when it failed
        try:
            db.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                db.execute("SAVEPOINT work")
                try:
                    results.append((future, work(db), None))
                except BaseException as error:
                    if not db.in_transaction:
                        raise  # SQLite has undone everything, as on a full disk
                    db.execute("ROLLBACK TO work")
                    results.append((future, None, self._failure(error)))
                db.execute("RELEASE work")
            self.file.check_in_place()
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if db.in_transaction:
                    db.execute("ROLLBACK")
            raise
        return results

    def _failure(self, error: BaseException) -> BaseException:
        """What the caller of a work is told."""
        if isinstance(error, TokfluenceError):
            return error
        if isinstance(error, sqlite3.Error | OverflowError):
            doing = "written"
        elif misread(error):
            doing = "read"
        else:
            # A future takes any exception but this one.
            return RuntimeError("a work raised StopIteration") if isinstance(error, StopIteration) else error
        failure = self.file.trouble(error, doing=doing, so="; nothing more is sent")
        failure.__cause__ = error
        return failure


def _deliver(results: list[Result]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
