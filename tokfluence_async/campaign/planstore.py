"""The plan in a load file: written once and whole, and read back only if it is what was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4
from zlib import crc32

import orjson

from tokfluence_async.campaign.origins import Origin
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.schema import APPLICATION_ID, SCHEMA, VERSION

__all__ = ["agreement", "read_plan", "write_draft"]


def agreement(max_credits: int | None) -> dict[str, str]:
    """What a load file records of somebody's word to spend what its plan costs, under a cap if there is one."""
    return {"agreed": "1"} | ({} if max_credits is None else {"max_credits": str(max_credits)})


def write_draft(draft: Path, plan: Plan, *, agreed: bool, max_credits: int | None) -> None:
    """Make a load file of a plan. It is not synced.

    Args:
        draft: An empty file that nobody else knows.
        plan: What to write.
        agreed: Whether somebody has agreed to spend what it costs.
        max_credits: The cap under which they have.

    Raises:
        sqlite3.Error: It can't be written.
    """
    db = sqlite3.connect(draft, isolation_level=None)
    try:
        # Nobody sees it before it is whole, and whoever gives it its name syncs it once.
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = MEMORY")
        db.execute("BEGIN")
        _write(db, plan, agreement(max_credits) if agreed else {})
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")
    finally:
        db.close()


def _write(db: sqlite3.Connection, plan: Plan, agreed: dict[str, str]) -> None:
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            db.execute(statement)
    db.execute("INSERT INTO batch (id, step, urls) VALUES (0, 'create', 0)")
    sizes = _batch_sizes(plan)
    db.executemany(
        "INSERT INTO batch (id, step, urls, posts) VALUES (?, ?, ?, ?)",
        (
            (number, f"analyze/{number}", size, blob)
            for number, (size, blob) in enumerate(zip(sizes, plan.batch_blobs, strict=True), start=1)
        ),
    )
    db.executemany("INSERT INTO skipped (rows) VALUES (?)", ((blob,) for blob in plan.skipped_blobs))
    text = orjson.dumps(_plan_to_json(plan)).decode()
    facts = {"plan": text, "plan_checksum": _checksum(text), "made": uuid4().hex} | agreed
    db.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", facts.items())


def read_plan(db: sqlite3.Connection) -> Plan:
    """The plan, without its posts.

    Raises:
        ValueError: It is not there, or not as it was written.
    """
    facts: dict[str, Any] = dict(
        db.execute("SELECT key, value FROM meta WHERE key IN ('plan', 'plan_checksum')")
    )
    text = facts.get("plan")
    if not isinstance(text, str) or facts.get("plan_checksum") != _checksum(text):
        # Its id is what the idempotency keys are made of: under another, everything would be bought again.
        raise ValueError("the plan's checksum does not fit")
    return _plan_from_json(orjson.loads(text))


def _checksum(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


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
        "other_creators": plan.other_creators,
        "other_creators_at": plan.other_creators_at,
        "on_conflict": plan.on_conflict,
        "origins": [[each.name, each.counted] for each in plan.origins],
    }


def _plan_from_json(stored: dict[str, Any]) -> Plan:
    return Plan(
        plan_id=UUID(stored["plan_id"]),
        created_at=datetime.fromisoformat(stored["created_at"]),
        reasons=stored["reasons"],
        notes=tuple(stored["notes"]),
        # Not in what was written before these were counted.
        other_creators=stored.get("other_creators", 0),
        other_creators_at=tuple((source, row) for source, row in stored.get("other_creators_at", ())),
        on_conflict=stored.get("on_conflict"),
        origins=tuple(Origin(name, counted) for name, counted in stored["origins"]),
        **{name: stored[name] for name in _PLAN_FACTS},
    )
