"""How often loads of old plans look for what a copy may have bought, how far, and under which caps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from aged import age
from ahead import go_on, only
from answering import LOST, Answer, Answering, Asked
from loads import make_plan, other_id
from paged import Paged

from tokfluence_async.campaign.applying import save

pytestmark = pytest.mark.anyio

BATCH = 10
URLS = 40
HOUR = 1 / 24


async def test_what_was_looked_for_is_not_looked_for_again_for_half_a_day(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        save(make_plan(URLS, batch_size=BATCH), file)
        api.before = only(1)
        await go_on(api, file)
        age(file)
        looks = []
        for pause in (0.0, 0.4, 0.6):
            age(file, pause)
            api.asked.clear()
            api.before = only(0)
            await go_on(api, file)
            looks.append((api.asked["list"], api.asked["show"]))
        assert looks == [(1, 1), (0, 0), (1, 1)]
        api.before = lambda _: None
        assert (await go_on(api, file)).state == "complete"


async def test_a_campaign_that_was_just_made_holds_nothing_to_look_for(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        save(make_plan(URLS, batch_size=BATCH), file)
        age(file)
        assert (await go_on(api, file)).state == "complete"
        assert not api.asked["list"]


async def test_a_load_that_takes_days_looks_twice_a_day(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    hours = 0

    def after(asked: Asked, answer: Answer) -> Answer:
        nonlocal hours
        hours += 10 * (asked.call == "analyze")
        return answer

    with Answering(after=after) as api:
        report = await go_on(api, file, ahead=lambda: hours * 3600.0, plan=make_plan(100, batch_size=BATCH))
        assert (report.state, report.urls.accepted) == ("complete", 100)
        assert api.asked["list"] == 4
        assert not api.charged_twice


async def test_nobody_can_have_bought_into_a_campaign_before_it_was_made(tmp_path: Path) -> None:
    """The plan was saved on Friday, the load is begun on Monday, interrupted, and resumed at once."""
    file = tmp_path / "a.tokload"
    plan = make_plan(URLS, batch_size=BATCH)
    with Answering() as api:
        save(plan, file)
        age(file, 3)
        api.before = only(1)
        await go_on(api, file, max_credits=plan.estimate.total)
        api.before = lambda _: None
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.asked["list"]


@pytest.mark.parametrize("page", [5, 1000], ids="{} posts on a page".format)
async def test_the_caps_that_are_named_lead_to_the_end(tmp_path: Path, page: int) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    plan = make_plan(URLS, batch_size=BATCH)
    with Paged(page=page, total="posts") as api:
        save(plan, file)
        api.before = only(1)
        await go_on(api, file, max_credits=plan.estimate.total)
        age(file)
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        assert (await go_on(api, copy, max_credits=5000)).state == "complete"
        api.forget()
        caps: list[int] = []
        bought = api.asked["analyze"]
        report = await go_on(api, file)
        while report.state != "complete":
            assert len(caps) < 5
            assert (report.stopped_by, report.urls.unsent) == ("max_credits", URLS - BATCH)
            assert report.short_by is not None
            assert report.credits.cap is not None
            caps.append(report.credits.cap + report.short_by)
            assert f"by {report.short_by}" in report.message
            report = await go_on(api, file, max_credits=caps[-1])
        assert not api.charged_twice
        assert api.asked["analyze"] == bought
        assert report.urls.accepted == URLS
        assert len(caps) == (2 if page == 5 else 1)


async def test_what_is_in_doubt_takes_no_page_of_what_was_never_sent(tmp_path: Path) -> None:
    """Once it is found, only a tenth of the price of the rest is spent on looking for that."""
    file = tmp_path / "a.tokload"
    plan = make_plan(100, batch_size=BATCH)
    with Paged(page=1) as api:
        # The second batch is bought, and its answer lost.
        api.before = only(2)
        api.after = lambda asked, answer: LOST if asked.call == "analyze" and asked.number == 2 else answer
        report = await go_on(api, file, plan=plan)
        assert (report.urls.accepted, report.urls.unknown) == (BATCH, BATCH)
        age(file)
        api.tracked.extend(other_id(number) for number in range(500))
        api.after, api.before = lambda _, answer: answer, lambda _: None
        before = api.asked["list"]
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", 100)
        # 80 URLs at 25 credits, and pages at 2.
        assert api.asked["list"] - before == 80 * 25 // 10 // 2
        assert not api.charged_twice


async def test_what_is_found_of_a_copy_is_worth_a_further_look(tmp_path: Path) -> None:
    """A copy has bought it all. Of its first posts there are more than a tenth's worth of pages; then come the rest."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Paged(page=1) as api:
        save(make_plan(URLS, batch_size=BATCH), file)
        api.before = only(1)
        await go_on(api, file)
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        await go_on(api, copy)
        age(file)
        api.forget()
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.state, report.urls.accepted) == ("complete", URLS)


async def test_a_plan_of_a_clock_that_was_ahead_is_loaded_under_its_price(tmp_path: Path) -> None:
    """Its campaign was made a moment ago, by the clock of the machine that loads it."""
    file = tmp_path / "a.tokload"
    plan = make_plan(URLS, batch_size=BATCH)
    with Answering() as api:
        save(plan, file)
        age(file, -2)
        report = await go_on(api, file, max_credits=plan.estimate.total)
        assert report.state == "complete"
        assert not api.asked["list"]


@pytest.mark.parametrize("room", [0, 2, 3, 5, 9])
async def test_a_young_copy_goes_on_whatever_room_there_is_for_a_look(tmp_path: Path, room: int) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    plan = make_plan(URLS, batch_size=BATCH)
    with Paged(page=3) as api:
        api.before = only(1)
        await go_on(api, file, plan=plan)
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        report = await go_on(api, copy, max_credits=plan.estimate.total + room)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert api.charged <= plan.estimate.total + room


async def test_a_cap_that_is_raised_lets_what_is_in_doubt_be_found(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    plan = make_plan(2 * BATCH, batch_size=BATCH)
    with Paged(page=2) as api:
        api.before = only(2)
        api.after = lambda asked, answer: LOST if asked.call == "analyze" and asked.number == 2 else answer
        await go_on(api, file, plan=plan, max_credits=plan.estimate.total)
        age(file)
        api.after, api.before = lambda _, answer: answer, lambda _: None
        report = await go_on(api, file, max_credits=plan.estimate.total + 3)
        assert report.urls.unknown == BATCH
        report = await go_on(api, file, max_credits=100_000)
        assert (report.state, report.urls.accepted) == ("complete", 2 * BATCH)
        assert not api.charged_twice


async def test_a_small_rest_is_looked_for_on_some_pages_all_the_same(tmp_path: Path) -> None:
    """A tenth of its price is less than a page; of 11 posts, the last is on the fourth."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Paged(page=3) as api:
        api.before = only(1)
        await go_on(api, file, plan=make_plan(BATCH + 1, batch_size=BATCH))
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        await go_on(api, copy)
        age(file)
        api.forget()
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", BATCH + 1)
        assert not api.charged_twice


@pytest.mark.parametrize("room", [0, 3, 5])
async def test_a_look_that_the_cap_has_cut_short_does_not_count_as_one(tmp_path: Path, room: int) -> None:
    """The original buys the rest at 5 hours; the copy looks for some of it at 20 hours, and goes on at 30."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    plan = make_plan(URLS, batch_size=BATCH)
    with Paged(page=5) as api:
        save(plan, file)
        api.before = only(1)
        await go_on(api, file)
        shutil.copyfile(file, copy)
        for each in (file, copy):
            age(each, 5 * HOUR)
        api.before = lambda _: None
        await go_on(api, file)
        age(copy, 15 * HOUR)
        api.before = only(0)
        await go_on(api, copy, max_credits=plan.estimate.total + room)
        age(copy, 10 * HOUR)
        api.forget()
        api.before = lambda _: None
        report = await go_on(api, copy)
        assert not api.charged_twice
        assert (report.stopped_by, report.urls.unsent) == ("max_credits", URLS - BATCH)
        report = await go_on(api, copy, max_credits=10_000)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice
