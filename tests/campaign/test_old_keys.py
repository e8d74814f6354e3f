"""Keys that the API may have forgotten: what a copy has bought under them is looked for, whatever came since."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from aged import age
from ahead import go_on, only
from answering import LOST, Answer, Answering, Asked
from loads import make_plan, video_id

from tokfluence_async.campaign.applying import save

pytestmark = pytest.mark.anyio

BATCH = 10
URLS = 40
HOUR = 1 / 24
WEEK = 7 * 86_400.0


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
