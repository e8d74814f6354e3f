from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.errors import BudgetExceededError
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Budget, Charge, charge_of


@pytest.mark.parametrize(
    ("kind", "charge"),
    [
        (Kind.APPLIED, Charge(25, 25)),
        (Kind.NOT_SENT, Charge(0, 0)),
        (Kind.RATE_LIMITED, Charge(0, 0)),
        (Kind.REFUNDED, Charge(0, 0)),
        (Kind.NO_CREDIT, Charge(0, 0)),
        (Kind.DENIED, Charge(0, 0)),
        (Kind.TOO_LARGE, Charge(0, 0)),
        (Kind.SEEN_BEFORE, Charge(0, 0)),
        (Kind.LOST, Charge(0, 25)),
        (Kind.GARBLED, Charge(0, 25)),
        (Kind.REDIRECTED, Charge(0, 25)),
        (Kind.REFUSED, Charge(0, 25)),
    ],
)
def test_what_an_attempt_cost(kind: Kind, charge: Charge) -> None:
    assert charge_of(kind, 25) == charge


def test_every_kind_has_a_charge() -> None:
    assert all(charge_of(kind, 1).max in {0, 1} for kind in Kind)


def test_a_budget_without_a_cap_counts() -> None:
    budget = Budget()
    budget.reserve(1_000_000)
    budget.settle(1_000_000, Charge(0, 25))
    assert (budget.committed, budget.charged, budget.remaining) == (25, Charge(0, 25), None)
    budget.correct(Charge(0, 25), Charge(25, 25))
    assert budget.charged == Charge(25, 25)


def test_a_cap_is_not_crossed() -> None:
    budget = Budget(50)
    budget.reserve(25)
    budget.reserve(25)
    assert budget.remaining == 0
    assert budget.allows(0)
    with pytest.raises(BudgetExceededError, match="costs 1 credits; 50 of the cap of 50") as caught:
        budget.reserve(1)
    assert (caught.value.price, caught.value.max_credits, caught.value.committed) == (1, 50, 50)
    assert budget.reserved == 50


def test_a_part_is_spent_from_the_whole() -> None:
    whole = Budget(60)
    part, other = Budget(50, parent=whole), Budget(None, parent=whole)
    part.reserve(40)
    assert (part.remaining, other.remaining, whole.remaining) == (10, 20, 20)
    part.settle(40, Charge(40, 40))
    with pytest.raises(BudgetExceededError) as caught:
        other.reserve(21)
    assert caught.value.max_credits == 60
    assert (other.reserved, whole.reserved) == (0, 0)
    other.reserve(20)
    assert whole.committed == 60


@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))),
)
def test_no_sequence_of_steps_crosses_a_cap(cap: int, steps: list[tuple[bool, int, int, int]]) -> None:
    whole = Budget(cap)
    parts = [Budget(30, parent=whole), Budget(None, parent=whole)]
    under_way: list[tuple[Budget, int]] = []
    for first, price, low, high in steps:
        budget = parts[0 if first else 1]
        try:
            budget.reserve(price)
            under_way.append((budget, price))
        except BudgetExceededError:
            pass
        if under_way and low % 2:
            settled, reserved = under_way.pop(0)
            settled.settle(reserved, Charge(min(low, high, reserved), min(max(low, high), reserved)))
        assert whole.committed <= cap
        assert parts[0].committed <= 30
        assert whole.reserved == sum(price for _, price in under_way)
        assert whole.charged_max == sum(part.charged_max for part in parts)
