"""What a call does with each outcome, on a virtual clock, with a scripted transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from email.utils import formatdate
from typing import Any

import pytest
import virtual_time
from scripted import POST_ID, REFUSED, RESET, Script, Step, error, reply

from tokfluence_async.errors import (
    APIError,
    AuthenticationError,
    BudgetExceededError,
    DecodeError,
    DuplicateRequestError,
    ForbiddenError,
    InsufficientCreditsError,
    InternalError,
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
from tokfluence_async.protocol.codec import decoder
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.wire import Outcome, Reply, Request
from tokfluence_async.session.budget import Budget, Charge
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
        assert vars(self.session._dispatcher)["_places"]._value >= 1
        assert not self.session._dispatcher._places.locked()
        assert self.limiter._ring._held == 0
        assert self.budget.reserved == 0
        assert len(self.session._flights) == 0
        assert self.script.in_flight == 0


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    virtual_time.run(main())


def outcome_of(request: Request, steps: Iterable[Step], **call: Any) -> tuple[Bench, Post | RequestError]:
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
    (error(408, "timeout"), APIError, PRICE),
    (error(429, "rate_limited", retry_after="1"), RateLimitedError, 0),
    (error(500, "internal_error"), InternalError, PRICE),
    (error(502, "upstream_error"), UpstreamError, 0),
    (reply(502, b"<html>Bad Gateway</html>"), ServerError, PRICE),
    (reply(403, b"<html>"), ForbiddenError, 0),
    (error(503, "service_unavailable"), ServerError, PRICE),
    (reply(504, b""), ServerError, PRICE),
    (reply(404, b"<html>not here</html>"), NotFoundError, PRICE),
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


@pytest.mark.parametrize(
    "garbled", [Reply(200, {}, b"", "cut off"), reply(200, b"no JSON"), reply(200, b"[]")]
)
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


def test_409_after_what_was_not_sent_is_somebody_else_s() -> None:
    _, failure = outcome_of(BUY, [REFUSED, error(409, "duplicate_request")])
    assert isinstance(failure, DuplicateRequestError)


# Waits


def test_backoff_doubles_with_jitter() -> None:
    bench, _ = outcome_of(READ, [RESET], retries=4)
    assert bench.times == [0.0, 0.5, 1.5, 3.5, 7.5]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("10", 10, 11),
        ("2.5", 2.5, 3.5),
        (formatdate(EPOCH + 20, usegmt=True), 20, 21),
        (formatdate(EPOCH - 900, usegmt=True), 0, 1),
        ("0", 0, 1),
        ("-7", 0, 5.01),
        ("soon", 0, 5.01),
        ("999999999999999999999", 120, 121.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(status: int, text: str, low: float, high: float) -> None:
    code = "rate_limited" if status == 429 else "busy"
    bench, post = outcome_of(READ, [error(status, code, retry_after=text), reply()], timeout=1000)
    assert isinstance(post, Post)
    assert low <= bench.times[1] <= high


def test_429_without_retry_after_holds_everybody_back() -> None:
    async def main() -> None:
        bench = Bench(error(429, "rate_limited"), reply())
        first = asyncio.create_task(bench.call())
        await asyncio.sleep(0.1)
        await bench.call()
        await first
        assert bench.times[0] == 0
        assert min(bench.times[1:]) >= 5

    run(main)


def test_the_deadline_is_over_all_attempts_and_waits() -> None:
    async def stall(_: Request) -> Outcome:
        await asyncio.sleep(4)
        return RESET

    bench, failure = outcome_of(READ, [stall], timeout=10, retries=100)
    assert isinstance(failure, OutcomeUnknownError)
    assert bench.now <= 10 + 4  # the script does not heed the timeout that it is given
    timeouts = [timeout for _, _, timeout in bench.script.sent]
    assert timeouts[0] == 10
    for at, timeout in zip(bench.times, timeouts, strict=True):
        assert at + timeout <= 10.000001


def test_a_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    bench, failure = outcome_of(READ, [error(429, "rate_limited", retry_after="30")], timeout=10)
    assert isinstance(failure, RateLimitedError)
    assert failure.retry_after == 30
    assert bench.now == 0


def test_waiting_for_the_limiter_counts_for_repeats_but_not_for_the_first_try() -> None:
    async def main() -> None:
        bench = Bench(RESET, rpm=1)
        with pytest.raises(OutcomeUnknownError) as caught:
            await bench.call(timeout=10)
        assert caught.value.attempts == 1
        assert bench.now == 10
        bench.script.steps[:] = [reply()]
        await bench.call(timeout=10)
        assert bench.times[1] > 50
        bench.assert_at_rest()

    run(main)


def test_a_place_that_is_not_free_in_time_ends_a_repeat() -> None:
    async def slow(_: Request) -> Outcome:
        await asyncio.sleep(300)
        return reply()

    async def main() -> None:
        bench = Bench(RESET, slow, concurrency=1)
        first = asyncio.create_task(bench.call(timeout=10))
        await asyncio.sleep(0.001)
        second = asyncio.create_task(bench.call(timeout=1000))
        with pytest.raises(OutcomeUnknownError):
            await first
        assert bench.now == 10
        await second
        bench.assert_at_rest()

    run(main)


def test_an_outage_is_not_a_storm() -> None:
    async def main() -> None:
        bench = Bench(error(500, "internal_error"))
        failures = [await asyncio.gather(bench.call(timeout=600), return_exceptions=True) for _ in range(100)]
        assert all(isinstance(each[0], InternalError) for each in failures)
        retries = len(bench.script.sent) - 100
        earned = 20 + 100 * 0.2 + bench.now / 60 * 20
        assert 20 <= retries <= earned + 1
        bench.assert_at_rest()

    run(main)


# The budget


def test_a_thousand_concurrent_calls_do_not_overshoot_by_one_credit() -> None:
    async def main() -> None:
        bench = Bench(reply(), latency=0.3, concurrency=50, cap=1234)
        most = 0

        def watch(_: object) -> None:
            nonlocal most
            most = max(most, bench.budget.committed)

        bench.events.subscribe(watch)
        results = await asyncio.gather(*(bench.call(price=7) for _ in range(1000)), return_exceptions=True)
        sold = [each for each in results if isinstance(each, Post)]
        refused = [each for each in results if isinstance(each, BudgetExceededError)]
        assert len(sold) == 1234 // 7 == len(bench.script.sent)
        assert len(refused) == 1000 - len(sold)
        assert most == bench.budget.charged_max == len(sold) * 7
        assert bench.script.most_in_flight == 50
        assert (refused[0].price, refused[0].max_credits, refused[0].committed) == (7, 1234, 1232)
        bench.assert_at_rest()

    run(main)


def test_a_read_is_not_repeated_where_the_cap_has_no_room_for_it() -> None:
    async def main() -> None:
        bench = Bench(RESET, cap=PRICE + 5)
        with pytest.raises(OutcomeUnknownError):  # and not the cap: it was sent, and may have been charged
            await bench.call()
        assert len(bench.script.sent) == 1
        assert bench.budget.charged == Charge(0, PRICE)
        bench.assert_at_rest()

    run(main)


def test_free_repeats_keep_their_reservation() -> None:
    async def main() -> None:
        bench = Bench(REFUSED, error(429, "rate_limited", retry_after="1"), reply(), cap=PRICE)
        await bench.call()
        assert bench.budget.charged == Charge(PRICE, PRICE)

    run(main)


# Cancelling


def scenarios() -> dict[str, tuple[Request, list[Step]]]:
    async def later(_: Request) -> Outcome:
        await asyncio.sleep(1)
        return reply()

    return {
        "read": (READ, [later]),
        "keyed": (BUY, [later]),
        "after a reset": (READ, [RESET, later]),
        "after a reset, keyed": (BUY, [RESET, later]),
        "after 429": (BUY, [error(429, "rate_limited", retry_after="2"), later]),
        "not sent": (READ, [REFUSED, REFUSED, later]),
    }


@pytest.mark.parametrize("name", scenarios())
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "queueing"])
def test_cancelling_at_every_await_leaves_nothing_behind(name: str, *, busy: bool) -> None:
    """Cancel after k steps of the event loop, for every k until the call is over."""
    request, steps = scenarios()[name]

    async def main(k: int) -> bool:
        bench = Bench(*steps, rpm=3 if busy else 0, concurrency=1 if busy else 8)
        others: list[asyncio.Task[Post]] = []
        if busy:
            bench.script.steps.insert(0, reply())
            bench.script.latency = 0.2
            others = [asyncio.create_task(bench.call(timeout=1e6))]
        task = asyncio.create_task(bench.call(request, timeout=1e6))
        for _ in range(k):
            if task.done():
                break
            await asyncio.sleep(0)
            if not bench.loop._ready:  # type: ignore[attr-defined]
                await asyncio.sleep(0.7 if busy else 0.1)
        over = task.done()
        task.cancel()
        if over:
            await task
        else:
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.gather(*others)
        bench.assert_at_rest()
        assert bench.budget.charged_max <= PRICE * len(bench.script.sent)
        sent_by_it = len([each for _, each, _ in bench.script.sent if each is request]) - len(others)
        if request.idempotency_key is not None and sent_by_it > 0:
            assert bench.budget.charged_max <= PRICE * (1 + len(others))
        # It still works.
        bench.script.steps[:] = [reply()]
        await bench.call(timeout=1e6)
        return over

    for k in range(2000):
        if virtual_time.run(main(k)):
            assert k > 5
            return
    pytest.fail("the call never ended")


def test_a_call_cancelled_under_way_counts_as_perhaps_charged() -> None:
    async def main() -> None:
        bench = Bench(reply(), latency=5)
        task = asyncio.create_task(bench.call())
        await asyncio.sleep(1)
        assert bench.budget.reserved == PRICE
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.budget.charged == Charge(0, PRICE)
        bench.assert_at_rest()

    run(main)


def test_a_repeat_cancelled_before_it_left_is_not_counted_twice() -> None:
    async def main() -> None:
        bench = Bench(RESET, rpm=1)
        task = asyncio.create_task(bench.call(timeout=1000))
        await asyncio.sleep(5)  # it waits for the limiter
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.budget.charged == Charge(0, PRICE)
        bench.assert_at_rest()

    run(main)
