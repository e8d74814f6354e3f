from __future__ import annotations

from typing import Any

import pytest

from tokfluence_async.sandbox import Switches


def test_switches_are_changed_by_name() -> None:
    changed = Switches().with_changes({"grant": 50, "ghost_handles": ["nobody"], "remember_ids": 60})
    assert changed.grant == 50
    assert changed.ghost_handles == frozenset({"nobody"})
    assert changed.with_changes({"remember_ids": None}).remember_ids is None
    assert Switches().grant == 1_000_000


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"grant": -1},
        {"grant": True},
        {"grant": "50"},
        {"currency": "usd"},
        {"currency": None},
        {"rate_window": 0},
        {"analysis_delay": float("nan")},
        {"remember_ids": -1},
        {"retry_after": "soon"},
        {"burn_on_402": 1},
        {"charge_invalid": "posts.show"},
        {"charge_invalid": [1]},
        {"campaign_posts_page_size": 0},
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Switches().with_changes(changes)
