"""Waiting, in virtual time: hours pass in milliseconds."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import REFUSED, RESET, Script, error, reply
from virtual_time import run

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import (
    AnalysisPendingError,
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
)
from tokfluence_async.export import AnalysisStatus, Polling, wait_for_analysis
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.session.session import Session

KEY = "tkf_live_" + "a" * 32


class Scripted(Tokfluence):
    """A client whose answers are told before."""

    def __init__(self, script: Script, **settings: Any) -> None:
        super().__init__(KEY, max_retries=0, **settings)
        self.script = script

    def _open_session(self) -> Session:
        return Session(self.script, Limiter(0), self.events, concurrency=1)


def listing(done: int, pending: int) -> Any:
    statuses = ["analyzed"] * done + ["pending"] * pending
    return reply(
        payload={
            "data": [{"post_id": str(number), "status": status} for number, status in enumerate(statuses)]
        }
    )


def wait(
    steps: list[Any], settings: dict[str, Any] | None = None, **how: Any
) -> tuple[AnalysisStatus, Script]:
    script = Script(steps)

    async def main() -> AnalysisStatus:
        async with Scripted(script, **(settings or {})) as tok:
            return await wait_for_analysis(tok, 1, **how)

    return run(main()), script


def test_complete_at_once_costs_one_look() -> None:
    status, script = wait([listing(3, 0)])
    assert (status.state, status.posts, status.polls, status.credits) == ("complete", 3, 1, 2)
    assert status.elapsed_seconds == 0
    assert len(script.sent) == 1
    assert status.raise_for_state() is status


def test_it_looks_less_and_less_often() -> None:
    seen: list[tuple[int, float]] = []
    status, script = wait(
        [*[listing(0, 2)] * 9, listing(2, 0)],
        polling=Polling(first=5, factor=2, longest=60),
        on_poll=lambda status, following: seen.append((status.pending, following)),
    )
    times = [time for time, _, _ in script.sent]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [5, 10, 20, 40, 60, 60, 60, 60, 60]
    assert seen == [(2, gap) for gap in gaps]
    assert (status.state, status.polls, status.credits) == ("complete", 10, 20)
    assert status.elapsed_seconds == sum(gaps)


def test_posts_that_are_not_listed_yet_are_waited_for() -> None:
    status, _ = wait([listing(0, 0), listing(1, 0), listing(3, 0)], expected=3)
    assert (status.state, status.polls, status.unlisted) == ("complete", 3, 0)


def test_the_cap_ends_it_as_soon_as_no_further_look_fits() -> None:
    status, script = wait([listing(1, 4)], max_credits=5)
    assert (status.state, status.credits, status.pending) == ("max_credits", 4, 4)
    assert len(script.sent) == 2
    assert status.elapsed_seconds == 5
    with pytest.raises(AnalysisPendingError, match="4 of 5 posts are unfinished") as caught:
        status.raise_for_state()
    assert caught.value.status is status
    assert pickle.loads(pickle.dumps(caught.value)).status == status


def test_the_clients_own_cap_counts_too() -> None:
    status, _ = wait([listing(1, 4)], {"max_credits": 3})
    assert (status.state, status.credits) == ("max_credits", 2)


def test_a_cap_without_room_for_a_look_sends_nothing() -> None:
    with pytest.raises(BudgetExceededError):
        wait([listing(1, 4)], max_credits=1)


def test_the_timeout_ends_it_with_a_last_look() -> None:
    status, script = wait([listing(1, 4)], timeout=60)
    times = [time - script.sent[0][0] for time, _, _ in script.sent]
    assert times == [0, 5, 15, 35, 60]
    assert (status.state, status.elapsed_seconds) == ("timed_out", 60)
    assert len(times) == Polling().polls_within(60)


def test_a_timeout_of_0_is_one_look() -> None:
    status, _ = wait([listing(1, 4)], timeout=0)
    assert (status.state, status.polls) == ("timed_out", 1)
    assert Polling().polls_within(0) == 1


def test_what_passes_is_got_past_and_may_have_been_charged() -> None:
    steps = [RESET, error(503, "internal_error"), error(429, "rate_limited"), listing(2, 0)]
    status, _ = wait(steps)
    assert (status.state, status.polls) == ("complete", 4)
    assert status.credits == 6


def test_what_does_not_pass_is_raised() -> None:
    with pytest.raises(OutcomeUnknownError):
        wait([listing(1, 1), *[RESET] * 5])
    with pytest.raises(AuthenticationError):
        wait([error(401, "unauthorized")])


def test_the_time_ends_without_an_answer_and_the_reason_is_raised() -> None:
    seen: list[AnalysisStatus] = []
    with pytest.raises(NotSentError, match="refused"):
        wait([REFUSED] * 3, timeout=15, on_poll=lambda status, _: seen.append(status))
    assert [(each.polls, each.answered, type(each.error)) for each in seen] == [
        (1, 0, NotSentError),
        (2, 0, NotSentError),
    ]
    assert "refused" in seen[0].to_dict()["error"]


def test_a_look_that_was_not_answered_is_told_until_one_is() -> None:
    seen: list[str | None] = []
    status, _ = wait(
        [listing(1, 1), error(503, "internal_error"), listing(1, 1), REFUSED],
        timeout=35,
        on_poll=lambda status, _: seen.append(None if status.error is None else status.error.message),
    )
    assert seen == [None, "it said internal_error", None]
    assert (status.state, status.polls, status.answered, status.pending) == ("timed_out", 4, 2, 1)
    with pytest.raises(AnalysisPendingError, match=r"1 of 2 posts.*the last look was not answered.*refused"):
        status.raise_for_state()


def test_a_cap_that_ends_it_before_an_answer_has_the_reason_as_its_cause() -> None:
    with pytest.raises(BudgetExceededError) as caught:
        wait([RESET] * 2, max_credits=4)
    assert isinstance(caught.value.__cause__, OutcomeUnknownError)


def test_pages_are_followed_and_each_is_paid_for() -> None:
    first = reply(payload={"data": [{"post_id": "1", "status": "analyzed"}], "meta": {"next_cursor": 1}})
    status, script = wait([first, listing(0, 1), first, listing(1, 0)])
    assert (status.state, status.posts, status.credits) == ("complete", 2, 8)
    assert [request.query for _, request, _ in script.sent] == [(), (("cursor", "1"),)] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: wait([listing(1, 0)], timeout=-1),
        lambda: wait([listing(1, 0)], timeout=float("nan")),
        lambda: wait([listing(1, 0)], timeout=float("inf")),
        lambda: Polling().polls_within(float("inf")),
        lambda: Polling(first=0),
        lambda: Polling(longest=float("inf")),
        lambda: Polling(factor=-1),
        lambda: Polling(factor=0.5),
        lambda: Polling(first=True),
        lambda: Polling(longest="300"),  # type: ignore[arg-type]
        lambda: Polling(first=10**400),
        lambda: Polling().polls_within("60"),  # type: ignore[arg-type]
        lambda: wait([], timeout="5"),
        lambda: wait([], timeout=True),
        lambda: wait([], expected="3"),
        lambda: wait([], expected=-1),
        lambda: wait([], expected=3.0),
        lambda: wait([], polling=5),
        lambda: wait([], on_poll="print"),
        lambda: wait([], max_credits="5"),
    ],
)
def test_what_is_no_such_argument_is_refused_before_the_first_look(wrong: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError):
        wrong()


def test_a_wait_of_years_does_not_overflow() -> None:
    assert Polling().wait(1_000_000) == 300
    assert Polling(factor=1e300).wait(1_000_000) == 300


def test_the_polls_of_an_age_are_counted_at_once() -> None:
    assert Polling().polls_within(1e15) == pytest.approx(1e15 / 300, rel=1e-9)


@given(
    first=st.integers(1, 50),
    factor=st.integers(1, 4),
    longest=st.integers(1, 400),
    timeout=st.integers(0, 60_000),
)
def test_the_polls_are_those_that_are_made(first: int, factor: int, longest: int, timeout: int) -> None:
    polling = Polling(first=first, factor=factor, longest=longest)
    polls, passed = 1, 0.0
    while passed < timeout:
        passed += polling.wait(polls)
        polls += 1
    assert polling.polls_within(timeout) == polls


def test_the_status_as_json() -> None:
    status, _ = wait([listing(1, 0)], expected=0)
    assert status.to_dict() == {
        "schema": "tokfluence.wait/1",
        "state": "complete",
        "campaign_id": 1,
        "posts": 1,
        "pending": 0,
        "unlisted": 0,
        "polls": 1,
        "answered": 1,
        "error": None,
        "credits": 2,
        "elapsed_seconds": 0.0,
    }
