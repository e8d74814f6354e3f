"""Safe to leave running: nothing grows with the number of requests."""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from scripted import KEY, POST_ID, error, ok, read_request, serving

from tokfluence_async import NotFoundError, Tokfluence

pytestmark = pytest.mark.anyio

DESCRIPTORS = Path("/proc/self/fd")
WARM_UP, REQUESTS, AT_ONCE = 400, 2000, 16
MISSING = error(404, "post_not_found").body


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer; every tenth request on a connection with an error, every fiftieth with a close."""
    number = 0
    while number < 50:
        number += 1
        await read_request(reader)
        answer = ok()
        if number % 10 == 0:
            answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(MISSING) + MISSING
        if number == 50:
            answer = answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        writer.write(answer)
        await writer.drain()
    writer.close()


async def make(tok: Tokfluence, count: int) -> None:
    async def worker() -> None:
        for _ in range(count // AT_ONCE):
            with suppress(NotFoundError):
                await tok.posts.show(POST_ID)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def counts() -> tuple[int, int]:
    gc.collect()
    return len(gc.get_objects()), len(list(DESCRIPTORS.iterdir()))


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts descriptors as Linux has them")
async def test_nothing_grows_with_the_number_of_requests() -> None:
    async with serving(serve) as port:
        tok = Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}", concurrency=AT_ONCE, requests_per_minute=0)
        async with tok:
            await make(tok, WARM_UP)
            objects, descriptors = counts()
            tracemalloc.start()
            before = tracemalloc.take_snapshot()
            await make(tok, REQUESTS)
            gc.collect()
            after = tracemalloc.take_snapshot()
            tracemalloc.stop()
            objects_after, descriptors_after = counts()
    ours = [tracemalloc.Filter(inclusive=True, filename_pattern="*/tokfluence_async/*")]
    grown = sum(
        each.size_diff
        for each in after.filter_traces(ours).compare_to(before.filter_traces(ours), "filename")
    )
    assert grown < REQUESTS * 20  # bytes: far below one object a request
    assert objects_after - objects < REQUESTS / 4
    assert descriptors_after - descriptors <= 2 * AT_ONCE  # either end of a pooled connection


async def test_closing_leaves_nothing_unclosed(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: seen.append(context))
    hook, sys.unraisablehook = sys.unraisablehook, seen.append
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            async with serving(serve) as port:
                for _ in range(3):
                    async with Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}") as tok:
                        await tok.posts.show(POST_ID)
                    del tok
                gc.collect()
                await asyncio.sleep(0)
    finally:
        sys.unraisablehook = hook
        loop.set_exception_handler(None)
    assert seen == []
    assert [str(each.message) for each in warned] == []
