"""Keys that the API may have forgotten: what a copy has bought under them is looked for, whatever came since."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, make_plan, other_id, video_id
from paged import Paged

from tokfluence_async.campaign.applying import save
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

BATCH = 10
URLS = 40
HOUR = 1 / 24
WEEK = 7 * 86_400.0


async def go_on(
    api: Answering,
    file: Path,
    *,
    ahead: float | Callable[[], float] = 0.0,
    plan: Plan | None = None,
    max_credits: int | None = None,
) -> LoadReport:
    """A run, on a machine whose clock is some seconds ahead."""
    off = ahead if callable(ahead) else lambda: ahead
    opened = LoadFile.open(file) if plan is None else LoadFile.create(file, plan)
    try:
        async with Tokfluence(
            KEY, base_url=api.base_url, **QUICK | {"concurrency": 1, "requests_per_minute": 0}
        ) as tok:
            loader = Loader(tok, opened, max_credits=max_credits, wall_clock=lambda: time.time() + off())
            return await loader.run()
    finally:
        opened.close()


def only(answers: int) -> Callable[[Asked], Answer | None]:
    """Let so many analyze calls through; turn the rest away."""
    left = iter(range(answers))

    def before(asked: Asked) -> Answer | None:
        if asked.call != "analyze" or next(left, None) is not None:
            return None
        return Answer.error(402, "insufficient_credits")

    return before


@pytest.mark.parametrize("second_by_copy", [False, True], ids=["it bought since", "it met a 409 since"])
async def test_what_a_load_does_itself_says_nothing_of_a_copy(tmp_path: Path, second_by_copy: bool) -> None:  # noqa: FBT001 - a parameter of the test
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    second = video_id(BATCH)
    with Answering() as api:
        save(make_plan(URLS, batch_size=BATCH), file)
        api.before = only(1)
        await go_on(api, file)
        shutil.copyfile(file, copy)
        # An hour later the copy buys the third and the fourth batch, and perhaps the second.
        api.before = lambda asked: (
            Answer.error(500, "internal_error")
            if not second_by_copy and asked.call == "analyze" and second in asked.posts[0]["url"]
            else None
        )
        await go_on(api, copy)
        of_the_copy = set(api._keys)
        # At 20 hours the second batch is sent from here as well, and no other.
        age(file, 19 * HOUR)
        api.before = only(1)
        await go_on(api, file)
        # At 30 hours the keys of the first hour are forgotten.
        age(file, 10 * HOUR)
        api._keys -= of_the_copy
        api.before = lambda asked: Answer.error(500, "internal_error") if asked.call == "list" else None
        report = await go_on(api, file)
        assert report.stopped_by == "outcome_unknown"
        assert not api.charged_twice
        api.before = lambda _: None
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_what_was_looked_for_is_not_looked_for_again_within_the_day(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        save(make_plan(URLS, batch_size=BATCH), file)
        api.before = only(1)
        await go_on(api, file)
        age(file)
        looks = []
        for pause in (0.0, 0.5, 0.6):
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


@pytest.mark.parametrize("ahead", [0.0, WEEK])
async def test_a_clock_that_was_set_back_does_not_make_old_keys_young(tmp_path: Path, ahead: float) -> None:
    """The second batch is rejected and charged, and its answer lost: no list shows it."""
    file = tmp_path / "a.tokload"
    second = frozenset(video_id(number) for number in range(BATCH, 2 * BATCH))
    dead = False

    def after(asked: Asked, answer: Answer) -> Answer:
        nonlocal dead
        dead = asked.call == "analyze" and asked.number == 2
        return LOST if dead else answer

    with Answering(rejected=second, after=after, before=lambda _: LOST if dead else None) as api:
        await go_on(api, file, ahead=ahead, plan=make_plan(2 * BATCH, batch_size=BATCH))
        api.before, api.after = lambda _: None, lambda _, answer: answer
        # The API has forgotten it by then, two true days later.
        api.forget()
        report = await go_on(api, file, ahead=2 * WEEK / 7)
        assert not api.charged_twice
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


@pytest.mark.parametrize("days", [2.0, -5.0])
async def test_a_plan_from_the_future_is_an_old_one(tmp_path: Path, days: float) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        save(make_plan(URLS, batch_size=BATCH), file)
        api.before = only(1)
        await go_on(api, file)
        age(file, days)
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        await go_on(api, copy)
        api.forget()
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_a_409_that_is_dated_before_its_cause_is_not_explained_by_it(tmp_path: Path) -> None:
    """The clock was set back in between: how long it took, nobody knows."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        api.before = lambda asked: (
            Answer.error(402, "insufficient_credits")
            if asked.call == "analyze" and asked.number == 2
            else None
        )
        await go_on(api, file, ahead=WEEK, plan=make_plan(2 * BATCH, batch_size=BATCH))
        # Somebody else has used the key since, in vain.
        api.before = lambda asked: (
            Answer.error(409, "duplicate_request") if asked.call == "analyze" and asked.number == 3 else None
        )
        report = await go_on(api, file)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)


async def test_a_clock_that_is_a_little_ahead_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        api.before = only(1)
        await go_on(api, file, ahead=120.0, plan=make_plan(URLS, batch_size=BATCH))
        api.before = lambda _: None
        assert (await go_on(api, file)).state == "complete"
        assert not api.asked["list"]


@pytest.mark.parametrize("by_copy", [False, True], ids=["alone", "while a copy went on"])
async def test_a_load_that_sleeps_for_days_looks_before_it_goes_on(tmp_path: Path, by_copy: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """With nothing in doubt: what a copy has bought meanwhile, it has bought under keys that are forgotten."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    slept = 0.0

    def after(asked: Asked, answer: Answer) -> Answer:
        nonlocal slept
        if asked.call == "analyze" and asked.number == 2:
            slept = WEEK
            api.forget()
            if by_copy:
                bought = [video_id(number) for number in range(2 * BATCH, URLS)]
                api.per_video.update(bought)
                api.tracked += bought
        return answer

    with Answering(after=after) as api:
        report = await go_on(api, file, ahead=lambda: slept, plan=make_plan(URLS, batch_size=BATCH))
        assert not api.charged_twice
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert (api.asked["list"], api.asked["show"]) == ((1, 0) if by_copy else (1, 1))
        assert api.asked["analyze"] == (2 if by_copy else 4)
    assert not copy.exists()


async def test_a_load_that_takes_days_looks_once_a_day(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    hours = 0

    def after(asked: Asked, answer: Answer) -> Answer:
        nonlocal hours
        hours += 10 * (asked.call == "analyze")
        return answer

    with Answering(after=after) as api:
        report = await go_on(api, file, ahead=lambda: hours * 3600.0, plan=make_plan(100, batch_size=BATCH))
        assert (report.state, report.urls.accepted) == ("complete", 100)
        assert api.asked["list"] == 3
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


async def test_what_was_paid_back_and_is_listed_in_part_was_bought_by_a_copy(tmp_path: Path) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering(rejected=frozenset({video_id(BATCH + 2)})) as api:
        api.before = lambda asked: (
            Answer.error(502, "upstream_error") if asked.call == "analyze" and asked.number > 1 else None
        )
        await go_on(api, file, plan=make_plan(2 * BATCH, batch_size=BATCH))
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        assert (await go_on(api, copy)).urls.accepted == 2 * BATCH - 1
        age(file)
        api.forget()
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.urls.accepted, report.urls.unknown) == (2 * BATCH - 1, 1)
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max + 3


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
    """The original buys the rest at 5 hours; the copy looks for some of it at 10 hours, and goes on at 30."""
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
        age(copy, 5 * HOUR)
        api.before = only(0)
        await go_on(api, copy, max_credits=plan.estimate.total + room)
        age(copy, 20 * HOUR)
        api.forget()
        api.before = lambda _: None
        report = await go_on(api, copy)
        assert not api.charged_twice
        assert (report.stopped_by, report.urls.unsent) == ("max_credits", URLS - BATCH)
        report = await go_on(api, copy, max_credits=10_000)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_what_is_bought_while_it_is_looked_for_is_looked_for_once_more(tmp_path: Path) -> None:
    """A copy's request is under way during the look, and its key is forgotten a day after it has arrived."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        save(make_plan(2 * BATCH, batch_size=BATCH), file)
        api.before = only(1)
        await go_on(api, file)
        age(file)
        api.before = lambda asked: Answer.error(401, "unauthorized") if asked.call == "analyze" else None
        await go_on(api, file)
        assert api.asked["list"] == 1
        second = [video_id(number) for number in range(BATCH, 2 * BATCH)]
        api.per_video.update(second)
        api.tracked += second
        age(file, 1 - 30 / 86_400)
        api.before = lambda _: None
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", 2 * BATCH)
        assert not api.charged_twice


async def test_a_clock_that_jumps_about_ends_the_load_and_not_the_wallet(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    days = 0

    def jumping() -> float:
        nonlocal days
        days += 2
        return days * 86_400.0

    with Answering() as api:
        report = await go_on(api, file, ahead=jumping, plan=make_plan(URLS, batch_size=BATCH))
        assert (report.state, report.stopped_by) == ("stopped", "interrupted")
        assert "jumps about" in report.message
        assert api.asked["list"] <= 50
        report = await go_on(api, file, ahead=days * 86_400.0)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice
