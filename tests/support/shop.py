"""Posts to be shown, with latencies and errors that a test chooses; on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import virtual_time

from tokfluence_async import Post
from tokfluence_async.resources.many import Shown


class Shop:
    """Shows posts, each after a latency that its id tells, and counts."""

    def __init__(
        self, latency: Callable[[int], float] = lambda _: 1.0, errors: dict[int, Exception] | None = None
    ) -> None:
        self.latency = latency
        self.errors = errors or {}
        self.begun: list[str] = []
        self.begun_at: dict[str, float] = {}
        self.done: dict[str, float] = {}
        self.in_flight = self.most = 0

    async def show(self, post_id: str) -> Post:
        self.begun.append(post_id)
        self.begun_at[post_id] = asyncio.get_running_loop().time()
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(self.latency(int(post_id)))
        finally:
            self.in_flight -= 1
        self.done[post_id] = asyncio.get_running_loop().time()
        if int(post_id) in self.errors:
            raise self.errors[int(post_id)]
        return Post(post_id=post_id)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return virtual_time.run(main)


async def drain(shown: AsyncIterator[Shown], into: list[str]) -> None:
    async for each in shown:
        into.append(each.post_id)  # noqa: PERF401 - what came before an error counts


async def collect(shown: AsyncIterator[Shown], into: list[Shown]) -> None:
    async for each in shown:
        into.append(each)  # noqa: PERF401 - what came before an error counts


def ids(count: int) -> Iterator[str]:
    return (str(n) for n in range(count))


async def aids(count: int, gap: float = 0.0) -> AsyncIterator[str]:
    for n in range(count):
        if gap:
            await asyncio.sleep(gap)
        yield str(n)
