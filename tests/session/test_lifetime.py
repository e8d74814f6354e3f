"""When a client may be used, and how it ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import virtual_time
from scripted import Script, reply

from tokfluence_async.errors import ConfigurationError, UsageError
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.wire import Request
from tokfluence_async.session.events import EventStream
from tokfluence_async.session.lifetime import Lifetime
from tokfluence_async.session.session import Session

READ = Request("posts.show", "GET", "/v1/posts/1")


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    virtual_time.run(main())


def lifetime(script: Script, *, check: Callable[[], None] | None = None) -> Lifetime:
    return Lifetime(lambda: Session(script, Limiter(0), EventStream(), concurrency=4), check=check)


def now() -> float:
    return asyncio.get_running_loop().time() - 1000


def test_a_second_close_waits_for_the_first() -> None:
    async def main() -> None:
        script = Script([reply()], latency=3)
        life = lifetime(script)
        life.open()
        under_way = asyncio.create_task(life.session().attempt(READ, timeout=9))
        await asyncio.sleep(1)
        first = asyncio.create_task(life.close(grace=5))
        await asyncio.sleep(1)
        others = [asyncio.create_task(life.close(grace=grace)) for grace in (0, 5, math.inf)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in others)
        others[0].cancel()
        await asyncio.gather(*others[1:])
        assert first.done()
        assert script.closed
        assert under_way.done()
        assert others[0].cancelled()
        assert now() == 3
        await life.close()

    run(main)


def test_a_second_close_ends_with_a_first_that_was_cancelled() -> None:
    async def main() -> None:
        script = Script([reply()], latency=100)
        life = lifetime(script)
        life.open()
        under_way = asyncio.create_task(life.session().attempt(READ, timeout=200))
        await asyncio.sleep(1)
        first = asyncio.create_task(life.close(grace=50))
        await asyncio.sleep(1)
        second = asyncio.create_task(life.close())
        await asyncio.sleep(1)
        first.cancel()
        await second
        assert script.closed
        assert now() < 10
        await asyncio.wait([first, under_way])
        assert first.cancelled()
        assert under_way.exception() is not None

    run(main)


@pytest.mark.parametrize("grace", [math.nan, -1, -0.001, "5", None, True, 10**400])
def test_a_grace_that_is_no_time_closes_nothing(grace: Any) -> None:
    async def main() -> None:
        script = Script([reply()])
        life = lifetime(script)
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="grace must be a number of seconds"):
                await life.close(grace)
        life.open()
        with pytest.raises(ConfigurationError, match="grace"):
            await life.close(grace)
        await life.session().attempt(READ, timeout=1)
        await life.close(0)
        assert script.closed

    run(main)


def test_without_an_event_loop_it_says_what_to_write() -> None:
    script = Script([reply()])
    life = lifetime(script)
    with pytest.raises(UsageError, match="no event loop runs here: use `async with Tokfluence") as caught:
        life.open()
    assert caught.value.__cause__ is None

    async def begin() -> None:
        life.open()

    with asyncio.Runner() as runner:
        runner.run(begin())
        with pytest.raises(UsageError, match="inside a coroutine"):
            life.session()
        closing = life.close()
        with pytest.raises(UsageError, match="inside a coroutine"):
            closing.send(None)
        assert not script.closed
        runner.run(life.close())
    assert script.closed


def test_what_was_passed_in_is_looked_at_before_each_call() -> None:
    problem: list[Exception] = []

    def check() -> None:
        if problem:
            raise problem[0]

    async def main() -> None:
        life = lifetime(Script([reply()]), check=check)
        life.open()
        life.session()
        life.check()
        problem.append(UsageError("it was closed"))
        with pytest.raises(UsageError, match="it was closed"):
            life.session()
        with pytest.raises(UsageError, match="it was closed"):
            life.check()
        await life.close()
        with pytest.raises(UsageError, match="this client was closed"):
            life.session()

    run(main)
