"""What is written into a load file while it is loaded, and read back: batches and their attempts, in SQL.

Each function is one step of a transaction that its caller has begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from sqlite3 import Connection
from typing import Final

import orjson
from attrs import frozen

from tokfluence_async.campaign.batch import Address, Post, addresses_in, pack, unpack
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.session.budget import Charge

__all__ = ["CREATE", "BatchRow", "Connection", "Rejection", "State"]

CREATE: Final = "create"
"""The create's step."""
NAME_TAKEN: Final = "invalid_campaign"
"""Code of a create whose name another campaign has."""

_BATCH: Final = "SELECT id, step, generation, urls, state, charged_min, charged_max, again FROM batch"


class State(Enum):
    """What is on record of a batch."""

    PENDING = "pending"
    """Nothing of it is in doubt: it was never sent, or is known not to have been applied."""
    DOUBTFUL = "doubtful"
    """It was, or is being, sent, and what became of it is not known yet."""
    APPLIED = "applied"
    """Every URL of it is accepted or rejected."""
    REFUSED = "refused"
    """The API refused the batch as a whole; it is not sent again."""
    UNKNOWN = "unknown"
    """What became of some of it can't be found out."""
    REPLACED = "replaced"
    """What is left of it went into other batches."""


@frozen
class BatchRow:
    """A batch, or the create, as it is on record."""

    id: int
    step: str
    """``create``, ``analyze/7``, or ``analyze/7.0`` for the first half of a batch that was too large."""
    generation: int
    """With the step, the name that the idempotency key is made of."""
    urls: int
    state: State
    charged: Charge
    again: bool = False
    """Whether somebody may have bought it already, under another key than its own: it is bought by explicit word only,
    and unknown until that is settled."""


@frozen
class Rejection:
    """A URL that was sent and not accepted, or whose outcome is unknown."""

    row: int
    url: str
    creator_handle: str | None
    fee_cents: int
    outcome: str
    """``rejected`` or ``unknown``."""
    code: str
    message: str


@frozen
class Settlement:
    """What an attempt's end, or the campaign's list, changes of a batch; written in one transaction."""

    state: State
    charge: Charge
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    outcomes: tuple[Rejection, ...] = ()
    children: tuple[tuple[str, int, tuple[Post, ...]], ...] = ()
    """Batches that take its place: step, generation, posts."""
    kept: tuple[Post, ...] = ()
    """Posts that stay with the batch where it has children: those that are accepted."""
    again: bool = False
    """Whether its children, or the batch itself if it has none, may have been bought already under another key."""


def begin_attempt(
    db: Connection,
    *,
    batch: int | None,
    call: str,
    key: str | None,
    digest: bytes | None,
    price: int,
    started: float,
) -> int:
    """Record the intent to send; the batch is in doubt from here on."""
    if batch is not None:
        db.execute(
            "UPDATE batch SET state = ?, charged_max = ? WHERE id = ?", (State.DOUBTFUL.value, price, batch)
        )
    cursor = db.execute(
        "INSERT INTO attempt (batch, call, key, digest, price, started) VALUES (?, ?, ?, ?, ?, ?)",
        (batch, call, key, digest, price, started),
    )
    return int(cursor.lastrowid or 0)


def end_attempt(
    db: Connection, attempt: int, *, seen: Seen, ended: float, credits_remaining: int | None
) -> None:
    """Record how an attempt ended."""
    db.execute(
        "UPDATE attempt SET ended = ?, kind = ?, status = ?, code = ?, message = ?, credits_remaining = ? WHERE id = ?",
        (ended, seen.kind.value, seen.status, seen.code, seen.message[:500], credits_remaining, attempt),
    )


def settle_batch(db: Connection, batch: BatchRow, settlement: Settlement) -> None:
    """Record what became of a batch."""
    blob = None
    if settlement.outcomes:
        rows = [
            [each.row, each.url, each.creator_handle, each.fee_cents, each.outcome, each.code, each.message]
            for each in settlement.outcomes
        ]
        blob = orjson.dumps(rows)
    db.execute(
        "UPDATE batch SET state = ?, accepted = ?, rejected = ?, unknown = ?, outcomes = ?, "
        "charged_min = ?, charged_max = ?, again = again OR ? WHERE id = ?",
        (
            settlement.state.value,
            settlement.accepted,
            settlement.rejected,
            settlement.unknown,
            blob,
            settlement.charge.min,
            settlement.charge.max,
            settlement.again and not settlement.children,
            batch.id,
        ),
    )
    if settlement.children:
        db.execute(
            "UPDATE batch SET urls = ?, posts = ? WHERE id = ?",
            (len(settlement.kept), pack(settlement.kept), batch.id),
        )
    db.executemany(
        "INSERT INTO batch (step, generation, urls, posts, again) VALUES (?, ?, ?, ?, ?)",
        (
            (step, generation, len(posts), pack(posts), batch.again or settlement.again)
            for step, generation, posts in settlement.children
        ),
    )


def set_aside(db: Connection, batch: BatchRow, charge: Charge) -> int:
    """Keep what a batch may have been charged, before it is sent again under a key that the API may have forgotten.

    Returns:
        What to give to `take_back`.
    """
    cursor = db.execute(
        "INSERT INTO batch (step, generation, urls, state, charged_min, charged_max) VALUES (?, ?, 0, ?, ?, ?)",
        (f"{batch.step}/earlier", batch.generation, State.REPLACED.value, charge.min, charge.max),
    )
    return int(cursor.lastrowid or 0)


def take_back(db: Connection, aside: int) -> None:
    """The key was not forgotten: what was set aside is no second charge."""
    db.execute("DELETE FROM batch WHERE id = ?", (aside,))


def history(db: Connection, batch: int) -> list[Kind]:
    """The attempts of a batch, oldest first; one without an end counts as lost."""
    return [kind for kind, _ in attempts(db, batch)]


def attempts(db: Connection, batch: int) -> list[tuple[Kind, float]]:
    """The same, each with when it was begun: Unix seconds."""
    found = db.execute("SELECT kind, started FROM attempt WHERE batch = ? ORDER BY id", (batch,))
    return [(Kind.LOST if kind is None else Kind(kind), started) for kind, started in found]


def create_of(db: Connection) -> BatchRow:
    """The create, in its latest generation."""
    found = db.execute(f"{_BATCH} WHERE step = ? ORDER BY generation DESC LIMIT 1", (CREATE,)).fetchone()
    return _to_row(found)


def batches_after(
    db: Connection,
    state: State,
    after: int,
    limit: int,
    *,
    again: bool | None = None,
    renewed: bool | None = None,
) -> list[BatchRow]:
    """The next batches in a state, in the order in which they are sent.

    Args:
        db: The load file.
        state: Which state.
        after: The id of the last one before.
        limit: How many at most; -1 for all.
        again: Only those, or all but those, that buy anew what may have been bought already; all of either by default.
        renewed: Only those, or all but those, that have got a new key; all of either by default.
    """
    # The state is an enum's own value, spelled out so that SQLite sees that the partial index fits.
    found = db.execute(
        f"{_BATCH} WHERE state = '{state.value}' AND id > ? AND step <> ? "
        "AND (generation > 0) = COALESCE(?, generation > 0) AND again = COALESCE(?, again) ORDER BY id LIMIT ?",
        (after, CREATE, renewed, again, limit),
    )
    return [_to_row(each) for each in found]


def _to_row(found: tuple[int, str, int, int, str, int, int, int]) -> BatchRow:
    number, step, generation, urls, state, low, high, again = found
    return BatchRow(number, step, generation, urls, State(state), Charge(low, high), bool(again))


def halves_of(db: Connection, batch: BatchRow) -> list[BatchRow]:
    """The halves into which a batch was split because it was too large."""
    found = db.execute(
        f"{_BATCH} WHERE step IN (?, ?) ORDER BY id", [f"{batch.step}.{half}" for half in (0, 1)]
    )
    return [_to_row(each) for each in found]


def smallest_half(db: Connection) -> int | None:
    """URLs in the smallest of the batches that were made of larger ones; None if none was too large."""
    (urls,) = db.execute("SELECT MIN(urls) FROM batch WHERE step LIKE 'analyze/%.%' AND urls > 0").fetchone()
    return None if urls is None else int(urls)


def posts_of(db: Connection, batch: int) -> list[Post]:
    """The posts of a batch."""
    (blob,) = db.execute("SELECT posts FROM batch WHERE id = ?", (batch,)).fetchone()
    return unpack(blob)


def addresses_of(db: Connection, batch: int) -> list[Address]:
    """The addresses of the posts of a batch."""
    (blob,) = db.execute("SELECT posts FROM batch WHERE id = ?", (batch,)).fetchone()
    return addresses_in(blob)


def outcomes_of(db: Connection, batch: int) -> list[Rejection]:
    """What is on record of the posts of a batch that were not accepted."""
    (blob,) = db.execute("SELECT outcomes FROM batch WHERE id = ?", (batch,)).fetchone()
    return _rejections(blob)


def created_by_us(db: Connection) -> bool:
    """Whether the campaign was made by a create that was sent from here."""
    return Kind.APPLIED in history(db, create_of(db).id)


def created_at(db: Connection) -> float | None:
    """When the create was sent that made the campaign: Unix seconds; None if none from here did."""
    (when,) = db.execute(
        "SELECT MAX(started) FROM attempt JOIN batch ON batch.id = attempt.batch WHERE step = ? AND kind = ?",
        (CREATE, Kind.APPLIED.value),
    ).fetchone()
    return None if when is None else float(when)


def any_applied(db: Connection) -> bool:
    """Whether an attempt may have been applied, or may have used its key up."""
    found = db.execute(
        "SELECT 1 FROM attempt WHERE batch IS NOT NULL AND (kind IS NULL OR kind NOT IN (?, ?)) LIMIT 1",
        (Kind.NOT_SENT.value, Kind.DENIED.value),
    )
    return found.fetchone() is not None


def urls_in(db: Connection, state: State, *, again: bool | None = None) -> int:
    """How many URLs stand in batches of a state; of those, or of all but those, that buy anew, if that is said."""
    (number,) = db.execute(
        "SELECT COALESCE(SUM(urls), 0) FROM batch WHERE state = ? AND step <> ? AND again = COALESCE(?, again)",
        (state.value, CREATE, again),
    ).fetchone()
    return int(number)


def credits_to_come(db: Connection, per_url: int) -> int:
    """What it may still cost, in credits, to buy all that is not settled, besides what is counted as charged already.

    Without what is bought anew, by explicit word.
    """
    (credits_,) = db.execute(
        "SELECT COALESCE(SUM(? * urls - charged_max), 0) FROM batch "
        "WHERE state IN ('pending', 'doubtful') AND again = 0 AND step <> ?",
        (per_url, CREATE),
    ).fetchone()
    return int(credits_)


def urls_accepted(db: Connection) -> int:
    """How many URLs are on record as accepted."""
    (number,) = db.execute("SELECT COALESCE(SUM(accepted), 0) FROM batch").fetchone()
    return int(number)


def latest_attempt(db: Connection) -> int:
    """The number of the latest attempt; 0 before the first."""
    (number,) = db.execute("SELECT MAX(id) FROM attempt").fetchone()
    return number or 0


def latest_post(db: Connection) -> int:
    """The number of the latest attempt at a POST; 0 before the first."""
    (number,) = db.execute("SELECT MAX(id) FROM attempt WHERE batch IS NOT NULL").fetchone()
    return number or 0


def last_doubt(db: Connection) -> float | None:
    """When the latest attempt of a batch in doubt ended or, if that is not on record, began: Unix seconds."""
    (when,) = db.execute(
        "SELECT MAX(COALESCE(ended, started)) FROM attempt JOIN batch ON batch.id = attempt.batch "
        "WHERE batch.state = 'doubtful' AND step <> ?",
        (CREATE,),
    ).fetchone()
    return None if when is None else float(when)


def any_accepted(db: Connection) -> bool:
    """Whether a batch was taken by the API: from then on batches need not go alone."""
    return db.execute("SELECT 1 FROM batch WHERE accepted > 0 LIMIT 1").fetchone() is not None


def outcomes(db: Connection) -> Iterator[tuple[Post, str, str, str]]:
    """Each post of the plan with its outcome (accepted, rejected, unsent or unknown), code and message."""
    for state, blob, not_accepted, again in db.execute(
        "SELECT state, posts, outcomes, again FROM batch WHERE posts IS NOT NULL ORDER BY id"
    ):
        listed = {each.url: each for each in _rejections(not_accepted)}
        usual = "unknown" if again and state == "pending" else _USUAL_OUTCOME.get(State(state), "accepted")
        for post in unpack(blob):
            other = listed.get(post.url)
            if other is None:
                yield post, usual, "", ""
            else:
                yield post, other.outcome, other.code, other.message


_USUAL_OUTCOME: Final = {State.PENDING: "unsent", State.DOUBTFUL: "unknown"}


def _rejections(blob: bytes | None) -> list[Rejection]:
    return [] if blob is None else [Rejection(*fields) for fields in orjson.loads(blob)]
