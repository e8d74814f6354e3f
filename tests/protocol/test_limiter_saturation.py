"""The limiter against a server that counts arrivals in a strict sliding window."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest
import virtual_time
from attrs import define, field

from tokfluence_async.protocol.limiter import Limiter

if TYPE_CHECKING:
    from collections.abc import Sequence


def worst_window(arrivals: Sequence[float], window: float) -> int:
    """The most arrivals that any window sees, both its ends counted."""
    ordered = sorted(arrivals)
    return max(
        (index + 1 - bisect_left(ordered, at - window) for index, at in enumerate(ordered)),
        default=0,
    )


def _loop() -> virtual_time.VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, virtual_time.VirtualTimeLoop)
    return loop


def _alive(limiter: Limiter) -> bool:
    """Whether the limiter still serves: nobody waits, and a slot can be taken once all have cooled."""
    return not limiter.waiting and limiter.try_acquire()


@define
class Pattern:
    """One small seeded traffic against one limiter, and what the server would have seen of it."""

    seed: int
    arrivals: list[float] = field(factory=list[float])
    passed: list[int] = field(factory=list[int])
    asked: list[int] = field(factory=list[int])
    cancelled: set[int] = field(factory=set[int])

    async def play(self) -> None:  # noqa: PLR0915 - one scenario reads best in one piece
        rng = Random(self.seed)
        loop = _loop()
        limit = rng.choice((5, 6, 7, 8, 10, 12, 16, 25, 40))
        window = rng.choice((0.5, 7.0, 60.0))
        limiter = Limiter(limit, window=window, burst=rng.choice((None, 1, 2, limit)))
        total = limit + rng.randint(1, 25)
        busy = window * rng.choice((0.0, 0.5, 2.0))
        slow = window * rng.choice((0.0, 0.01, 0.3, 1.5))
        # Where the arrival lies between sending and response.
        early, late = rng.choice(((0.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
        cancels = rng.random() < 0.5
        unsent = rng.random() < 0.3
        pauses: list[tuple[float, float]] = []

        async def request(number: int) -> None:
            self.asked.append(number)
            try:
                await limiter.acquire()
            except asyncio.CancelledError:
                self.cancelled.add(number)
                raise
            self.passed.append(number)
            sent = loop.time()
            assert not any(begun <= sent < over for begun, over in pauses)
            if unsent and rng.random() < 0.2:
                limiter.cancel()
                return
            latency = rng.random() * slow
            self.arrivals.append(sent + rng.uniform(early, late) * latency)
            if latency:
                loop.call_later(latency, limiter.release)
            else:
                limiter.release()

        def pause() -> None:
            length = rng.random() * window
            pauses.append((loop.time(), loop.time() + length))
            limiter.pause(length)

        tasks: list[asyncio.Task[None]] = []

        def start(number: int) -> None:
            task = loop.create_task(request(number))
            tasks.append(task)
            if cancels and rng.random() < 0.3:
                loop.call_later(rng.choice((0.0, rng.random() * window, window)), task.cancel)

        for number in range(total):
            loop.call_later(rng.random() * busy, start, number)
        if rng.random() < 0.3:
            loop.call_later(rng.random() * busy, pause)
        await asyncio.sleep(busy + 1e-6)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() or task.exception() is None for task in tasks)
        assert worst_window(self.arrivals, window) <= limit
        # Who was cancelled before it ran even once has not asked.
        assert self.passed == [number for number in self.asked if number not in self.cancelled]
        await asyncio.sleep(slow + 1.001 * window)
        assert limiter.in_use == 0
        assert _alive(limiter)


@pytest.mark.parametrize("chunk", range(10))
def test_no_window_ever_sees_more_than_the_limit(chunk: int) -> None:
    async def main() -> int:
        seen = 0
        for seed in range(chunk * 220, (chunk + 1) * 220):
            pattern = Pattern(seed)
            try:
                await pattern.play()
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise
            seen += len(pattern.arrivals)
        return seen

    assert virtual_time.run(main()) > 220 * 5


async def _saturate(
    limiter: Limiter, *, seconds: float, latency: tuple[float, float], seed: int
) -> list[float]:
    """Sixty-four callers that always want more; the times at which the server saw their requests, from 0."""
    rng = Random(seed)
    loop = _loop()
    start = loop.time()
    arrivals: list[float] = []

    async def caller() -> None:
        while True:
            await limiter.acquire()
            took = rng.uniform(*latency)
            arrivals.append(loop.time() - start + rng.random() * took)
            await asyncio.sleep(took)
            limiter.release()

    callers = [asyncio.create_task(caller()) for _ in range(64)]
    await asyncio.sleep(seconds)
    for task in callers:
        task.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return [at for at in arrivals if at <= seconds]


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_saturated_minutes_at_full_size(seed: int) -> None:
    arrivals = virtual_time.run(_saturate(Limiter(), seconds=600, latency=(0.02, 3.0), seed=seed))
    assert worst_window(arrivals, 60) <= 570
    assert len(arrivals) >= 0.995 * 5700
    assert worst_window(arrivals, 1) <= 75, "the pacer spreads the load"


@pytest.mark.parametrize("limit", [5, 8, 13, 40, 100])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_small_limits_are_used_as_well(limit: int, seed: int) -> None:
    window = 10.0
    arrivals = virtual_time.run(
        _saturate(Limiter(limit, window=window), seconds=21 * window, latency=(0.001, 0.1), seed=seed)
    )
    # Steady state: without the first window, which begins with a burst from idleness.
    steady = [at for at in arrivals if window <= at < 21 * window]
    assert worst_window(arrivals, window) <= limit
    assert len(steady) >= 0.95 * limit * 20


def test_a_burst_on_an_idle_limiter_is_not_slowed() -> None:
    async def main() -> float:
        limiter = Limiter()
        return sum(await asyncio.gather(*(limiter.acquire() for _ in range(50))))

    assert virtual_time.run(main()) == 0.0


def test_without_the_pacer_a_saturated_limiter_falls_silent() -> None:
    """What the pacer is for, as figures: if this no longer holds, it can go."""

    def longest_silence(limiter: Limiter) -> float:
        arrivals = sorted(virtual_time.run(_saturate(limiter, seconds=300, latency=(0.02, 0.2), seed=1)))
        return max(later - earlier for earlier, later in pairwise(arrivals))

    assert longest_silence(Limiter(570, burst=570)) > 50
    assert longest_silence(Limiter(570)) < 20
