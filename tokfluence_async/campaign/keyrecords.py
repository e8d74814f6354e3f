"""What the attempts on record tell of the idempotency keys: what went under them, since when, and who else has them."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from tokfluence_async.campaign.records import CREATE, NAME_TAKEN, BatchRow, attempts
from tokfluence_async.campaign.settle import (
    HALF_A_DAY,
    MARGIN,
    TRUSTED,
    UNRESOLVED,
    is_remembered,
    used_up_at,
)
from tokfluence_async.protocol.seen import Kind

__all__ = [
    "has_lapsed",
    "is_in_doubt",
    "last_sent",
    "may_be_forgotten",
    "seen_elsewhere",
    "was_renewed",
]

_DOUBTS: Final = UNRESOLVED | {Kind.SEEN_BEFORE, Kind.REFUSED}


def last_sent(db: Connection, batch: int) -> tuple[str, bytes] | None:
    """The key under which a batch was last sent, and the digest of the bytes; None if it never was."""
    found: tuple[str, bytes] | None = db.execute(
        "SELECT key, digest FROM attempt WHERE batch = ? ORDER BY id DESC LIMIT 1", (batch,)
    ).fetchone()
    return found


def is_in_doubt(db: Connection, batch: BatchRow) -> bool:
    """Whether an attempt of a batch may have been applied or charged, or has met a 409."""
    return bool(_in_doubt(db, batch))


def may_be_forgotten(db: Connection, batch: BatchRow, now: float) -> bool:
    """Whether a batch is in doubt for so long that the API may have forgotten its key.

    A 409 tells of a key that was used before, perhaps a day before: it is remembered now, and not for long. (A second
    create is kept out by the campaign's name.)
    """
    return not all(
        is_remembered(
            began, now, within=MARGIN if kind is Kind.SEEN_BEFORE and batch.step != CREATE else TRUSTED
        )
        for kind, began in _in_doubt(db, batch)
    )


def _in_doubt(db: Connection, batch: BatchRow) -> list[tuple[Kind, float]]:
    return [each for each in attempts(db, batch.id) if each[0] in _DOUBTS]


def has_lapsed(db: Connection, batch: BatchRow, now: float) -> bool:
    """Whether the first key of a batch was used up so long ago that no new one is used any more.

    Soon the API may forget that, and then no key is safe: a copy of the load file may use the first one again, and
    another of its copies a newer one. What is bought anew by explicit word is bought whatever others do.
    """
    if batch.again:
        return False
    first: int | None = batch.id
    if batch.generation > 0:
        (first,) = db.execute(
            "SELECT MIN(id) FROM batch WHERE state = 'replaced' AND step = ? AND generation = 0",
            (batch.step,),
        ).fetchone()
    when = None if first is None else used_up_at(attempts(db, first))
    return when is not None and not is_remembered(when, now, within=HALF_A_DAY)


def was_renewed(db: Connection, batch: BatchRow) -> bool:
    """Whether something of a batch was sent under another key before, by itself or in one that it was a part of."""
    step, generation = batch.step, batch.generation
    while not generation and "." in step:
        step = step.rpartition(".")[0]
        (generation,) = db.execute(
            "SELECT MAX(generation) FROM batch WHERE state = 'replaced' AND step = ?", (step,)
        ).fetchone()
    return bool(generation)


def seen_elsewhere(db: Connection) -> bool:
    """Whether the API knew a key before anything was sent under it from here: a copy of the plan was at work.

    So it was if a create under a second key meets a campaign of its name.
    """
    found = db.execute(
        "SELECT 1 FROM attempt AS seen WHERE kind = ? AND batch IS NOT NULL AND NOT EXISTS (SELECT 1 FROM attempt "
        "WHERE batch = seen.batch AND id < seen.id AND (kind IS NULL OR kind NOT IN (?, ?))) UNION ALL "
        "SELECT 1 FROM attempt JOIN batch ON batch.id = attempt.batch WHERE step = ? AND generation > 0 AND code = ? "
        "LIMIT 1",
        (Kind.SEEN_BEFORE.value, Kind.SEEN_BEFORE.value, Kind.NOT_SENT.value, CREATE, NAME_TAKEN),
    )
    return found.fetchone() is not None
