from __future__ import annotations

from typing import Any

import pytest

from tokfluence_async.sandbox.faults import Arrival, Fault, Faults, Rule


def arrival(**changes: Any) -> Arrival:
    fields: dict[str, Any] = {
        "method": "POST",
        "path": "/v1/posts/analyze",
        "call": "posts.analyze",
        "request_id": "r-1",
        "key": "tkf_live_aaaa",
        "urls": 3,
    }
    return Arrival(**(fields | changes))


def strikes(fault: Fault, count: int, **changes: Any) -> list[bool]:
    rule = Rule(1, fault)
    return [rule.strikes(arrival(**changes)) for _ in range(count)]


def test_a_rule_strikes_once_unless_told_otherwise() -> None:
    assert strikes(Fault(effect="reset"), 3) == [True, False, False]
    assert strikes(Fault(effect="reset", count=2), 3) == [True, True, False]
    assert strikes(Fault(effect="reset", count=None), 3) == [True, True, True]


def test_nth_is_where_it_begins() -> None:
    assert strikes(Fault(effect="reset", nth=3), 5) == [False, False, True, False, False]
    assert strikes(Fault(effect="reset", nth=2, count=2), 5) == [False, True, True, False, False]


def test_a_chance_is_repeatable_by_its_seed() -> None:
    fault = Fault(effect="reset", probability=0.3, seed=7)
    first = strikes(fault, 400)
    assert first == strikes(fault, 400)
    assert first != strikes(Fault(effect="reset", probability=0.3, seed=8), 400)
    assert 80 < sum(first) < 160
    assert sum(strikes(Fault(effect="reset", probability=0.3, seed=7, count=5), 400)) == 5


@pytest.mark.parametrize(
    ("matching", "other"),
    [
        ({"method": "post"}, {"method": "GET"}),
        ({"path": "/posts/an"}, {"path": "/v1/campaigns"}),
        ({"call": "posts.analyze"}, {"call": None}),
        ({"request_id": "r-1"}, {"request_id": None}),
        ({"key": "tkf_live_" + "a" * 32}, {"key": "tkf_live_bbbb"}),
        ({"min_urls": 3}, {"urls": 2}),
        ({"max_urls": 3}, {"urls": 4}),
    ],
)
def test_what_a_rule_matches(matching: dict[str, Any], other: dict[str, Any]) -> None:
    fault = Fault(effect="reset", **matching)
    assert strikes(fault, 1) == [True]
    assert strikes(fault, 1, **other) == [False]


def test_a_rule_keeps_only_the_prefix_of_a_key() -> None:
    assert Fault(effect="reset", key="tkf_live_" + "a" * 32).key == "tkf_live_aaaa"


def test_the_first_rule_of_the_phase_counts() -> None:
    faults = Faults()
    faults.add(Fault(effect="stall", phase="after_charge"))
    second = faults.add(Fault(effect="reset"))
    faults.add(Fault(effect="close"))
    picked = [faults.pick("before_charge", arrival()) for _ in range(3)]
    assert [fault and fault.effect for fault in picked] == ["reset", "close", None]
    assert faults.remove(second) == 1
    assert faults.remove(second) == 0
    assert [rule.fault.effect for rule in faults.rules()] == ["stall", "close"]
    assert [rule.struck for rule in faults.rules()] == [0, 1]
    assert faults.remove() == 2
    assert not faults


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"effect": "explode"},
        {"effect": "reset", "phase": "later"},
        {"effect": "reset", "colour": "red"},
        {"effect": "reset", "path": "("},
        {"effect": "reset", "nth": 0},
        {"effect": "reset", "count": 0},
        {"effect": "reset", "probability": 1.5},
        {"effect": "reset", "probability": "often"},
        {"effect": "reset", "min_urls": True},
        {"effect": "stall", "seconds": 3601},
        {"effect": "stall", "seconds": float("inf")},
        {"effect": "status", "status": 99},
        {"effect": "status", "headers": {"A": "b\r\nC: d"}},
        {"effect": "status", "headers": ["A"]},
        {"effect": "status", "body": 7},
        {"effect": "redirect"},
        {"effect": "reset", "variant": "half"},
        {"effect": "garbage", "variant": "half"},
        {"effect": "huge", "mebibytes": 5000},
        {"effect": "status", "refund": "yes"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Fault.from_json(rule)


def test_only_the_apis_own_502_refunds() -> None:
    assert Fault(effect="status", status=502).refunds
    assert not Fault(effect="status", status=502, body="<html>").refunds
    assert not Fault(effect="status", status=502, code="bad_gateway").refunds
    assert not Fault(effect="status", status=500).refunds
    assert Fault(effect="reset", refund=True).refunds
    assert not Fault(effect="status", status=502, refund=False).refunds
