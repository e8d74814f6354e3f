"""Where a load file may be, on a file system whose locks and syncs mean what they say, and how it appears there.

SQLite's locks belong to the process, and the process loses them when it closes *any* descriptor of the file: another
program that looks into it would then take its log for one that nobody uses, and delete it. So this module knows which
files this process has open as databases, and closes no descriptor of them until they are not.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from attrs import define, field

__all__ = [
    "connect",
    "enter",
    "file_system_of",
    "identity_of",
    "is_held",
    "leave",
    "let_go",
    "network_file_system",
    "publish",
    "read_head",
]

Identity = tuple[int, int]
"""The device and the inode of a file."""

MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afs|ncpfs|davfs|fuse\.(sshfs|s3fs|rclone|gcsfuse|davfs2?|curlftpfs|goofys)"
)
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def network_file_system(path: Path) -> str | None:
    """The type of the network file system that a file is, or would be, on; None for a local one.

    On NFS and SMB a lock may be granted twice, or be lost with the connection, and SQLite's write-ahead log needs
    memory that is shared between processes: its documentation rules network file systems out.

    Returns:
        A type such as ``nfs4``. None, too, where the system does not tell its mounts (anything but Linux).
    """
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    kind = file_system_of(path.resolve(), mounts)
    return kind if kind is not None and _NETWORK.fullmatch(kind) else None


def file_system_of(path: Path, mounts: str) -> str | None:
    """The type of the file system that an absolute path is on.

    Args:
        path: Absolute, without symbolic links; need not exist.
        mounts: The text of ``/proc/self/mountinfo``.
    """
    best: tuple[int, str | None] = (-1, None)
    for line in mounts.splitlines():
        fields, _, about = line.partition(" - ")
        parts = fields.split(" ")
        if len(parts) < 5 or not about:
            continue
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), parts[4]))
        depth = len(point.parts)
        # A later mount over the same place hides an earlier one.
        if path.is_relative_to(point) and depth >= best[0]:
            best = depth, about.split(" ")[0]
    return best[1]


def publish(draft: Path, path: Path) -> None:
    """Give a finished file its name, in one step, unless something has that name already.

    Whoever is killed on the way leaves the whole file under that name, or nothing. The file's bytes are to be on disk
    before; its name is when this returns.

    Args:
        draft: The file, under a name of its own in the same folder; it loses that name.
        path: Its name to be.

    Raises:
        FileExistsError: Something has the name.
        OSError: It can't be given that name.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # No hard links on this file system: there the name is reserved first, by a file that is still empty.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        draft.replace(path)
    else:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@define
class _Use:
    """What this process does with a file that it has open as a database."""

    databases: int = 0
    held: bool = False
    descriptors: list[int] = field(factory=list[int])
    """To be closed after the last of the databases."""


_guard = threading.Lock()
_uses: dict[Identity, _Use] = {}


def connect(place: str, mode: str) -> sqlite3.Connection:
    """Open a database that exists.

    Args:
        place: Its real path.
        mode: ``ro`` or ``rw``.

    Raises:
        sqlite3.Error: It can't be opened.
    """
    return sqlite3.connect(
        f"{Path(place).as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )


def identity_of(status: os.stat_result) -> Identity:
    """What tells a file from every other, whatever its names."""
    return status.st_dev, status.st_ino


def enter(identity: Identity, *, hold: bool) -> None:
    """Note that this process is about to open a file as a database; each `enter` needs its `leave`.

    Args:
        identity: Which file.
        hold: Whether it is to be written; the caller has locked it.
    """
    with _guard:
        use = _uses.setdefault(identity, _Use())
        use.databases += 1
        use.held = use.held or hold


def leave(identity: Identity, place: str, *, hold: bool) -> None:
    """Note that this process has closed a database, and remove the empty log that looking at it has left behind."""
    with _guard:
        use = _uses[identity]
        use.databases -= 1
        use.held = use.held and not hold
        if use.databases:
            return
        # Still guarded: a database that was opened meanwhile would lose its locks.
        _remove_empty_log(identity, place)
        del _uses[identity]
        for descriptor in use.descriptors:
            os.close(descriptor)


def let_go(descriptor: int) -> None:
    """Unlock a file, and close its descriptor as soon as that costs no database of this process its locks."""
    with _guard:
        use = _uses.get(identity_of(os.fstat(descriptor)))
        if use is None:
            os.close(descriptor)
        else:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            use.descriptors.append(descriptor)


def is_held(path: Path) -> bool:
    """Whether this process has a file open to write it.

    Raises:
        OSError: There is none, or nobody may look.
    """
    identity = identity_of(path.stat())
    with _guard:
        use = _uses.get(identity)
        return use is not None and use.held


def read_head(path: Path, length: int) -> bytes | None:
    """The first bytes of a file; None where it is open as a database already, and only SQLite may look.

    Raises:
        OSError: It can't be read.
    """
    with _guard:
        if identity_of(path.stat()) in _uses:
            return None
        with path.open("rb") as file:
            return file.read(length)


def _remove_empty_log(identity: Identity, place: str) -> None:
    """Let SQLite remove the log, and the memory beside it, that it makes to read and may not remove when it only reads.

    They stay where the log holds something, where another process loads, and where nothing may be written.
    """
    with suppress(OSError, sqlite3.Error):
        if os.stat(f"{place}-wal").st_size:  # noqa: PTH116 - a name with a suffix, as SQLite makes it
            return
        lock = os.open(place, os.O_RDWR | os.O_CLOEXEC)
        try:
            if identity_of(os.fstat(lock)) == identity:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with closing(connect(place, "rw")) as db:
                    db.execute("PRAGMA busy_timeout = 0")
                    db.execute("SELECT 1 FROM sqlite_master").fetchone()
        finally:
            os.close(lock)
