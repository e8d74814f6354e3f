"""The money protocol's table, row by row, and what must hold for every history."""

from __future__ import annotations

from itertools import product

import pytest

from tokfluence_async.campaign.settle import Belief, Keys, Step, Verdict, charge, settle, settle_absent
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Charge

UNRESOLVED = {Kind.LOST, Kind.GARBLED, Kind.REDIRECTED}
SENT_AGAIN = {Step.REPEAT, Step.REPEAT_LATER, Step.WAIT}
NEW_KEYS = {Step.NEW_KEY, Step.SPLIT}


@pytest.mark.parametrize(
    ("kind", "belief", "step"),
    [
        (Kind.NOT_SENT, Belief.NOT_APPLIED, Step.REPEAT),
        (Kind.APPLIED, Belief.APPLIED, Step.DONE),
        (Kind.GARBLED, Belief.UNKNOWN, Step.RECONCILE),
        (Kind.LOST, Belief.UNKNOWN, Step.REPEAT_LATER),
        (Kind.RATE_LIMITED, Belief.NOT_APPLIED, Step.WAIT),
        (Kind.REFUNDED, Belief.NOT_APPLIED, Step.REPEAT),
        (Kind.NO_CREDIT, Belief.NOT_APPLIED, Step.STOP),
        (Kind.DENIED, Belief.NOT_APPLIED, Step.STOP),
        (Kind.REFUSED, Belief.REFUSED, Step.QUARANTINE),
        (Kind.TOO_LARGE, Belief.NOT_APPLIED, Step.SPLIT),
        (Kind.REDIRECTED, Belief.UNKNOWN, Step.STOP),
        (Kind.SEEN_BEFORE, Belief.UNKNOWN, Step.RECONCILE),
    ],
)
def test_first_attempt(kind: Kind, belief: Belief, step: Step) -> None:
    assert settle([kind]) == Verdict(belief, step)


def test_the_table_names_every_kind() -> None:
    assert {settle([kind]).step for kind in Kind} >= {Step.DONE, Step.RECONCILE, Step.STOP}


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        # An answer clears only the attempt that it answers.
        ([Kind.LOST, Kind.RATE_LIMITED], Verdict(Belief.UNKNOWN, Step.WAIT)),
        ([Kind.LOST, Kind.NOT_SENT], Verdict(Belief.UNKNOWN, Step.REPEAT_LATER)),
        ([Kind.LOST, Kind.NO_CREDIT], Verdict(Belief.UNKNOWN, Step.STOP)),
        ([Kind.LOST, Kind.REFUNDED], Verdict(Belief.UNKNOWN, Step.REPEAT)),
        ([Kind.LOST, Kind.REFUSED], Verdict(Belief.UNKNOWN, Step.RECONCILE)),
        ([Kind.LOST, Kind.TOO_LARGE], Verdict(Belief.UNKNOWN, Step.RECONCILE)),
        ([Kind.SEEN_BEFORE, Kind.NO_CREDIT], Verdict(Belief.UNKNOWN, Step.STOP)),
        ([Kind.SEEN_BEFORE, Kind.RATE_LIMITED], Verdict(Belief.UNKNOWN, Step.WAIT)),
        ([Kind.SEEN_BEFORE, Kind.NOT_SENT], Verdict(Belief.UNKNOWN, Step.REPEAT_LATER)),
        ([Kind.SEEN_BEFORE, Kind.TOO_LARGE], Verdict(Belief.UNKNOWN, Step.RECONCILE)),
        ([Kind.SEEN_BEFORE, Kind.REFUSED], Verdict(Belief.UNKNOWN, Step.RECONCILE)),
        ([Kind.REFUNDED, Kind.TOO_LARGE], Verdict(Belief.UNKNOWN, Step.RECONCILE)),
        # A readable success settles them all: nothing is done twice under one key.
        ([Kind.LOST, Kind.GARBLED, Kind.APPLIED], Verdict(Belief.APPLIED, Step.DONE)),
        ([Kind.NOT_SENT, Kind.RATE_LIMITED, Kind.REFUSED], Verdict(Belief.REFUSED, Step.QUARANTINE)),
    ],
)
def test_histories(history: list[Kind], verdict: Verdict) -> None:
    assert settle(history) == verdict


@pytest.mark.parametrize(
    ("history", "step"),
    [
        ([Kind.REFUNDED, Kind.SEEN_BEFORE], Step.NEW_KEY),
        ([Kind.RATE_LIMITED, Kind.SEEN_BEFORE], Step.NEW_KEY),
        ([Kind.NO_CREDIT, Kind.SEEN_BEFORE], Step.NEW_KEY),
        ([Kind.LOST, Kind.SEEN_BEFORE], Step.REPORT),
        ([Kind.GARBLED], Step.REPORT),
        ([Kind.APPLIED], Step.REPORT),
        ([Kind.REFUNDED, Kind.LOST, Kind.SEEN_BEFORE], Step.REPORT),
        # Somebody else used the key: another copy of the plan may have bought the URLs a moment ago.
        ([Kind.SEEN_BEFORE], Step.REPORT),
        ([Kind.NOT_SENT, Kind.SEEN_BEFORE], Step.REPORT),
        # What came after a 409 does not explain it.
        ([Kind.SEEN_BEFORE, Kind.NO_CREDIT, Kind.SEEN_BEFORE], Step.REPORT),
        ([Kind.SEEN_BEFORE, Kind.REFUNDED], Step.REPORT),
        # As long as there was no 409, the old key is the safe one: a copy of the plan has it too.
        ([Kind.REFUNDED, Kind.REFUNDED], Step.REPEAT),
        ([Kind.REFUNDED, Kind.NO_CREDIT], Step.REPEAT),
        # Too large for everybody: whoever buys it buys the halves.
        ([Kind.REFUNDED, Kind.TOO_LARGE], Step.SPLIT),
    ],
)
def test_absent_from_the_list(history: list[Kind], step: Step) -> None:
    assert settle_absent(history, Keys.OURS).step is step


def test_an_account_that_is_not_let_in_uses_no_key_up() -> None:
    assert settle_absent([Kind.DENIED, Kind.SEEN_BEFORE], Keys.OURS).step is Step.REPORT


@pytest.mark.parametrize("turned_away", [Kind.RATE_LIMITED, Kind.NO_CREDIT])
def test_a_409_may_be_another_s_where_the_keys_are_used_elsewhere(turned_away: Kind) -> None:
    assert settle_absent([turned_away, Kind.SEEN_BEFORE], Keys.GIVEN).step is Step.REPORT
    assert settle_absent([Kind.REFUNDED, Kind.SEEN_BEFORE], Keys.GIVEN).step is Step.NEW_KEY
    assert settle_absent([Kind.REFUNDED, Kind.SEEN_BEFORE], Keys.SHARED).step is Step.REPORT


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_what_holds_for_every_history(length: int) -> None:
    for history in product(Kind, repeat=length):
        verdict = settle(history)
        absent = settle_absent(history, Keys.OURS)
        unresolved = any(kind in UNRESOLVED for kind in history)
        assert (verdict.belief is Belief.APPLIED) == (history[-1] is Kind.APPLIED)
        # Nothing is sent under another key while an attempt under this one may have been applied.
        if unresolved:
            assert verdict.step not in NEW_KEYS
            assert absent.step not in NEW_KEYS
            assert verdict.belief in {Belief.UNKNOWN, Belief.APPLIED}
        # A 409 that nothing before it explains is not forgotten: whatever was answered after it.
        first = next((kind for kind in history if kind is not Kind.NOT_SENT), None)
        if first is Kind.SEEN_BEFORE and history[-1] is not Kind.APPLIED:
            assert verdict.belief is Belief.UNKNOWN
            assert verdict.step not in NEW_KEYS
            assert absent.step not in {*NEW_KEYS, Step.REPEAT}
        # A new key is minted only where the old one is used up, or of no use to anybody.
        assert absent.step is not Step.NEW_KEY or Kind.SEEN_BEFORE in history
        assert absent.step is not Step.SPLIT or Kind.TOO_LARGE in history
        # A 409 is neither success nor failure.
        if history[-1] is Kind.SEEN_BEFORE:
            assert verdict == Verdict(Belief.UNKNOWN, Step.RECONCILE)
        # What stops every other request is not repeated.
        if history[-1] in {Kind.DENIED, Kind.NO_CREDIT}:
            assert verdict.step not in SENT_AGAIN
        cost = charge(history, price=1250)
        assert 0 <= cost.min <= cost.max <= 1250
        if unresolved:
            assert cost.max == 1250


@pytest.mark.parametrize(
    ("history", "sure", "expected"),
    [
        ([Kind.NOT_SENT, Kind.RATE_LIMITED], None, Charge(0, 0)),
        ([Kind.REFUNDED], None, Charge(0, 0)),
        ([Kind.LOST], None, Charge(0, 250)),
        ([Kind.REFUSED], None, Charge(0, 250)),
        ([Kind.APPLIED], 250, Charge(250, 250)),
        # Two of ten rejected: whether those are charged is not documented.
        ([Kind.APPLIED], 200, Charge(200, 250)),
        # Listed after a refund: perhaps the refunded attempt put it there.
        ([Kind.REFUNDED, Kind.SEEN_BEFORE], 250, Charge(0, 250)),
        ([Kind.REFUNDED, Kind.APPLIED], 250, Charge(250, 250)),
        # Nor is it known of a 502 that can't be read.
        ([Kind.LOST_REFUND], None, Charge(0, 250)),
        ([Kind.LOST_REFUND, Kind.SEEN_BEFORE], 250, Charge(0, 250)),
        ([Kind.LOST_REFUND, Kind.APPLIED], 250, Charge(250, 250)),
    ],
)
def test_charge(history: list[Kind], sure: int | None, expected: Charge) -> None:
    assert charge(history, price=250, sure=sure) == expected
