from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.sandbox.limits import SlidingWindow

GAPS = st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=80)


@given(GAPS, st.integers(1, 5))
def test_no_window_lets_more_through_and_none_is_refused_in_vain(gaps: list[float], limit: int) -> None:
    window = SlidingWindow(limit, 60.0)
    now, accepted, arrived = 0.0, list[float](), list[float]()
    worst = 0
    for gap in gaps:
        now += gap
        arrived.append(now)
        room = sum(each > now - 60.0 for each in accepted) < limit
        wait = window.arrive(now)
        assert (wait == 0) == room
        if room:
            window.accept(now)
            accepted.append(now)
        else:
            assert sum(each + 60.0 > now + wait + 1e-6 for each in accepted) < limit
        worst = max(worst, sum(each > now - 60.0 for each in arrived))
        assert window.worst == worst


def test_without_a_limit_all_pass_and_are_still_counted() -> None:
    window = SlidingWindow(0, 60.0)
    for _ in range(1000):
        assert window.arrive(1.0) == 0
        window.accept(1.0)
    assert window.worst == 1000


def test_the_wait_ends_exactly_when_the_oldest_leaves_the_window() -> None:
    window = SlidingWindow(2, 60.0)
    for moment in (0.0, 10.0):
        assert window.arrive(moment) == 0
        window.accept(moment)
    assert window.arrive(59.0) == 1.0
    assert window.arrive(60.0) == 0
