"""What stayed unknown is bought anew by explicit word only, and is unknown until that has come to something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, go_on, make_plan, video_id

from tokfluence_async.campaign.applying import apply
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

URLS = 10
PRICE = 25 * URLS
VIDEOS = [video_id(number) for number in range(URLS)]


def listing(videos: list[str]) -> Any:
    """Have the campaign list, and count, these of its posts only."""

    def after(asked: Asked, answer: Answer) -> Answer:
        if asked.call == "list":
            return Answer(200, {"data": [{"post_id": video} for video in videos]})
        if asked.call == "show":
            answer.payload["data"]["tracked_posts_count"] = len(videos)
        return answer

    return after


async def with_unknowns(api: Answering, file: Path) -> None:
    """A load whose one batch was applied, its answer lost, and which is not listed yet."""
    late = listing([])
    api.after = lambda asked, answer: (
        LOST if asked.call == "analyze" and not asked.repeated else late(asked, answer)
    )
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        report = await apply(make_plan(URLS, batch_size=URLS), tok, file=file)
    assert (report.state, report.urls.unknown) == ("needs_review", URLS)
    api.after = late
    api.asked.clear()


def check_unknown(report: LoadReport, api: Answering) -> None:
    assert (report.urls.unknown, report.urls.unsent) == (URLS, 0)
    assert report.credits.charged_min <= api.charged <= report.credits.charged_max
    (doubt,) = report.doubts
    assert (doubt.urls, doubt.credits_at_stake) == (URLS, PRICE)
    assert doubt.last_sent is not None


async def test_what_the_cap_leaves_no_room_for_stays_unknown(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await with_unknowns(api, file)
        report = await go_on(api, file, resubmit_unknown=True, max_credits=PRICE + 20)
        assert report.stopped_by == "max_credits"
        assert f"{PRICE} credits" in report.message
        check_unknown(report, api)
        assert api.asked["analyze"] == 0
        # A plain resume looks, and buys nothing.
        report = await go_on(api, file, max_credits=10_000)
        assert report.state == "needs_review"
        check_unknown(report, api)
        assert api.asked["analyze"] == 0
        # Once the list has caught up, they are accepted.
        api.after = lambda _, answer: answer
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


@pytest.mark.parametrize(
    "answer",
    [
        Answer.error(402, "insufficient_credits"),
        Answer.error(401, "unauthorized"),
        Answer.error(404, "campaign_not_found"),
    ],
    ids=lambda answer: str(answer.status),
)
async def test_what_is_turned_away_stays_unknown(tmp_path: Path, answer: Answer) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await with_unknowns(api, file)
        api.before = lambda asked: answer if asked.call == "analyze" else None
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.urls.unknown, report.urls.unsent, report.urls.rejected) == (URLS, 0, 0)
        api.before = lambda _: None
        api.asked.clear()
        assert (await go_on(api, file)).urls.unknown == URLS
        assert api.asked["analyze"] == 0
        api.after = lambda _, answer: answer
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_only_what_is_not_listed_by_then_is_bought_anew(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await with_unknowns(api, file)
        await go_on(api, file, resubmit_unknown=True, max_credits=PRICE + 20)
        api.after = listing(VIDEOS[:7])
        report = await go_on(api, file, max_credits=10_000)
        assert (report.urls.accepted, report.urls.unknown) == (7, 3)
        assert api.asked["analyze"] == 0
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert sorted(api.charged_twice) == sorted(VIDEOS[7:])
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_what_is_left_to_buy_is_bought_without_what_is_unknown(tmp_path: Path) -> None:
    """The first batch stays unknown. The second is refunded, then proved absent; and then the wallet is empty."""
    file = tmp_path / "a.tokload"
    second = iter([Answer.error(502, "upstream_error"), Answer.error(409, "duplicate_request")])
    empty = Answer.error(402, "insufficient_credits")

    def before(asked: Asked) -> Answer | None:
        if asked.call != "analyze" or len(asked.posts) == URLS:
            return None
        return next(second, empty)

    late = listing([])
    with Answering() as api:
        api.before = before
        api.after = lambda asked, answer: (
            LOST if asked.call == "analyze" and answer.status == 200 else late(asked, answer)
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(URLS + 5, batch_size=URLS), tok, file=file)
        assert report.stopped_by == "insufficient_credits"
        assert (report.urls.unknown, report.urls.unsent) == (URLS, 5)
        # Room for one of the two, and for the look.
        asked, cap = api.asked["analyze"], report.credits.charged_max + PRICE + 10
        report = await go_on(api, file, resubmit_unknown=True, max_credits=cap)
        assert (report.stopped_by, report.urls.unknown, report.urls.unsent) == ("max_credits", URLS, 5)
        assert f"{PRICE + 5 * 25} credits" in report.message
        assert api.asked["analyze"] == asked
        api.before = lambda _: None
        api.after = late
        report = await go_on(api, file, max_credits=10_000)
        assert (report.state, report.urls.unknown, report.urls.accepted) == ("needs_review", URLS, 5)
        assert not api.charged_twice


async def test_what_was_paid_back_is_not_bought_without_another_word(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await with_unknowns(api, file)
        api.before = lambda asked: Answer.error(502, "upstream_error") if asked.call == "analyze" else None
        report = await go_on(api, file, resubmit_unknown=True, max_credits=10_000)
        check_unknown(report, api)
        api.before = lambda _: None
        asked = api.asked["analyze"]
        report = await go_on(api, file, max_credits=10_000)
        check_unknown(report, api)
        assert api.asked["analyze"] == asked
        report = await go_on(api, file, resubmit_unknown=True, max_credits=10_000)
        assert (report.state, report.urls.accepted) == ("complete", URLS)


async def test_what_was_found_stays_accepted_whatever_a_later_look_shows(tmp_path: Path) -> None:
    """Some of the batch is listed; the next time it is not."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await with_unknowns(api, file)
        api.after = listing(VIDEOS[:4])
        report = await go_on(api, file, max_credits=10_000)
        assert (report.urls.accepted, report.urls.unknown) == (4, URLS - 4)
        for shown in ([], VIDEOS[4:6], VIDEOS[2:5]):
            api.after = listing(shown)
            before = report.urls.accepted
            report = await go_on(api, file, max_credits=10_000)
            assert report.urls.accepted >= before
            assert report.credits.charged_min <= api.charged <= report.credits.charged_max
        assert (report.urls.accepted, report.urls.unknown) == (6, URLS - 6)


async def test_what_was_paid_back_and_is_listed_all_the_same_may_have_been_charged(tmp_path: Path) -> None:
    """Whether the refund stands is not known."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await with_unknowns(api, file)
        late = api.after
        refunded = iter((Answer.error(502, "upstream_error"),))
        api.after = lambda asked, answer: (
            next(refunded, Answer.error(402, "insufficient_credits"))
            if asked.call == "analyze"
            else late(asked, answer)
        )
        await go_on(api, file, resubmit_unknown=True, max_credits=10_000)
        api.after = lambda _, answer: answer
        report = await go_on(api, file, max_credits=10_000)
        assert report.urls.accepted == URLS
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max
