from __future__ import annotations

import pytest

from tokfluence_async.sandbox import SandboxClock


def test_the_clock_is_its_source_plus_what_was_advanced() -> None:
    now = [100.0]
    clock = SandboxClock(lambda: now[0], epoch=1_778_839_200)
    assert clock.now() == 0
    now[0] += 5
    clock.advance(10)
    assert (clock.now(), clock.offset) == (15, 10)
    assert clock.iso(clock.now()) == "2026-05-15T10:00:15Z"
    assert clock.host_time() == 1_778_839_205
    clock.rewind()
    assert clock.now() == 5


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_the_clock_only_moves_forward(seconds: float) -> None:
    with pytest.raises(ValueError, match="forward"):
        SandboxClock().advance(seconds)
