"""Lists in pages: read as far as that can tell something, and never taken for whole where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Asked
from loads import KEY, QUICK, go_on, make_plan, other_id, video_id
from paged import Paged

from tokfluence_async.campaign.applying import apply
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio


async def loaded(api: Paged, file: Path, urls: int, batch_size: int) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        return await apply(make_plan(urls, batch_size=batch_size), tok, file=file)


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


async def test_a_list_that_says_that_it_is_not_whole_proves_no_absence(tmp_path: Path) -> None:
    """Paged in a way that is not known: what it does not show may be there all the same."""
    with Paged(total="posts") as api:

        def after(asked: Asked, answer: Answer) -> Answer:
            if asked.call == "analyze" and asked.number == 3:
                return Answer.error(502, "upstream_error")
            if asked.call == "list":
                answer.payload["meta"].pop("next_cursor")
            if asked.call == "show":
                answer.payload["data"].pop("tracked_posts_count")
            return answer

        api.after = after
        report = await loaded(api, tmp_path / "a.tokload", 30, 10)
        assert not api.charged_twice
        assert (report.state, report.urls.unknown) == ("needs_review", 10)


async def test_empty_pages_without_an_end_are_given_up(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Paged() as api:

        def after(asked: Asked, answer: Answer) -> Answer:
            if asked.call == "analyze" and asked.number == 4 and not asked.repeated:
                return LOST
            if asked.call == "list":
                cursor = {"next_cursor": 10_000 + asked.number, "total": 100}
                return Answer(
                    200, {"data": answer.payload["data"] if asked.number == 1 else [], "meta": cursor}
                )
            return answer

        api.after = after
        report = await loaded(api, file, 40, 10)
        assert report.stopped_by == "outcome_unknown"
        assert "no end" in report.message
        assert api.asked["list"] <= 30


async def test_what_was_looked_for_in_vain_is_not_paid_for_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Paged(after=small_one_lost) as api:
        await loaded(api, file, 301, 50)
        for _ in range(3):
            before = api.charged
            assert (await go_on(api, file)).state == "needs_review"
            assert api.charged - before <= 2


async def test_posts_of_others_in_a_given_campaign_stand_in_no_load_s_way(tmp_path: Path) -> None:
    with Paged(tracked=[other_id(number) for number in range(3000)]) as api:
        api.name = "Spring"
        api.tracked += [video_id(number) for number in range(0, 60, 10)]
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            plan = make_plan(60, batch_size=10)
            report = await apply(plan, tok, file=tmp_path / "a.tokload", campaign_id=4711, max_credits=1501)
        assert (report.state, report.urls.accepted) == ("complete", 60)
        assert api.charged == 1501


async def test_a_look_for_what_was_not_sent_leaves_room_for_it_under_the_cap(tmp_path: Path) -> None:
    file, cap = tmp_path / "a.tokload", 1 + 25 * 60 + 7
    with Paged() as api:
        api.before = lambda asked: (
            Answer.error(402, "insufficient_credits")
            if asked.call == "analyze" and asked.number == 4
            else None
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(60, batch_size=10), tok, file=file, max_credits=cap)
        age(file)
        report = await go_on(api, file, max_credits=cap)
        assert (report.state, report.urls.accepted) == ("complete", 60)
        assert api.asked["list"] == 3
