"""The load file: one SQLite file that holds a plan, its batches, every attempt and the outcome of every URL.

It is written with WAL and ``synchronous=FULL``, is readable by its owner only, and is held by one process at a time
through a lock that the kernel frees when that process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from tokfluence_async.campaign.filesystem import network_file_system
from tokfluence_async.campaign.origins import Origin
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.skips import Skipped, unpack_skipped
from tokfluence_async.errors import LoadFileError, LoadFileInUseError

__all__ = ["LoadFile", "is_load_file"]

APPLICATION_ID: Final = 0x746F6B6C  # "tokl", in the SQLite header
VERSION: Final = 2
_HEADER: Final = b"SQLite format 3\0"
_NOT_ONE: Final = "is not a load file; one is made by `tokfluence preview --save` or by `tokfluence load`"

SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,          -- in the order of the input; what is split or sent anew comes last
    step TEXT NOT NULL,              -- with the generation, the name that the idempotency key is made of
    generation INTEGER NOT NULL DEFAULT 0,
    urls INTEGER NOT NULL,
    posts BLOB,
    state TEXT NOT NULL DEFAULT 'pending',
    accepted INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0,
    outcomes BLOB,                   -- of the URLs that were not accepted
    charged_min INTEGER NOT NULL DEFAULT 0,
    charged_max INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pending_batch ON batch (id) WHERE state = 'pending';
CREATE INDEX doubtful_batch ON batch (id) WHERE state = 'doubtful';
CREATE INDEX create_step ON batch (generation) WHERE step = 'create';
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    batch INTEGER,                   -- NULL for a read
    call TEXT NOT NULL,
    key TEXT,
    digest BLOB,
    price INTEGER NOT NULL,
    started REAL NOT NULL,
    ended REAL,                      -- NULL: the process ended before the answer was recorded
    kind TEXT,
    status INTEGER,
    code TEXT,
    message TEXT,
    credits_remaining INTEGER
);
CREATE INDEX attempt_of ON attempt (batch) WHERE batch IS NOT NULL;
CREATE INDEX reads ON attempt (id) WHERE batch IS NULL;
CREATE TABLE skipped (id INTEGER PRIMARY KEY, rows BLOB NOT NULL);
"""

# flock belongs to an open file, while SQLite's own locks belong to the process and are lost when the process closes
# *any* descriptor of the file. So a second opening in this process is refused before it opens the file.
_held: set[tuple[int, int]] = set()


def is_load_file(path: Path) -> bool:
    """Whether a file looks like a load file: any SQLite file does; opening it tells for sure."""
    if not path.is_file():
        return False  # reading from a pipe would take away what it holds
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


class LoadFile:
    """A load file, open. Its methods block and belong on one thread; `Journal` keeps them off the event loop.

    Use `create`, `open` or `read`.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, lock: int | None) -> None:
        self.path = path
        self.db = db
        self._lock = lock
        self._identity: tuple[int, int] | None = None
        if lock is not None:
            status = os.fstat(lock)
            self._identity = (status.st_dev, status.st_ino)
            _held.add(self._identity)

    @classmethod
    def create(cls, path: Path, plan: Plan, *, agreed: bool = False) -> LoadFile:
        """Write a plan into a new load file.

        Args:
            path: Where; there must be no such file yet.
            plan: What to write.
            agreed: Whether somebody has agreed already to spend what it costs.

        Raises:
            ConflictError: The plan has undecided conflicts.
            InputError: The plan has nothing to send.
            LoadFileError: The file exists already, or can't be written.
        """
        plan.check_applicable()
        _check_file_system(path)
        try:
            # Mode 0600 from the start; SQLite gives -wal and -shm the mode of the file.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            raise LoadFileError(
                f"exists already; go on with it by `tokfluence resume {path}`, or name another file",
                file=str(path),
            ) from None
        except OSError as error:
            raise LoadFileError(f"can't be created: {error.strerror}", file=str(path)) from None
        try:
            file = cls._open_locked(path, new=True)
            try:
                file.write_plan(plan, agreed=agreed)
                file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                _sync_folder(path.parent)
            except BaseException:
                file.close()
                raise
        except BaseException as error:
            for suffix in ("", "-wal", "-shm"):
                with suppress(OSError):
                    Path(f"{path}{suffix}").unlink()
            if isinstance(error, sqlite3.Error | OSError):
                raise LoadFileError(f"can't be written: {error}", file=str(path)) from None
            raise
        return file

    @classmethod
    def open(cls, path: Path) -> LoadFile:
        """Open a load file to go on with it, and hold it until it is closed.

        Raises:
            LoadFileInUseError: Another process holds it.
            LoadFileError: It is not there, not a load file, or can't be written.
        """
        _check_is_load_file(path)
        _check_file_system(path)
        return cls._open_locked(path, new=False)

    @classmethod
    def read(cls, path: Path) -> LoadFile:
        """Open a load file to look at it only, also while another process goes on with it.

        Raises:
            LoadFileError: It is not there or not a load file.
        """
        _check_is_load_file(path)
        try:
            db = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            file = cls(path, db, None)
            file.check_version()
        except sqlite3.Error as error:
            raise LoadFileError(f"can't be read: {error}", file=str(path)) from None
        return file

    @classmethod
    def _open_locked(cls, path: Path, *, new: bool) -> LoadFile:
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in _held:
                raise LoadFileInUseError("in use by this process already", file=str(path))
            lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise LoadFileError(f"can't be opened: {error.strerror}", file=str(path)) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise LoadFileInUseError(
                "in use by another process; wait for it, or look at it with `tokfluence status`",
                file=str(path),
            ) from None
        except OSError as error:
            os.close(lock)
            raise LoadFileError(f"can't be locked here: {error.strerror}", file=str(path)) from None
        file = cls(path, sqlite3.connect(path, isolation_level=None, check_same_thread=False), lock)
        try:
            if not new:
                file.check_version()
            file.db.execute("PRAGMA trusted_schema = OFF")
            # Only now is it known to be ours: this changes the file.
            file.db.execute("PRAGMA journal_mode = WAL")
            file.db.execute("PRAGMA synchronous = FULL")
            file.db.execute("PRAGMA wal_autocheckpoint = 2000")
        except BaseException as error:
            file.close()
            if isinstance(error, sqlite3.Error):
                raise LoadFileError(f"can't be opened: {error}", file=str(path)) from None
            raise
        return file

    def close(self) -> None:
        """Fold the write-ahead log into the file, close it, and let go of the lock, in that order."""
        try:
            if self._lock is not None:
                with suppress(sqlite3.Error):
                    self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.db.close()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
            if self._identity is not None:
                _held.discard(self._identity)

    def check_version(self) -> None:
        """See that it is a load file, of a format that this version reads.

        Raises:
            LoadFileError: It is not.
        """
        try:
            (application,) = self.db.execute("PRAGMA application_id").fetchone()
            (version,) = self.db.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            raise LoadFileError(f"can't be read: {error}", file=str(self.path)) from None
        if application != APPLICATION_ID:
            raise LoadFileError(_NOT_ONE, file=str(self.path))
        if version != VERSION:
            raise LoadFileError(
                f"has format {version}; this version of tokfluence-async reads format {VERSION}",
                file=str(self.path),
            )

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

    # --- the plan

    def write_plan(self, plan: Plan, *, agreed: bool) -> None:
        """Make the tables and write the plan into them, all at once."""
        with self.transaction():
            self.db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.db.execute(f"PRAGMA user_version = {VERSION}")
            for statement in SCHEMA.split(";\n"):
                if statement.strip():
                    self.db.execute(statement)
            self.db.execute("INSERT INTO batch (id, step, urls) VALUES (0, 'create', 0)")
            sizes = _batch_sizes(plan)
            self.db.executemany(
                "INSERT INTO batch (id, step, urls, posts) VALUES (?, ?, ?, ?)",
                (
                    (number, f"analyze/{number}", size, blob)
                    for number, (size, blob) in enumerate(zip(sizes, plan.batch_blobs, strict=True), start=1)
                ),
            )
            self.db.executemany(
                "INSERT INTO skipped (rows) VALUES (?)", ((blob,) for blob in plan.skipped_blobs)
            )
            self.set_meta("plan", orjson.dumps(_plan_to_json(plan)).decode())
            if agreed:
                self.agree()

    def plan(self) -> Plan:
        """The plan, without its posts: `posts` reads those, batch by batch."""
        text = self.meta("plan")
        if text is None:
            raise LoadFileError("holds no plan", file=str(self.path))
        return _plan_from_json(orjson.loads(text))

    def meta(self, key: str) -> str | None:
        """A fact about the load as a whole, by name."""
        found = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    @property
    def agreed(self) -> bool:
        """Whether somebody has agreed to spend what the plan costs."""
        return self.meta("agreed") is not None

    def agree(self) -> None:
        """Record that somebody has agreed to spend what the plan costs: going on after a crash needs no other word."""
        self.set_meta("agreed", "1")

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the load as a whole."""
        self.db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))

    def skipped(self) -> Iterator[Skipped]:
        """The rows of the input that are not sent."""
        for (blob,) in self.db.execute("SELECT rows FROM skipped ORDER BY id"):
            yield from unpack_skipped(blob)


def _batch_sizes(plan: Plan) -> Iterator[int]:
    for number in range(plan.batches):
        yield min(plan.batch_size, plan.urls - number * plan.batch_size)


_PLAN_FACTS: Final = (
    "name",
    "currency",
    "batch_size",
    "create_credits",
    "credits_per_url",
    "rows",
    "duplicates",
    "invalid",
    "urls",
    "without_handle",
    "handles_from_url",
    "from_future",
    "without_time",
)


def _plan_to_json(plan: Plan) -> dict[str, Any]:
    facts = {name: getattr(plan, name) for name in _PLAN_FACTS}
    return facts | {
        "plan_id": str(plan.plan_id),
        "created_at": plan.created_at.isoformat(),
        "reasons": dict(plan.reasons),
        "notes": list(plan.notes),
        "origins": [[each.name, each.counted] for each in plan.origins],
    }


def _plan_from_json(stored: dict[str, Any]) -> Plan:
    return Plan(
        plan_id=UUID(stored["plan_id"]),
        created_at=datetime.fromisoformat(stored["created_at"]),
        reasons=stored["reasons"],
        notes=tuple(stored["notes"]),
        origins=tuple(Origin(name, counted) for name, counted in stored["origins"]),
        **{name: stored[name] for name in _PLAN_FACTS},
    )


def _check_is_load_file(path: Path) -> None:
    if not path.is_file():
        raise LoadFileError("there is no such file", file=str(path))
    if not os.access(path, os.R_OK):
        raise LoadFileError("can't be read: permission denied", file=str(path))
    if not is_load_file(path):
        raise LoadFileError(_NOT_ONE, file=str(path))


def _check_file_system(path: Path) -> None:
    kind = network_file_system(path)
    if kind is not None:
        raise LoadFileError(
            f"is on a network file system ({kind}), where locks and syncs can't be relied on; put it on a local disk",
            file=str(path),
        )


def _sync_folder(folder: Path) -> None:
    # A new file's name is on disk only once its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
