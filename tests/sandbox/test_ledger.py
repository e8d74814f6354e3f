from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.sandbox import SandboxClock, State, Switches
from tokfluence_async.sandbox.ledger import summarise
from tokfluence_async.sandbox.state import Charge

KEY = "tkf_live_" + "a" * 32
URL = "https://www.tiktok.com/@alice/video/730000000000000000{}"

_STEPS = st.lists(
    st.tuples(st.sampled_from(["charge", "refund", "set", "wait"]), st.integers(0, 900)), max_size=40
)


@given(_STEPS)
def test_every_balance_follows_from_the_entries_before_it(steps: list[tuple[str, int]]) -> None:
    clock = SandboxClock(lambda: 0.0, epoch=0)
    state = State(Switches(grant=100), clock)
    account = state.account(KEY)
    for step, amount in steps:
        charge = Charge("posts.analyze", amount, "r", None, ())
        if step == "charge":
            state.debit(account, charge)
        elif step == "refund":
            state.refund(account, charge)
        elif step == "set":
            state.set_wallet(account, amount)
        else:
            clock.advance(amount * 3600)
        assert state.account(KEY) is account
    balance = 100
    for place, entry in enumerate(state.ledger.entries(), 1):
        balance -= entry.credits
        assert (entry.sequence, entry.balance, entry.key) == (place, balance, "tkf_live_aaaa")
    assert account.balance == balance
    summary = summarise(state.ledger.entries())
    assert summary.net == sum(e.credits for e in summary.entries if e.kind in {"charge", "refund"})


def test_the_wallet_is_refilled_every_thirty_days_up_to_twice_the_grant() -> None:
    clock = SandboxClock(lambda: 0.0, epoch=0)
    state = State(Switches(grant=50), clock)
    state.set_wallet(state.account(KEY), 10)
    balances = list[int]()
    for _ in range(4):
        clock.advance(30 * 86_400)
        balances.append(state.account(KEY).balance)
    assert balances == [60, 100, 100, 100]
    clock.advance(30 * 86_400 - 1)
    state.set_wallet(state.account(KEY), 500)
    clock.advance(1)
    assert state.account(KEY).balance == 500, "a refill takes nothing away"
    assert [entry.kind for entry in state.ledger.entries()] == ["set", "refill", "refill", "set"]


def test_charges_are_counted_by_video_and_refunds_taken_off() -> None:
    state = State(Switches(), SandboxClock())
    account = state.account(KEY)
    urls = (URL.format(1), URL.format(2), "nonsense")
    first = Charge("posts.analyze", 75, "r-1", 4711, urls)
    second = Charge("posts.analyze", 25, "r-2", 4711, (URL.format(1) + "?lang=en",))
    third = Charge("posts.analyze", 25, "r-3", 4711, (URL.format(2),))
    for charge in (first, second, third):
        state.debit(account, charge)
    state.refund(account, third)
    summary = summarise(state.ledger.entries(KEY))
    assert summary.videos == {"7300000000000000001": 2, "7300000000000000002": 1}
    assert summary.charged_twice == {"7300000000000000001": 2}
    assert summary.unidentified == {"nonsense": 1}
    assert (summary.charged, summary.refunded, summary.net) == (125, 25, 100)
    totals = summary.calls["posts.analyze"]
    assert (totals.charges, totals.charged, totals.refunded, totals.net) == (3, 125, 25, 100)
    assert state.ledger.entries("tkf_live_zzzz") == ()
