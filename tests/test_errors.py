from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

from tokfluence_async import errors
from tokfluence_async.errors import (
    APIError,
    BudgetExceededError,
    ConfigurationError,
    DecodeError,
    InputError,
    InsufficientCreditsError,
    LoadFileError,
    LoadStoppedError,
    MissingExtraError,
    OutcomeUnknownError,
    RequestError,
    TokfluenceError,
    UsageError,
)
from tokfluence_async.session.failures import error_for

CLASSES: list[type[TokfluenceError]] = [getattr(errors, name) for name in errors.__all__]
CALL: dict[str, Any] = {
    "method": "POST",
    "path": "/v1/posts/analyze",
    "request_id": "key-1",
    "attempts": 3,
    "credits_remaining": 12,
}


def made(cls: type[TokfluenceError]) -> TokfluenceError:
    """An error of this class with every field set to something that is not its default."""
    make: Callable[..., TokfluenceError] = cls
    if cls is BudgetExceededError:
        return make(price=1, max_credits=2, committed=3)
    if cls is MissingExtraError:
        return make("reading Parquet", "parquet")
    if issubclass(cls, APIError):
        return make("no", status=418, code="teapot", retry_after=2.5, **CALL)
    if issubclass(cls, DecodeError):
        return make("no", json_path="$.data", body=b"\xff", **CALL)
    if issubclass(cls, RequestError):
        return make("no", **CALL)
    if issubclass(cls, InputError):
        return make("no", source="a.csv", row=3, column="url")
    if issubclass(cls, LoadFileError):
        return make("no", file="a.tokl")
    if issubclass(cls, LoadStoppedError):
        return make("no", report={"state": "stopped"})
    return make("no")


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_pickles_with_all_its_fields(cls: type[TokfluenceError], protocol: int) -> None:
    error = made(cls)
    error.add_note("while loading")
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert type(twin) is cls
    assert twin.__dict__ == error.__dict__
    assert (str(twin), repr(twin), twin.args) == (str(error), repr(error), error.args)
    assert len(vars(error)) > 1


def test_all_names_every_error() -> None:
    found = {
        name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)
    }
    assert found == set(errors.__all__)


def test_the_docstring_draws_the_tree() -> None:
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^    ((?:[│ ]   )*)(?:[├└]── )?(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4 + ("── " in line)
            path[depth:] = [match[2]]
            drawn[match[2]] = path[depth - 1] if depth else None
    assert drawn.keys() == set(errors.__all__)
    for name, parent in drawn.items():
        bases = [base.__name__ for base in getattr(errors, name).__bases__]
        assert parent is None or parent in bases, name


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (401, "unauthorized", "AuthenticationError"),
        (402, "insufficient_credits", "InsufficientCreditsError"),
        (403, "plan_required", "PlanRequiredError"),
        (403, "account_banned", "AccountBannedError"),
        (403, "forbidden", "ForbiddenError"),
        (404, "creator_not_found", "CreatorNotFoundError"),
        (404, "post_not_found", "PostNotFoundError"),
        (404, "campaign_not_found", "CampaignNotFoundError"),
        (409, "duplicate_request", "DuplicateRequestError"),
        (422, "missing_parameter", "MissingParameterError"),
        (422, "invalid_campaign", "InvalidCampaignError"),
        (429, "rate_limited", "RateLimitedError"),
        (500, "internal_error", "InternalError"),
        (502, "upstream_error", "UpstreamError"),
        # By code first
        (400, "insufficient_credits", "InsufficientCreditsError"),
        # then by status
        (401, "", "AuthenticationError"),
        (402, "unheard_of", "InsufficientCreditsError"),
        (403, "", "ForbiddenError"),
        (404, "", "NotFoundError"),
        (409, "", "DuplicateRequestError"),
        (422, "unheard_of", "InvalidRequestError"),
        (429, "", "RateLimitedError"),
        (500, "", "InternalError"),
        (502, "", "ServerError"),
        (599, "unheard_of", "ServerError"),
        (418, "teapot", "APIError"),
        (302, "", "APIError"),
    ],
)
def test_the_class_for_an_answer(status: int, code: str, name: str) -> None:
    assert error_for(status, code).__name__ == name


def test_what_they_say() -> None:
    assert str(made(APIError)) == "POST /v1/posts/analyze: 418 teapot: no"
    assert str(made(OutcomeUnknownError)) == "POST /v1/posts/analyze: no"
    assert str(made(InputError)) == "a.csv:3: no"
    assert str(made(LoadFileError)) == "a.tokl: no"
    assert str(UsageError("no")) == "no"
    assert InsufficientCreditsError("no", status=402).code == "insufficient_credits"
    assert "without a code" in str(APIError("no", status=400))


def test_they_are_what_python_programs_catch() -> None:
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(InputError, ValueError)
    assert issubclass(UsageError, RuntimeError)
    assert issubclass(MissingExtraError, ImportError)
    assert str(made(MissingExtraError)) == (
        "reading Parquet needs the 'parquet' extra: pip install 'tokfluence-async[parquet]'"
    )
