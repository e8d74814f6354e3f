"""What a call makes of each outcome: its result, its error, and what it may have cost."""

from __future__ import annotations

import pytest
from attrs import evolve
from call_bench import BUY, PRICE, READ, outcome_of
from scripted import REFUSED, RESET, error, reply

from tokfluence_async.errors import (
    APIError,
    AuthenticationError,
    DecodeError,
    DuplicateRequestError,
    ForbiddenError,
    InsufficientCreditsError,
    InternalError,
    InvalidRequestError,
    MissingParameterError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PostNotFoundError,
    RateLimitedError,
    RequestError,
    ServerError,
    UpstreamError,
)
from tokfluence_async.models import Post
from tokfluence_async.protocol.wire import Outcome, Reply, Request
from tokfluence_async.session.budget import Charge

# Success


@pytest.mark.parametrize("request_", [READ, BUY])
def test_success_at_once(request_: Request) -> None:
    answer = reply(200, None, x_credits_remaining="70", x_request_id="theirs")
    bench, post = outcome_of(request_, [answer])
    assert isinstance(post, Post)
    assert post.response.status == 200
    assert post.response.attempts == 1
    assert post.response.credits_remaining == 70
    assert post.response.request_id == ("key-1" if request_ is BUY else "theirs")
    assert post.response.headers == answer.headers
    assert post.response.body == answer.body
    assert bench.budget.charged == Charge(PRICE, PRICE)
    assert bench.session.credits_remaining == 70


FOR_GOOD: list[tuple[Reply, type[APIError], int]] = [
    (error(400, "bad_request"), APIError, PRICE),
    (error(401, "unauthorized"), AuthenticationError, 0),
    (error(402, "insufficient_credits"), InsufficientCreditsError, 0),
    (error(403, "forbidden"), ForbiddenError, 0),
    (error(404, "post_not_found"), PostNotFoundError, PRICE),
    (error(404, "something_else"), NotFoundError, PRICE),
    (error(409, "duplicate_request"), DuplicateRequestError, 0),
    (error(413, "too_large"), APIError, 0),
    (error(422, "missing_parameter"), MissingParameterError, PRICE),
]


@pytest.mark.parametrize("request_", [READ, BUY], ids=["read", "keyed"])
@pytest.mark.parametrize(
    ("answer", "kind", "charged"), FOR_GOOD, ids=lambda each: getattr(each, "status", None)
)
def test_answers_that_are_for_good(
    request_: Request, answer: Reply, kind: type[APIError], charged: int
) -> None:
    bench, failure = outcome_of(request_, [answer])
    assert type(failure) is kind
    assert isinstance(failure, APIError)
    assert failure.status == answer.status
    assert (failure.method, failure.path) == (request_.method, request_.path)
    assert failure.attempts == len(bench.script.sent) == 1
    assert bench.budget.charged == Charge(0, charged)


PASSING: list[tuple[Outcome, type[RequestError], int]] = [
    (REFUSED, NotSentError, 0),
    (RESET, OutcomeUnknownError, PRICE),
    (error(429, "rate_limited", retry_after="1"), RateLimitedError, 0),
    (error(500, "internal_error"), InternalError, PRICE),
    (error(502, "upstream_error"), UpstreamError, 0),
    (reply(502, b"<html>Bad Gateway</html>"), ServerError, PRICE),
    (reply(403, b"<html>"), ForbiddenError, 0),
    (error(503, "service_unavailable"), ServerError, PRICE),
    (reply(504, b""), ServerError, PRICE),
]


@pytest.mark.parametrize("request_", [READ, BUY], ids=["read", "keyed"])
@pytest.mark.parametrize(("answer", "kind", "charged"), PASSING)
def test_outcomes_that_may_pass(
    request_: Request, answer: Outcome, kind: type[RequestError], charged: int
) -> None:
    repeated = not (isinstance(answer, Reply) and answer.status == 403)
    bench, failure = outcome_of(request_, [answer], retries=2)
    assert isinstance(failure, kind)
    assert failure.attempts == len(bench.script.sent) == (3 if repeated else 1)
    # Under one key it is charged once at most; each try of a read may be charged.
    tries = 3 if request_ is READ and repeated else 1
    assert bench.budget.charged == Charge(0, charged * tries)
    bench, post = outcome_of(request_, [answer, reply()], retries=2)
    if repeated:
        assert isinstance(post, Post)
        assert post.response.attempts == 2
        assert bench.budget.charged.min == PRICE
        assert len({(each.idempotency_key, each.body) for _, each, _ in bench.script.sent}) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "tries"),
    [
        (error(408, "timeout"), APIError, 3),
        (reply(404, b"<html>not here</html>"), NotFoundError, 1),
        (reply(422, b""), InvalidRequestError, 1),
    ],
    ids=["408", "404", "422"],
)
def test_a_refusal_that_is_not_the_apis_word_leaves_the_outcome_unknown(
    answer: Reply, kind: type[APIError], tries: int
) -> None:
    bench, failure = outcome_of(READ, [answer], retries=2)
    assert type(failure) is kind
    assert failure.attempts == tries
    assert bench.budget.charged == Charge(0, PRICE * tries)
    bench, failure = outcome_of(BUY, [answer], retries=2)
    assert isinstance(failure, OutcomeUnknownError)
    assert type(failure.__cause__) is kind
    assert failure.attempts == tries
    assert bench.budget.charged == Charge(0, PRICE)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, {}, b"", "longer than 16 bytes", lasting=True),
        Reply(200, {}, b"", "encoded as 'br', which was not asked for", lasting=True),
        error(200, "internal_error"),
        reply(200, b'{"data":', content_length="8"),
        reply(200, b"[]"),
    ],
    ids=["too-long", "encoded", "an-error", "no-json", "no-object"],
)
def test_what_would_be_answered_so_again_is_paid_for_once(answer: Reply) -> None:
    bench, failure = outcome_of(READ, [answer, reply()])
    assert isinstance(failure, OutcomeUnknownError)
    assert len(bench.script.sent) == 1
    assert bench.budget.charged == Charge(0, PRICE)


@pytest.mark.parametrize("request_", [READ, BUY], ids=["read", "keyed"])
def test_a_redirect_is_not_followed_nor_repeated(request_: Request) -> None:
    bench, failure = outcome_of(request_, [reply(302, b"", location="http://elsewhere/")])
    assert len(bench.script.sent) == 1
    if request_ is BUY:
        assert isinstance(failure, OutcomeUnknownError)
        assert isinstance(failure.__cause__, APIError)
        failure = failure.__cause__
    assert isinstance(failure, APIError)
    assert failure.status == 302
    assert "base URL" in failure.message


@pytest.mark.parametrize("garbled", [Reply(200, {}, b"", "cut off"), reply(200, b"no JSON"), reply(200, b"")])
def test_a_success_that_can_not_be_read(garbled: Reply) -> None:
    bench, failure = outcome_of(BUY, [garbled, reply()])
    assert isinstance(failure, OutcomeUnknownError)
    assert len(bench.script.sent) == 1  # the same key would be told 409
    assert bench.budget.charged == Charge(0, PRICE)
    bench, post = outcome_of(READ, [garbled, reply()])
    assert isinstance(post, Post)
    assert bench.budget.charged == Charge(PRICE, 2 * PRICE)


def test_a_success_that_is_not_as_documented_is_charged() -> None:
    bench, failure = outcome_of(READ, [reply(200, {"data": {"views": "many"}}, x_credits_remaining="3")])
    assert isinstance(failure, DecodeError)
    assert failure.path == READ.path
    assert failure.credits_remaining == 3
    assert failure.json_path.startswith("$.data")
    assert bench.budget.charged == Charge(PRICE, PRICE)


# An answer clears only the attempt that it answers


@pytest.mark.parametrize("lost", [RESET, reply(504, b"")])
def test_409_after_a_lost_attempt_of_its_own_is_unknown(lost: Outcome) -> None:
    bench, failure = outcome_of(BUY, [lost, error(409, "duplicate_request")])
    assert isinstance(failure, OutcomeUnknownError)
    assert isinstance(failure.__cause__, DuplicateRequestError)
    assert failure.request_id == "key-1"
    assert failure.attempts == 2
    assert bench.budget.charged == Charge(0, PRICE)


@pytest.mark.parametrize(
    "answer", [error(401, "unauthorized"), error(422, "x"), error(402, "insufficient_credits")]
)
def test_any_refusal_after_a_lost_attempt_is_unknown(answer: Reply) -> None:
    bench, failure = outcome_of(BUY, [RESET, answer])
    assert isinstance(failure, OutcomeUnknownError)
    assert bench.budget.charged == Charge(0, PRICE)
    bench, failure = outcome_of(READ, [RESET, answer])
    assert type(failure) is type(outcome_of(READ, [answer])[1])


@pytest.mark.parametrize("request_", [READ, BUY], ids=["read", "keyed"])
def test_not_sent_after_a_lost_attempt_is_unknown(request_: Request) -> None:
    bench, failure = outcome_of(request_, [RESET, REFUSED], retries=1)
    assert isinstance(failure, OutcomeUnknownError)
    assert bench.budget.charged == Charge(0, PRICE)


@pytest.mark.parametrize(
    ("first", "kind"),
    [(error(429, "rate_limited"), RateLimitedError), (error(502, "upstream_error"), UpstreamError)],
)
def test_409_after_an_answer_that_burnt_the_key_tells_that_answer(first: Reply, kind: type[APIError]) -> None:
    bench, failure = outcome_of(BUY, [first, error(409, "duplicate_request")])
    assert type(failure) is kind
    assert failure.attempts == 2
    assert bench.budget.charged == Charge(0, 0)


def test_409_for_a_key_that_was_given_may_be_that_of_an_earlier_call() -> None:
    """The one thing that must not be told then is that nothing was charged."""
    kept = evolve(BUY, key_given=True)
    _, failure = outcome_of(kept, [error(429, "rate_limited"), error(409, "duplicate_request")])
    assert isinstance(failure, DuplicateRequestError)
    assert isinstance(failure.__cause__, RateLimitedError)


def test_409_after_what_was_not_sent_is_somebody_else_s() -> None:
    _, failure = outcome_of(BUY, [REFUSED, error(409, "duplicate_request")])
    assert isinstance(failure, DuplicateRequestError)


DELETE = Request("campaigns.delete", "DELETE", "/v1/campaigns/4711")


@pytest.mark.parametrize("answer", [reply(200, b""), reply(202, b"null"), reply(200, b"[]"), reply(204, b"")])
def test_a_deletion_is_over_once_it_is_answered_with_success(answer: Reply) -> None:
    bench, _ = outcome_of(DELETE, [answer, error(404, "campaign_not_found")])
    assert len(bench.script.sent) == 1


@pytest.mark.parametrize("first", [RESET, error(503, "busy"), error(502, "upstream_error")])
def test_nothing_there_to_delete_after_a_lost_answer_may_be_its_own_doing(first: Outcome) -> None:
    bench, failure = outcome_of(DELETE, [first, error(404, "campaign_not_found")])
    assert len(bench.script.sent) == 2
    assert isinstance(failure, OutcomeUnknownError)
    assert "see whether it is still there" in str(failure)
    assert isinstance(failure.__cause__, NotFoundError)


def test_a_deletion_that_something_else_answered_is_not_repeated() -> None:
    bench, failure = outcome_of(DELETE, [reply(200, b"<html>"), error(404, "campaign_not_found")])
    assert len(bench.script.sent) == 1
    assert isinstance(failure, OutcomeUnknownError)
