"""What the limiter costs a request, and how much of a limit it uses, against others in the same run.

    python benchmarks/bench_limiter.py

Two parts. *Cost*: microseconds for one acquire and release on an idle limiter, in real time, as a multiple
of an `asyncio.Semaphore`. *Saturation*: 64 callers that always want more for ten virtual minutes, against
a server that counts arrivals in a strict sliding window and answers 429 to whatever is too much.
"""

from __future__ import annotations

import asyncio
import importlib
import statistics
import sys
import time
from collections import deque
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

import virtual_time

from tokfluence_async.protocol.limiter import Limiter, SlotRing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIMIT = 570
WINDOW = 60.0
MINUTES = 10
CALLERS = 64
PASSES = 20_000
ROUNDS = 7
LATENCIES = {"20-200 ms": (0.02, 0.2), "20 ms-3 s": (0.02, 3.0)}


class Gate(Protocol):
    """What is measured: something to wait for before a request, and something to tell after it."""

    def acquire(self) -> Awaitable[object]: ...
    def release(self) -> object: ...


class AiolimiterGate:
    """aiolimiter has no release: it counts from the moment of acquiring."""

    def __init__(self, limiter: Any) -> None:
        self.acquire: Callable[[], Awaitable[object]] = limiter.acquire

    def release(self) -> None:
        """Nothing to tell."""


async def _pass_times(gate: Gate) -> float:
    """Microseconds a pass, for one round."""
    start = time.perf_counter()
    for _ in range(PASSES):
        await gate.acquire()
        gate.release()
    return (time.perf_counter() - start) / PASSES * 1e6


async def cost() -> None:
    rounds: dict[str, list[float]] = {"asyncio.Semaphore": [], "Limiter": [], "Limiter, no limit": []}
    for _ in range(ROUNDS):
        # So large that nothing ever binds, though every slot that was used is still cooling.
        limit = 100 * PASSES
        rounds["asyncio.Semaphore"].append(await _pass_times(asyncio.Semaphore(8)))
        rounds["Limiter"].append(await _pass_times(Limiter(limit, burst=limit)))
        rounds["Limiter, no limit"].append(await _pass_times(Limiter(0)))
    base = statistics.median(rounds["asyncio.Semaphore"])
    print(f"cost: microseconds for one acquire and release, median of {ROUNDS} rounds of {PASSES:,}\n")
    for name, times in rounds.items():
        middle = statistics.median(times)
        print(f"  {name:<20} {middle:6.2f} us  {middle / base:5.2f} x")


class Server:
    """Accepts what a strict sliding window has room for, both its ends counted."""

    def __init__(self) -> None:
        self.accepted: list[float] = []
        self.arrivals: list[float] = []
        self.refused = 0
        self._recent: deque[float] = deque()

    def arrive(self, now: float) -> None:
        self.arrivals.append(now)
        while self._recent and self._recent[0] < now - WINDOW:
            self._recent.popleft()
        if len(self._recent) < LIMIT:
            self._recent.append(now)
            self.accepted.append(now)
        else:
            self.refused += 1

    def worst(self, window: float) -> int:
        worst = first = 0
        for last, at in enumerate(self.arrivals):
            while self.arrivals[first] < at - window:
                first += 1
            worst = max(worst, last - first + 1)
        return worst

    def silence(self) -> float:
        """The longest time without an arrival, in seconds."""
        pairs = zip(self.arrivals, self.arrivals[1:], strict=False)
        return max(later - earlier for earlier, later in pairs)


async def saturate(make: Callable[[], Gate], latency: tuple[float, float]) -> tuple[Server, float]:
    """Play ten minutes; the server, and the longest wait of a caller in seconds."""
    gate, server, rng = make(), Server(), Random(1)
    loop = asyncio.get_running_loop()
    end = loop.time() + 60 * MINUTES
    longest = 0.0

    async def caller() -> None:
        nonlocal longest
        while True:
            asked = loop.time()
            await gate.acquire()
            longest = max(longest, loop.time() - asked)
            took = rng.uniform(*latency)
            before = rng.random() * took
            await asyncio.sleep(before)
            server.arrive(loop.time())
            await asyncio.sleep(took - before)
            gate.release()

    callers = [asyncio.create_task(caller()) for _ in range(CALLERS)]
    await asyncio.sleep(end - loop.time())
    for task in callers:
        task.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return server, longest


class TunedLimiter(Limiter):
    """With another headroom of the pacer, which users can't choose."""

    def __init__(self, headroom: float) -> None:
        super().__init__(LIMIT)
        self._ring = SlotRing(LIMIT, headroom=headroom)


def saturation() -> None:
    peers: dict[str, Callable[[], Gate] | None] = {
        "Limiter": lambda: Limiter(LIMIT),
        "  headroom 1.0": lambda: TunedLimiter(1.0),
        "  headroom 1.5": lambda: TunedLimiter(1.5),
        "  without pacer": lambda: Limiter(LIMIT, burst=LIMIT),
    }
    try:
        aiolimiter: Any = importlib.import_module("aiolimiter")
    except ImportError:
        peers["aiolimiter"] = None
    else:
        peers["aiolimiter"] = lambda: AiolimiterGate(aiolimiter.AsyncLimiter(LIMIT, WINDOW))
    print(f"\nsaturation: {LIMIT} in {WINDOW:.0f} s, {CALLERS} callers, {MINUTES} virtual minutes from idle")
    for title, latency in LATENCIES.items():
        # With a slot in use from sending until one window after the response, this is the most that lasts.
        ceiling = WINDOW / (WINDOW + sum(latency) / 2)
        print(
            f"\n  latency {title} (a slot comes round in window + latency: {ceiling:.3f} in the long run)\n"
        )
        heads = f"{'share used':>11}{'worst window':>14}{'429s':>6}{'peak/s':>8}{'silence':>9}{'wait':>7}"
        print(f"  {'':<16}{heads}")
        for name, make in peers.items():
            if make is None:
                print(f"  {name:<16}{'not installed':>14}")
                continue
            server, longest = virtual_time.run(saturate(make, latency))
            print(
                f"  {name:<16}{len(server.accepted) / (LIMIT * MINUTES * 60 / WINDOW):>11.4f}"
                f"{server.worst(WINDOW) / LIMIT:>12.3f} x{server.refused:>6}{server.worst(1.0):>8}"
                f"{server.silence():>7.1f} s{longest:>5.0f} s"
            )


if __name__ == "__main__":
    asyncio.run(cost())
    saturation()
