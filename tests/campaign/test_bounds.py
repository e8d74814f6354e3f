"""What a load is held to: caps, the tariff of its preview, the account it was begun with, and when to stop."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, make_plan

from tokfluence_async.campaign.applying import apply, resume, save
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.settle import KEY_MEMORY
from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import BudgetExceededError, ConfigurationError, UsageError
from tokfluence_async.tariff import Price, Tariff

pytestmark = pytest.mark.anyio

WITHOUT_RETRIES: dict[str, Any] = QUICK | {"max_retries": 0}
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


@pytest.mark.parametrize(
    "answer",
    [{"error": {"code": "invalid_body", "message": "unknown field"}}, b"<html>", b""],
    ids=["error", "html", "empty"],
)
async def test_successes_that_can_not_be_read_stop_the_load(file: Path, answer: Any) -> None:
    with Answering() as api:
        api.after = lambda asked, given: Answer(200, answer) if asked.call == "analyze" else given
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(100, batch_size=10), tok, file=file)
        assert report.stopped_by == "outcome_unknown"
        assert "can't be read" in report.message
        assert api.asked["analyze"] == 3
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


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


async def test_a_create_that_fails_again_and_again_stops_the_load(file: Path) -> None:
    """Each key gets a 502 and is used up by it: without a bound, that is a request every other moment."""

    def outage(asked: Asked) -> Answer | None:
        if asked.call != "create":
            return None
        return Answer.error(*((502, "upstream_error") if asked.number % 2 else (409, "duplicate_request")))

    with Answering(before=outage) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(10), tok, file=file)
    assert (report.state, report.stopped_by) == ("stopped", "upstream_error")
    assert api.asked["create"] <= 8


async def test_a_capped_client_resumes_its_own_load(file: Path) -> None:
    """What the first run cost is counted once."""
    with Answering() as api:
        broke = Answer.error(402, "insufficient_credits")
        api.before = lambda asked: broke if asked.call == "analyze" and asked.number == 2 else None
        async with Tokfluence(KEY, base_url=api.base_url, max_credits=501, **QUICK) as tok:
            assert (await apply(make_plan(20), tok, file=file)).stopped_by == "insufficient_credits"
            assert tok.spent.charged_max == 251
            api.before = lambda _: None
            assert (await resume(file, tok)).state == "complete"
            assert (tok.spent.charged_min, tok.spent.charged_max, tok.spent.reserved) == (501, 501, 0)
            assert (await resume(file, tok)).state == "complete"
            assert tok.spent.charged_max == 501
    assert api.charged == 501


async def test_another_client_counts_what_earlier_runs_cost(file: Path) -> None:
    with Answering() as api:
        broke = Answer.error(402, "insufficient_credits")
        api.before = lambda asked: broke if asked.call == "analyze" and asked.number == 2 else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            await apply(make_plan(20), tok, file=file)
        api.before = lambda _: None
        async with Tokfluence(KEY, base_url=api.base_url, max_credits=500, **QUICK) as tok:
            assert (await resume(file, tok)).stopped_by == "max_credits"
        async with Tokfluence(KEY, base_url=api.base_url, max_credits=501, **QUICK) as tok:
            assert (await resume(file, tok)).state == "complete"
            assert tok.spent.charged_max == 501


async def test_what_never_left_is_not_counted(file: Path) -> None:
    """Orders that wait for the rate limit when the load is stopped."""
    slow_down = Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "60"})
    with Answering() as api:
        api.before = lambda asked: slow_down if asked.call == "analyze" and asked.number == 2 else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            save(make_plan(100), file)
            opened = LoadFile.open(file)
            loader = Loader(tok, opened)
            running = asyncio.create_task(loader.run())
            while not tok.session.limiter.waiting:  # noqa: ASYNC110 - of which it gives no sign
                await anyio.sleep(0.01)
            loader.stop()
            report = await asyncio.wait_for(running, timeout=10)
            opened.close()
            assert tok.spent.charged_max == report.credits.charged_max == api.charged


async def test_closing_the_client_stops_the_load(file: Path) -> None:
    with Answering() as api:
        tok = Tokfluence(KEY, base_url=api.base_url, **QUICK)
        async with tok:
            save(make_plan(100), file)
            opened = LoadFile.open(file)
            api.before = lambda asked: (
                Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "60"})
                if asked.call == "analyze" and asked.number == 2
                else None
            )
            running = asyncio.create_task(Loader(tok, opened).run())
            while not tok.session.limiter.waiting:  # noqa: ASYNC110 - of which it gives no sign
                await anyio.sleep(0.01)
            await tok.close(grace=0.01)
            report = await asyncio.wait_for(running, timeout=10)
            opened.close()
        assert (report.state, report.stopped_by) == ("stopped", "interrupted")
        assert "closed" in report.message
        api.before = lambda _: None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as other:
            assert (await resume(file, other)).state == "complete"


async def test_a_loader_runs_once(file: Path) -> None:
    with Answering() as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            save(make_plan(1), file)
            opened = LoadFile.open(file)
            loader = Loader(tok, opened)
            await loader.run()
            with pytest.raises(UsageError, match="once"):
                await loader.run()
            opened.close()


async def test_the_look_at_a_given_campaign_is_part_of_what_the_cap_must_hold(file: Path) -> None:
    with Answering() as api:
        api.name = "Spring"
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(30), tok, file=file, campaign_id=4711, max_credits=750)
            assert report.stopped_by == "max_credits"
            assert not api.asked
            assert (await resume(file, tok, campaign_id=4711, max_credits=751)).state == "complete"


async def test_a_create_that_is_remembered_after_days_is_counted_once(file: Path) -> None:
    with Answering() as api:
        api.after = lambda asked, answer: LOST if asked.call == "create" else answer
        async with Tokfluence(KEY, base_url=api.base_url, **WITHOUT_RETRIES) as tok:
            opened = LoadFile.create(file, make_plan(10))
            long_ago = Loader(tok, opened, wall_clock=lambda: time.time() - 2 * KEY_MEMORY)
            assert (await long_ago.run()).stopped_by == "create_unknown"
            opened.close()
            api.after = lambda asked, answer: answer  # which is now a 409: the key is still known
            for _ in range(3):
                report = await resume(file, tok)
                assert (report.stopped_by, report.credits.charged_max) == ("create_unknown", 1)


@pytest.mark.parametrize("away", ["out of reach", "turned away", "not let in", "stopped"])
async def test_a_create_in_doubt_that_is_not_sent_again_costs_nothing_more(file: Path, away: str) -> None:
    with Answering() as api:
        api.before = lambda asked: LOST if asked.call == "create" else None
        async with Tokfluence(KEY, base_url=api.base_url, **WITHOUT_RETRIES) as tok:
            assert (await apply(make_plan(10), tok, file=file)).stopped_by == "create_unknown"
        age(file)
        turned_away = Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "0"})
        refused = Answer.error(401, "unauthorized") if away == "not let in" else turned_away
        api.before = lambda asked: refused if asked.call == "create" else None
        url = "http://127.0.0.1:9" if away == "out of reach" else api.base_url
        async with Tokfluence(KEY, base_url=url, **WITHOUT_RETRIES) as tok:
            for _ in range(3):
                opened = LoadFile.open(file)
                loader = Loader(tok, opened)
                if away == "stopped":
                    loader.stop()
                report = await loader.run()
                opened.close()
                assert (report.state, report.credits.charged_max) == ("stopped", 1)
        api.before = lambda _: None
        async with Tokfluence(KEY, base_url=api.base_url, **WITHOUT_RETRIES) as tok:
            report = await resume(file, tok)
        assert (report.state, report.credits.charged_min, report.credits.charged_max) == (
            "complete",
            251,
            252,
        )


@pytest.mark.parametrize("cap", [-1, True, 1.5, "5", float("nan")])
async def test_a_cap_that_is_none_is_refused_before_there_is_a_file(file: Path, cap: Any) -> None:
    with Answering() as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            with pytest.raises(ConfigurationError, match="max_credits"):
                await apply(make_plan(10), tok, file=file, max_credits=cap)
            assert not file.exists()  # noqa: ASYNC240 - once, in a test
            LoadFile.create(file, make_plan(10)).close()
            with pytest.raises(ConfigurationError, match="max_credits"):
                await resume(file, tok, max_credits=cap)
            assert not api.asked
            assert (await resume(file, tok)).state == "complete"


async def test_copies_of_a_load_do_not_free_what_a_client_has_spent(tmp_path: Path) -> None:
    one, other = tmp_path / "a.tokload", tmp_path / "b.tokload"
    turned_away = Answer.error(402, "insufficient_credits")
    with Answering() as api:
        api.before = lambda asked: turned_away if asked.call == "analyze" and asked.number > 1 else None
        async with Tokfluence(KEY, base_url=api.base_url, **ONE_AT_A_TIME) as tok:
            await apply(make_plan(30), tok, file=one)
        shutil.copy(one, other)
        async with Tokfluence(KEY, base_url=api.base_url, **ONE_AT_A_TIME) as tok:
            await resume(one, tok)
            api.before = lambda asked: turned_away if asked.number > 5 and asked.call == "analyze" else None
            await resume(other, tok)
            spent = tok.spent.charged_max
            api.before = lambda asked: turned_away if asked.call == "analyze" else None
            await resume(one, tok)
            assert tok.spent.charged_max >= spent >= api.charged


async def test_a_file_that_is_made_anew_does_not_free_what_a_client_has_spent(file: Path) -> None:
    """The number of its inode goes to the next file on many a file system."""
    plan = make_plan(20, name="One")
    with Answering() as api:
        async with Tokfluence(KEY, base_url=api.base_url, max_credits=700, **QUICK) as tok:
            assert (await apply(plan, tok, file=file)).state == "complete"
            for each in file.parent.glob(f"{file.name}*"):
                each.unlink()
            await apply(plan, tok, file=file)
            assert tok.spent.charged_max >= api.charged
            report = await apply(make_plan(20, name="Two"), tok, file=file.with_name("two.tokload"))
            assert report.stopped_by == "max_credits"
        assert api.charged <= 700


async def test_an_older_state_that_is_put_back_does_not_free_what_a_client_has_spent(file: Path) -> None:
    backup = file.with_name("backup")
    with Answering() as api:
        async with Tokfluence(KEY, base_url=api.base_url, max_credits=700, **QUICK) as tok:
            save(make_plan(20), file)
            shutil.copyfile(file, backup)
            assert (await resume(file, tok)).state == "complete"
            shutil.copyfile(backup, file)
            await resume(file, tok)
            assert tok.spent.charged_max >= api.charged
