"""The error that a call ends with, made of its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from attrs import frozen

from tokfluence_async.errors import (
    APIError,
    AuthenticationError,
    DuplicateRequestError,
    ForbiddenError,
    InsufficientCreditsError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RequestError,
    ServerError,
)
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.protocol.wire import NotSent, Reply, Request
from tokfluence_async.session.attempt import Attempt

__all__ = ["Failure", "error_for"]

_UNKNOWN: Final = frozenset({Kind.LOST, Kind.LOST_REFUND, Kind.GARBLED, Kind.REDIRECTED})
_DELETION_UNKNOWN: Final = _UNKNOWN | {Kind.REFUNDED}
"""A refund says nothing of the effect, and a deletion has no key under which a repeat would tell."""
_TURNED_AWAY: Final = frozenset({Kind.RATE_LIMITED, Kind.REFUNDED})

_BY_STATUS: Final[dict[int, type[APIError]]] = {
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: ForbiddenError,
    404: NotFoundError,
    409: DuplicateRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
    500: InternalError,
}


def _coded(cls: type[APIError]) -> dict[str, type[APIError]]:
    found = {cls.default_code: cls} if cls.default_code else {}
    for sub in cls.__subclasses__():
        found |= _coded(sub)
    return found


_BY_CODE: Final = _coded(APIError)

E = TypeVar("E", bound=RequestError)


def error_for(status: int, code: str) -> type[APIError]:
    """The class for an answer: by its stable code first, then by its status.

    Args:
        status: HTTP status.
        code: The body's ``error.code``, or an empty string.
    """
    by_code = _BY_CODE.get(code)
    if by_code is not None:
        return by_code
    return _BY_STATUS.get(status, ServerError if status >= 500 else APIError)


@frozen
class Failure:
    """A call that did not succeed: its request, and its attempts in their order."""

    request: Request
    attempts: Sequence[Attempt]

    @property
    def unknown(self) -> bool:
        """Whether one of the attempts may have been applied."""
        unknown = _DELETION_UNKNOWN if self.request.method == "DELETE" else _UNKNOWN
        return any(attempt.seen.kind in unknown for attempt in self.attempts)

    def error(self) -> RequestError:
        """The error for a call that ends with its last attempt.

        An answer clears only the attempt that it answers: after a lost one, nothing but success says what became of
        a call that changes something. That nothing is there to delete may be its very doing.
        """
        attempt = self.attempts[-1]
        kind, reads, unknown = attempt.seen.kind, self.request.method == "GET", self.unknown
        if isinstance(attempt.outcome, NotSent):
            return (
                self._unknown(attempt)
                if unknown
                else self._error(NotSentError, attempt.seen.message, attempt)
            )
        if not isinstance(attempt.outcome, Reply) or kind is Kind.GARBLED:
            return self._unknown(attempt)
        if kind is Kind.SEEN_BEFORE and not unknown:
            return self._seen_before(attempt)
        # A `ServerError` says by its class that the call may have been applied; nobody expects that of a 404.
        told = kind in {Kind.LOST, Kind.LOST_REFUND} and (attempt.outcome.status >= 500 or reads)
        if told or reads or not unknown:
            return self._answered(attempt)
        error = self._unknown(attempt)
        error.__cause__ = self._answered(attempt)
        return error

    def _seen_before(self, attempt: Attempt) -> APIError:
        """The error for a key that the API knows, while no attempt of this call can have been applied."""
        earlier = [each for each in self.attempts if each.seen.kind in _TURNED_AWAY]
        if not earlier:
            return self._answered(attempt)
        turned_away = self._answered(earlier[-1])
        if not self.request.key_given:
            # Nobody else has the key: it is known because of that earlier attempt, whose answer is the reason.
            return turned_away
        # It may be known because of an earlier call with this key, which may have been applied.
        error = self._answered(attempt)
        error.__cause__ = turned_away
        return error

    def interrupted(self, *, under_way: bool) -> RequestError:
        """The error for a call that the client's closing interrupted.

        Args:
            under_way: Whether an attempt had left, or may have, that has no outcome.
        """
        attempt = self.attempts[-1] if self.attempts else None
        if under_way or self.unknown:
            return self._error(
                OutcomeUnknownError,
                f"the client was closed before the answer came; {self._advice()}",
                attempt,
                attempts=len(self.attempts) + under_way,
            )
        return self._error(NotSentError, "the client was closed before the request was sent", attempt)

    def _advice(self) -> str:
        if self.request.idempotency_key is not None:
            return "it may have been applied once: repeat it with this idempotency key only"
        if self.request.method == "DELETE":
            return "it may have been deleted: see whether it is still there"
        return "it may have been carried out and charged"

    def _unknown(self, attempt: Attempt) -> OutcomeUnknownError:
        return self._error(OutcomeUnknownError, f"{attempt.seen.message}; {self._advice()}", attempt)

    def _error(
        self, kind: type[E], message: str, attempt: Attempt | None, *, attempts: int | None = None
    ) -> E:
        return kind(
            message,
            method=self.request.method,
            path=self.request.path,
            request_id=self.request.idempotency_key,
            attempts=len(self.attempts) if attempts is None else attempts,
            credits_remaining=None if attempt is None else attempt.credits_remaining,
        )

    def _answered(self, attempt: Attempt) -> APIError:
        seen = attempt.seen
        status = seen.status or 0
        own_id = attempt.outcome.headers.get("x-request-id") if isinstance(attempt.outcome, Reply) else None
        return error_for(status, seen.code)(
            seen.message,
            status=status,
            code=seen.code,
            retry_after=attempt.retry_after,
            method=self.request.method,
            path=self.request.path,
            request_id=self.request.idempotency_key or own_id,
            attempts=len(self.attempts),
            credits_remaining=attempt.credits_remaining,
        )
