"""A session over a scripted transport, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import virtual_time
from scripted import POST_ID, Script, Step

from tokfluence_async.errors import RequestError
from tokfluence_async.models import Post
from tokfluence_async.protocol.codec import decoder
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.wire import Request
from tokfluence_async.session.budget import Budget
from tokfluence_async.session.events import EventStream
from tokfluence_async.session.session import CallPlan, Session

PRICE = 25
READ = Request("posts.show", "GET", f"/v1/posts/{POST_ID}")
BUY = Request("posts.analyze", "POST", "/v1/posts/analyze", body=b"{}", idempotency_key="key-1")
EPOCH = 1_800_000_000.0


class Bench:
    """A session over a script, with its limiter, its budget and its virtual clock."""

    def __init__(
        self, *steps: Step, rpm: int = 0, concurrency: int = 8, cap: int | None = None, latency: float = 0.0
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.script = Script(steps, latency=latency)
        self.limiter = Limiter(rpm)
        self.budget = Budget(cap)
        self.events = EventStream()
        self.concurrency = concurrency
        self.began = self.loop.time()
        self.session = Session(
            self.script,
            self.limiter,
            self.events,
            concurrency=concurrency,
            rand=lambda: 0.5,
            wall_clock=lambda: EPOCH + self.loop.time() - self.began,
        )

    async def call(
        self, request: Request = READ, *, timeout: float = 60.0, retries: int = 4, price: int = PRICE
    ) -> Post:
        plan = CallPlan(timeout, RetryPolicy(max_retries=retries, backoff=1.0), price, self.budget)
        return await self.session.call(request, decoder(Post), plan)

    @property
    def times(self) -> list[float]:
        return [round(at - self.began, 6) for at, _, _ in self.script.sent]

    @property
    def now(self) -> float:
        return round(self.loop.time() - self.began, 6)

    def assert_at_rest(self) -> None:
        """No slot is held, no credit reserved, no place taken, nothing under way."""
        assert self.limiter.waiting == 0
        assert self.session._dispatcher._places.free == self.concurrency
        assert self.limiter._ring._held == 0
        assert self.budget.reserved == 0
        assert len(self.session._flights) == 0
        assert self.script.in_flight == 0


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test to its end in virtual time."""
    virtual_time.run(main())


def outcome_of(request: Request, steps: Iterable[Step], **call: Any) -> tuple[Bench, Post | RequestError]:
    """What a call over that script ends with, on a bench of its own that is at rest again."""

    async def main() -> tuple[Bench, Post | RequestError]:
        bench = Bench(*steps)
        result: Post | RequestError
        try:
            result = await bench.call(request, **call)
        except RequestError as error:
            result = error
        bench.assert_at_rest()
        return bench, result

    return virtual_time.run(main())
