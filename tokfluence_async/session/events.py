"""One stream of typed events: what logs, metrics and progress bars are fed from.

No event holds the key, a header, a query or a body.
"""

from __future__ import annotations

import inspect
import itertools
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import define, fields

from tokfluence_async.errors import ConfigurationError

if TYPE_CHECKING:
    from attrs import frozen as event
else:
    # Frozen in the eyes of type checkers; at run time a frozen object takes three times as long to make, and the four
    # of a call would be a tenth of what the call costs beyond its request.
    event = define

__all__ = [
    "CreditsReserved",
    "CreditsSettled",
    "Event",
    "EventStream",
    "Paused",
    "RequestEnded",
    "RequestStarted",
    "RetryScheduled",
    "Subscriber",
    "Waited",
]

logger: logging.Logger = logging.getLogger("tokfluence_async")
logger.addHandler(logging.NullHandler())

_LOGGED: Final = frozenset(
    {
        "accepted",
        "attempt",
        "balance",
        "call",
        "charged_max",
        "charged_min",
        "code",
        "committed",
        "credits",
        "credits_remaining",
        "elapsed",
        "exchange",
        "max_credits",
        "method",
        "path",
        "planned",
        "reason",
        "rejected",
        "request_id",
        "reservation",
        "seen",
        "settled",
        "status",
        "unknown",
        "urls",
        "wait",
    }
)
"""Fields of events that are written to the log. What is not named here is not: the API's messages, for one, may quote
what was sent."""


reservation_numbers: Iterator[int] = itertools.count(1)
"""Where each reservation of credits gets its number."""


@event(kw_only=True)
class Event:
    """Something that happened in the session, or in what is built on it."""


@event(kw_only=True)
class RequestStarted(Event):
    """An attempt is about to be sent."""

    exchange: int
    """Number of the attempt among all of this client's; `RequestEnded` has the same."""
    call: str
    """Name of the call, such as ``posts.analyze``."""
    method: str
    """HTTP method."""
    path: str
    """Path below the base URL, without the query."""
    attempt: int
    """Which attempt of its call this is, counted from 1."""
    request_id: str | None
    """Idempotency key, where the call has one."""


@event(kw_only=True)
class RequestEnded(Event):
    """An attempt has ended, one way or another."""

    exchange: int
    """Number of the attempt, as in its `RequestStarted`."""
    call: str
    """Name of the call."""
    method: str
    """HTTP method."""
    path: str
    """Path below the base URL, without the query."""
    attempt: int
    """Which attempt of its call this was, counted from 1."""
    request_id: str | None
    """Idempotency key, where the call has one."""
    seen: str
    """What its outcome says: a `Kind`'s value, such as ``applied`` or ``lost``; ``cancelled`` where nobody waited for
    the answer any more, so that the outcome is unknown."""
    status: int | None
    """HTTP status; None where no answer came."""
    code: str
    """The API's error code, or an empty string."""
    message: str
    """What the API said, or what went wrong with the connection. Not written to the log."""
    elapsed: float
    """Seconds from sending to the end of the answer."""
    credits_remaining: int | None
    """The wallet's balance in credits, as the answer told it."""


@event(kw_only=True)
class RetryScheduled(Event):
    """An attempt will be repeated after a wait."""

    call: str
    """Name of the call."""
    attempt: int
    """The attempt that failed, counted from 1."""
    wait: float
    """Seconds."""
    reason: str
    """The failed attempt's `Kind`, as its value."""


@event(kw_only=True)
class Waited(Event):
    """A request has waited for the client's own rate limit."""

    call: str
    """Name of the call."""
    wait: float
    """Seconds."""


@event(kw_only=True)
class Paused(Event):
    """The API answered 429: nobody sends for a while."""

    wait: float
    """Seconds."""


@event(kw_only=True)
class CreditsReserved(Event):
    """A call's price was set aside under the budget, before anything was sent.

    The sum of `credits` where `attempt` is 1 is what was planned: the calls' prices by the tariff, had each of them
    succeeded at once.
    """

    call: str
    """Name of the call."""
    reservation: int
    """Number of the reservation, unique in the process; its `CreditsSettled` has the same."""
    attempt: int
    """The attempt that it is for: 1, or more for a read that is repeated, whose repeats may each be charged."""
    credits: int
    """Credits that were set aside."""
    committed: int
    """Credits charged, perhaps charged, and reserved under the budget now."""
    max_credits: int | None
    """The budget's cap in credits; None if it has none."""


@event(kw_only=True)
class CreditsSettled(Event):
    """What became of credits that were set aside."""

    call: str
    """Name of the call."""
    reservation: int
    """Number of the reservation, as in its `CreditsReserved`."""
    credits: int
    """Credits that had been set aside."""
    charged_min: int
    """Credits of them that were charged for certain."""
    charged_max: int
    """Credits of them that may have been charged, the certain ones included. The rest is free again."""
    committed: int
    """Credits charged, perhaps charged, and reserved under the budget now."""
    balance: int | None
    """The wallet's balance in credits, as the latest answer to any call told it."""


Subscriber: TypeAlias = Callable[[Event], None]
"""What an `EventStream` calls with each event, on the event loop: it must be quick, and not block."""


class EventStream:
    """Hands each event to every subscriber, in the order in which they subscribed."""

    def __init__(self) -> None:
        # Replaced, never changed, so that one who leaves while an event is handed round disturbs nobody.
        self._subscribers: tuple[Subscriber, ...] = ()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each event from now on, synchronously: it must be quick and not block.

        Args:
            subscriber: A function of one event.

        Returns:
            A function that ends the subscription. Calling it twice is fine.

        Raises:
            ConfigurationError: It can't be called, or is a coroutine function, which nobody would await.
        """
        _check_subscriber(subscriber)
        entry: list[Subscriber] = [subscriber]
        self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            if entry:
                left = [*self._subscribers]
                left.remove(entry.pop())
                self._subscribers = tuple(left)

        return unsubscribe

    @property
    def wanted(self) -> bool:
        """Whether an event would reach anybody: the hot path makes none otherwise."""
        return bool(self._subscribers) or logger.isEnabledFor(logging.DEBUG)

    def emit(self, event: Event) -> None:
        """Hand an event to the subscribers, and to the log at level DEBUG.

        A subscriber that raises is reported in the log: an observer must not change what is bought.
        """
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s", type(event).__name__, _logged(event))
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception:
                logger.exception("an event subscriber raised; the event was %s", type(event).__name__)


def _check_subscriber(subscriber: Any) -> None:
    if not callable(subscriber):
        raise ConfigurationError(
            f"a subscriber must be a function of one event, not {type(subscriber).__name__}"
        )
    for called in (subscriber, subscriber.__call__):
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            raise ConfigurationError(
                "a subscriber must be a plain function, not an async one: it is called, and nobody awaits it"
            )


def _logged(event: Event) -> str:
    names = [attribute.name for attribute in fields(type(event)) if attribute.name in _LOGGED]
    return " ".join(f"{name}={getattr(event, name)!r}" for name in names)
