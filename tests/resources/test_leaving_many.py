"""show_many, left early: what is left behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from shop import Shop, collect, ids, run

from tokfluence_async import AuthenticationError
from tokfluence_async.resources.many import show_many


class Feed:
    """Ids from a generator that tells when it was closed."""

    def __init__(self, gap: float = 0.0) -> None:
        self.gap = gap
        self.closed = False

    async def aids(self) -> AsyncGenerator[str, None]:
        try:
            for n in range(1000):
                await asyncio.sleep(self.gap)
                yield str(n)
        finally:
            await asyncio.sleep(0)
            self.closed = True

    def ids(self) -> Iterator[str]:
        try:
            yield from ids(1000)
        finally:
            self.closed = True


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("kind", ["sync", "async", "slow async"])
@pytest.mark.parametrize("end", ["left", "error", "cancelled"])
def test_a_generator_is_closed_with_the_iteration(end: str, kind: str, *, ordered: bool) -> None:
    feed = Feed(gap=10 if kind == "slow async" else 0)
    source: Any = feed.ids() if kind == "sync" else feed.aids()
    shop = Shop(lambda n: n + 1, {1: AuthenticationError("no")} if end == "error" else None)

    async def main() -> None:
        async with aclosing(show_many(shop.show, source, ordered=ordered, concurrency=3)) as shown:
            if end == "left":
                await anext(shown)
            elif end == "cancelled":
                reader = asyncio.create_task(collect(shown, []))
                await asyncio.sleep(2.5)
                reader.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reader
            else:
                with pytest.raises(AuthenticationError):
                    await collect(shown, [])
        assert feed.closed
        assert shop.in_flight == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


class Stream:
    """An async iterator that is no generator, such as a queue or a connection: its owner closes it."""

    def __init__(self) -> None:
        self.number = -1
        self.closed = False

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> str:
        self.number += 1
        return str(self.number)

    async def aclose(self) -> None:
        self.closed = True


def test_a_stream_of_the_caller_s_stays_open() -> None:
    stream, shop = Stream(), Shop()

    async def main() -> None:
        async with aclosing(show_many(shop.show, stream, ordered=True, concurrency=3)) as shown:
            await anext(shown)

    run(main())
    assert not stream.closed


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("kind", ["sync", "async", "slow async"])
@pytest.mark.parametrize("begun", [True, False])
def test_an_abandoned_iteration_leaves_nothing_running(kind: str, *, begun: bool, ordered: bool) -> None:
    """Neither closed nor read to its end; a warning of what is left would be an error here."""
    feed = Feed(gap=0.5 if kind == "slow async" else 0)
    shop = Shop(lambda n: n + 1)

    async def main() -> None:
        shown = show_many(
            shop.show,
            feed.ids() if kind == "sync" else feed.aids(),
            ordered=ordered,
            concurrency=3,
        )
        if begun:
            async for _ in shown:
                break
        del shown
        gc.collect()
        await asyncio.sleep(0.001)
        assert shop.in_flight == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert feed.closed == begun

    run(main())
    gc.collect()
