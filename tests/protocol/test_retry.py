from __future__ import annotations

import math
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import TYPE_CHECKING

import pytest
from attrs import define
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.protocol.retry import Deadline, RetryBudget, RetryPolicy, parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC).timestamp()

policies = st.builds(
    RetryPolicy,
    max_retries=st.integers(0, 20),
    backoff=st.floats(0, 1e6),
    max_wait=st.floats(0, 1e6),
    retry_after_cap=st.floats(0, 1e6),
)
fractions = st.floats(0, 1, exclude_max=True)


@define
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


# --- the wait -------------------------------------------------------------------------------------


def test_the_defaults_are_the_documented_ones() -> None:
    policy = RetryPolicy()
    assert (policy.max_retries, policy.backoff, policy.max_wait, policy.retry_after_cap) == (4, 0.5, 30, 120)
    with pytest.raises(FrozenInstanceError):
        policy.backoff = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("attempt", "bound"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (6, 16), (7, 30), (8, 30), (5000, 30)]
)
def test_backoff_doubles_up_to_its_cap(attempt: int, bound: float) -> None:
    policy = RetryPolicy()
    assert policy.wait(attempt, retry_after=None, random=lambda: 0.5) == bound / 2
    assert policy.wait(attempt, retry_after=None, random=lambda: 0.0) == 0.0


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [(7, 7.2625), (0, 0.2625), (-3, 0.2625), (math.nan, 0.2625), (1e300, 120.2625), (math.inf, 120.2625)],
)
def test_retry_after_is_waited_for_in_full_up_to_its_cap_and_jitter_comes_on_top(
    retry_after: float, expected: float
) -> None:
    assert RetryPolicy().wait(1, retry_after=retry_after, random=lambda: 0.5) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [(None, 0), (7, 7), (0, 0), (-1, 0), (math.nan, 0), (121, 120), (math.inf, 120)],
)
def test_what_is_honoured(retry_after: float | None, expected: float) -> None:
    assert RetryPolicy().honour(retry_after) == expected


@given(policy=policies, attempt=st.integers(1, 10**6), fraction=fractions)
def test_a_wait_is_never_negative_nor_above_its_caps(
    policy: RetryPolicy, attempt: int, fraction: float
) -> None:
    wait = policy.wait(attempt, retry_after=None, random=lambda: fraction)
    assert 0 <= wait <= policy.max_wait
    assert wait <= policy.backoff * 2.0 ** min(attempt - 1, 900)


@given(policy=policies, attempt=st.integers(1, 100), retry_after=st.floats(), fraction=fractions)
def test_retry_after_is_always_respected_up_to_its_cap(
    policy: RetryPolicy, attempt: int, retry_after: float, fraction: float
) -> None:
    wait = policy.wait(attempt, retry_after=retry_after, random=lambda: fraction)
    asked = 0.0 if math.isnan(retry_after) else max(0.0, retry_after)
    assert wait >= min(asked, policy.retry_after_cap)
    assert wait <= (policy.retry_after_cap + policy.max_wait) * (1 + 1e-12)


@given(attempt=st.integers(1, 100), retry_after=st.floats(0, 1e9), fraction=fractions)
def test_the_jitter_on_retry_after_is_positive(attempt: int, retry_after: float, fraction: float) -> None:
    policy = RetryPolicy()
    wait = policy.wait(attempt, retry_after=retry_after, random=lambda: fraction)
    bound = min(30, 0.5 * 2.0 ** (attempt - 1))
    added = wait - policy.honour(retry_after)
    assert 0.0499 * bound <= added <= 1.0001 * bound


@given(seed=st.integers(), retry_after=st.none() | st.floats(0, 1000))
def test_the_same_random_numbers_give_the_same_waits(seed: int, retry_after: float | None) -> None:
    def waits() -> list[float]:
        random = Random(seed).random
        return [RetryPolicy().wait(n, retry_after=retry_after, random=random) for n in range(1, 6)]

    assert waits() == waits()


def test_jitter_is_spread_over_the_whole_range() -> None:
    random = Random(7).random
    waits = [RetryPolicy().wait(4, retry_after=None, random=random) for _ in range(2000)]
    assert min(waits) < 0.1
    assert max(waits) > 3.9
    assert sum(waits) / len(waits) == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_are_counted_from_one(attempt: int) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        RetryPolicy().wait(attempt, retry_after=None, random=lambda: 0.5)


@pytest.mark.parametrize("field", ["max_retries", "backoff", "max_wait", "retry_after_cap"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_a_policy_out_of_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        RetryPolicy(**{field: value})  # type: ignore[arg-type]


# --- Retry-After ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7\t", 7.0),
        ("007", 7.0),
        ("1.5", 1.5),
        ("3.", 3.0),
        ("86400", 86400.0),
        ("9" * 400, sys.float_info.max),
        ("9" * 5000, sys.float_info.max),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sunday, 22-Nov-26 12:00:30 GMT", 30.0),
        ("Sun Nov 22 12:00:30 2026", 30.0),
        ("Sun, 22 Nov 2026 14:00:30 +0200", 30.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("Sun, 22 Nov 2026 11:59:59 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read(value: str, seconds: float) -> None:
    assert parse_retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "-1",
        "-0.5",
        "+5",
        ".5",
        "1e3",
        "1_000",
        "0x10",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "soon",
        "7 seconds",
        "7, 8",
        "\u0667",
        "\uff17",
        "7\u00a0",
        "1.2.3",
        "true",
        "null",
        "2026-11-22T12:00:30Z",
        "Sun, 32 Nov 2026 12:00:30 GMT",
        "Sun, 22 Nov 2026 25:00:30 GMT",
        "Sun, 22 Nov 99999999999999999999 12:00:30 GMT",
        "Sun, 22 Nov 2026 12:00:30 +999999999999",
        "Sun, 22 Nov " + "9" * 5000 + " 12:00:30 GMT",
        ",",
        "\x00",
    ],
)
def test_what_says_nothing_is_none(value: str | None) -> None:
    assert parse_retry_after(value, now=NOW) is None


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XYZ-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize("value", ["Sun Nov 22 12:00:30 2026", "Sun, 22 Nov 2026 12:00:30 -0000"])
def test_a_date_without_a_zone_is_utc_wherever_the_machine_stands(value: str) -> None:
    assert parse_retry_after(value, now=NOW) == 30.0


@given(st.integers(0, 10**6))
def test_an_http_date_is_the_seconds_until_it(ahead: int) -> None:
    value = format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=ahead), usegmt=True)
    assert parse_retry_after(value, now=NOW) == ahead


_words = st.sampled_from(
    ["Sun,", "22", "Nov", "2026", "12:00:30", "GMT", "+0200", "-9999", "99", "0", ":", ";", "Z"]
)


@given(st.text(max_size=40) | st.text("0123456789.,:+-eE GMT", max_size=40) | st.lists(_words).map(" ".join))
def test_any_header_is_none_or_a_finite_number_of_seconds(value: str) -> None:
    seconds = parse_retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds < math.inf


# --- the budget -----------------------------------------------------------------------------------


def test_a_small_user_can_always_retry_a_few_times() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    assert [budget.withdraw() for _ in range(21)] == [True] * 20 + [False]
    clock.now += 3.1
    assert [budget.withdraw() for _ in range(2)] == [True, False]
    clock.now += 3600
    assert budget.tokens == 20, "time alone fills it up to the floor, not above"


def test_first_attempts_earn_retries_up_to_the_capacity() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    for _ in range(5):
        budget.deposit()
    assert budget.tokens == pytest.approx(21)
    for _ in range(10_000):
        budget.deposit()
    assert budget.tokens == 100
    clock.now += 3600
    assert sum(budget.withdraw() for _ in range(1000)) == 100


def test_an_hour_of_outage_is_not_a_storm() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    retries = 0
    for _ in range(36_000):  # ten calls a second, each failing, each wanting four retries
        clock.now += 0.1
        budget.deposit()
        for _ in range(4):
            retries += budget.withdraw()
    assert 0.2 * 36_000 <= retries <= 0.2 * 36_000 + 20 + 20 * 60 + 1


@given(
    st.floats(0, 2),
    st.floats(0, 50),
    st.floats(0, 50),
    st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=50),
)
def test_a_budget_never_gives_more_than_it_was_given(
    ratio: float, floor: float, extra: float, steps: list[tuple[bool, float]]
) -> None:
    clock = Clock()
    budget = RetryBudget(clock, ratio=ratio, floor=floor, capacity=floor + extra)
    given_, taken = floor, 0
    for first, passed in steps:
        clock.now += passed
        given_ += passed * floor / 60
        if first:
            budget.deposit()
            given_ += ratio
        else:
            taken += budget.withdraw()
        assert 0 <= budget.tokens <= floor + extra
        assert taken <= given_ + 1e-6


@pytest.mark.parametrize(
    "numbers",
    [
        {"ratio": -0.1},
        {"ratio": math.nan},
        {"floor": -1},
        {"floor": 101},
        {"capacity": math.inf},
        {"floor": math.nan},
    ],
)
def test_a_budget_out_of_range_is_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="retry budget needs"):
        RetryBudget(Clock(), **numbers)


# --- the deadline ---------------------------------------------------------------------------------


def test_a_deadline_runs_down_and_stays_down() -> None:
    clock = Clock()
    deadline = Deadline(10, clock)
    seen: list[float] = []
    for passed in (0, 4, 6, 1):
        clock.now += passed
        seen.append(deadline.remaining())
    assert seen == [10, 6, 0, 0]


@pytest.mark.parametrize(
    ("wait", "allowed"),
    [(0, True), (9.9, True), (10, False), (11, False), (math.inf, False), (math.nan, False)],
)
def test_a_wait_that_ends_past_the_deadline_is_not_begun(wait: float, *, allowed: bool) -> None:
    assert Deadline(10, Clock()).allows(wait) is allowed


def test_an_expired_deadline_allows_nothing() -> None:
    clock = Clock()
    assert not Deadline(0, clock).allows(0)
    assert Deadline(-5, clock).remaining() == 0


def test_a_deadline_that_is_put_off() -> None:
    clock = Clock()
    deadline = Deadline(10, clock)
    deadline.extend(60)
    assert deadline.remaining() == 70


def test_no_deadline_allows_everything_that_ends() -> None:
    deadline = Deadline(None, Clock())
    assert deadline.remaining() == math.inf
    assert deadline.allows(1e9)
    assert not deadline.allows(math.inf)


def test_a_deadline_needs_a_number() -> None:
    with pytest.raises(ValueError, match="not a number"):
        Deadline(math.nan, Clock())
