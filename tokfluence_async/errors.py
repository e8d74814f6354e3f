"""Every error that this package raises, in one tree.

::

    TokfluenceError
    ├── ConfigurationError              a setting or argument is missing or wrong; nothing was sent
    ├── UsageError                      the client is closed, not open, or used from another event loop
    ├── MissingExtraError               an optional dependency is not installed
    ├── BudgetExceededError             the call would cross the credit cap; nothing was sent
    ├── AnalysisPendingError            the cap or the time ended a wait before the analysis was complete
    ├── RequestError                    one call to the API that has no usable answer
    │   ├── NotSentError                the request never left: nothing was done, nothing charged
    │   ├── OutcomeUnknownError         it may have been applied, once; its answer did not arrive
    │   ├── DecodeError                 the answer arrived, but is not what the API documents
    │   └── APIError                    the API answered with an error
    │       ├── AuthenticationError     401 unauthorized
    │       ├── InsufficientCreditsError 402 insufficient_credits
    │       ├── ForbiddenError          403 forbidden
    │       │   ├── PlanRequiredError   403 plan_required
    │       │   └── AccountBannedError  403 account_banned
    │       ├── NotFoundError           404
    │       │   ├── CreatorNotFoundError
    │       │   ├── PostNotFoundError
    │       │   └── CampaignNotFoundError
    │       ├── DuplicateRequestError   409 duplicate_request: the idempotency key was seen before
    │       ├── InvalidRequestError     422
    │       │   ├── MissingParameterError
    │       │   └── InvalidCampaignError
    │       ├── RateLimitedError        429 rate_limited
    │       └── ServerError             5xx
    │           ├── InternalError       500 internal_error
    │           └── UpstreamError       502 upstream_error: refunded by the API
    └── CampaignError                   the campaign builder and loader
        ├── InputError                  a row, column, file or option of the input is wrong; nothing was sent
        │   └── ConflictError           one video, two fees or two creators
        ├── LoadFileError               the load file can't be read, written or understood
        │   ├── LoadFileInUseError      another process holds it
        │   └── PlanStaleError          already applied, applied elsewhere, or the world has changed
        └── LoadStoppedError            a load that did not complete; carries its report

An error never holds the API key, a request's headers, or an object of the HTTP library, and all of them pickle.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "APIError",
    "AccountBannedError",
    "AnalysisPendingError",
    "AuthenticationError",
    "BudgetExceededError",
    "CampaignError",
    "CampaignNotFoundError",
    "ConfigurationError",
    "ConflictError",
    "CreatorNotFoundError",
    "DecodeError",
    "DuplicateRequestError",
    "ForbiddenError",
    "InputError",
    "InsufficientCreditsError",
    "InternalError",
    "InvalidCampaignError",
    "InvalidRequestError",
    "LoadFileError",
    "LoadFileInUseError",
    "LoadStoppedError",
    "MissingExtraError",
    "MissingParameterError",
    "NotFoundError",
    "NotSentError",
    "OutcomeUnknownError",
    "PlanRequiredError",
    "PlanStaleError",
    "PostNotFoundError",
    "RateLimitedError",
    "RequestError",
    "ServerError",
    "TokfluenceError",
    "UpstreamError",
    "UsageError",
]


class TokfluenceError(Exception):
    """The root of the tree. `message` says what happened and, where there is something to do, what."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by calling the class with .args; keyword-only fields need the state as well.
        return _rebuild, (type(self), self.message, dict(self.__dict__))


def _rebuild(cls: type[TokfluenceError], message: str, state: dict[str, Any]) -> TokfluenceError:
    error = cls.__new__(cls, message)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class ConfigurationError(TokfluenceError, ValueError):
    """A setting, or an argument of a call, is missing or wrong. Nothing was sent."""


class UsageError(TokfluenceError, RuntimeError):
    """The client was used before it was opened, after it was closed, or from another event loop."""


class MissingExtraError(TokfluenceError, ImportError):
    """An optional dependency is not installed; the message names the extra to install."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'tokfluence-async[{extra}]'")
        self.extra = extra


class BudgetExceededError(TokfluenceError):
    """The call would cross the credit cap. Nothing was sent.

    Attributes:
        price: What the call costs, in credits.
        max_credits: The cap, in credits.
        committed: Credits already charged or reserved under the cap, or that may have been charged.
    """

    def __init__(self, *, price: int, max_credits: int, committed: int) -> None:
        super().__init__(
            f"this call costs {price} credits; {committed} of the cap of {max_credits} are spent or reserved"
        )
        self.price = price
        self.max_credits = max_credits
        self.committed = committed


class AnalysisPendingError(TokfluenceError):
    """A wait ended before the analysis was complete; its `status` is the `AnalysisStatus` at that moment."""

    def __init__(self, message: str, *, status: Any = None) -> None:
        super().__init__(message)
        self.status = status


class RequestError(TokfluenceError):
    """One call to the API that has no usable answer.

    Attributes:
        method: HTTP method of the request.
        path: Its path, without host and query.
        request_id: The idempotency key that was sent, or the request id that the server gave; else None.
        attempts: How many times the request was tried.
        credits_remaining: The wallet's balance as the answer told it, in credits; None if it did not.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        request_id: str | None = None,
        attempts: int = 1,
        credits_remaining: int | None = None,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.path = path
        self.request_id = request_id
        self.attempts = attempts
        self.credits_remaining = credits_remaining

    def __str__(self) -> str:
        call = f"{self.method} {self.path}: " if self.method else ""
        return f"{call}{self.message}"


class NotSentError(RequestError):
    """The request never left this machine: name resolution, connection or TLS failed. Nothing was charged."""


class OutcomeUnknownError(RequestError):
    """The request left, and no answer that can be believed came back: it was applied once, or not at all.

    Repeat a POST with the same idempotency key (`request_id`) only; under a new one it may be charged twice. A read
    has no key: each of its tries may have been charged, and so may the next.
    """


class DecodeError(RequestError):
    """The API answered with success, but the body is not what it documents. The call was applied and charged.

    Attributes:
        json_path: Where in the body, for example ``$.data[3].views``.
        body: The body as received.
    """

    def __init__(self, message: str, *, json_path: str = "$", body: bytes = b"", **call: Any) -> None:
        super().__init__(message, **call)
        self.json_path = json_path
        self.body = body


class APIError(RequestError):
    """The API answered with an error.

    Attributes:
        status: HTTP status.
        code: The API's stable error code, or an empty string where the body had none.
        retry_after: Seconds to wait, as the answer told it; None if it did not.
    """

    default_code: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        retry_after: float | None = None,
        **call: Any,
    ) -> None:
        super().__init__(message, **call)
        self.status = status
        self.code: str = code or self.default_code
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status} {self.code or 'without a code'}: {self.message}"


class AuthenticationError(APIError):
    """401: the key is missing, wrong or revoked. Not charged."""

    default_code = "unauthorized"


class InsufficientCreditsError(APIError):
    """402: the wallet is too low. The work was never started; not charged."""

    default_code = "insufficient_credits"


class ForbiddenError(APIError):
    """403: the key may not do this."""

    default_code = "forbidden"


class PlanRequiredError(ForbiddenError):
    """403: the account's plan does not include this call."""

    default_code = "plan_required"


class AccountBannedError(ForbiddenError):
    """403: the account is banned."""

    default_code = "account_banned"


class NotFoundError(APIError):
    """404: there is no such thing, or it belongs to somebody else."""


class CreatorNotFoundError(NotFoundError):
    """404: no such creator."""

    default_code = "creator_not_found"


class PostNotFoundError(NotFoundError):
    """404: the post is not in the index; analyse its URL first."""

    default_code = "post_not_found"


class CampaignNotFoundError(NotFoundError):
    """404: no such campaign in this account."""

    default_code = "campaign_not_found"


class DuplicateRequestError(APIError):
    """409: the idempotency key was seen before.

    Neither success nor failure: nothing is done twice, and the first answer is not replayed.
    """

    default_code = "duplicate_request"


class InvalidRequestError(APIError):
    """422: the API refused the request's content. It may have been charged."""


class MissingParameterError(InvalidRequestError):
    """422: a required parameter is missing."""

    default_code = "missing_parameter"


class InvalidCampaignError(InvalidRequestError):
    """422: the campaign is not acceptable, for example because its name is taken."""

    default_code = "invalid_campaign"


class RateLimitedError(APIError):
    """429: too many requests, for this key or this IP address. Not charged."""

    default_code = "rate_limited"


class ServerError(APIError):
    """5xx: the API failed. Unless it is an `UpstreamError`, the call may have been applied and charged."""


class InternalError(ServerError):
    """500: the API failed. The call may have been applied and charged."""

    default_code = "internal_error"


class UpstreamError(ServerError):
    """502: the API's own source failed. Its credits are refunded by the API."""

    default_code = "upstream_error"


class CampaignError(TokfluenceError):
    """The campaign builder or loader can't go on."""


class InputError(CampaignError, ValueError):
    """Something in the input is wrong; the message names it and says what to do. Nothing was sent.

    Attributes:
        source: File name or description of the input, if known.
        row: The row's line number in its source, counted from 1, if it is about one row.
        column: The column's name, if it is about one column.
    """

    def __init__(
        self, message: str, *, source: str | None = None, row: int | None = None, column: str | None = None
    ) -> None:
        super().__init__(message)
        self.source = source
        self.row = row
        self.column = column

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.source, self.row) if part is not None)
        return f"{place}: {self.message}" if place else self.message


class ConflictError(InputError):
    """One video stands in the input with two fees or two creators, and the caller has not said which counts."""


class LoadFileError(CampaignError):
    """The load file can't be read, written or understood.

    Attributes:
        file: Its path.
    """

    def __init__(self, message: str, *, file: str = "") -> None:
        super().__init__(message)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" if self.file else self.message


class LoadFileInUseError(LoadFileError):
    """Another process holds the load file."""


class PlanStaleError(LoadFileError):
    """The plan was already applied, was applied elsewhere, or what it was made for has changed."""


class LoadStoppedError(CampaignError):
    """A load stopped before every URL was settled. It can be resumed from its load file.

    Attributes:
        report: The `LoadReport` at the moment of stopping.
    """

    def __init__(self, message: str, *, report: Any = None) -> None:
        super().__init__(message)
        self.report = report
