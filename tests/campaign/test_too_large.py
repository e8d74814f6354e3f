"""Batches that are too large: halved until they fit, the first of them first; what can't be halved is left aside."""

from __future__ import annotations

from pathlib import Path

import pytest
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, make_plan, video_id

from tokfluence_async.campaign.applying import apply, resume
from tokfluence_async.campaign.batch import idempotency_key
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

TOO_LARGE = Answer(413, b"<html>413 Request Entity Too Large</html>")


async def load(api: Answering, file: Path, urls: int, batch_size: int) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, requests_per_minute=0, **QUICK) as tok:
        return await apply(make_plan(urls, batch_size=batch_size), tok, file=file)


async def test_a_gateway_that_takes_nothing_stops_the_load(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        api.before = lambda asked: TOO_LARGE if asked.call == "analyze" else None
        report = await load(api, file, 400, 50)
        assert (report.state, report.stopped_by) == ("stopped", "refused")
        assert (report.urls.unsent, report.urls.rejected) == (399, 1)
        # 50, 25, 12, 6, 3, 1
        assert api.asked["analyze"] == 6
        assert report.credits.charged_max == api.charged == 1
        api.before = lambda _: None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await resume(file, tok)
        assert (report.state, report.urls.accepted, report.urls.rejected) == ("complete", 399, 1)
        assert not api.charged_twice


@pytest.mark.parametrize("fits", [1, 7, 20])
async def test_a_smaller_batch_than_ours_is_found_in_a_few_steps(tmp_path: Path, fits: int) -> None:
    sizes: list[int] = []

    def before(asked: Asked) -> Answer | None:
        if asked.call != "analyze":
            return None
        sizes.append(len(asked.posts))
        return TOO_LARGE if len(asked.posts) > fits else None

    with Answering(before=before) as api:
        report = await load(api, tmp_path / "a.tokload", 200, 40)
        assert (report.state, report.urls.accepted) == ("complete", 200)
        assert not api.charged_twice
        first = next(place for place, size in enumerate(sizes) if size <= fits)
        assert sizes[:first] == [40 >> step for step in range(first)], "the first batch alone, and its halves"


async def test_three_urls_in_a_row_that_are_too_large_stop_the_load(tmp_path: Path) -> None:
    with Answering() as api:
        api.before = lambda asked: TOO_LARGE if asked.call == "analyze" and asked.number > 1 else None
        report = await load(api, tmp_path / "a.tokload", 40, 1)
        assert (report.state, report.stopped_by) == ("stopped", "http_413")
        assert report.urls.accepted == 1
        assert 3 <= report.urls.rejected <= 3 + QUICK["concurrency"]


async def test_what_is_bought_anew_and_too_large_costs_nothing(tmp_path: Path) -> None:
    """However often: what the first sending may have been charged is counted once."""
    file = tmp_path / "a.tokload"

    def lost(asked: Asked) -> Answer | None:
        if asked.call != "analyze" or asked.number == 1:
            return None
        return LOST if asked.number == 2 else Answer.error(409, "duplicate_request")

    with Answering(before=lost) as api:
        report = await load(api, file, 11, 10)
        assert (report.urls.unknown, report.credits.charged_max - report.credits.charged_min) == (1, 25)
        api.before = lambda asked: TOO_LARGE if asked.call == "analyze" else None
        for _ in range(2):
            async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
                for anew in (True, False):
                    report = await resume(file, tok, resubmit_unknown=anew)
                    assert report.urls.unknown == 1
                    assert report.credits.charged_max - report.credits.charged_min == 25
                    assert report.credits.charged_min <= api.charged <= report.credits.charged_max


@pytest.mark.parametrize("meanwhile", ["", "whole", "half"])
async def test_what_was_paid_back_and_is_too_large_is_bought_in_the_halves_that_everybody_buys(
    tmp_path: Path, meanwhile: str
) -> None:
    """A copy has bought both halves meanwhile, or one of them and is about to buy the other."""
    file = tmp_path / "a.tokload"
    plan = make_plan(20, batch_size=10)
    halves = [[video_id(10 + number) for number in half] for half in (range(5), range(5, 10))]
    keys: list[str | None] = []

    def before(asked: Asked) -> Answer | None:
        if asked.call != "analyze" or asked.number == 1:
            return None
        if asked.number == 2:
            return Answer.error(502, "upstream_error")
        if len(asked.posts) == 10:
            for half in halves[: {"": 0, "half": 1, "whole": 2}[meanwhile]]:
                api.per_video.update(half)
                api.tracked += half
            return TOO_LARGE
        keys.append(asked.key)
        return None

    with Answering(before=before) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await apply(plan, tok, file=file)
        assert not api.charged_twice
        if meanwhile == "half":
            assert (report.urls.accepted, report.urls.unknown) == (15, 5)
            assert not keys
        else:
            assert (report.state, report.urls.accepted) == ("complete", 20)
        if not meanwhile:
            assert keys == [idempotency_key(plan.plan_id, f"analyze/2.{half}", 0) for half in (0, 1)]
