from __future__ import annotations

import asyncio
import math

import pytest
import virtual_time

from tokfluence_async.protocol.limiter import Limiter


def _loop() -> virtual_time.VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, virtual_time.VirtualTimeLoop)
    return loop


def _paused_until(limiter: Limiter) -> float | None:
    """Read anew each time: a type checker takes a property for something that does not change."""
    return limiter.paused_until


def test_without_contention_there_is_no_wait() -> None:
    async def main() -> None:
        limiter = Limiter()
        for _ in range(50):
            assert await limiter.acquire() == 0.0
        assert limiter.in_use == 50
        assert limiter.waiting == 0
        assert limiter.paused_until is None
        assert _loop().time() == 1000.0
        assert _loop().timers() == 0

    virtual_time.run(main())


def test_waiters_pass_in_the_order_in_which_they_came() -> None:
    async def main() -> list[int]:
        limiter = Limiter(3, window=10, burst=3)
        order: list[int] = []

        async def request(number: int) -> None:
            await limiter.acquire()
            order.append(number)
            await asyncio.sleep(1 + number % 3)
            limiter.release()

        await asyncio.gather(*(request(number) for number in range(20)))
        assert limiter.waiting == 0
        return order

    assert virtual_time.run(main()) == list(range(20))


def test_nobody_overtakes_a_waiter_though_a_slot_is_free() -> None:
    async def main() -> None:
        limiter = Limiter(2, window=10, burst=2)
        await limiter.acquire()
        await limiter.acquire()
        waiter = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        limiter.cancel()  # the waiter is woken, but has not run yet
        assert not limiter.try_acquire()
        assert await waiter == 0.0

    virtual_time.run(main())


def test_acquire_tells_how_long_it_waited() -> None:
    async def main() -> None:
        limiter = Limiter(1, window=10)
        await limiter.acquire()
        await asyncio.sleep(2)
        limiter.release()
        await asyncio.sleep(4)
        assert await limiter.acquire() == pytest.approx(6, abs=0.01)

    virtual_time.run(main())


def test_a_release_is_noticed_by_waiters_when_every_slot_was_held() -> None:
    async def main() -> None:
        limiter = Limiter(1, window=10)
        await limiter.acquire()
        waiter = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(100)
        assert not waiter.done()
        assert _loop().timers() == 0
        limiter.release()
        assert await waiter == pytest.approx(110, abs=0.01)

    virtual_time.run(main())


def test_a_pause_holds_everyone_and_only_ever_extends() -> None:
    async def main() -> None:
        limiter = Limiter(100, burst=100)
        start = _loop().time()
        limiter.pause(20)
        waiters = [asyncio.create_task(limiter.acquire()) for _ in range(5)]
        await asyncio.sleep(5)
        assert limiter.waiting == 5
        limiter.pause(1)
        assert _paused_until(limiter) == start + 20
        limiter.pause(30)
        assert _paused_until(limiter) == start + 35
        assert not limiter.try_acquire()
        assert min(await asyncio.gather(*waiters)) >= 35
        limiter.pause(0)
        limiter.pause(-5)
        assert _paused_until(limiter) is None

    virtual_time.run(main())


def test_a_pause_also_holds_whoever_was_just_woken() -> None:
    async def main() -> None:
        limiter = Limiter(1, window=10)
        await limiter.acquire()
        waiter = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        limiter.cancel()  # wakes the waiter
        limiter.pause(20)
        assert await waiter == pytest.approx(20, abs=0.01)

    virtual_time.run(main())


def test_without_a_limit_a_pause_still_holds() -> None:
    async def main() -> None:
        limiter = Limiter(0)
        for _ in range(5000):
            assert await limiter.acquire() == 0.0
        limiter.pause(7)
        assert await asyncio.gather(*(limiter.acquire() for _ in range(100))) == [pytest.approx(7)] * 100

    virtual_time.run(main())


@pytest.mark.parametrize("seconds", [math.inf, math.nan])
def test_a_pause_without_an_end_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Limiter(clock=lambda: 0.0).pause(seconds)


def test_one_timer_however_many_wait() -> None:
    async def main() -> None:
        limiter = Limiter(2, window=10, burst=2)
        await limiter.acquire()
        limiter.release()
        waiters = [asyncio.create_task(limiter.acquire()) for _ in range(1000)]
        await asyncio.sleep(0)
        assert limiter.waiting == 999
        assert _loop().timers() == 1
        limiter.pause(100)
        waiters[500].cancel()
        await asyncio.sleep(50)
        assert _loop().timers() == 1
        for waiter in waiters:
            waiter.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
        assert limiter.waiting == 0
        assert _loop().timers() == 0, "nobody waits, so nothing need wake up"

    virtual_time.run(main())


def test_cancelled_waiters_take_no_slot_and_delay_nobody() -> None:
    async def main() -> None:
        limiter = Limiter(1, window=10)
        await limiter.acquire()
        limiter.release()
        first, *others, last = [asyncio.create_task(limiter.acquire()) for _ in range(50)]
        await asyncio.sleep(1)
        for waiter in (first, *others):
            waiter.cancel()
        assert await last == pytest.approx(10, abs=0.01)
        assert limiter.in_use == 1

    virtual_time.run(main())


def test_a_waiter_cancelled_between_waking_and_running_hands_its_turn_on() -> None:
    async def main() -> None:
        limiter = Limiter(1, window=10)
        await limiter.acquire()
        woken, following = [asyncio.create_task(limiter.acquire()) for _ in range(2)]
        await asyncio.sleep(3)
        limiter.cancel()  # wakes the first waiter, which has not run yet
        woken.cancel()
        assert await following == pytest.approx(3)
        with pytest.raises(asyncio.CancelledError):
            await woken
        assert limiter.in_use == 1
        limiter.release()

    virtual_time.run(main())


def test_a_timeout_at_the_very_moment_of_the_slot_loses_none() -> None:
    async def main() -> None:
        limiter = Limiter(1, window=10)
        for delay in (9.99999, 10.0, 10.00001, 10.0001, 10.001, 10.002):
            await limiter.acquire()
            limiter.release()
            try:
                async with asyncio.timeout(delay):
                    await limiter.acquire()
                limiter.cancel()
            except TimeoutError:
                pass
            await asyncio.sleep(11)
            assert limiter.in_use == 0

    virtual_time.run(main())


def test_releasing_once_too_often_is_an_error() -> None:
    async def main() -> None:
        limiter = Limiter()
        await limiter.acquire()
        limiter.release()
        with pytest.raises(ValueError, match="once too often"):
            limiter.release()
        with pytest.raises(ValueError, match="once too often"):
            limiter.cancel()

    virtual_time.run(main())


def test_an_injected_clock_is_the_one_that_counts() -> None:
    now = 5.0
    limiter = Limiter(1, clock=lambda: now)
    assert limiter.try_acquire()
    limiter.release()
    assert not limiter.try_acquire()
    limiter.pause(100)
    assert _paused_until(limiter) == 105.0
    now = 105.0
    assert _paused_until(limiter) is None
    assert limiter.in_use == 0
    assert limiter.try_acquire()


def test_an_injected_clock_that_stands_still_for_a_while_does_not_spin() -> None:
    async def main() -> None:
        loop = _loop()
        reads = 0

        def coarse() -> float:
            nonlocal reads
            reads += 1
            return math.floor(loop.time() * 4) / 4  # ticks four times a second

        # The slot is free just after a tick: for the rest of the quarter the clock says "almost".
        limiter = Limiter(1, window=1.0, clock=coarse)
        await limiter.acquire()
        limiter.release()
        await limiter.acquire()
        assert reads < 1000

    virtual_time.run(main())


def test_on_a_real_event_loop() -> None:
    async def main() -> float:
        limiter = Limiter(2, window=0.02, burst=2)
        loop = asyncio.get_running_loop()
        start = loop.time()
        for _ in range(5):
            await limiter.acquire()
            limiter.release()
        return loop.time() - start

    assert 0.04 <= asyncio.run(main()) < 5


def test_the_virtual_loop_tells_a_deadlock_from_a_long_wait() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(virtual_time.DeadlockError):
        virtual_time.run(main())
