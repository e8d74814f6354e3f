"""When to try again and when to stop: backoff, ``Retry-After``, retry budget and deadline. All pure."""

from __future__ import annotations

import math
import re
import sys
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute

__all__ = ["Deadline", "RetryBudget", "RetryPolicy", "parse_retry_after"]

# RFC 9110 has whole seconds only; fractions are common enough to be read.
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?", re.ASCII)

# Beyond 2**63 times the first wait any cap is reached, and the power would soon not fit a float.
_MAX_DOUBLINGS = 63

# Of the range of the jitter that is added to a Retry-After.
_LEAST_JITTER = 0.05


def _not_negative(_: object, attribute: Attribute[Any], value: float) -> None:
    # Written so that NaN fails too.
    if not 0 <= value < math.inf:
        raise ValueError(f"{attribute.name} must be a finite number, 0 or more: {value!r}")


@frozen
class RetryPolicy:
    """How often, and after what wait, a request is repeated.

    Raises:
        ValueError: A field is negative, infinite or not a number.
    """

    max_retries: int = field(default=4, validator=_not_negative)
    """Repetitions after the first attempt; 0 turns retrying off."""

    backoff: float = field(default=0.5, validator=_not_negative)
    """Upper bound of the first wait, in seconds; it doubles with each. 0 turns backoff and jitter off."""

    max_wait: float = field(default=30.0, validator=_not_negative)
    """Upper bound of every wait that the server did not ask for, in seconds."""

    retry_after_cap: float = field(default=120.0, validator=_not_negative)
    """The longest ``Retry-After`` that is honoured in full, in seconds."""

    def wait(self, attempt: int, *, retry_after: float | None, random: Callable[[], float]) -> float:
        """Seconds to wait before a retry.

        Without ``Retry-After`` it is full jitter: anything from 0 to ``backoff * 2 ** (attempt - 1)``, at
        most `max_wait`. That desynchronises clients best after an outage that hit them all at once. With
        ``Retry-After``, from a twentieth to all of that range is *added* to what the server asked for, up to
        its cap, so the wait is at most `retry_after_cap` + `max_wait`.

        Args:
            attempt: Attempts made so far, so 1 before the first retry.
            retry_after: What the answer asked for, in seconds, as `parse_retry_after` read it; None if it did
                not.
            random: Returns a number in [0, 1), such as `random.random`.

        Raises:
            ValueError: `attempt` is below 1.
        """
        if attempt < 1:
            raise ValueError(f"attempts are counted from 1: {attempt}")
        bound = min(self.max_wait, math.ldexp(self.backoff, min(attempt - 1, _MAX_DOUBLINGS)))
        if retry_after is None:
            return random() * bound
        # Never without some jitter, for a server that tells whole seconds may have rounded them down.
        return self.honour(retry_after) + (_LEAST_JITTER + (1 - _LEAST_JITTER) * random()) * bound

    def honour(self, retry_after: float | None) -> float:
        """Seconds to hold back after such a ``Retry-After``: as it says, up to `retry_after_cap`.

        None, a negative number and NaN ask for nothing, so 0.0.
        """
        if retry_after is None or not retry_after > 0:
            return 0.0
        return min(retry_after, self.retry_after_cap)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Read a ``Retry-After`` header: seconds, or an HTTP date in any of the three forms of RFC 9110.

    A fraction of a second is read as well. A date without a zone is UTC. A date that is past, by this
    machine's clock, is 0.0: the server means "now", or the clocks differ. Anything else (absent, empty, a
    sign, an exponent, ``nan``, ``inf``, non-ASCII digits, garbage) is None. However large, a result is
    finite; it is `RetryPolicy` that caps it.

    Args:
        value: The header's value; None if there was none.
        now: The wall clock, in Unix seconds.

    Returns:
        Seconds to wait, 0 or more; None if the header says nothing.
    """
    if value is None or not value.isascii():
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), sys.float_info.max)
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, when.timestamp() - now)
    except (ValueError, OverflowError):
        # What the standard library's parser raises on garbage; a header without meaning is no error.
        return None


class RetryBudget:
    """Keeps an outage from becoming a storm: retries must be earned by first attempts.

    Backoff bounds how often *one* call retries; this bounds what all of them add together, shared by a
    client's calls. Each first attempt earns `ratio` of a token, each retry takes a whole one, so that in a
    lasting outage the API sees 20 % more requests than usual, and `floor` a minute, rather than five times as
    many (one attempt and four retries).

    The numbers, by default:

    - `ratio` 0.2: one call in five may fail once without anyone noticing.
    - `floor` 20: tokens at the start, and what time alone fills the bucket up to, at `floor` a minute.
      Without it, a script of three calls could never retry. It is enough for each of the 8 concurrent calls
      of the default client to retry twice when all their connections break at once, and it adds no more than
      3.5 % to a saturated client's 570 requests a minute.
    - `capacity` 100: what can be saved up. However long all went well, an outage begins with no more than
      this many retries: a sixth of a minute's limit.

    Args:
        clock: Monotonic seconds.
        ratio: Tokens that a first attempt earns.
        floor: Tokens at the start, and refilled by time in a minute.
        capacity: The most tokens that can be saved up, at least `floor`.

    Raises:
        ValueError: A number is negative, infinite or NaN, or `capacity` is below `floor`.
    """

    __slots__ = ("_capacity", "_clock", "_floor", "_ratio", "_seen", "_tokens")

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        ratio: float = 0.2,
        floor: float = 20.0,
        capacity: float = 100.0,
    ) -> None:
        if not (0 <= ratio < math.inf and 0 <= floor <= capacity < math.inf):
            raise ValueError(
                f"a retry budget needs 0 <= ratio and 0 <= floor <= capacity, all finite: "
                f"ratio {ratio}, floor {floor}, capacity {capacity}"
            )
        self._clock = clock
        self._ratio = ratio
        self._floor = floor
        self._capacity = capacity
        self._tokens = float(floor)
        self._seen = clock()

    @property
    def tokens(self) -> float:
        """Retries that are affordable now; the whole part counts."""
        self._refill()
        return self._tokens

    def deposit(self) -> None:
        """A first attempt is made: it earns `ratio` of a token."""
        self._tokens = min(self._capacity, self._tokens + self._ratio)

    def withdraw(self) -> bool:
        """Pay for a retry. False if the budget does not allow it: then the call fails with what it has."""
        # Time is accounted for here and not in deposit, so that a call that succeeds never reads the clock.
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self) -> None:
        now = self._clock()
        if self._tokens < self._floor:
            self._tokens = min(self._floor, self._tokens + (now - self._seen) * self._floor / 60)
        self._seen = now


class Deadline:
    """The end of a call's time, over all its attempts and waits.

    Args:
        timeout: Seconds from now; None means no deadline.
        clock: Monotonic seconds.

    Raises:
        ValueError: `timeout` is NaN.
    """

    __slots__ = ("_at", "_clock")

    def __init__(self, timeout: float | None, clock: Callable[[], float]) -> None:
        if timeout is not None and math.isnan(timeout):
            raise ValueError("the timeout is not a number")
        self._clock = clock
        self._at = math.inf if timeout is None else clock() + timeout

    def remaining(self) -> float:
        """Seconds left: never negative, infinite if there is no deadline."""
        return max(0.0, self._at - self._clock())

    def extend(self, seconds: float) -> None:
        """Put it off, for a wait that is not to count."""
        self._at += seconds

    def allows(self, wait: float) -> bool:
        """Whether a wait of so many seconds, begun now, leaves time for an attempt after it."""
        return wait < self.remaining()
