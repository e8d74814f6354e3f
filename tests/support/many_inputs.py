"""Async inputs of show_many, and what must not be left of them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from shop import Shop

from tokfluence_async.resources.many import Shown, show_many

__all__ = ["nothing_left", "numbers", "shown_of"]


def shown_of(
    shop: Shop, source: AsyncIterator[str], *, ordered: bool = True, concurrency: int = 2
) -> AsyncGenerator[Shown, None]:
    return show_many(shop.show, source, ordered=ordered, concurrency=concurrency)


@asynccontextmanager
async def nothing_left() -> AsyncGenerator[None, None]:
    """No task is left over, and the loop was told of no error that nobody took."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    before = asyncio.all_tasks()
    try:
        yield
        gc.collect()
        assert asyncio.all_tasks() == before
        assert told == []
    finally:
        loop.set_exception_handler(None)


async def numbers(count: int = 1000, gap: float = 0.0) -> AsyncGenerator[str, None]:
    for n in range(count):
        if gap:
            await asyncio.sleep(gap)
        yield str(n)
