"""Sums over a load file, and what in it is in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from tokfluence_async.campaign.records import Connection

__all__ = ["Totals", "doubts", "totals"]

_UNKNOWN: Final = "CASE WHEN state = 'doubtful' OR (state = 'pending' AND again) THEN urls ELSE unknown END"
"""How many URLs of a batch have an outcome that is not known."""
_BEFORE: Final = "FROM batch AS b WHERE b.step = batch.step AND b.generation <= batch.generation"
_DOUBTS: Final = (
    f"SELECT step, generation, {_UNKNOWN}, CASE WHEN again "  # noqa: S608 - made of constants
    f"THEN (SELECT MAX(started) FROM attempt WHERE attempt.batch IN (SELECT b.id {_BEFORE})) "
    "ELSE (SELECT MAX(started) FROM attempt WHERE attempt.batch = batch.id) END, "
    f"CASE WHEN again THEN (SELECT SUM(b.charged_min) {_BEFORE}) ELSE charged_min END, "
    f"CASE WHEN again THEN (SELECT SUM(b.charged_max) {_BEFORE}) ELSE charged_max END "
    f"FROM batch WHERE {_UNKNOWN} > 0 ORDER BY id"
)


@frozen
class Totals:
    """Sums over a load file."""

    accepted: int
    rejected: int
    unsent: int
    unknown: int
    charged_min: int
    charged_max: int
    requests: int
    retries: int
    credits_remaining: int | None


def doubts(db: Connection) -> Iterator[tuple[str, int, int, float | None, int, int]]:
    """Batches with URLs in doubt: step, generation, such URLs, when last sent, charge at least and at most.

    What one that buys anew may have been charged before is told with it.
    """
    yield from db.execute(_DOUBTS)


def totals(db: Connection) -> Totals:
    """The sums of a load file."""
    accepted, rejected, unsent, unknown, low, high = db.execute(
        "SELECT SUM(accepted), SUM(rejected), "  # noqa: S608 - made of constants
        "SUM(CASE WHEN state = 'pending' AND NOT again THEN urls ELSE 0 END), "
        f"SUM({_UNKNOWN}), SUM(charged_min), SUM(charged_max) FROM batch"
    ).fetchone()
    # A read that has no end on record may have been charged, as may one whose answer was lost.
    read_low, read_high = db.execute(
        "SELECT COALESCE(SUM(CASE kind WHEN 'applied' THEN price ELSE 0 END), 0), COALESCE(SUM(CASE WHEN kind IS NULL "
        "OR kind IN ('applied', 'lost', 'lost_refund', 'garbled', 'refused', 'redirected') THEN price ELSE 0 END), 0) "
        "FROM attempt WHERE batch IS NULL"
    ).fetchone()
    requests, sent_batches = db.execute(
        "SELECT COUNT(*), COUNT(DISTINCT COALESCE(batch, -id)) FROM attempt"
    ).fetchone()
    last = db.execute(
        "SELECT credits_remaining FROM attempt WHERE credits_remaining IS NOT NULL ORDER BY ended DESC, id DESC LIMIT 1"
    ).fetchone()
    return Totals(
        accepted=accepted,
        rejected=rejected,
        unsent=unsent,
        unknown=unknown,
        charged_min=low + read_low,
        charged_max=high + read_high,
        requests=requests,
        retries=requests - sent_batches,
        credits_remaining=None if last is None else last[0],
    )
