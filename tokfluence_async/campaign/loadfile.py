"""The load file: one SQLite file that holds a plan, its batches, every attempt and the outcome of every URL.

It is written with WAL and ``synchronous=FULL``, is readable by its owner only, and is held by one process at a time
through a lock that the kernel frees when that process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tokfluence_async.campaign.damage import MISREAD, what_is_wrong
from tokfluence_async.campaign.filesystem import (
    connect,
    enter,
    identity_of,
    is_held,
    leave,
    let_go,
    network_file_system,
    publish,
    read_head,
)
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.planstore import agreement, read_plan, write_draft
from tokfluence_async.campaign.schema import APPLICATION_ID, VERSION
from tokfluence_async.campaign.skips import Skipped, unpack_skipped
from tokfluence_async.errors import LoadFileError, LoadFileInUseError, TokfluenceError

__all__ = ["LoadFile", "is_load_file"]

_HEADER: Final = b"SQLite format 3\0"
_NOT_ONE: Final = "is not a load file; one is made by `tokfluence preview --save` or by `tokfluence load`"
_SET_META: Final = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
_TRIES: Final = 10
_PAUSE: Final = 0.01
"""Seconds; who has looked at a load file holds it for a moment, to remove what reading it has left behind."""


def is_load_file(path: Path) -> bool:
    """Whether a file looks like a load file: any SQLite file does; opening it tells for sure."""
    if not path.is_file():
        return False  # reading from a pipe would take away what it holds
    try:
        # None: this process has it open as one.
        return read_head(path, len(_HEADER)) in {_HEADER, None}
    except OSError:
        return False


class LoadFile:
    """A load file, open. Its methods block and belong on one thread; `Journal` keeps them off the event loop.

    Use `create`, `open` or `read`.
    """

    def __init__(self, path: Path, lock: int | None) -> None:
        self.path = path
        self._lock = lock
        self._open = True
        # The place that SQLite goes to: a link to it may lead elsewhere by and by.
        self._place = os.path.realpath(path)
        status = os.stat(self._place if lock is None else lock)  # noqa: PTH116 - a descriptor has no Path
        self._identity = identity_of(status)
        self._size = status.st_size
        self._holds = lock is not None
        enter(self._identity, hold=self._holds)
        try:
            self.db: sqlite3.Connection = connect(self._place, "rw" if self._holds else "ro")
        except BaseException:
            leave(self._identity, self._place, hold=self._holds)
            raise

    @classmethod
    def create(
        cls, path: Path, plan: Plan, *, agreed: bool = False, max_credits: int | None = None
    ) -> LoadFile:
        """Write a plan into a new load file.

        Args:
            path: Where; there must be no such file yet.
            plan: What to write.
            agreed: Whether somebody has agreed already to spend what it costs.
            max_credits: The cap under which they have.

        Raises:
            ConflictError: The plan has undecided conflicts.
            InputError: The plan has nothing to send.
            LoadFileError: The file exists already, or can't be written.
        """
        plan.check_applicable()
        _check_file_system(path)
        _check_name_is_free(path)
        # Written whole under another name: whoever is killed meanwhile leaves no half of a load file under its own.
        draft = path.with_name(f".tokload-{os.urandom(8).hex()}")
        try:
            # Mode 0600 from the start; SQLite gives -wal and -shm the mode of the file.
            lock = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LoadFileError(f"can't be created: {error.strerror}", file=str(path)) from None
        try:
            # Held before it has its name, so that nobody can come between.
            cls._hold(lock, path)
            write_draft(draft, plan, agreed=agreed, max_credits=max_credits)
            os.fsync(lock)
            publish(draft, path)
        except BaseException as error:
            _discard(lock, draft, path)
            if isinstance(error, FileExistsError):
                raise _name_is_taken(path) from None
            if isinstance(error, sqlite3.Error | OSError):
                raise LoadFileError(f"can't be written: {error}", file=str(path)) from None
            raise
        return cls._opened(path, lock)

    @classmethod
    def open(cls, path: Path) -> LoadFile:
        """Open a load file to go on with it, and hold it until it is closed.

        Raises:
            LoadFileInUseError: Another process holds it.
            LoadFileError: It is not there, not a load file, or can't be written.
        """
        _check_is_load_file(path)
        _check_file_system(path)
        try:
            if is_held(path):
                raise LoadFileInUseError("in use by this process already", file=str(path))
            lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise LoadFileError(f"can't be opened: {error.strerror}", file=str(path)) from None
        try:
            cls._hold(lock, path)
        except BaseException:
            let_go(lock)
            raise
        return cls._opened(path, lock)

    @classmethod
    def read(cls, path: Path) -> LoadFile:
        """Open a load file to look at it only, also while another process goes on with it.

        Raises:
            LoadFileError: It is not there or not a load file.
        """
        _check_is_load_file(path)
        try:
            file = cls(path, None)
        except (sqlite3.Error, OSError) as error:
            raise LoadFileError(f"can't be read: {error}", file=str(path)) from None
        try:
            file.check_version()
        except BaseException:
            file.close()
            raise
        return file

    @staticmethod
    def _hold(lock: int, path: Path) -> None:
        for left in reversed(range(_TRIES)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if left:
                    time.sleep(_PAUSE)
            except OSError as error:
                raise LoadFileError(f"can't be locked here: {error.strerror}", file=str(path)) from None
            else:
                return
        raise LoadFileInUseError(
            "in use by another process; wait for it, or look at it with `tokfluence status`", file=str(path)
        )

    @classmethod
    def _opened(cls, path: Path, lock: int) -> LoadFile:
        """Open the database of a file whose lock is held; the lock is let go of if that fails."""
        file: LoadFile | None = None
        try:
            file = cls(path, lock)
            file.check_version()
            with file.reading():
                file.db.execute("PRAGMA trusted_schema = OFF")
                # Only now is it known to be ours: this changes the file.
                file.db.execute("PRAGMA journal_mode = WAL")
                file.db.execute("PRAGMA synchronous = FULL")
                file.db.execute("PRAGMA wal_autocheckpoint = 2000")
            file.check_in_place()
        except BaseException as error:
            if file is None:
                let_go(lock)
            else:
                file.close()
            if isinstance(error, sqlite3.Error | OSError):
                raise LoadFileError(f"can't be opened: {error}", file=str(path)) from None
            raise
        return file

    def close(self) -> None:
        """Fold the write-ahead log into the file, close it, and let go of the lock, in that order."""
        if not self._open:
            return
        self._open = False
        try:
            if self._lock is not None:
                # Where it was replaced, the log belongs to whoever has opened the other by now.
                with suppress(sqlite3.Error, LoadFileError):
                    self.check_in_place()
                    self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.db.close()
        finally:
            leave(self._identity, self._place, hold=self._holds)
            if self._lock is not None:
                let_go(self._lock)
                self._lock = None

    def check_version(self) -> None:
        """See that it is a load file, of a format that this version reads.

        Raises:
            LoadFileError: It is not.
        """
        with self.reading():
            (application,) = self.db.execute("PRAGMA application_id").fetchone()
            (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise LoadFileError(_NOT_ONE, file=str(self.path))
        if version != VERSION:
            raise LoadFileError(
                f"has format {version}; this version of tokfluence-async reads format {VERSION}",
                file=str(self.path),
            )

    @property
    def inode(self) -> int | None:
        """The number of the file in its file system, which a copy does not share; None unless it is locked."""
        return self._identity[1] if self._holds else None

    def check_in_place(self) -> None:
        """See that the file that is held still has its name: what is written into another is never found again.

        Raises:
            LoadFileError: It was deleted, moved, replaced or cut off.
        """
        try:
            status = os.stat(self._place)  # noqa: PTH116 - on every commit, and a Path costs twice as much
        except OSError:
            status = None
        # SQLite never makes it shorter, for nothing is ever vacuumed.
        if status is None or identity_of(status) != self._identity or status.st_size < self._size:
            raise LoadFileError(
                "was deleted, replaced or cut off while loading; nothing more is sent", file=str(self.path)
            )
        self._size = status.st_size

    @contextmanager
    def reading(self) -> Generator[None]:
        """Around what reads the file, and what is made of it: where that fails, the file is damaged.

        Raises:
            LoadFileError: It is damaged, or can't be read.
        """
        try:
            yield
        except TokfluenceError:
            raise
        except (sqlite3.Error, *MISREAD) as error:
            raise self.trouble(error, doing="read") from error

    def trouble(self, error: BaseException, *, doing: str, so: str = "") -> LoadFileError:
        """What went wrong with the file, to be raised.

        Args:
            error: One of SQLite's, or one that came up while the file was decoded.
            doing: What failed: ``read`` or ``written``.
            so: What follows from it, in words.
        """
        campaign_id = None
        with suppress(sqlite3.Error):
            found = self.db.execute("SELECT value FROM meta WHERE key = 'campaign_id'").fetchone()
            campaign_id = found[0] if found and str(found[0]).isdecimal() else None
        told = what_is_wrong(error, doing=doing, campaign_id=campaign_id)
        return LoadFileError(f"{told}{so}", file=str(self.path))

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All of it on disk, or none."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def plan(self) -> Plan:
        """The plan, without its posts: `records.posts_of` reads those, batch by batch.

        Raises:
            LoadFileError: It is damaged, or can't be read.
        """
        with self.reading():
            return read_plan(self.db)

    def meta(self, key: str) -> str | None:
        """A fact about the load as a whole, by name.

        Raises:
            LoadFileError: It is damaged, or can't be read.
        """
        with self.reading():
            found = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    @property
    def agreed(self) -> bool:
        """Whether somebody has agreed to spend what the plan costs."""
        return self.meta("agreed") is not None

    def agree(self, max_credits: int | None) -> None:
        """Record that somebody has agreed to spend what the plan costs: going on after a crash needs no other word.

        Args:
            max_credits: The cap under which they have, if there is one.

        Raises:
            LoadFileError: It can't be written.
        """
        try:
            with self.transaction():
                self.db.executemany(_SET_META, agreement(max_credits).items())
        except sqlite3.Error as error:
            raise self.trouble(error, doing="written") from error

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the load as a whole."""
        self.db.execute(_SET_META, (key, value))

    def skipped(self) -> Iterator[Skipped]:
        """The rows of the input that are not sent.

        Raises:
            LoadFileError: It is damaged, or can't be read.
        """
        with self.reading():
            for (blob,) in self.db.execute("SELECT rows FROM skipped ORDER BY id"):
                yield from unpack_skipped(blob)


def _discard(lock: int, draft: Path, path: Path) -> None:
    """Leave nothing of a load file that could not be made, under whichever name it has by now, and let go of it."""
    ours = os.fstat(lock)
    for name in (draft, path):
        with suppress(OSError):
            if os.path.samestat(ours, name.lstat()):
                for suffix in ("-wal", "-shm", "-journal", ""):
                    Path(f"{name}{suffix}").unlink(missing_ok=True)
    let_go(lock)


def _name_is_taken(path: Path) -> LoadFileError:
    return LoadFileError(
        f"exists already; go on with it by `tokfluence resume {path}`, or name another file", file=str(path)
    )


def _check_name_is_free(path: Path) -> None:
    if os.path.lexists(path):
        raise _name_is_taken(path)
    for suffix in ("-wal", "-journal"):
        log = Path(f"{path}{suffix}")
        with suppress(OSError):
            if log.stat().st_size:
                # SQLite would play it into the new file.
                raise LoadFileError(
                    f"can't be created beside {log.name}, the log of a load file that was deleted or moved: put the "
                    "two together again, remove it, or name another file",
                    file=str(path),
                )


def _check_is_load_file(path: Path) -> None:
    if not path.is_file():
        raise LoadFileError("there is no such file", file=str(path))
    if not os.access(path, os.R_OK):
        raise LoadFileError("can't be read: permission denied", file=str(path))
    if not is_load_file(path):
        empty = "" if path.stat().st_size else "is empty, and so "
        raise LoadFileError(f"{empty}{_NOT_ONE}", file=str(path))


def _check_file_system(path: Path) -> None:
    kind = network_file_system(path)
    if kind is not None:
        raise LoadFileError(
            f"is on a network file system ({kind}), where locks and syncs can't be relied on; put it on a local disk",
            file=str(path),
        )
