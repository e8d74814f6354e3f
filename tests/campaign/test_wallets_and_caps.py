"""Loads that meet an empty wallet, or their cap."""

from __future__ import annotations

from pathlib import Path

import pytest
from loads import KEY, Load, check, make_plan

from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def load(tokfluence_sandbox: Sandbox, tmp_path: Path) -> Load:
    return Load(tokfluence_sandbox, make_plan(45), tmp_path / "spring.tokload")


async def test_a_wallet_too_small_stops_before_any_analysis(load: Load) -> None:
    load.sandbox.set_wallet(KEY, 1 + 25 * 44)
    report = await load.apply()
    check(load, report)
    assert (report.state, report.stopped_by) == ("stopped", "insufficient_credits")
    assert load.sandbox.ledger().net == 1
    load.sandbox.set_wallet(KEY, 25 * 45)
    report = await load.resume()
    check(load, report)
    assert report.state == "complete"


async def test_an_empty_wallet_in_flight_stops_and_resumes_after_a_top_up(load: Load) -> None:
    # Somebody else spends from the wallet while the load runs.
    load.sandbox.add_fault(effect="status", status=402, call="posts.analyze", nth=2, count=1000)
    report = await load.apply()
    check(load, report)
    assert (report.state, report.stopped_by) == ("stopped", "insufficient_credits")
    assert report.urls.accepted == 10
    load.sandbox.clear_faults()
    report = await load.resume()
    check(load, report)
    assert report.state == "complete"


async def test_a_cap_below_the_price_sends_nothing(load: Load) -> None:
    report = await load.apply(max_credits=load.plan.estimate.total - 1)
    check(load, report)
    assert (report.state, report.stopped_by) == ("stopped", "max_credits")
    assert not load.sandbox.requests()
    report = await load.resume(max_credits=load.plan.estimate.total)
    check(load, report)
    assert report.state == "complete"
    assert report.credits.cap == load.plan.estimate.total


@pytest.mark.parametrize("effect", ["reset", "garbage"])
async def test_the_cap_holds_over_faults_and_resumes(load: Load, effect: str) -> None:
    cap = load.plan.estimate.total
    load.sandbox.add_fault(effect=effect, call="posts.analyze", phase="after_tracking", nth=2, count=2)
    report = await load.apply(max_credits=cap)
    check(load, report)
    assert load.sandbox.ledger().net <= cap
    assert (report.state, report.stopped_by) == ("stopped", "max_credits"), (
        "no room for the read that would tell"
    )
    assert report.urls.unknown == 20
    report = await load.resume(max_credits=cap + 4)
    check(load, report)
    assert report.state == "complete"
    assert load.sandbox.ledger().net <= cap + 4


async def test_the_cap_counts_the_reads(load: Load) -> None:
    """What looking costs is not there to be spent: the last batch is left rather than the cap crossed."""
    cap = load.plan.estimate.total
    load.sandbox.add_fault(effect="status", status=402, call="posts.analyze", nth=3, count=100)
    load.sandbox.add_fault(effect="reset", call="posts.analyze", phase="after_tracking", nth=2)
    report = await load.apply(max_credits=cap)
    assert report.urls.unknown == 10
    load.sandbox.clear_faults()
    report = await load.resume(max_credits=cap)
    check(load, report)
    assert load.sandbox.ledger().net <= cap
    assert (report.state, report.stopped_by) == ("stopped", "max_credits")
    report = await load.resume(max_credits=cap + 2)
    check(load, report)
    assert report.state == "complete"
    assert load.sandbox.ledger().net == cap + 2
