"""How fast a load runs when nothing outside holds it up: URLs a second, durable, and bytes on disk.

The transport answers at once and the rate limit is lifted, so what is measured is the loader, the session and the
journal. In the same run: the file's bare commits, two a batch, which is what a load can't do without.

    python benchmarks/bench_load.py [URLS]
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from tokfluence_async.campaign import CampaignBuilder
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.client import Tokfluence
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.wire import Outcome, Reply, Request
from tokfluence_async.session.session import Session

HEADERS = {"x-credits-remaining": "1000000000"}


class Instant:
    """A transport that answers at once."""

    async def send(self, request: Request, *, timeout: float) -> Outcome:
        del timeout
        await asyncio.sleep(0)
        if request.call == "campaigns.create":
            return Reply(201, HEADERS, b'{"data": {"id": 1, "name": "bench"}}')
        return Reply(200, HEADERS, b'{"data": {}, "meta": {"rejected": []}}')

    async def close(self) -> None:
        return


class Unlimited(Tokfluence):
    """A client over that transport."""

    def _open_session(self) -> Session:
        return Session(Instant(), Limiter(0), self.events, concurrency=self.options.concurrency)


def make_plan(urls: int) -> CampaignBuilder:
    builder = CampaignBuilder("bench")
    builder.add_items(
        (
            f"https://www.tiktok.com/@maker_{n % 997}/video/{7_300_000_000_000_000_000 + n * 7919}",
            None,
            n % 50 * 100,
        )
        for n in range(urls)
    )
    return builder


async def load(path: Path) -> float:
    async with Unlimited("tkf_live_" + "a" * 32, concurrency=8) as tok:
        file = LoadFile.open(path)
        started = time.perf_counter()
        report = await Loader(tok, file).run()
        elapsed = time.perf_counter() - started
        file.close()
    if report.state != "complete":
        raise SystemExit(f"the load did not complete: {report}")
    return elapsed


def commits(folder: Path, count: int) -> float:
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
    started = time.perf_counter()
    for n in range(count):
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO t (x) VALUES (?)", (n,))
        db.execute("COMMIT")
    elapsed = time.perf_counter() - started
    db.close()
    return elapsed


def main() -> None:
    urls = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = Path(folder) / "bench.tokload"
        plan = make_plan(urls).plan()
        LoadFile.create(path, plan).close()
        elapsed = asyncio.run(load(path))
        bare = commits(Path(folder), 2 * plan.batches)
        size = path.stat().st_size
        started = time.perf_counter()
        file = LoadFile.open(path)
        file.close()
        opened = time.perf_counter() - started
    print(f"{urls:,} URLs in {plan.batches:,} batches")
    print(f"load, durable      {urls / elapsed:>12,.0f} URLs/s")
    print(
        f"two bare commits a batch, inline, would allow {urls / bare:,.0f} URLs/s: ratio {bare / elapsed:.2f}"
    )
    print(f"on disk            {size / urls:>12.1f} bytes a URL")
    print(f"open and close     {opened:>12.3f} s")


main()
