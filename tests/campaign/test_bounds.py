"""What a load is held to: caps, the tariff of its preview, the account it was begun with, and when to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest
from answering import Answer, Answering, Asked
from loads import KEY, QUICK, make_plan

from tokfluence_async.campaign.applying import apply, resume, save
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import BudgetExceededError
from tokfluence_async.tariff import Price, Tariff

pytestmark = pytest.mark.anyio

ONE_AT_A_TIME: dict[str, Any] = QUICK | {"concurrency": 1}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "spring.tokload"


async def test_loads_count_towards_the_client_s_cap(tmp_path: Path) -> None:
    with Answering() as api:
        async with Tokfluence(KEY, base_url=api.base_url, max_credits=150, **QUICK) as tok:
            first = await apply(make_plan(4), tok, file=tmp_path / "a.tokload")
            assert first.state == "complete"
            assert tok.spent.charged_max == 101
            second = await apply(make_plan(5, name="Summer"), tok, file=tmp_path / "b.tokload")
    assert second.stopped_by == "max_credits"
    assert api.charged == 101


async def test_a_load_and_other_calls_share_a_budget(file: Path) -> None:
    with Answering() as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            part = tok.budget(max_credits=102)
            await apply(make_plan(4), part, file=file)
            await part.campaigns.show(4711)
            with pytest.raises(BudgetExceededError):
                await part.campaigns.show(4711)
            assert tok.spent.charged_max == 102
    assert api.charged == 102


async def test_a_resume_keeps_the_cap_unless_it_is_given_another(file: Path) -> None:
    def forgotten(asked: Asked) -> Answer | None:
        return Answer.error(409, "duplicate_request") if asked.call == "analyze" else None

    with Answering(before=forgotten) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(10), tok, file=file, max_credits=255)
            assert (report.state, report.urls.unknown) == ("needs_review", 10)
            api.before = lambda _: None
            report = await resume(file, tok, resubmit_unknown=True)
            assert (report.stopped_by, report.credits.cap) == ("max_credits", 255)
            report = await resume(file, tok, resubmit_unknown=True, max_credits=1000)
            assert (report.state, report.credits.cap) == ("complete", 1000)


async def test_a_create_under_a_second_key_is_counted_once(file: Path) -> None:
    """With a cap of exactly the price, a credit that was never charged would stop the load."""

    def refunded(asked: Asked) -> Answer | None:
        if asked.call != "create":
            return None
        answers = {1: Answer.error(502, "upstream_error"), 2: Answer.error(409, "duplicate_request")}
        return answers.get(asked.number)

    with Answering(before=refunded) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(20), tok, file=file, max_credits=501)
    assert (report.state, report.credits.charged_max) == ("complete", 501)


async def test_other_prices_than_the_preview_s_are_refused(file: Path) -> None:
    dearer = Tariff({"posts.analyze": Price(0, 30)})
    with Answering() as api:
        async with Tokfluence(KEY, base_url=api.base_url, tariff=dearer, **QUICK) as tok:
            report = await apply(make_plan(10), tok, file=file)
    assert report.stopped_by == "plan_stale"
    assert "30" in report.message
    assert not api.asked


async def test_a_wrong_key_binds_nothing(file: Path) -> None:
    other = "tkf_live_" + "b" * 32
    with Answering() as api:
        api.before = lambda _: Answer.error(401, "unauthorized")
        async with Tokfluence(other, base_url=api.base_url, **QUICK) as tok:
            assert (await apply(make_plan(10), tok, file=file)).stopped_by == "unauthorized"
        api.before = lambda _: None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            assert (await resume(file, tok)).state == "complete"


async def test_refusals_one_after_the_other_stop_the_load(file: Path) -> None:
    """The campaign was deleted meanwhile, say; a 404 may be charged."""
    with Answering() as api:
        gone = Answer.error(404, "campaign_not_found")
        api.before = lambda asked: gone if asked.call == "analyze" and asked.number > 2 else None
        async with Tokfluence(KEY, base_url=api.base_url, **ONE_AT_A_TIME) as tok:
            report = await apply(make_plan(1000), tok, file=file)
    assert (report.state, report.stopped_by) == ("stopped", "campaign_not_found")
    assert (report.urls.rejected, api.asked["analyze"]) == (30, 5)


async def test_a_stop_does_not_wait_for_the_rate_limit(file: Path) -> None:
    slow_down = Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "60"})
    with Answering() as api:
        api.before = lambda asked: slow_down if asked.call == "analyze" and asked.number == 2 else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            save(make_plan(100), file)
            opened = LoadFile.open(file)
            loader = Loader(tok, opened)

            async def stop_once_it_waits() -> None:
                while not tok.session.limiter.waiting:  # noqa: ASYNC110 - of which it gives no sign
                    await anyio.sleep(0.01)
                loader.stop()

            stopping = asyncio.create_task(stop_once_it_waits())
            report = await asyncio.wait_for(loader.run(), timeout=10)
            await stopping
            opened.close()
    assert (report.stopped_by, report.urls.unknown) == ("interrupted", 0)
