"""Counts over the event stream: where a progress bar or a status line gets its figures."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from attrs import define, field

from tokfluence_async.session.events import (
    CreditsReserved,
    CreditsSettled,
    Event,
    EventStream,
    Paused,
    RequestEnded,
    RequestStarted,
    RetryScheduled,
    Waited,
)

__all__ = ["Progress"]


@define(eq=False)
class Progress:
    """What a client has done since this was made; read it as often as you like.

    Use it as ``with Progress(tok.events) as progress:``.
    """

    _events: EventStream = field(repr=False)
    _unsubscribe: Callable[[], None] | None = field(default=None, init=False, repr=False)
    _flying: set[int] = field(factory=set[int], init=False, repr=False)
    _held: set[int] = field(factory=set[int], init=False, repr=False)
    requests: int = field(default=0, init=False)
    """Requests that have ended, repeats included."""
    succeeded: int = field(default=0, init=False)
    """Requests of them that were answered with success."""
    failed: int = field(default=0, init=False)
    """Requests of them that were not: refused, lost, or not sent."""
    retries: int = field(default=0, init=False)
    """Repeats that were scheduled."""
    limiter_wait: float = field(default=0.0, init=False)
    """Seconds that requests have waited for the client's own rate limit, all together."""
    pauses: int = field(default=0, init=False)
    """How often the API answered 429."""
    planned: int = field(default=0, init=False)
    """What the calls that began cost by the tariff, in credits."""
    reserved: int = field(default=0, init=False)
    """Credits that are set aside for calls under way."""
    charged_min: int = field(default=0, init=False)
    """Credits that were charged for certain."""
    charged_max: int = field(default=0, init=False)
    """Credits that may have been charged, the certain ones included."""
    balance: int | None = field(default=None, init=False)
    """The wallet's balance in credits, as the latest answer told it; None before the first."""

    @property
    def in_flight(self) -> int:
        """Requests that were sent since this was made, and have not ended."""
        return len(self._flying)

    @property
    def unknown(self) -> int:
        """Credits of which it is not known whether they were charged."""
        return self.charged_max - self.charged_min

    def __enter__(self) -> Self:
        if self._unsubscribe is None:
            self._unsubscribe = self._events.subscribe(self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _take(self, event: Event) -> None:
        match event:
            case RequestStarted():
                self._flying.add(event.exchange)
            case RequestEnded():
                self._flying.discard(event.exchange)
                self.requests += 1
                self.succeeded += event.seen == "applied"
                self.failed += event.seen != "applied"
                if event.credits_remaining is not None:
                    self.balance = event.credits_remaining
            case RetryScheduled():
                self.retries += 1
            case Waited():
                self.limiter_wait += event.wait
            case Paused():
                self.pauses += 1
            case CreditsReserved():
                self.planned += event.credits if event.attempt == 1 else 0
                self.reserved += event.credits
                self._held.add(event.reservation)
            case CreditsSettled():
                # What was set aside before this was made is not in the sum.
                if event.reservation in self._held:
                    self._held.remove(event.reservation)
                    self.reserved -= event.credits
                self.charged_min += event.charged_min
                self.charged_max += event.charged_max
            case _:
                pass  # an event of something built on the session
