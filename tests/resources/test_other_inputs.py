"""Async inputs of show_many that are no generators, and their errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import pytest
from many_inputs import nothing_left, shown_of
from shop import Shop, collect, drain, run


class Numbers:
    """An async iterator that is no generator."""

    def __init__(self, error: BaseException | None = None, after: int = 3) -> None:
        self.error, self.after = error, after
        self.number = -1
        self.tasks: set[Any] = set()
        self.closed = False

    def __aiter__(self) -> Numbers:
        return self

    async def __anext__(self) -> str:
        self.tasks.add(asyncio.current_task())
        await asyncio.sleep(0.5)
        self.number += 1
        if self.number >= self.after:
            raise self.error or StopAsyncIteration
        return str(self.number)

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("error", [None, ZeroDivisionError(), asyncio.CancelledError()])
def test_an_iterator_that_is_no_generator_runs_in_one_task_too(error: BaseException | None) -> None:
    source = Numbers(error)

    async def main() -> list[str]:
        got: list[str] = []
        async with nothing_left():
            if error is None:
                await drain(shown_of(Shop(), source), got)
            else:
                with pytest.raises(type(error)):
                    await drain(shown_of(Shop(lambda _: 0.1), source), got)
        return got

    assert run(main()) == ["0", "1", "2"]
    assert len(source.tasks) == 1
    assert not source.closed


class Wrapped:
    """What looks like a generator, but is not over when it raises."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.closed = 0

    def __aiter__(self) -> Wrapped:
        return self

    async def __anext__(self) -> str:
        await asyncio.sleep(1)
        if self.error:
            raise self.error
        return "0"

    async def asend(self, value: None) -> str:
        return await anext(self)

    async def athrow(self, error: BaseException) -> str:
        raise error

    async def aclose(self) -> None:
        await asyncio.sleep(1)
        self.closed += 1


@pytest.mark.parametrize("error", [None, ZeroDivisionError(), asyncio.CancelledError(), StopAsyncIteration()])
def test_what_looks_like_a_generator_is_closed_however_it_ends(error: BaseException | None) -> None:
    source = Wrapped(error)

    async def main() -> None:
        async with nothing_left():
            with suppress(ZeroDivisionError, asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(9.5):
                    await collect(shown_of(Shop(), source), [])
            await asyncio.sleep(5)

    run(main())
    assert source.closed == 1


class Fatal(BaseException):
    """No `Exception`."""


def test_what_is_more_than_an_error_of_an_input_reaches_the_consumer() -> None:
    async def source() -> AsyncGenerator[str, None]:
        yield "0"
        await asyncio.sleep(2)
        raise Fatal

    async def main() -> None:
        async with nothing_left():
            with pytest.raises(Fatal):
                await drain(shown_of(Shop(), source()), [])

    run(main())


def test_leaving_an_iterator_that_is_no_generator_while_it_waits() -> None:
    source = Numbers(after=10)

    async def main() -> None:
        async with nothing_left(), aclosing(shown_of(Shop(lambda _: 0.1), source)) as shown:
            await anext(shown)
            await asyncio.sleep(0.1)

    run(main())
    assert not source.closed


def test_an_error_of_an_input_that_nobody_came_to_hear_of() -> None:
    async def source() -> AsyncGenerator[str, None]:
        yield "0"
        await asyncio.sleep(2)
        raise ZeroDivisionError

    async def main() -> None:
        async with nothing_left(), aclosing(shown_of(Shop(), source())) as shown:
            await anext(shown)
            await asyncio.sleep(10)

    run(main())
