"""The rate limiter: at most so many requests in any minute, whoever asks and however long they take.

A server that counts arrivals in a sliding window sees each request somewhere between its sending and its
response, and only the server knows where. So a slot is taken when a request is sent, and is free again one
window after its *response*. Then at most `limit` requests can have arrived in any one window, whatever the
jitter, as long as no other client shares the limit; and no rule that knows only the times of sending and
response could allow more. The price is that a slot comes round once in a window plus one latency.

`SlotRing` is the arithmetic, with explicit times; `Limiter` is the waiting, in plain asyncio.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_REQUESTS_PER_MINUTE", "Limiter", "SlotRing"]

DEFAULT_REQUESTS_PER_MINUTE = 570
"""95 % of the 600 requests a minute that the API allows each IP address."""

# A hair longer than the window, so that neither rounding nor a server that counts both ends of its window
# finds one request too many. At 60 s it is 60 microseconds.
_HOLD = 1 + 1e-6

# The shortest timer: less than this only spins, for an event loop may fire a timer a clock tick too early.
_TICK = 0.001

_BURST = 50


class SlotRing:
    """Who may send when: slots that are held, cooling or free, and a pacer on top. No clock, no waiting.

    A slot is *held* from `take` to `release`, then *cooling* for one window, then free.

    The pacer is a token bucket of `burst` requests, refilled `headroom` times as fast as the limit. Alone,
    the slots keep the shape of the first burst: the whole limit at once, then silence for the rest of the
    minute, in which whoever comes late waits and the server closes idle connections. Measured with 64 callers
    who always want more, latencies of 20 to 200 ms: up to 563 requests in one second and 59 s of silence
    alone, 61 and 16 s with the pacer, at the same throughput. An idle limiter lets a burst through as if
    there were no pacer.

    A headroom of 1 would be smoother still (5 s), but takes a whole minute to fill the slots for the first
    time: .984 of ten minutes' limit at latencies of 20 ms to 3 s, where 1.25 reaches 1.000
    (`benchmarks/bench_limiter.py`).

    Args:
        limit: Slots, that is requests a window; 0 means no limit, so that only `pause` holds anyone back.
        window: Length of the window, in seconds.
        burst: Requests that may pass at once after idleness; half the limit and at most 50 unless told.
            As large as `limit`, it turns the pacer off.
        headroom: How many times as fast as the limit the pacer goes; at least 1.

    Raises:
        ValueError: An argument is out of range.

    Attributes:
        paused_until: Time before which nobody may send; minus infinity if there never was a pause.
    """

    __slots__ = ("_cooling", "_held", "_hold", "_limit", "_spacing", "_tat", "_tolerance", "paused_until")

    def __init__(
        self, limit: int, *, window: float = 60.0, burst: int | None = None, headroom: float = 1.25
    ) -> None:
        if limit < 0:
            raise ValueError(f"the limit must not be negative: {limit}")
        if not 0 < window < math.inf:
            raise ValueError(f"the window must be a positive number of seconds: {window}")
        if burst is None:
            burst = max(1, min(_BURST, limit // 2))
        elif burst < 1:
            raise ValueError(f"the burst must be at least 1: {burst}")
        if not 1 <= headroom < math.inf:
            raise ValueError(f"the headroom must be at least 1: {headroom}")
        # Without a limit the same arithmetic runs with slots without end that cool for no time at all.
        self._limit = limit or sys.maxsize
        self._hold = window * _HOLD if limit else 0.0
        self._spacing = window / (limit * headroom) if limit else 0.0
        # A hundredth more than burst - 1 intervals: rounding must not cost the burst its last request.
        self._tolerance = (burst - 0.99) * self._spacing
        self._held = 0
        self._cooling: deque[float] = deque()  # when each is free; sorted, for releases come in order of time
        self._tat = -math.inf  # the pacer's "theoretical arrival time" of the next request, as in GCRA
        self.paused_until: float = -math.inf

    def take(self, now: float) -> bool:
        """Take a slot if a request may be sent at `now`; False if it may not, and nothing has changed."""
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            cooling.popleft()
        if (
            now < self.paused_until
            or self._held + len(cooling) >= self._limit
            or now < self._tat - self._tolerance
        ):
            return False
        self._tat = max(self._tat, now) + self._spacing
        self._held += 1
        return True

    def release(self, now: float) -> None:
        """The response arrived at `now`: one held slot starts to cool.

        Raises:
            ValueError: No slot is held.
        """
        self._let_go()
        self._cooling.append(now + self._hold)

    def cancel(self) -> None:
        """Nothing was sent: one held slot is free at once, and the pacer forgets it.

        Raises:
            ValueError: No slot is held.
        """
        self._let_go()
        self._tat -= self._spacing

    def pause(self, until: float) -> None:
        """Let nobody pass before `until`, nor start with a burst then. An earlier, longer pause stands."""
        if until > self.paused_until:
            self.paused_until = until
            # The server has just said that its window is full: a burst is the last thing to greet it with.
            self._tat = max(self._tat, until + self._tolerance)

    def ready_at(self, now: float) -> float | None:
        """The earliest time, `now` or later, at which `take` will succeed if nothing else happens.

        None if every slot is held: then it takes a `release` or a `cancel` to tell.
        """
        ready = max(now, self.paused_until, self._tat - self._tolerance)
        if self.in_use(now) < self._limit:
            return ready
        return max(ready, self._cooling[0]) if self._cooling else None

    def in_use(self, now: float) -> int:
        """Slots that are held or cooling at `now`."""
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            cooling.popleft()
        return self._held + len(cooling)

    def _let_go(self) -> None:
        if not self._held:
            raise ValueError("no slot is held: release or cancel was called once too often")
        self._held -= 1


class Limiter:
    """Lets requests pass in the order in which they were asked for, as fast as the limit allows.

    Every `acquire` that returns, and every `try_acquire` that returns True, is followed by exactly one
    `release` or `cancel`. A request that never gets a response keeps its slot until it is released.

    A limiter belongs to the event loop on which it is first used, and is not safe for use from other threads.

    Args:
        requests_per_minute: Requests in any one window; 0 means no limit, and `pause` still works.
        window: Length of the window, in seconds; anything but 60 is for servers that count differently, and
            for tests.
        burst: Requests that may pass at once after idleness; see `SlotRing`.
        clock: Monotonic seconds; the running event loop's own clock unless given.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        requests_per_minute: int = DEFAULT_REQUESTS_PER_MINUTE,
        *,
        window: float = 60.0,
        burst: int | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._ring = SlotRing(requests_per_minute, window=window, burst=burst)
        self._clock = clock
        # Ordered, so that the head is the longest waiting; a dict, so that leaving is cheap from anywhere.
        self._queue: OrderedDict[object, asyncio.Future[None]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def waiting(self) -> int:
        """Callers that wait in `acquire`."""
        return len(self._queue)

    @property
    def in_use(self) -> int:
        """Slots that are not free: requests in flight, and responses less than a window ago."""
        return self._ring.in_use(self._now())

    @property
    def paused_until(self) -> float | None:
        """When the pause ends, by the limiter's clock; None if there is no pause now."""
        until = self._ring.paused_until
        return until if self._now() < until else None

    def try_acquire(self) -> bool:
        """Take a slot if a request may be sent now, ahead of nobody; False if it would have to wait."""
        return not self._queue and self._ring.take(self._now())

    async def acquire(self) -> float:
        """Wait until a request may be sent, and take a slot for it.

        A caller that is cancelled here has taken no slot and delays nobody.

        Returns:
            Seconds waited; 0.0 if there was no need to.
        """
        now = self._now()
        if not self._queue and self._ring.take(now):
            return 0.0
        return await self._wait(now)

    def release(self) -> None:
        """The response has arrived, or the request is known to be over: its slot is free one window from now.

        Raises:
            ValueError: Called more often than slots were acquired.
        """
        self._ring.release(self._now())
        if self._queue:
            self._wake()

    def cancel(self) -> None:
        """Nothing was sent after all: the slot is free at once.

        Raises:
            ValueError: Called more often than slots were acquired.
        """
        self._ring.cancel()
        if self._queue:
            self._wake()

    def pause(self, seconds: float) -> None:
        """Let nobody pass for so many seconds from now. A longer pause that runs already stands.

        Meant for a 429's ``Retry-After``. It is taken at its word here: capping it is the caller's
        affair (see `RetryPolicy.honour`).

        Args:
            seconds: Length of the pause; 0 or less does nothing.

        Raises:
            ValueError: `seconds` is infinite or not a number.
        """
        if not math.isfinite(seconds):
            raise ValueError(f"a pause must be a finite number of seconds: {seconds}")
        if seconds > 0:
            # A timer that is now too early finds nobody ready, and is set again then.
            self._ring.pause(self._now() + seconds)

    def _now(self) -> float:
        clock = self._clock
        if clock is None:
            clock = self._clock = asyncio.get_running_loop().time
        return clock()

    async def _wait(self, since: float) -> float:
        # Only the head is ever woken, and it takes its slot itself, once it runs. So no slot is in the hands
        # of somebody who was cancelled between waking and running, and a pause in that gap still holds.
        loop = asyncio.get_running_loop()
        ticket = object()
        turn = self._queue[ticket] = loop.create_future()
        try:
            self._wake()
            while True:
                await turn
                now = self._now()
                if self._ring.take(now):
                    return now - since
                turn = self._queue[ticket] = loop.create_future()
                self._wake()
        finally:
            del self._queue[ticket]
            self._wake()

    def _wake(self) -> None:
        """Wake the head of the queue if it may pass, or set the one timer for when it may."""
        if not self._queue:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        head = next(iter(self._queue.values()))
        if head.done():
            return  # woken or cancelled, it comes here itself when it runs
        now = self._now()
        ready = self._ring.ready_at(now)
        if ready is None:
            return  # every slot is held; the next release or cancel comes here
        if ready <= now:
            head.set_result(None)
            return
        if self._timer is not None:
            if self._timer_at <= ready:
                return
            self._timer.cancel()
        self._timer_at = ready
        # By delay, since an injected clock need not tell the event loop's time.
        self._timer = head.get_loop().call_later(max(ready - now, _TICK), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake()
