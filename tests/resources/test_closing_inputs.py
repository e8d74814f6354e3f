"""How async inputs of show_many end: closed in their own task, whatever happens."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest
from many_inputs import nothing_left, numbers, shown_of
from shop import Shop, collect, run


@pytest.mark.parametrize("gap", [0.0, 100.0])
def test_an_error_of_the_end_of_an_input_that_waits_reaches_the_consumer(gap: float) -> None:
    async def source() -> AsyncGenerator[str, None]:
        try:
            async for each in numbers(gap=gap or 0):
                yield each
        except GeneratorExit:
            await asyncio.sleep(1)
            raise ZeroDivisionError from None

    async def main() -> None:
        async with nothing_left():
            shown = shown_of(Shop(), source())
            await anext(shown)
            if gap:
                await shown.aclose()  # it is cancelled where it waits, and has nothing to say
            else:
                with pytest.raises(ZeroDivisionError):
                    await shown.aclose()

    run(main())


def test_an_input_that_ignores_its_end() -> None:
    async def source() -> AsyncGenerator[str, None]:
        told = False
        while not told:
            try:
                yield "1"
            except GeneratorExit:
                told = True
        yield "2"

    async def main() -> None:
        shown = shown_of(Shop(), source())
        await anext(shown)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            await shown.aclose()

    run(main())


def test_an_input_that_swallows_the_cancellation_does_not_hang_the_close() -> None:
    ended: list[str] = []

    async def source() -> AsyncGenerator[str, None]:
        yield "0"
        try:
            for n in range(1, 100):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)
                yield str(n)
        finally:
            async with asyncio.timeout(5):
                await asyncio.sleep(1)
            ended.append("source")

    async def main() -> None:
        shop = Shop()
        async with nothing_left(), asyncio.timeout(50), aclosing(shown_of(shop, source())) as shown:
            await anext(shown)
        assert shop.begun == ["0"]

    run(main())
    assert ended == ["source"]


@pytest.mark.parametrize("gap", [0.0, 100.0])
def test_a_consumer_that_is_cancelled_during_the_close(gap: float) -> None:
    """The cancellation goes on to the end of the input, as it would if that ran in the consumer's own task."""
    ended: list[str] = []

    async def source() -> AsyncGenerator[str, None]:
        yield "0"
        try:
            async for each in numbers(gap=gap):
                yield each
        finally:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
                ended.append("cancelled")
                raise

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with nothing_left():
            shop = Shop()
            shown = shown_of(shop, source())
            await anext(shown)
            closing = asyncio.ensure_future(shown.aclose())
            await asyncio.sleep(10)
            assert not closing.done()
            closing.cancel()
            began = loop.time()
            with pytest.raises(asyncio.CancelledError):
                await closing
            assert loop.time() - began == 1
            assert shop.in_flight == 0

    run(main())
    assert ended == ["cancelled"]


def test_a_cancellation_during_the_close_is_not_lost_though_the_input_swallows_it() -> None:
    async def source() -> AsyncGenerator[str, None]:
        try:
            async for each in numbers():
                yield each
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)

    async def main() -> None:
        async with nothing_left():
            shown = shown_of(Shop(), source())
            await anext(shown)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await shown.aclose()

    run(main())


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("swallows", [True, False])
def test_cancelled_at_any_moment_nothing_is_left(*, swallows: bool, ordered: bool) -> None:
    begun: list[int] = []
    ended: list[int] = []

    async def source(number: int) -> AsyncGenerator[str, None]:
        begun.append(number)
        try:
            for n in range(1000):
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    if not swallows:
                        raise
                yield str(n)
        finally:
            ended.append(number)
            await asyncio.sleep(0)

    async def main() -> None:
        async with nothing_left():
            for number in range(36):
                steps, requests = number // 3, 1 + number % 3
                shop = Shop(lambda _: 0)
                shown = shown_of(shop, source(number), ordered=ordered)
                reader = asyncio.create_task(collect(shown, []))
                for _ in range(steps):
                    await asyncio.sleep(0)
                for _ in range(requests):
                    reader.cancel()
                    await asyncio.sleep(0)
                with pytest.raises(asyncio.CancelledError):
                    await reader
                await shown.aclose()
                assert shop.in_flight == 0

    run(main())
    assert begun == ended
    assert len(begun) > 20


@pytest.mark.parametrize("make", [numbers, lambda: numbers(gap=100.0)])
@pytest.mark.parametrize("swallows", [True, False])
def test_the_end_of_the_loop_does_not_wait_for_an_iteration_that_nobody_closed(
    make: Callable[[], AsyncGenerator[str, None]], *, swallows: bool
) -> None:
    kept: list[Any] = []
    ended: list[str] = []

    async def source() -> AsyncGenerator[str, None]:
        yield "0"
        try:
            async for each in make():
                if swallows:
                    with suppress(asyncio.CancelledError):
                        yield each
                yield each
        finally:
            ended.append("source")

    async def main() -> None:
        shown = shown_of(Shop(), source())
        kept.append(shown)
        await anext(shown)

    run(main())
    assert ended == ["source"]


@pytest.mark.parametrize("steps", range(6))
def test_an_input_whose_task_is_cancelled_from_outside_is_closed(steps: int) -> None:
    """Perhaps before that task has run at all, for an input that was begun before."""
    ended: list[str] = []

    async def source() -> AsyncGenerator[str, None]:
        try:
            for n in range(1000):
                yield str(n)
        finally:
            ended.append("source")

    async def main() -> None:
        begun = source()
        await anext(begun)
        async with nothing_left():
            shop = Shop()
            shown = shown_of(shop, begun)
            before = asyncio.all_tasks()
            reader = asyncio.create_task(collect(shown, []))
            await asyncio.sleep(0)
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in asyncio.all_tasks() - before - {reader}:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            await shown.aclose()
            assert shop.in_flight == 0

    run(main())
    assert ended == ["source"]


def test_leaving_after_the_task_of_the_input_was_cancelled_is_no_cancellation() -> None:
    async def main() -> None:
        async with nothing_left():
            before = asyncio.all_tasks()
            shown = shown_of(Shop(), numbers())
            await anext(shown)
            for task in asyncio.all_tasks() - before:
                task.cancel()
            await asyncio.sleep(0)
            await shown.aclose()

    run(main())


def test_an_iteration_that_is_garbage_in_a_cycle_is_closed() -> None:
    ended: list[str] = []

    async def source() -> AsyncGenerator[str, None]:
        try:
            async for each in numbers():
                yield each
        finally:
            ended.append("source")

    async def main() -> None:
        async with nothing_left():
            shown = shown_of(Shop(lambda _: 0), source())
            await anext(shown)
            await asyncio.sleep(1)
            cycle: list[Any] = [shown]
            cycle.append(cycle)
            del shown, cycle
            gc.collect()
            await asyncio.sleep(1)

    run(main())
    assert ended == ["source"]
