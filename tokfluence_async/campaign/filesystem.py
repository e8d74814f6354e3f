"""Where a load file may be, on a file system whose locks and syncs mean what they say, and how it appears there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

__all__ = ["file_system_of", "network_file_system", "publish"]

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
