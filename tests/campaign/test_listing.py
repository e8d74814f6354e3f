"""Lists in pages: read as far as that can tell something, and never taken for whole where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from answering import LOST, Answer, Asked
from loads import KEY, QUICK, make_plan
from paged import Paged

from tokfluence_async.campaign.applying import apply, resume
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio


async def loaded(api: Paged, file: Path, urls: int, batch_size: int) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        return await apply(make_plan(urls, batch_size=batch_size), tok, file=file)


async def go_on(api: Paged, file: Path, **how: Any) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        return await resume(file, tok, **how)


def last_answer_lost(asked: Asked, answer: Answer) -> Answer:
    return LOST if asked.call == "analyze" and not asked.repeated and asked.number == 4 else answer


@pytest.mark.parametrize("total", ["posts", "page", ""])
@pytest.mark.parametrize("internal", [False, True])
async def test_the_list_is_read_as_far_as_it_goes_on(tmp_path: Path, total: str, internal: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with Paged(total=total, internal=internal, after=last_answer_lost) as api:
        report = await loaded(api, tmp_path / "a.tokload", 40, 10)
        assert (report.state, report.urls.accepted) == ("complete", 40)
        assert not api.charged_twice


def small_one_lost(asked: Asked, answer: Answer) -> Answer:
    return LOST if asked.call == "analyze" and not asked.repeated and len(asked.posts) == 1 else answer


async def test_a_small_doubt_in_a_long_list_is_named_once_it_costs_more_to_look(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Paged(after=small_one_lost) as api:
        report = await loaded(api, file, 301, 50)
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", 300, 1)
        assert 2 * api.asked["list"] <= 25
        before = api.charged
        assert (await go_on(api, file)).state == "needs_review"
        assert api.charged - before <= 25
        # By explicit word it is looked for to the end, before it is bought anew.
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", 301)
        assert not api.charged_twice
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_what_is_not_looked_for_is_not_bought_anew(tmp_path: Path) -> None:
    """A 502 whose work was done would be, were it absent from the list rather than behind what was read of it."""
    with Paged() as api:
        api.after = lambda asked, answer: (
            Answer.error(502, "upstream_error")
            if asked.call == "analyze" and not asked.repeated and len(asked.posts) == 1
            else answer
        )
        report = await loaded(api, tmp_path / "a.tokload", 301, 50)
        assert not api.charged_twice
        assert (report.state, report.urls.unknown) == ("needs_review", 1)
