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
from typing import Any, TypeVar

from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.errors import LoadFileError

__all__ = ["Journal"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]


class Journal:
    """Runs functions on a load file's connection, each in a transaction.

    Args:
        file: The load file; nobody else may use it until `close` has returned.
    """

    def __init__(self, file: LoadFile) -> None:
        self.file = file
        self._loop = asyncio.get_running_loop()
        self._work: queue.SimpleQueue[tuple[Work, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="tokfluence-journal", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` and return its result once it is on disk.

        If the caller is cancelled meanwhile, the work is done and recorded all the same.

        Raises:
            LoadFileError: It could not be written; nothing of it was.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._work.put((work, future))
        return await future

    async def close(self) -> None:
        """Wait for what is queued, and end the thread; the load file stays open."""
        self._work.put(None)
        while self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

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
        """Run several works in one transaction; a work that fails is undone alone."""
        results: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        db = self.file.db
        try:
            db.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                db.execute("SAVEPOINT work")
                try:
                    results.append((future, work(db), None))
                except Exception as error:  # noqa: BLE001 - handed to the caller, who awaits it
                    db.execute("ROLLBACK TO work")
                    results.append(
                        (future, None, self._failed(error) if isinstance(error, sqlite3.Error) else error)
                    )
                db.execute("RELEASE work")
            db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            results = [(future, None, self._failed(error)) for _, future in batch]
        self._loop.call_soon_threadsafe(_deliver, results)

    def _failed(self, error: sqlite3.Error) -> LoadFileError:
        return LoadFileError(f"can't be written: {error}; nothing more is sent", file=str(self.file.path))


def _deliver(results: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
