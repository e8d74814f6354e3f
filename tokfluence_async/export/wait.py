"""Waiting until the analysis of a campaign's posts is complete, by polling its list of posts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import ceil, isfinite
from typing import Any, Final, Literal

from attrs import define, field, frozen

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import (
    AnalysisPendingError,
    BudgetExceededError,
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RequestError,
    ServerError,
)
from tokfluence_async.export.reading import tracked_posts
from tokfluence_async.models import CampaignPost

__all__ = ["AnalysisStatus", "Polling", "wait_for_analysis"]

_PASSING: Final = (NotSentError, OutcomeUnknownError, RateLimitedError, ServerError)
"""What the next poll may get past."""
_PATIENCE: Final = 5
"""Polls that may fail in a row."""

WaitState = Literal["complete", "pending", "max_credits", "timed_out"]


_GROWS: Final = 64
"""Looks between which the wait grows; afterwards it stays: a power of any size would overflow."""


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _positive(_: object, attribute: Any, value: Any) -> None:
    if not (_is_number(value) and value > 0):
        raise ConfigurationError(f"{attribute.name} must be a number of more than 0, not {value!r}")


def _growing(_: object, attribute: Any, value: Any) -> None:
    # One that shrinks would look, and pay, more and more often.
    if not (_is_number(value) and value >= 1):
        raise ConfigurationError(f"{attribute.name} must be a number from 1 on, not {value!r}")


def _check_timeout(value: Any) -> None:
    if not (_is_number(value) and value >= 0):
        raise ConfigurationError(f"timeout must be a number of seconds from 0, not {value!r}")


@frozen(kw_only=True)
class Polling:
    """How often to look: at once, then after `first` seconds, then `factor` times as long, up to `longest`."""

    first: float = field(default=5.0, validator=_positive)
    """Seconds before the second look."""
    factor: float = field(default=2.0, validator=_growing)
    """How many times as long each wait is as the one before."""
    longest: float = field(default=300.0, validator=_positive)
    """Seconds between two looks, at most."""

    def wait(self, polls: int) -> float:
        """Seconds to wait after so many polls, the first included."""
        try:
            return float(min(self.first * self.factor ** min(polls - 1, _GROWS), self.longest))
        except OverflowError:
            return float(self.longest)

    def polls_within(self, timeout: float) -> int:
        """How many polls there are in so many seconds, at most: the last is made when they are over.

        Raises:
            ConfigurationError: It is no such number, or there is no end to them.
        """
        _check_timeout(timeout)
        polls, passed = 1, 0.0
        while passed < timeout and polls <= _GROWS:
            passed += self.wait(polls)
            polls += 1
        # From here on each wait is as long as the next.
        return polls + max(0, ceil((timeout - passed) / self.wait(polls)))


@frozen(kw_only=True)
class AnalysisStatus:
    """How far the analysis of a campaign's posts is, as of the last look that was answered."""

    state: WaitState
    """``complete``; ``pending`` while it is waited for; ``max_credits`` or ``timed_out`` where that ended the wait."""
    campaign_id: int
    posts: int
    """Posts that the campaign lists."""
    pending: int
    """Posts of them whose analysis is unfinished."""
    unlisted: int
    """Posts that were expected and are not listed yet."""
    polls: int
    """Looks that were made."""
    answered: int = 0
    """Looks of them that were answered; while there is none, nothing is known of the posts."""
    error: RequestError | None = field(default=None, eq=False)
    """Why the last look was not answered; None if it was."""
    credits: int
    """Credits that the client was charged meanwhile, at most."""
    elapsed_seconds: float

    @property
    def complete(self) -> bool:
        """Whether nothing is pending."""
        return self.state == "complete"

    def to_dict(self) -> dict[str, Any]:
        """The status as JSON-able data, in the form of ``tokfluence wait --json``."""
        return {
            "schema": "tokfluence.wait/1",
            "state": self.state,
            "campaign_id": self.campaign_id,
            "posts": self.posts,
            "pending": self.pending,
            "unlisted": self.unlisted,
            "polls": self.polls,
            "answered": self.answered,
            "error": None if self.error is None else str(self.error),
            "credits": self.credits,
            "elapsed_seconds": round(self.elapsed_seconds, 3),
        }

    def raise_for_state(self) -> AnalysisStatus:
        """Return the status, unless the analysis is unfinished.

        Raises:
            AnalysisPendingError: It is; its `status` is this.
        """
        if self.complete:
            return self
        why = "" if self.error is None else f"; the last look was not answered: {self.error}"
        raise AnalysisPendingError(
            f"{self.pending + self.unlisted} of {self.posts + self.unlisted} posts are unfinished after "
            f"{self.elapsed_seconds:.0f} s and {self.credits} credits{why}",
            status=self,
        )


async def wait_for_analysis(
    tok: Tokfluence,
    campaign_id: int,
    *,
    timeout: float | None = None,
    max_credits: int | None = None,
    expected: int = 0,
    polling: Polling | None = None,
    on_poll: Callable[[AnalysisStatus, float], None] | None = None,
) -> AnalysisStatus:
    """Wait until no post of a campaign is ``pending``: 2 credits a look (a page, should the API page the list).

    It looks at once, and then less and less often. Calls that fail in passing (an outage, a rate limit) are tried again
    with the next look, five times in a row at most.

    Args:
        tok: An open client.
        campaign_id: The campaign's number.
        timeout: Seconds to wait at most; None waits for as long as it takes.
        max_credits: Credits that the looks may cost together; None is no cap but the client's own.
        expected: Posts that must be listed besides, such as a load's ``report.urls.accepted``: the API does not say how
            soon it lists a new post.
        polling: How often to look.
        on_poll: Called after each look with the status, and the seconds until the next.

    Returns:
        The status, also where the cap or the time ended the wait: see `AnalysisStatus.raise_for_state`.

    Raises:
        ConfigurationError: An argument is not what it should be. Nothing was sent.
        BudgetExceededError: The cap leaves no room for a single look, or for another while none was answered; its
            cause is why the last was not.
        CampaignNotFoundError: There is none with this id in the account.
        RequestError: The API gave no usable answer: for good, five times in a row, or until the time was over.
    """
    _check(timeout, expected, polling, on_poll)
    own = tok if max_credits is None else tok.budget(max_credits=max_credits)
    return await _Wait(own, campaign_id, timeout, expected, polling or Polling(), on_poll).run()


def _check(timeout: Any, expected: Any, polling: Any, on_poll: Any) -> None:
    if timeout is not None:
        _check_timeout(timeout)
    if not isinstance(expected, int) or isinstance(expected, bool) or expected < 0:
        raise ConfigurationError(f"expected must be a whole number of posts from 0, not {expected!r}")
    if polling is not None and not isinstance(polling, Polling):
        raise ConfigurationError(f"polling must be a Polling, such as Polling(first=5), not {polling!r}")
    if on_poll is not None and not callable(on_poll):
        raise ConfigurationError(f"on_poll must be a function, not {on_poll!r}")


@define
class _Wait:
    tok: Tokfluence
    campaign_id: int
    timeout: float | None
    expected: int
    polling: Polling
    on_poll: Callable[[AnalysisStatus, float], None] | None
    started: float = field(init=False, factory=lambda: asyncio.get_running_loop().time())
    charged: int = field(init=False)
    polls: int = field(default=0, init=False)
    posts: int = field(default=0, init=False)
    pending: int = field(default=0, init=False)
    answered: int = field(default=0, init=False)
    failures: int = field(default=0, init=False)
    error: RequestError | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.charged = self.tok.spent.charged_max

    async def run(self) -> AnalysisStatus:
        """Look until it is complete, or may not be looked any more."""
        while True:
            try:
                await self._look()
            except BudgetExceededError as error:
                if not self.answered:
                    raise error from self.error
                return self._status("max_credits")
            known = self.answered > 0
            if known and not self.pending and self.posts >= self.expected:
                return self._status("complete")
            room = self.tok.spent.remaining
            if known and room is not None and room < self.tok.tariff.price("campaigns.posts"):
                return self._status("max_credits")
            left = self._left()
            if left is not None and left <= 0:
                if not known and self.error is not None:
                    raise self.error
                return self._status("timed_out")
            wait = self.polling.wait(self.polls)
            wait = wait if left is None else min(wait, left)
            if self.on_poll is not None:
                self.on_poll(self._status("pending"), wait)
            await asyncio.sleep(wait)

    async def _look(self) -> None:
        self.polls += 1
        try:
            posts = [post async for post in tracked_posts(self.tok, self.campaign_id)]
        except _PASSING as error:
            self.failures += 1
            self.error = error
            if self.failures >= _PATIENCE:
                raise
            return
        self.failures, self.error = 0, None
        self.answered += 1
        self.posts, self.pending = len(posts), sum(map(_is_pending, posts))

    def _left(self) -> float | None:
        return None if self.timeout is None else self.timeout - self._elapsed()

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self.started

    def _status(self, state: WaitState) -> AnalysisStatus:
        return AnalysisStatus(
            state=state,
            campaign_id=self.campaign_id,
            posts=self.posts,
            pending=self.pending,
            unlisted=max(0, self.expected - self.posts),
            polls=self.polls,
            answered=self.answered,
            error=self.error,
            credits=self.tok.spent.charged_max - self.charged,
            elapsed_seconds=self._elapsed(),
        )


def _is_pending(post: CampaignPost) -> bool:
    return post.status == "pending"
