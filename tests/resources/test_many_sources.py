"""show_many over async generators: one task, one context, and scopes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from many_inputs import nothing_left, numbers, shown_of
from shop import Shop, collect, drain, run

from tokfluence_async import AuthenticationError

TENANT: ContextVar[str] = ContextVar("TENANT", default="nobody")


# One task and one context for the whole life of an input


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("gap", [0.0, 5.0])
@pytest.mark.parametrize("end", ["exhausted", "left", "cancelled", "error"])
def test_a_context_variable_that_is_set_and_reset(end: str, gap: float, *, ordered: bool) -> None:
    seen: list[str] = []
    tasks: set[Any] = set()

    async def source() -> AsyncGenerator[str, None]:
        token = TENANT.set("acme")
        try:
            async for each in numbers(6, gap):
                seen.append(TENANT.get())
                tasks.add(asyncio.current_task())
                yield each
        finally:
            await asyncio.sleep(0)
            tasks.add(asyncio.current_task())
            TENANT.reset(token)
            seen.append(TENANT.get())

    async def main() -> None:
        shop = Shop(errors={1: AuthenticationError("no")} if end == "error" else None)
        async with nothing_left():
            async with aclosing(shown_of(shop, source(), ordered=ordered)) as shown:
                if end == "exhausted":
                    await collect(shown, [])
                elif end == "left":
                    await anext(shown)
                elif end == "cancelled":
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(1.5):
                            await collect(shown, [])
                else:
                    with pytest.raises(AuthenticationError):
                        await collect(shown, [])
            assert TENANT.get() == "nobody"
        assert shop.in_flight == 0

    run(main())
    assert seen.pop() == "nobody"
    assert set(seen) <= {"acme"}
    assert len(tasks) == 1


def test_an_input_sees_the_context_of_the_one_who_iterates() -> None:
    async def source() -> AsyncGenerator[str, None]:
        assert TENANT.get() == "acme"
        yield "0"
        assert TENANT.get() == "acme"

    async def main() -> None:
        TENANT.set("acme")
        await collect(shown_of(Shop(), source()), [])

    run(main())


def test_a_task_group_in_an_input() -> None:
    """Its children go on while the input is not asked."""
    made: list[str] = []

    async def make(into: asyncio.Queue[str]) -> None:
        for n in range(6):
            await asyncio.sleep(0.5)
            made.append(str(n))
            await into.put(str(n))
        await into.put("")

    async def source() -> AsyncGenerator[str, None]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        async with anyio.create_task_group() as group:
            group.start_soon(make, queue)
            while each := await queue.get():
                yield each

    async def main() -> list[str]:
        got: list[str] = []
        async with nothing_left():
            await drain(shown_of(Shop(lambda _: 10.0), source()), got)
        return got

    assert run(main()) == made == [str(n) for n in range(6)]


@pytest.mark.parametrize("kind", ["asyncio", "anyio"])
@pytest.mark.parametrize("end", ["leaving", "cancelled"])
@pytest.mark.parametrize("gap", [0.0, 100.0])
def test_leaving_ends_the_task_group_of_an_input(gap: float, end: str, kind: str) -> None:
    """Such a group wraps the `GeneratorExit` of the close in a group of errors; it is none."""
    ended: list[str] = []

    async def child() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("child")

    async def source() -> AsyncGenerator[str, None]:
        if kind == "anyio":
            async with anyio.create_task_group() as group:
                group.start_soon(child)
                for n in range(1000):
                    await asyncio.sleep(gap if n else 0)
                    yield str(n)
        else:
            async with asyncio.TaskGroup() as plain:
                plain.create_task(child())
                for n in range(1000):
                    await asyncio.sleep(gap if n else 0)
                    yield str(n)

    async def main() -> None:
        async with nothing_left(), aclosing(shown_of(Shop(), source())) as shown:
            await anext(shown)
            if end == "cancelled":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(2.5):
                        await collect(shown, [])

    run(main())
    assert ended == ["child"]


def test_other_errors_in_the_group_of_an_input_reach_the_consumer() -> None:
    async def child() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            raise ZeroDivisionError

    async def source() -> AsyncGenerator[str, None]:
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            await asyncio.sleep(0)
            async for each in numbers():
                yield each

    async def main() -> None:
        async with nothing_left():
            shown = shown_of(Shop(), source())
            await anext(shown)
            with pytest.raises(ExceptionGroup) as caught:
                await shown.aclose()
        assert [type(each) for each in caught.value.exceptions] == [ZeroDivisionError]

    run(main())


# Scopes of an input's own


def timed(kind: str, seconds: float) -> Any:
    return asyncio.timeout(seconds) if kind == "asyncio" else _failing_after(seconds)


@asynccontextmanager
async def _failing_after(seconds: float) -> AsyncGenerator[None, None]:
    with anyio.fail_after(seconds):
        yield


KINDS = pytest.mark.parametrize("kind", ["asyncio", "anyio"])


@KINDS
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    "gap",
    [pytest.param(0.0, id="while it waits to be asked"), pytest.param(4.0, id="while it is asked")],
)
def test_a_timeout_around_the_loop_of_an_input_fires(gap: float, kind: str, *, ordered: bool) -> None:
    fired: list[float] = []

    async def source() -> AsyncGenerator[str, None]:
        try:
            async with timed(kind, 10):
                async for each in numbers(gap=gap):
                    yield each
        except TimeoutError:
            fired.append(asyncio.get_running_loop().time() - 1000)
            raise

    async def main() -> list[str]:
        got: list[str] = []
        async with nothing_left():
            with pytest.raises(TimeoutError):
                await drain(shown_of(Shop(lambda _: 3.0), source(), ordered=ordered), got)
        return got

    got = run(main())
    assert fired == [10]
    # Each id that was taken has its result first; without a gap, two at a time, 3 s each, until 10 s have passed.
    assert got == [str(n) for n in range(len(got))]
    assert len(got) == (2 if gap else 10 if ordered else 8)


@KINDS
def test_a_timeout_that_fires_while_nobody_asks_is_kept(kind: str) -> None:
    async def source() -> AsyncGenerator[str, None]:
        async with timed(kind, 10):
            async for each in numbers():
                yield each

    async def main() -> None:
        shop, got = Shop(), list[str]()
        async with nothing_left():
            shown = shown_of(shop, source())
            got.append((await anext(shown)).post_id)
            await asyncio.sleep(60)
            with pytest.raises(TimeoutError):
                await drain(shown, got)
        assert got == shop.begun == [str(n) for n in range(len(got))]
        assert len(got) <= 5

    run(main())


@KINDS
@pytest.mark.parametrize("left", [True, False])
def test_an_input_that_goes_on_after_its_timeout(kind: str, *, left: bool) -> None:
    """What it yields then is kept for the next ask, however often that happens."""

    async def source() -> AsyncGenerator[str, None]:
        for n in range(3):
            try:
                async with timed(kind, 10 + n):
                    yield str(10 * n)
                    yield str(10 * n + 1)
                    yield str(10 * n + 2)
                    yield str(10 * n + 3)
                    yield str(10 * n + 4)
            except TimeoutError:
                yield str(10 * n + 9)

    async def main() -> None:
        shop, got = Shop(), list[str]()
        async with nothing_left(), aclosing(shown_of(shop, source(), concurrency=1)) as shown:
            for _ in range(2):
                got.append((await anext(shown)).post_id)
            await asyncio.sleep(15)
            if not left:
                await drain(shown, got)
        if not left:
            assert got == [
                "0",
                "1",
                "2",
                "9",
                *(str(10 + n) for n in range(5)),
                *(str(20 + n) for n in range(5)),
            ]

    run(main())


@KINDS
def test_nested_timeouts_that_fire_while_nobody_asks(kind: str) -> None:
    async def source() -> AsyncGenerator[str, None]:
        try:
            async with timed(kind, 20):
                try:
                    async with timed(kind, 10):
                        async for each in numbers():
                            yield each
                except TimeoutError:
                    yield "700"
                    yield "701"
        except TimeoutError:
            yield "800"

    async def main() -> None:
        got: list[str] = []
        async with nothing_left():
            shown = shown_of(Shop(), source(), concurrency=1)
            got.append((await anext(shown)).post_id)
            await asyncio.sleep(60)
            await drain(shown, got)
        assert got[-2:] == ["700", "800"]

    run(main())


def test_a_child_of_an_input_that_fails_ends_it() -> None:
    async def child() -> None:
        await asyncio.sleep(5)
        raise ZeroDivisionError

    async def source() -> AsyncGenerator[str, None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            async for each in numbers():
                yield each

    async def main() -> None:
        got: list[str] = []
        async with nothing_left():
            with pytest.raises(ExceptionGroup) as caught:
                await drain(shown_of(Shop(lambda _: 2.0), source()), got)
        assert isinstance(caught.value.exceptions[0], ZeroDivisionError)
        assert got == [str(n) for n in range(len(got))]

    run(main())


# Asked for one id at a time, and only where there is a place


@pytest.mark.parametrize("ordered", [True, False])
def test_an_input_is_not_asked_while_there_is_no_place(*, ordered: bool) -> None:
    taken = 0

    async def source() -> AsyncGenerator[str, None]:
        nonlocal taken
        async for each in numbers():
            taken += 1
            yield each

    async def main() -> None:
        got = 0
        async with aclosing(
            shown_of(Shop(lambda n: 50 if n == 3 else 1), source(), ordered=ordered)
        ) as shown:
            async for _ in shown:
                got += 1
                assert taken - got <= (4 if ordered else 2)
                if got == 30:
                    break

    run(main())


def test_of_an_empty_window_an_input_is_asked_once() -> None:
    taken: list[str] = []

    async def source() -> AsyncGenerator[str, None]:
        async for each in numbers(gap=1):
            taken.append(each)
            yield each

    async def main() -> None:
        async with nothing_left(), aclosing(shown_of(Shop(lambda _: 0), source())) as shown:
            await anext(shown)
            await asyncio.sleep(100)
            assert len(taken) <= 2

    run(main())
