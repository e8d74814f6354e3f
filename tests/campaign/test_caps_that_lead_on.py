"""Stops for a cap say by how much to raise it, and who does so comes to the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Asked
from loads import KEY, QUICK, go_on, make_plan
from paged import Paged

from tokfluence_async.campaign.applying import apply
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

BATCH = 10
URLS = 20
PLAN = make_plan(URLS, batch_size=BATCH)
PRICE = PLAN.estimate.total
PAGES = pytest.mark.parametrize("page", [4, 1000], ids="{} posts on a page".format)


async def begin(api: Paged, file: Path) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
        return await apply(PLAN, tok, file=file, max_credits=PRICE)


async def raise_until_it_ends(
    api: Paged, file: Path, report: LoadReport, *, anew: bool = False
) -> LoadReport:
    """Resume with the cap that each stop names."""
    cap = report.credits.cap or 0
    for _ in range(5):
        cap += report.short_by or 0
        report = await go_on(api, file, max_credits=cap, resubmit_unknown=anew)
        assert api.charged <= cap
        if report.state == "complete":
            return report
        assert report.stopped_by == "max_credits", report
        assert report.short_by is not None
        assert f"by {report.short_by:,}" in report.message
    raise AssertionError(report)


def lost(asked: Asked, answer: Answer) -> Answer:
    return LOST if asked.call == "analyze" and asked.number == 2 else answer


@PAGES
async def test_an_answer_that_was_lost(tmp_path: Path, page: int) -> None:
    file = tmp_path / "a.tokload"
    with Paged(page=page, after=lost) as api:
        report = await begin(api, file)
        assert report.stopped_by == "max_credits"
        report = await raise_until_it_ends(api, file, report)
        assert report.urls.accepted == URLS
        assert not api.charged_twice


@PAGES
async def test_what_was_paid_back(tmp_path: Path, page: int) -> None:
    """It is not counted as charged, and still to be bought."""
    file = tmp_path / "a.tokload"
    with Paged(page=page) as api:
        api.before = lambda asked: (
            Answer.error(502, "upstream_error") if asked.call == "analyze" and asked.number > 1 else None
        )
        report = await begin(api, file)
        assert report.state == "stopped"
        api.before = lambda _: None
        report = await raise_until_it_ends(api, file, report)
        assert report.urls.accepted == URLS
        assert not api.charged_twice


@PAGES
async def test_nothing_is_looked_for_out_of_what_is_still_to_be_bought(tmp_path: Path, page: int) -> None:
    """The key of what was paid back is remembered, and tells by itself."""
    file = tmp_path / "a.tokload"
    answers = {2: Answer.error(502, "upstream_error"), 3: Answer.error(402, "insufficient_credits")}
    with Paged(page=page) as api:
        api.before = lambda asked: answers.get(asked.number) if asked.call == "analyze" else None
        report = await begin(api, file)
        assert report.stopped_by == "insufficient_credits"
        report = await go_on(api, file, max_credits=PRICE)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert api.charged == PRICE


@PAGES
async def test_what_is_unknown_and_bought_anew(tmp_path: Path, page: int) -> None:
    file = tmp_path / "a.tokload"
    with Paged(page=page) as api:
        # It never arrives, and its key is used up all the same.
        def before(asked: Asked) -> Answer | None:
            if asked.call != "analyze" or asked.number != 2:
                return None
            api._keys.add(asked.key or "")
            return LOST

        api.before = before
        report = await begin(api, file)
        report = await go_on(api, file, max_credits=PRICE + 50)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        api.before = lambda _: None
        report = await go_on(api, file, resubmit_unknown=True)
        assert report.stopped_by == "max_credits"
        report = await raise_until_it_ends(api, file, report, anew=True)
        assert report.urls.accepted == URLS
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


@PAGES
async def test_nothing_is_looked_for_out_of_it_for_what_is_unknown_either(tmp_path: Path, page: int) -> None:
    """What is unknown is not sent; the rest is, under the cap that it needs."""
    file = tmp_path / "a.tokload"
    plan = make_plan(3 * BATCH, batch_size=BATCH)
    with Paged(page=page) as api:

        def before(asked: Asked) -> Answer | None:
            if asked.call != "analyze" or asked.number == 1:
                return None
            if asked.number == 2:
                api._keys.add(asked.key or "")
                return LOST
            return None if asked.repeated else Answer.error(402, "insufficient_credits")

        api.before = before
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 2}) as tok:
            await apply(plan, tok, file=file)
        await go_on(api, file)
        age(file, 0.1)
        api.before = lambda asked: Answer.error(401, "unauthorized") if asked.call == "analyze" else None
        report = await go_on(api, file)
        assert (report.urls.unknown, report.urls.unsent) == (BATCH, BATCH)
        api.before = lambda _: None
        asked = api.asked["list"]
        report = await go_on(api, file, max_credits=report.credits.charged_max + 25 * BATCH)
        assert (report.urls.accepted, report.urls.unsent) == (2 * BATCH, 0)
        assert api.asked["list"] == asked
