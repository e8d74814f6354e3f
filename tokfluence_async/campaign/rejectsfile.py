"""A file of rejects: a CSV that can be loaded again once mended, and replaces nothing that somebody has mended."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

from tokfluence_async.campaign.companions import belongs_to_load_file, files_of
from tokfluence_async.campaign.guards import REJECT_COLUMNS
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.rejects import Reject, read_rejects, rejects_of
from tokfluence_async.errors import ConfigurationError, LoadFileError
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.cells import safe_text

__all__ = ["COLUMNS", "default_path", "place_beside", "write_plan_rejects", "write_rejects"]

COLUMNS: Final = REJECT_COLUMNS

_OPEN: Final = re.compile(r"/dev/std(?:in|out|err)|/(?:dev|proc/self)/fd/\d+")
"""Names of what the process has open already: that is added to, whatever file it is."""
_META: Final = "rejects"
"""Under which the load file remembers what was written."""
_REMEMBERED: Final = 100


def default_path(load_file: Path) -> Path:
    """Where the rejects of a load are written unless told: beside its load file."""
    return load_file.with_name(f"{load_file.name}.rejects.csv")


def write_rejects(file: LoadFile, path: str | os.PathLike[str]) -> int:
    """Write the rows of a load that were refused, or not sent, into a CSV file, which appears whole or not at all.

    Like the load file it is readable by its owner only. A cell that a spreadsheet would run as a formula begins with an
    apostrophe, which a load reads over. Without any such rows no file is written, and one that is there is removed if
    it is just as this load wrote it, which the load file remembers where it is open to go on.

    Args:
        file: The load file, open.
        path: The file to write; replaced if it is there. See `place_beside`, if somebody may have mended it.

    Returns:
        How many rows there are. A file that holds just those rows already is left as it is.

    Raises:
        LoadFileError: It can't be written; or a load file is there.
    """
    target = Path(path)
    number = _write(target, read_rejects(file), partial(_is_load_files, file), partial(_remember, file))
    if not number:
        _remove_earlier(file, target)
    return number


def write_plan_rejects(plan: Plan, path: str | os.PathLike[str]) -> int:
    """Write the rows that a plan does not send, as `write_rejects` does those of a load, while nothing is spent yet.

    Without any such rows the file holds its header alone, so that it never tells of an earlier input.

    Args:
        plan: The plan.
        path: The file to write; replaced if it is there.

    Returns:
        How many rows there are.

    Raises:
        LoadFileError: It can't be written; or a load file is there.
    """
    return _write(Path(path), rejects_of(plan), belongs_to_load_file, None)


def _write(
    target: Path,
    rejects: Iterable[Reject],
    is_load_files: Callable[[Path], bool],
    remember: Callable[[str], None] | None,
) -> int:
    """Write rejects; how many they are.

    Args:
        target: The file.
        rejects: The rows.
        is_load_files: Whether a file belongs to a load file.
        remember: Records what is about to be written; where nobody does, a file is written without any rows, too.

    Raises:
        LoadFileError: It can't be written; or a load file is there.
    """
    if is_load_files(target):
        raise LoadFileError("belongs to a load file, and is not written over; name another", file=str(target))
    try:
        with AtomicFile(target) as out:
            if stat.S_ISREG(os.fstat(out.file.fileno()).st_mode):
                os.fchmod(out.file.fileno(), 0o600)
            text = _Text(out.file)
            writer = csv.writer(text)
            writer.writerow(COLUMNS)
            number = 0
            for reject in rejects:
                writer.writerow(_cells(reject))
                number += 1
            if remember is None or (number and out.direct):
                out.commit()
            elif number and not _is_one_of(target, {text.mark}):
                remember(text.mark)
                out.commit()
    except ConfigurationError as error:
        raise LoadFileError(error.message) from None
    except OSError as error:
        raise LoadFileError(f"can't be written: {error.strerror or error}", file=str(target)) from None
    return number


def _is_replaceable(file: LoadFile, path: Path) -> bool:
    """Whether nothing is lost if the rejects of a load are written there.

    True where there is no file, an empty one, none that is replaced (a pipe, a device, ``/dev/stdout``), or one just as
    this load wrote it.
    """
    if _is_load_files(file, path):
        return False
    if _OPEN.fullmatch(str(path)):
        return True
    try:
        status = path.stat()
    except OSError:
        return True  # there is none; or whoever writes it is told why it can't be
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return True
    return _is_one_of(path, _remembered(file))


def place_beside(file: LoadFile, path: Path) -> Path:
    """Where the rejects of a load can be written without a loss: there, or beside it under a number.

    What somebody has mended in its place is kept: a file that is there is replaced only if it is empty, or just as this
    load wrote it.

    Args:
        file: The load file, open.
        path: Where they are wanted, such as ``x.rejects.csv``; beside it is ``x.rejects.2.csv``.

    Raises:
        LoadFileError: The load file is damaged, or can't be read.
    """
    if _is_replaceable(file, path):
        return path
    remembered = _remembered(file)
    names = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(2))
    return next(each for each in names if not os.path.lexists(each) or _is_one_of(each, remembered))


class _Text:
    """A binary file to write text into, which tells what it was that was written.

    Args:
        file: The file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, text: str) -> int:
        """Write some text. A file's name may hold what is no text."""
        data = text.encode("utf-8", "backslashreplace")
        self._digest.update(data)
        self._size += len(data)
        return self._file.write(data)

    @property
    def mark(self) -> str:
        """The size and digest of all that was written."""
        return f"{self._size}:{self._digest.hexdigest()}"


def _is_one_of(path: Path, marks: Collection[str]) -> bool:
    """Whether a file holds what one of some marks was made of; only one of such a size is read."""
    with suppress(OSError):
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and any(each.startswith(f"{status.st_size}:") for each in marks):
            with path.open("rb") as file:
                return f"{status.st_size}:{hashlib.file_digest(file, 'sha256').hexdigest()}" in marks
    return False


def _remembered(file: LoadFile) -> list[str]:
    """The marks of the rejects that a load has written, the latest last."""
    return (file.meta(_META) or "").split()


def _remember(file: LoadFile, mark: str) -> None:
    """Record what is about to be written, so that it is known for ours from its first moment."""
    if file.inode is None:
        return  # it is open to look at only
    marks = [*(each for each in _remembered(file) if each != mark), mark]
    try:
        file.set_meta(_META, " ".join(marks[-_REMEMBERED:]))
    except sqlite3.Error as error:
        raise file.trouble(error, doing="written") from error


def _is_load_files(file: LoadFile, path: Path) -> bool:
    # By any name: to open a companion and close it again would take SQLite's locks away.
    return belongs_to_load_file(path) or any(map(partial(_is_same, path), files_of(file.path)))


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


def _cells(reject: Reject) -> list[str]:
    texts = [reject.url, reject.creator_handle, reject.fee_cents, reject.source]
    return [
        *map(safe_text, texts),
        str(reject.row),
        reject.outcome,
        *map(safe_text, (reject.code, reject.message)),
        "true" if reject.retryable else "false",
    ]


def _remove_earlier(file: LoadFile, path: Path) -> None:
    """Removes rejects that are none any more, if they are just as they were written."""
    if not _OPEN.fullmatch(str(path)) and _is_one_of(path, _remembered(file)):
        with suppress(OSError):
            path.unlink()
