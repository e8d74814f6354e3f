"""Looking the batches in doubt up in the campaign's list: what it may show, and what that costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, make_plan, other_id, video_id

from tokfluence_async.campaign.applying import apply, resume
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.campaign.settle import KEY_MEMORY
from tokfluence_async.client import Tokfluence
from tokfluence_async.protocol.wire import MAX_BODY

pytestmark = pytest.mark.anyio

WITHOUT_RETRIES: dict[str, Any] = QUICK | {"max_retries": 0}
URLS = 10
VIDEOS = [video_id(number) for number in range(URLS)]


async def bought(api: Answering, file: Path, *, urls: int = URLS) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        return await apply(make_plan(urls, batch_size=10), tok, file=file)


def first_answer_lost(asked: Asked, answer: Answer) -> Answer:
    return LOST if asked.call == "analyze" and asked.number == 1 else answer


@pytest.mark.parametrize(
    "payload",
    [
        {"data": None},
        {"data": {"items": []}},
        {"data": ["https://www.tiktok.com/@a/video/1"]},
        {"data": [{"caption": "a post without an id"}]},
        {"posts": []},
        {"error": {"code": "internal_error", "message": "an error with status 200"}},
        [],
    ],
)
async def test_what_is_no_list_of_posts_proves_no_absence(tmp_path: Path, payload: Any) -> None:
    with Answering(after=first_answer_lost) as api:
        api.before = lambda asked: Answer(200, payload) if asked.call == "list" else None
        report = await bought(api, tmp_path / "a.tokload")
        assert (report.state, report.stopped_by, report.urls.unknown) == ("stopped", "outcome_unknown", URLS)
        api.before = lambda _: None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await resume(tmp_path / "a.tokload", tok)
        assert (report.state, report.urls.accepted) == ("complete", URLS)


async def test_posts_one_level_deeper_are_a_list_as_well(tmp_path: Path) -> None:
    with Answering(after=first_answer_lost) as api:
        nested = Answer(200, {"data": {"posts": [{"id": int(video)} for video in VIDEOS]}})
        api.before = lambda asked: nested if asked.call == "list" else None
        assert (await bought(api, tmp_path / "a.tokload")).urls.accepted == URLS


async def test_a_list_without_end_costs_no_fortune(tmp_path: Path) -> None:
    with Answering(after=first_answer_lost) as api:
        api.before = lambda asked: (
            Answer(200, {"data": [], "meta": {"next_cursor": f"c{asked.number}"}})
            if asked.call == "list"
            else None
        )
        report = await bought(api, tmp_path / "a.tokload")
        assert report.urls.unknown == URLS
        assert api.asked["list"] <= 4


async def test_nothing_is_read_after_the_page_that_tells(tmp_path: Path) -> None:
    with Answering(after=first_answer_lost) as api:
        api.before = lambda asked: (
            Answer(
                200,
                {"data": [{"post_id": each} for each in VIDEOS], "meta": {"next_cursor": f"c{asked.number}"}},
            )
            if asked.call == "list"
            else None
        )
        assert (await bought(api, tmp_path / "a.tokload")).state == "complete"
        assert api.asked["list"] == 1


async def test_a_long_list_is_read_in_one_piece(tmp_path: Path) -> None:
    """The API need not page it: a campaign of fifty thousand posts is longer than any other answer may be."""
    urls = 20_000
    posts = [{"post_id": video_id(number), "caption": "x" * 850} for number in range(urls)]
    with Answering(after=first_answer_lost) as api:
        api.before = lambda asked: Answer(200, {"data": posts}) if asked.call == "list" else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(urls, batch_size=1000), tok, file=tmp_path / "a.tokload")
    assert urls * 850 > MAX_BODY
    assert (report.state, report.urls.accepted) == ("complete", urls), report


async def test_what_is_too_long_is_paid_for_once(tmp_path: Path) -> None:
    with Answering(after=first_answer_lost) as api:
        huge = Answer(200, b'{"data": "' + b" " * (MAX_BODY + 1) + b'"}')
        api.before = lambda asked: huge if asked.call == "list" else None
        report = await bought(api, tmp_path / "a.tokload")
        assert report.stopped_by == "outcome_unknown"
        assert api.asked["list"] == 1


async def test_a_doubt_that_can_t_be_looked_into_holds_nothing_else_up(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering(after=first_answer_lost) as api:
        stop = Answer.error(401, "unauthorized")
        api.before = lambda asked: stop if asked.call == "analyze" and asked.number == 2 else None
        await bought(api, file, urls=40)
        unreadable = Answer.error(500, "internal_error")
        api.before = lambda asked: unreadable if asked.call == "list" else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await resume(file, tok)
        assert (report.urls.accepted, report.urls.unknown, report.urls.unsent) == (30, 10, 0)
        assert report.stopped_by == "outcome_unknown"
        assert not api.charged_twice


async def test_what_a_refunded_attempt_has_left_behind_may_be_listed_late(tmp_path: Path) -> None:
    """The second key's request never did anything; the list shows what the first one's did, which was paid back."""

    def twice_in_vain(asked: Asked) -> Answer | None:
        if asked.call != "analyze":
            return None
        return {
            1: Answer.error(502, "upstream_error"),
            2: Answer.error(409, "duplicate_request"),
            3: LOST,
        }.get(asked.number, Answer.error(409, "duplicate_request"))

    with Answering(before=twice_in_vain) as api:

        def listed(asked: Asked, answer: Answer) -> Answer:
            if asked.call == "list" and asked.number > 1:
                return Answer(200, {"data": [{"post_id": each} for each in VIDEOS]})
            return answer

        api.after = listed
        report = await bought(api, tmp_path / "a.tokload")
    assert report.urls.accepted == URLS
    assert report.credits.charged_min <= api.charged == 6 <= report.credits.charged_max


@pytest.mark.parametrize(
    ("answer", "accepted", "rejected", "unknown"),
    [
        # A handle says less than a URL or an id that is none of the batch's.
        ({"meta": {"rejected": [{"postId": "1", "creator_handle": "maker_0"}]}}, 0, 0, 10),
        ({"meta": {"rejected": [{"creator_handle": "maker_0"}]}}, 8, 2, 0),
        # Something was rejected, and who can say what.
        ({"meta": {"rejected": 3}}, 0, 0, 10),
        ({"meta": {"rejected": {"a": "b"}}}, 0, 0, 10),
        ({"meta": {"rejected": []}, "data": {"rejected": [{"post_id": VIDEOS[0]}]}}, 9, 1, 0),
        ({"meta": {"rejected": 0}}, 10, 0, 0),
        ({"meta": {"rejected": None}}, 10, 0, 0),
        ({"error": {"code": "internal_error", "message": "in place of the data"}}, 0, 0, 10),
    ],
)
async def test_rejections_in_odd_forms_are_never_overlooked(
    tmp_path: Path, answer: dict[str, Any], accepted: int, rejected: int, unknown: int
) -> None:
    with Answering() as api:
        api.after = lambda asked, usual: Answer(200, answer) if asked.call == "analyze" else usual
        # The list lags, so that it tells nothing.
        api.before = lambda asked: Answer(200, {"data": []}) if asked.call == "list" else None
        report = await bought(api, tmp_path / "a.tokload")
        assert (report.urls.accepted, report.urls.rejected, report.urls.unknown) == (
            accepted,
            rejected,
            unknown,
        )
        assert report.credits.charged_min <= 251 <= report.credits.charged_max


async def test_the_list_tells_what_unnamed_rejections_do_not(tmp_path: Path) -> None:
    with Answering(rejected=frozenset(VIDEOS[:3])) as api:
        api.after = lambda asked, usual: (
            Answer(200, {"meta": {"rejected": [{}, {}, {}]}}) if asked.call == "analyze" else usual
        )
        report = await bought(api, tmp_path / "a.tokload")
        assert (report.urls.accepted, report.urls.unknown) == (7, 3)


async def test_what_is_in_doubt_for_more_than_a_day_is_not_sent_again(tmp_path: Path) -> None:
    """By then the API may have forgotten the key, and what it rejected it never lists."""
    file = tmp_path / "a.tokload"
    with Answering(rejected=frozenset(VIDEOS)) as api:
        api.after = lambda asked, answer: LOST if asked.call == "analyze" else answer
        async with Tokfluence(KEY, base_url=api.base_url, **WITHOUT_RETRIES) as tok:
            opened = LoadFile.create(file, make_plan(URLS, batch_size=10))
            yesterday = Loader(tok, opened, wall_clock=lambda: time.time() - 1.1 * KEY_MEMORY)
            assert (await yesterday.run()).urls.unknown == URLS
            opened.close()
        api.forget()
        api.after = lambda _, answer: answer
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await resume(file, tok)
        assert (report.state, report.urls.unknown) == ("needs_review", URLS)
        assert not api.charged_twice


async def test_only_what_was_reported_as_unknown_before_is_bought_anew(tmp_path: Path) -> None:
    """A crash has left a batch in doubt: the first resume tells that it is unknown, whatever it was asked for."""
    file = tmp_path / "a.tokload"
    with Answering(rejected=frozenset(VIDEOS[:5])) as api:
        api.after = lambda asked, answer: LOST if asked.call == "analyze" else answer
        api.before = lambda asked: Answer.error(401, "unauthorized") if asked.call == "list" else None
        async with Tokfluence(KEY, base_url=api.base_url, **WITHOUT_RETRIES) as tok:
            report = await apply(make_plan(URLS, batch_size=10), tok, file=file)
            assert (report.state, report.urls.unknown) == ("stopped", URLS)
            api.after, api.before = (lambda _, answer: answer), (lambda _: None)
            report = await resume(file, tok, resubmit_unknown=True)
            assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", 5, 5)
            assert not api.charged_twice
            report = await resume(file, tok, resubmit_unknown=True)
            assert (report.urls.unknown, report.urls.rejected) == (0, 5)
            assert sorted(api.charged_twice) == sorted(VIDEOS[:5])
            assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_a_resubmission_that_can_t_look_first_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        api.before = lambda asked: Answer.error(409, "duplicate_request") if asked.call == "analyze" else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            assert (await apply(make_plan(URLS), tok, file=file)).urls.unknown == URLS
            api.before = lambda asked: Answer.error(500, "internal_error") if asked.call == "list" else None
            report = await resume(file, tok, resubmit_unknown=True)
    assert report.stopped_by == "outcome_unknown"
    assert "can't be read" in report.message


def paged(pages: list[list[str]], **meta: Any) -> Any:
    """Have the campaign's list come in pages."""
    numbers = iter(range(10**6))

    def after(asked: Asked, answer: Answer) -> Answer:
        if asked.call == "analyze":
            return first_answer_lost(asked, answer)
        if asked.call != "list":
            return answer
        number = next(numbers) % len(pages)
        last = number == len(pages) - 1
        data = [{"post_id": video} for video in pages[number]]
        return Answer(200, {"data": data, "meta": {"next_cursor": None if last else number + 1, **meta}})

    return after


async def test_empty_pages_in_the_middle_of_a_list_of_a_known_length(tmp_path: Path) -> None:
    with Answering() as api:
        api.after = paged([[], [], [], [], VIDEOS], total=URLS)
        report = await bought(api, tmp_path / "a.tokload")
        assert (report.state, report.urls.accepted) == ("complete", URLS)


@pytest.mark.parametrize("meta", [{}, {"next_cursor": "again"}], ids=["empty pages", "one cursor"])
async def test_a_list_that_does_not_end_proves_no_absence(tmp_path: Path, meta: dict[str, Any]) -> None:
    """A 502 whose work was done would be bought anew, were it not in the list."""
    with Answering() as api:
        api.after = lambda asked, answer: (
            Answer.error(502, "upstream_error")
            if asked.call == "analyze" and asked.number == 1
            else pages(asked, answer)
        )
        pages = paged([[], [], [], [], VIDEOS], **meta)
        report = await bought(api, tmp_path / "a.tokload")
        assert not api.charged_twice
        assert (report.state, report.stopped_by, report.urls.unknown) == ("stopped", "outcome_unknown", URLS)


async def test_looking_costs_no_more_than_is_in_doubt(tmp_path: Path) -> None:
    with Answering() as api:
        api.after = paged([[other_id(page)] for page in range(5000)])
        report = await bought(api, tmp_path / "a.tokload", urls=40)
        assert (report.state, report.urls.unknown) == ("needs_review", 10)
        assert 2 * api.asked["list"] <= 10 * 25
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_a_502_that_can_not_be_read_may_have_been_a_refund(tmp_path: Path) -> None:
    with Answering() as api:
        api.after = lambda asked, answer: (
            Answer(502, b"<html>") if asked.call == "analyze" and asked.number == 1 else answer
        )
        report = await bought(api, tmp_path / "a.tokload")
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert report.credits.charged_min <= 1 + 2  # the create, and the look
        assert report.credits.charged_max >= api.charged


async def test_a_list_that_can_be_read_later_lets_the_doubts_be_sent(tmp_path: Path) -> None:
    """What could not be looked for at the beginning goes out under its old key, once that is known to be safe."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        api.before = lambda asked: LOST if asked.call == "analyze" else None
        async with Tokfluence(KEY, base_url=api.base_url, **WITHOUT_RETRIES) as tok:
            assert (await apply(make_plan(URLS, batch_size=10), tok, file=file)).urls.unknown == URLS
        api.asked.clear()
        api.before = lambda asked: (
            Answer.error(500, "internal_error") if asked.call == "list" and asked.number == 1 else None
        )
        async with Tokfluence(KEY, base_url=api.base_url, **WITHOUT_RETRIES) as tok:
            report = await resume(file, tok)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice
