"""A load file as it would be, had all that is on record in it been done some days before."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zlib import crc32

__all__ = ["age"]

DAY = 86_400.0


def age(file: Path, days: float = 2) -> None:
    """Have a plan made, and what its load did be done, some days earlier; later, if they are less than 0."""
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE attempt SET started = started - ?1, ended = ended - ?1", (days * DAY,))
        db.execute("UPDATE meta SET value = value - ? WHERE key = 'looked_for_unsent'", (days * DAY,))
        (text,) = db.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()
        plan = json.loads(text)
        made = datetime.fromisoformat(plan["created_at"]) - timedelta(days=days)
        text = json.dumps(plan | {"created_at": made.isoformat()})
        changed = {"plan": text, "plan_checksum": f"{crc32(text.encode()):08x}"}
        db.executemany("UPDATE meta SET value = ?2 WHERE key = ?1", changed.items())
