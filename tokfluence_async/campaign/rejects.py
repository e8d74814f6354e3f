"""The rejects of a load: what the API refused and what was invalid, in a CSV file that can be loaded again once mended.

Rows that are unsent or unknown are not among them: the load's own file goes on with those, and buys nothing twice,
while another load of them might.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.guards import REJECT_COLUMNS
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.campaign.skips import Skipped
from tokfluence_async.errors import ConfigurationError, InputError, LoadFileError
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.cells import safe_text

__all__ = ["COLUMNS", "Reject", "default_path", "read_rejects", "write_rejects"]

COLUMNS: Final = REJECT_COLUMNS

_PASSING: Final = frozenset(
    {"rate_limited", "upstream_error", "internal_error", "http_503", "http_504", "http_429"}
)
"""Codes that say nothing against the post itself."""
_DUPLICATES: Final = frozenset({"duplicate", "conflict"})


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
    apostrophe, which a load reads over. Without any such rows no file is written, and one of an earlier run is removed.

    Args:
        file: The load file, open.
        path: The file to write; one that is there is replaced.

    Returns:
        How many rows were written.

    Raises:
        LoadFileError: It can't be written.
    """
    target = Path(path)
    try:
        with AtomicFile(target) as out:
            if stat.S_ISREG(os.fstat(out.file.fileno()).st_mode):
                os.fchmod(out.file.fileno(), 0o600)
            text = io.TextIOWrapper(out.file, encoding="utf-8", newline="", write_through=True)
            try:
                writer = csv.writer(text)
                writer.writerow(COLUMNS)
                number = 0
                for reject in read_rejects(file):
                    writer.writerow(_cells(reject))
                    number += 1
            finally:
                text.detach()
            if number:
                out.commit()
    except ConfigurationError as error:
        raise LoadFileError(error.message) from None
    except OSError as error:
        raise LoadFileError(f"can't be written: {error.strerror or error}", file=str(target)) from None
    if not number:
        _remove_earlier(target)
    return number


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


def _remove_earlier(path: Path) -> None:
    """Removes rejects that are none any more; what is no file of rejects stays."""
    header = ",".join(COLUMNS).encode()
    try:
        with path.open("rb") as file:
            ours = path.is_file() and file.read(len(header)) == header
        if ours:
            path.unlink()
    except OSError:
        return  # there is none
