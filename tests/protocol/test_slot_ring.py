from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async.protocol.limiter import SlotRing


def test_a_slot_is_free_one_window_after_its_response() -> None:
    ring = SlotRing(1, window=60)
    assert ring.take(0.0)
    assert ring.ready_at(5.0) is None
    ring.release(10.0)
    assert not ring.take(69.9)
    assert not ring.take(70.0), "a server that counts both ends of its window would see two"
    ready = ring.ready_at(11.0)
    assert ready is not None
    assert ready == pytest.approx(70.0, abs=1e-3)
    assert ring.take(ready)


def test_a_request_without_a_response_keeps_its_slot() -> None:
    ring = SlotRing(2, window=1, burst=2)
    assert ring.take(0.0)
    assert ring.take(0.0)
    ring.release(0.0)
    assert ring.take(1000.0)
    assert not ring.take(1000.0)
    assert ring.ready_at(1000.0) is None
    assert ring.in_use(1000.0) == 2


def test_a_cancelled_slot_is_free_at_once_also_for_the_pacer() -> None:
    ring = SlotRing(10, window=10, burst=1)
    assert ring.take(0.0)
    assert not ring.take(0.0)
    ring.cancel()
    assert ring.in_use(0.0) == 0
    assert ring.take(0.0)


def test_the_pacer_lets_a_burst_pass_and_then_spreads() -> None:
    ring = SlotRing(100, window=60, burst=10, headroom=1.25)
    assert [ring.take(0.0) for _ in range(11)] == [True] * 10 + [False]
    assert ring.ready_at(0.0) == pytest.approx(60 / 125, rel=0.02)
    assert ring.take(60 / 125)
    assert not ring.take(60 / 125)
    for _ in range(11):
        ring.release(1.0)
    assert sum(ring.take(30.0) for _ in range(100)) == 10, "idleness earns no more than one burst"


def test_a_pause_only_ever_extends_and_ends_without_a_burst() -> None:
    ring = SlotRing(100, window=60, burst=10)
    ring.pause(30.0)
    ring.pause(20.0)
    assert ring.paused_until == 30.0
    assert not ring.take(29.9)
    assert ring.ready_at(0.0) == 30.0
    assert [ring.take(30.0), ring.take(30.0)] == [True, False]


def test_a_pause_outlasts_a_slot_that_is_free_sooner() -> None:
    ring = SlotRing(1, window=10)
    assert ring.take(0.0)
    ring.release(0.0)
    ring.pause(50.0)
    assert ring.ready_at(1.0) == pytest.approx(50.0)
    assert not ring.take(49.9)
    assert ring.take(50.0)


def test_without_a_limit_only_a_pause_holds_back() -> None:
    ring = SlotRing(0)
    for _ in range(5000):
        assert ring.take(1.0)
    assert ring.in_use(1.0) == 5000
    for _ in range(5000):
        ring.release(2.0)
    assert ring.in_use(2.0) == 0
    ring.pause(10.0)
    assert not ring.take(9.0)
    assert all(ring.take(10.0) for _ in range(100))


def test_letting_go_of_nothing_is_an_error() -> None:
    ring = SlotRing(1)
    with pytest.raises(ValueError, match="once too often"):
        ring.release(0.0)
    with pytest.raises(ValueError, match="once too often"):
        ring.cancel()
    assert ring.take(0.0)
    assert not ring.take(0.0)


@pytest.mark.parametrize(
    ("limit", "options"),
    [
        (-1, {}),
        (1, {"window": 0.0}),
        (1, {"window": math.nan}),
        (1, {"window": math.inf}),
        (1, {"burst": 0}),
        (1, {"headroom": 0.99}),
        (1, {"headroom": math.nan}),
    ],
)
def test_arguments_out_of_range_are_refused(limit: int, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        SlotRing(limit, **options)  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(
    limit=st.integers(1, 6),
    burst=st.integers(1, 6),
    steps=st.lists(st.tuples(st.sampled_from("trcp"), st.floats(0, 30)), max_size=60),
)
def test_ready_at_is_exact_whatever_happened_before(
    limit: int, burst: int, steps: list[tuple[str, float]]
) -> None:
    ring = SlotRing(limit, window=10, burst=burst)
    now, held = 0.0, 0
    for step, passed in steps:
        now += passed
        if step == "t":
            ready = ring.ready_at(now)
            took = ring.take(now)
            assert took == (ready == now)
            held += took
        elif step == "p":
            ring.pause(now + passed)
        elif held:
            held -= 1
            if step == "r":
                ring.release(now)
            else:
                ring.cancel()
        assert held <= ring.in_use(now) <= limit
    ready = ring.ready_at(now)
    assert (ready is None) == (held == limit)
    if ready is not None:
        assert ready == now or not ring.take(math.nextafter(ready, -math.inf))
        assert ring.take(ready)
