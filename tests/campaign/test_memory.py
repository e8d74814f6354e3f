"""A load takes as much memory for a hundred thousand URLs as for a few thousand."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path

from loads import KEY, make_plan
from scripted import reply

from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.client import Tokfluence
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.wire import Outcome, Request
from tokfluence_async.session.session import Session

MEBIBYTE = 1024 * 1024


class Instant:
    """A transport that answers at once, and keeps nothing."""

    async def send(self, request: Request, *, timeout: float) -> Outcome:
        del request, timeout
        await asyncio.sleep(0)
        return reply(200, {"data": {"id": 1}}, x_credits_remaining="1000000000")

    async def close(self) -> None:
        return


class Unlimited(Tokfluence):
    """A client over that transport."""

    def _open_session(self) -> Session:
        return Session(Instant(), Limiter(0), self.events, concurrency=self.options.concurrency)


async def peak(path: Path, urls: int) -> int:
    """Bytes that a load has taken at most, besides what there was before it."""
    LoadFile.create(path, make_plan(urls, batch_size=50)).close()
    async with Unlimited(KEY) as tok:
        file = LoadFile.open(path)
        gc.collect()
        tracemalloc.start()
        try:
            report = await Loader(tok, file).run()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            file.close()
    assert report.urls.accepted == urls
    return most


def test_memory_does_not_grow_with_the_load(tmp_path: Path) -> None:
    small = asyncio.run(peak(tmp_path / "small.tokload", 5_000))
    large = asyncio.run(peak(tmp_path / "large.tokload", 60_000))
    assert large < small + MEBIBYTE, f"{small / MEBIBYTE:.1f} MiB and {large / MEBIBYTE:.1f} MiB"
