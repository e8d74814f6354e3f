"""The fault matrix: each way in which a load can go wrong, judged by the server's own ledger.

After every case the same things must hold (`loads.check`): every row of the input in exactly one class, nothing
charged twice, nothing falsely called accepted or unsent, and the true charge within the report's interval. Besides,
each case says how the load ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from loads import Load, check, make_plan

from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.sandbox import Switches, serve_in_thread

pytestmark = pytest.mark.anyio

URLS = 45
BATCH = 10


@frozen(kw_only=True)
class Case:
    """A row of the matrix."""

    name: str
    faults: tuple[dict[str, Any], ...] = ()
    switches: dict[str, Any] = field(factory=dict[str, Any])
    settings: dict[str, Any] = field(factory=dict[str, Any])
    ghosts: tuple[int, ...] = ()
    state: str = "complete"
    stopped_by: str | None = None
    accepted: int | None = URLS
    unknown: int | None = 0
    exact: bool = True
    """Whether the charge must be known to the credit."""
    resumed: str | None = None
    """State after a resume with the faults gone, where the load did not complete."""


def analyze(effect: str, **fault: Any) -> dict[str, Any]:
    return {"effect": effect, "call": "posts.analyze", **fault}


def create(effect: str, **fault: Any) -> dict[str, Any]:
    return {"effect": effect, "call": "campaigns.create", **fault}


UPSTREAM = {"status": 502, "code": "upstream_error"}
NO_SUCCESS = {"status": 200, "body": '{"data":null,"error":{"code":"internal_error","message":"boom"}}'}
LATER = {"nth": 3}
"""A batch that is sent beside others, not the first, which goes alone."""
SLOW = {"seconds": 30.0}
IMPATIENT = {"timeout": 0.2}

MATRIX = [
    Case(name="nothing goes wrong"),
    # Before the API has looked at the request.
    Case(name="reset before the charge", faults=(analyze("reset"),)),
    Case(name="reset before the charge, later", faults=(analyze("reset", **LATER),)),
    Case(name="close before the charge", faults=(analyze("close", **LATER),)),
    Case(name="stall before the charge", faults=(analyze("stall", **LATER, **SLOW),), settings=IMPATIENT),
    Case(name="delay within the timeout", faults=(analyze("delay", **LATER, seconds=0.1),)),
    *(Case(name=f"{status} before the charge, id free", faults=(analyze("status", status=status, **LATER),),
           switches={"burn_on_5xx": False, "burn_on_4xx": False}) for status in (500, 503, 504, 408)),
    # A 409 then, and nothing in the list: an answer lost on the way back from a slow worker looks just the same.
    *(Case(name=f"{status} before the charge, id burnt", faults=(analyze("status", status=status, **LATER),),
           accepted=35, unknown=10, state="needs_review", exact=False) for status in (500, 503, 504)),
    *(Case(name=f"an HTML {status} before the charge, id free",
           faults=(analyze("status", status=status, body="<html>", **LATER),),
           switches={"burn_on_5xx": False, "burn_on_4xx": False, "burn_on_502": False})
      for status in (400, 404, 422, 500, 502)),
    Case(name="an HTML 502 before the charge, id burnt",
         faults=(analyze("status", status=502, body="<html>", **LATER),), accepted=35, unknown=10,
         state="needs_review", exact=False),
    Case(name="an HTML 200 before the charge", faults=(analyze("garbage", **LATER),), accepted=35, unknown=10,
         state="needs_review", exact=False),
    Case(name="a 200 that tells an error, before the charge", faults=(analyze("status", **NO_SUCCESS, **LATER),),
         accepted=35, unknown=10, state="needs_review", exact=False),
    Case(name="a 200 that tells an error, after tracking",
         faults=(analyze("status", phase="after_tracking", **NO_SUCCESS, **LATER),)),
    Case(name="502 upstream before the charge", faults=(analyze("status", **UPSTREAM, **LATER),)),
    Case(name="502 upstream, first batch", faults=(analyze("status", **UPSTREAM),)),
    Case(name="429 with Retry-After", faults=(analyze("status", status=429, headers={"Retry-After": "0"}, **LATER),)),
    Case(name="reset on three batches at once", faults=(analyze("reset", nth=2, count=3),)),
    # Charged, and nothing done.
    Case(name="reset after the charge", faults=(analyze("reset", phase="after_charge", **LATER),), accepted=35,
         unknown=10, state="needs_review", exact=False),
    Case(name="stall after the charge", faults=(analyze("stall", phase="after_charge", **LATER, **SLOW),),
         settings=IMPATIENT, accepted=35, unknown=10, state="needs_review", exact=False),
    Case(name="500 after the charge", faults=(analyze("status", status=500, phase="after_charge", **LATER),),
         accepted=35, unknown=10, state="needs_review", exact=False),
    Case(name="502 upstream after the charge, id burnt",
         faults=(analyze("status", phase="after_charge", **UPSTREAM, **LATER),)),
    Case(name="502 upstream after the charge, id free",
         faults=(analyze("status", phase="after_charge", **UPSTREAM, **LATER),), switches={"burn_on_502": False}),
    Case(name="502 upstream twice", faults=(analyze("status", phase="after_charge", count=2, **UPSTREAM, **LATER),)),
    # Done, and the answer lost.
    Case(name="reset after tracking", faults=(analyze("reset", phase="after_tracking", **LATER),)),
    Case(name="reset after tracking, first batch", faults=(analyze("reset", phase="after_tracking"),)),
    Case(name="close after tracking", faults=(analyze("close", phase="after_tracking", **LATER),)),
    Case(name="stall after tracking", faults=(analyze("stall", phase="after_tracking", **LATER, **SLOW),),
         settings=IMPATIENT),
    Case(name="500 after tracking", faults=(analyze("status", status=500, phase="after_tracking", **LATER),)),
    Case(name="503 after tracking", faults=(analyze("status", status=503, phase="after_tracking", **LATER),)),
    Case(name="an HTML 504 after tracking",
         faults=(analyze("status", status=504, body="<html>", phase="after_tracking", **LATER),)),
    Case(name="502 upstream after tracking", faults=(analyze("status", phase="after_tracking", **UPSTREAM, **LATER),),
         exact=False),
    Case(name="truncated", faults=(analyze("truncate", phase="after_tracking", **LATER),)),
    Case(name="truncated by padding",
         faults=(analyze("truncate", phase="after_tracking", variant="padded", **LATER),)),
    Case(name="closed in the middle of the answer", faults=(analyze("close", phase="mid_response", **LATER),)),
    Case(name="reset in the middle of the answer", faults=(analyze("reset", phase="mid_response", **LATER),)),
    Case(name="stall in the middle of the answer",
         faults=(analyze("stall", phase="mid_response", **LATER, **SLOW),), settings=IMPATIENT),
    Case(name="garbage text", faults=(analyze("garbage", phase="after_tracking", **LATER),)),
    Case(name="garbage JSON", faults=(analyze("garbage", variant="json", phase="after_tracking", **LATER),),
         exact=False),
    Case(name="garbage bytes", faults=(analyze("garbage", variant="binary", phase="after_tracking", **LATER),)),
    Case(name="garbage status line",
         faults=(analyze("garbage", variant="status_line", phase="after_tracking", **LATER),)),
    Case(name="a gzip bomb", faults=(analyze("encoded", variant="bomb", phase="after_tracking", **LATER),)),
    Case(name="an answer that claims gzip", faults=(analyze("encoded", phase="after_tracking", **LATER),)),
    Case(name="an answer too large", faults=(analyze("huge", mebibytes=17, phase="after_tracking", **LATER),)),
    Case(name="a slow answer", faults=(analyze("drip", phase="after_tracking", interval=0.0005, **LATER),)),
    # Statuses that stop, refuse or split.
    Case(name="402 in flight", faults=(analyze("status", status=402, **LATER),), state="stopped",
         stopped_by="insufficient_credits", accepted=None, resumed="complete"),
    Case(name="401 in flight", faults=(analyze("status", status=401, **LATER),), state="stopped",
         stopped_by="unauthorized", accepted=None, resumed="complete"),
    Case(name="403 in flight", faults=(analyze("status", status=403, code="account_banned", **LATER),), state="stopped",
         stopped_by="account_banned", accepted=None, resumed="complete"),
    Case(name="a redirect", faults=(analyze("redirect", location="http://127.0.0.1:9/", **LATER),), state="stopped",
         stopped_by="redirected", accepted=None, unknown=10, exact=False, resumed="complete"),
    Case(name="422 in flight", faults=(analyze("status", status=422, **LATER),), accepted=35, exact=False),
    Case(name="404 in flight", faults=(analyze("status", status=404, code="campaign_not_found", **LATER),), accepted=35,
         exact=False),
    Case(name="422 on the first batch", faults=(analyze("status", status=422),), state="stopped",
         stopped_by="missing_parameter", accepted=0, exact=False, resumed="complete"),
    Case(name="409 out of nowhere", faults=(analyze("status", status=409, **LATER),), accepted=35, unknown=10,
         state="needs_review", exact=False),
    Case(name="413 until batches are small", switches={"max_batch": 3}),
    # Two things at once under one key: an answer clears only the attempt that it answers.
    Case(name="lost, then 429", faults=(
        analyze("reset", phase="after_tracking", **LATER),
        analyze("status", status=429, headers={"Retry-After": "0"}, nth=5))),
    Case(name="502 upstream, then lost after tracking", faults=(
        analyze("status", max_urls=5, **UPSTREAM), analyze("reset", max_urls=5, phase="after_tracking")),
        exact=False),  # what is listed may be the refunded attempt's
    # What the API leaves open.
    Case(name="402 burns ids", switches={"burn_on_402": True}),
    Case(name="429 burns ids", switches={"burn_on_429": True, "requests_per_minute_ip": 3, "rate_window": 0.3}),
    Case(name="a repeat waits for the first", switches={"repeat_while_running": "wait"},
         faults=(analyze("delay", phase="after_charge", seconds=0.5, **LATER),), settings=IMPATIENT),
    Case(name="a repeat while the first runs is 409", faults=(
        analyze("delay", phase="after_charge", seconds=0.3, **LATER),), settings={"timeout": 0.15, "settle": 0.1}),
    Case(name="a repeat while the first runs is 429", switches={"repeat_while_running": "rate_limited"},
         faults=(analyze("delay", phase="after_charge", seconds=0.3, **LATER),), settings=IMPATIENT),
    Case(name="rejected URLs are charged", ghosts=(3, 4, 27), accepted=42, exact=False),
    Case(name="rejected URLs are not charged", ghosts=(3, 4, 27), switches={"charge_rejected": False}, accepted=42,
         exact=False),
    Case(name="rejected as plain strings", ghosts=(3, 44), switches={"rejected_form": "strings"}, accepted=43,
         exact=False),
    Case(name="no meta at all", switches={"analyze_meta": "none"}),
    Case(name="a paged list", switches={"campaign_posts_page_size": 7},
         faults=(analyze("reset", phase="after_tracking", **LATER),)),
    Case(name="a lagging list", switches={"list_delay": 3600.0},
         faults=(analyze("reset", phase="after_tracking", **LATER),), accepted=35, unknown=10, state="needs_review",
         exact=False),
    Case(name="ids forgotten at once", switches={"remember_ids": 0.0}),
    # The create.
    Case(name="create: reset before", faults=(create("reset"),)),
    Case(name="create: 500 before, id free", faults=(create("status", status=500),), switches={"burn_on_5xx": False}),
    Case(name="create: 500 before, id burnt", faults=(create("status", status=500),), state="stopped",
         stopped_by="create_unknown", accepted=0, exact=False),
    Case(name="create: 502 upstream", faults=(create("status", phase="after_charge", **UPSTREAM),)),
    Case(name="create: 429", faults=(create("status", status=429, headers={"Retry-After": "0"}),)),
    Case(name="create: answer lost", faults=(create("reset", phase="after_tracking"),), state="stopped",
         stopped_by="create_unknown", accepted=0, exact=False),
    Case(name="create: answer garbled", faults=(create("garbage", phase="after_tracking"),), state="stopped",
         stopped_by="create_unknown", accepted=0, exact=False),
    Case(name="create: 402", faults=(create("status", status=402),), state="stopped",
         stopped_by="insufficient_credits", accepted=0, resumed="complete"),
    Case(name="create: 401", faults=(create("status", status=401),), state="stopped", stopped_by="unauthorized",
         accepted=0, resumed="complete"),
    Case(name="create: 422", faults=(create("status", status=422, code="invalid_campaign"),), state="stopped",
         stopped_by="invalid_campaign", accepted=0, exact=False),
    # Reads.
    Case(name="the list fails at first", faults=(
        analyze("reset", phase="after_tracking", **LATER), {"effect": "reset", "call": "campaigns.posts"}),
        exact=False),
    Case(name="the list can't be read", faults=(
        analyze("reset", phase="after_tracking", **LATER),
        {"effect": "status", "status": 500, "call": "campaigns.posts", "count": 50}), state="stopped",
         stopped_by="outcome_unknown", accepted=35,
        unknown=10, exact=False, resumed="complete"),
]  # fmt: skip


@pytest.fixture(params=MATRIX, ids=lambda case: case.name.replace(",", "").replace(" ", "-"))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def load(case: Case, tmp_path: Path) -> Iterator[Load]:
    with serve_in_thread(switches=Switches(**case.switches)) as sandbox:
        for fault in case.faults:
            sandbox.add_fault(**fault)
        plan = make_plan(URLS, batch_size=BATCH, ghosts=case.ghosts)
        yield Load(sandbox, plan, tmp_path / "spring.tokload", case.settings)


async def test_row(case: Case, load: Load) -> None:
    report = await load.apply()
    check(load, report)
    assert (report.state, report.stopped_by) == (case.state, case.stopped_by), report
    if case.accepted is not None:
        assert report.urls.accepted == case.accepted, report
    if case.unknown is not None:
        assert report.urls.unknown == case.unknown, report
    if case.exact:
        assert report.credits.charged_min == report.credits.charged_max, report
    if case.resumed is not None:
        await _resume(case, load)


async def _resume(case: Case, load: Load) -> LoadReport:
    load.sandbox.clear_faults()
    report = await load.resume()
    check(load, report)
    assert report.state == case.resumed, report
    return report
