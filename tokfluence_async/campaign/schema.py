"""The tables of a load file, and the numbers in its header that say so."""

from __future__ import annotations

from typing import Final

__all__ = ["APPLICATION_ID", "SCHEMA", "VERSION"]

APPLICATION_ID: Final = 0x746F6B6C  # "tokl", in the SQLite header
VERSION: Final = 4
"""The format's number; a file of another one is refused."""

SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,          -- in the order of the input; what is split or sent anew comes last
    step TEXT NOT NULL,              -- with the generation, the name that the idempotency key is made of
    generation INTEGER NOT NULL DEFAULT 0,
    urls INTEGER NOT NULL,
    posts BLOB,
    state TEXT NOT NULL DEFAULT 'pending',
    accepted INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0,
    again INTEGER NOT NULL DEFAULT 0,  -- 1: it may have been bought already, under another key than its own
    outcomes BLOB,                   -- of the URLs that were not accepted
    charged_min INTEGER NOT NULL DEFAULT 0,
    charged_max INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pending_batch ON batch (id) WHERE state = 'pending';
CREATE INDEX doubtful_batch ON batch (id) WHERE state = 'doubtful';
CREATE INDEX replaced_step ON batch (step) WHERE state = 'replaced';
CREATE INDEX create_step ON batch (generation) WHERE step = 'create';
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    batch INTEGER,                   -- NULL for a read
    call TEXT NOT NULL,
    key TEXT,
    digest BLOB,
    price INTEGER NOT NULL,
    started REAL NOT NULL,
    ended REAL,                      -- NULL: the process ended before the answer was recorded
    kind TEXT,
    status INTEGER,
    code TEXT,
    message TEXT,
    credits_remaining INTEGER
);
CREATE INDEX attempt_of ON attempt (batch) WHERE batch IS NOT NULL;
CREATE INDEX reads ON attempt (id) WHERE batch IS NULL;
CREATE TABLE skipped (id INTEGER PRIMARY KEY, rows BLOB NOT NULL);
"""
