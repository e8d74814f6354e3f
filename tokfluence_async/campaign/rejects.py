"""The rejects of a load: what the API refused and what was invalid, in a CSV file that can be loaded again once mended.

Rows that are unsent or unknown are not among them: the load's own file goes on with those, and buys nothing twice,
while another load of them might.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

from attrs import frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.companions import belongs_to_load_file, files_of
from tokfluence_async.campaign.guards import REJECT_COLUMNS
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.campaign.skips import Skipped
from tokfluence_async.errors import ConfigurationError, InputError, LoadFileError
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.cells import safe_text

__all__ = [
    "COLUMNS",
    "Reject",
    "default_path",
    "place_beside",
    "read_rejects",
    "write_rejects",
]

COLUMNS: Final = REJECT_COLUMNS

_PASSING: Final = frozenset(
    {"rate_limited", "upstream_error", "internal_error", "http_503", "http_504", "http_429"}
)
"""Codes that say nothing against the post itself."""
_DUPLICATES: Final = frozenset({"duplicate", "conflict"})
_OPEN: Final = re.compile(r"/dev/std(?:in|out|err)|/(?:dev|proc/self)/fd/\d+")
"""Names of what the process has open already: that is added to, whatever file it is."""
_META: Final = "rejects"
"""Under which the load file remembers what was written."""
_REMEMBERED: Final = 100


@frozen(kw_only=True)
class Reject:
    """One row that was refused."""

    url: str
    """What was sent, or what stands in the row's URL column; the whole row, where its columns can't be told."""
    creator_handle: str
    """Empty without one."""
    fee_cents: str
    """Whole cents; empty without a fee; what can't be read as cents, where it is what is wrong."""
    source: str
    row: int
    """Its line, or record, in the source."""
    outcome: str
    """``rejected`` by the API, or ``invalid`` and never sent."""
    code: str
    message: str
    retryable: bool
    """Whether the row may well be accepted as it stands: what was refused says nothing against it."""


def default_path(load_file: Path) -> Path:
    """Where the rejects of a load are written unless told: beside its load file."""
    return load_file.with_name(f"{load_file.name}.rejects.csv")


def read_rejects(file: LoadFile) -> Iterator[Reject]:
    """The rows of a load that were refused, duplicates apart: first those that were sent.

    Args:
        file: The load file, open.
    """
    origins = file.plan().origins
    with file.reading():
        for post, outcome, code, message in records.outcomes(file.db):
            if outcome == "rejected":
                source = origins[post.origin].name if post.origin < len(origins) else None
                yield _of_post(post, source or "", code, message)
    for skipped in file.skipped():
        if skipped.reason not in _DUPLICATES:
            yield _of_skipped(skipped)


def write_rejects(file: LoadFile, path: str | os.PathLike[str]) -> int:
    """Write the rows of a load that were refused into a CSV file, which appears whole or not at all.

    Like the load file it is readable by its owner only. A cell that a spreadsheet would run as a formula begins with an
    apostrophe, which a load reads over. Without any such rows no file is written, and one that is there is removed if
    it is just as this load wrote it, which the load file remembers where it is open to go on.

    Args:
        file: The load file, open.
        path: The file to write; replaced if it is there. See `place_beside`, if somebody may have mended it.

    Returns:
        How many rows were refused. A file that holds just those rows already is left as it is.

    Raises:
        LoadFileError: It can't be written; or a load file is there.
    """
    target = Path(path)
    if _is_load_files(file, target):
        raise LoadFileError("belongs to a load file, and is not written over; name another", file=str(target))
    try:
        with AtomicFile(target) as out:
            if stat.S_ISREG(os.fstat(out.file.fileno()).st_mode):
                os.fchmod(out.file.fileno(), 0o600)
            text = _Text(out.file)
            writer = csv.writer(text)
            writer.writerow(COLUMNS)
            number = 0
            for reject in read_rejects(file):
                writer.writerow(_cells(reject))
                number += 1
            if number and out.direct:
                out.commit()
            elif number and not _is_one_of(target, {text.mark}):
                _remember(file, text.mark)
                out.commit()
    except ConfigurationError as error:
        raise LoadFileError(error.message) from None
    except OSError as error:
        raise LoadFileError(f"can't be written: {error.strerror or error}", file=str(target)) from None
    if not number:
        _remove_earlier(file, target)
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


def _of_post(post: Post, source: str, code: str, message: str) -> Reject:
    return Reject(
        url=post.url,
        creator_handle=post.creator_handle or "",
        fee_cents=str(post.fee_cents),
        source=source,
        row=post.row,
        outcome="rejected",
        code=code,
        message=message,
        retryable=code in _PASSING,
    )


def _of_skipped(skipped: Skipped) -> Reject:
    fee = skipped.fee
    if isinstance(fee, str) and _reads_as_cents(fee):
        # In units it was wrong; as cents it would be taken for another amount, and for a right one.
        fee = f"? {fee}"
    return Reject(
        url=skipped.text if skipped.url is None else skipped.url,
        creator_handle=skipped.creator_handle or "",
        fee_cents="" if fee is None else str(fee),
        source=skipped.source or "",
        row=skipped.row,
        outcome="invalid",
        code=skipped.reason,
        message=skipped.message,
        retryable=False,
    )


def _reads_as_cents(text: str) -> bool:
    try:
        return FeeParser("cents").parse(text) is not None
    except InputError:
        return False


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
