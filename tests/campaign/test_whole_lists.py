"""Where what is not listed is bought, the list must be known to be whole, in whatever form the API has it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, go_on, make_plan, other_id, video_id
from paged import Paged

from tokfluence_async.campaign.applying import apply, resume, save
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

URLS = 30
BATCH = 10
FORMS: dict[str, Callable[[list[str]], Any]] = {
    "has_more": lambda videos: {
        "data": [{"post_id": each} for each in videos[:BATCH]],
        "meta": {"has_more": len(videos) > BATCH, "page": 1},
    },
    "total_pages": lambda videos: {
        "data": [{"post_id": each} for each in videos[:BATCH]],
        "meta": {"page": 1, "total_pages": 2},
    },
    "a link to the next": lambda videos: {
        "data": [{"post_id": each} for each in videos[:BATCH]],
        "links": {"self": "/1", "next": "/2"},
    },
    "cut off, and nothing said": lambda videos: {"data": [{"post_id": each} for each in videos[:BATCH]]},
    "ids of the API's own": lambda videos: {
        "data": [{"id": number, "views": 3} for number in range(len(videos))]
    },
    "nested": lambda videos: {
        "data": [{"id": number, "post": {"post_id": each}} for number, each in enumerate(videos)]
    },
}


def listing(api: Answering, form: str) -> Callable[[Asked, Answer], Answer]:
    return lambda asked, answer: Answer(200, FORMS[form](api.tracked)) if asked.call == "list" else answer


@pytest.mark.parametrize("form", FORMS)
async def test_what_a_copy_has_bought(tmp_path: Path, form: str) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        api.before = lambda asked: (
            Answer.error(402, "insufficient_credits")
            if asked.call == "analyze" and asked.number > 1
            else None
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            await apply(make_plan(URLS, batch_size=BATCH), tok, file=file)
        api.before = lambda _: None
        shutil.copyfile(file, copy)
        await go_on(api, copy)
        age(file)
        api.forget()
        api.after = listing(api, form)
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.state, report.stopped_by) == ("stopped", "outcome_unknown")
        # Nothing is lost by that: as soon as the list can be read, the load goes on.
        api.after = lambda _, answer: answer
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


@pytest.mark.parametrize("form", FORMS)
async def test_what_is_to_be_bought_anew(tmp_path: Path, form: str) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        late = listing(api, form)
        api.after = lambda asked, answer: (
            LOST
            if asked.call == "analyze" and asked.number == 3 and not asked.repeated
            else late(asked, answer)
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await apply(make_plan(URLS, batch_size=BATCH), tok, file=file)
        assert report.urls.accepted < URLS
        report = await go_on(api, file, resubmit_unknown=True)
        assert not api.charged_twice
        assert report.stopped_by == "outcome_unknown"
        api.after = lambda _, answer: answer
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_it_is_said_how_many_posts_it_does_not_show(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        late = listing(api, "cut off, and nothing said")
        api.after = lambda asked, answer: (
            LOST
            if asked.call == "analyze" and asked.number == 3 and not asked.repeated
            else late(asked, answer)
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(URLS, batch_size=BATCH), tok, file=file)
        report = await go_on(api, file, resubmit_unknown=True)
        assert "it shows 10 of 30 posts" in report.message


@pytest.mark.parametrize("others", [0, 4, 5], ids="{} posts of others are hidden as well".format)
@pytest.mark.parametrize("taken_down", [0, 7])
async def test_what_was_accepted_and_is_listed_no_more_stands_in_no_load_s_way(
    tmp_path: Path, taken_down: int, others: int
) -> None:
    """A campaign that counts no more than what was accepted from here hides nothing of others."""
    lost = frozenset(video_id(number) for number in range(BATCH, BATCH + 5))
    with Answering(rejected=lost) as api:

        def after(asked: Asked, answer: Answer) -> Answer:
            if asked.call == "analyze" and asked.number == 2:
                return LOST
            if asked.call == "list":
                answer.payload["data"] = answer.payload["data"][taken_down:BATCH]
            return answer

        api.after = after
        file = tmp_path / "a.tokload"
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await apply(make_plan(BATCH + 5, batch_size=BATCH), tok, file=file)
        assert (report.urls.accepted, report.urls.unknown) == (BATCH, 5)
        api.tracked += [other_id(number) for number in range(others)]
        report = await go_on(api, file, resubmit_unknown=True)
        # As many as there are in the batch might be the batch.
        hidden = taken_down + others if others else 0
        assert (report.stopped_by == "outcome_unknown") is (hidden >= 5)
        assert (sorted(api.charged_twice) == sorted(lost)) is (hidden < 5)


async def test_a_batch_that_may_be_hidden_is_unknown_and_the_others_are_bought(tmp_path: Path) -> None:
    """In a given campaign one post of others is counted, and never listed."""
    file = tmp_path / "a.tokload"
    with Answering(tracked=[other_id(number) for number in range(30)]) as api:
        api.name = "Spring"
        api.after = lambda asked, answer: (
            Answer(200, {"data": answer.payload["data"][1:]}) if asked.call == "list" else answer
        )
        save(make_plan(2 * BATCH + 1, batch_size=BATCH), file)
        age(file)
        report = await go_on(api, file, campaign_id=4711)
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", 2 * BATCH, 1)
        assert not api.charged_twice
        for anew in (False, True):
            report = await go_on(api, file, resubmit_unknown=anew)
            assert report.urls.unknown == 1


@pytest.mark.parametrize("gone", [0, 5], ids="{} of ours are gone".format)
async def test_short_links_that_were_accepted_hide_nothing_and_nothing_hides_behind_them(
    tmp_path: Path, gone: int
) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    builder = CampaignBuilder("Spring", batch_size=BATCH, short_links="send")
    builder.add_items(f"https://vm.tiktok.com/ZM{number:06}" for number in range(BATCH))
    builder.add_items(f"https://www.tiktok.com/@a/video/{video_id(number)}" for number in range(BATCH))
    with Answering() as api:
        api.before = lambda asked: (
            Answer.error(402, "insufficient_credits")
            if asked.call == "analyze" and asked.number > 1
            else None
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            await apply(builder.plan(), tok, file=file)
        api.before = lambda _: None
        shutil.copyfile(file, copy)
        await go_on(api, copy)
        # The links are listed by what they lead to.
        api.tracked = [other_id(number) for number in range(BATCH - gone)] + api.tracked[-BATCH:]
        age(file)
        api.forget()
        api.after = lambda asked, answer: (
            Answer(200, {"data": answer.payload["data"][: BATCH - gone]}) if asked.call == "list" else answer
        )
        report = await go_on(api, file)
        assert report.stopped_by == "outcome_unknown"
        assert not [each for each in api.charged_twice if each.isdecimal()]


async def test_halves_are_smaller_batches_that_may_be_hidden(tmp_path: Path) -> None:
    """The API takes five URLs a call, and its list shows ten posts and says nothing of more."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"

    def takes(calls: int) -> Callable[[Asked], Answer | None]:
        left = iter(range(calls))

        def before(asked: Asked) -> Answer | None:
            if asked.call != "analyze":
                return None
            if len(asked.posts) > 5:
                return Answer(413, b"")
            return None if next(left, None) is not None else Answer.error(402, "insufficient_credits")

        return before

    with Answering(before=takes(2)) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(40, batch_size=20), tok, file=file)
            shutil.copyfile(file, copy)
            api.before = takes(1)
            assert (await resume(copy, tok)).urls.accepted == 15
            age(file)
            api.forget()
            api.before = lambda asked: Answer(413, b"") if len(asked.posts) > 5 else None
            api.after = listing(api, "cut off, and nothing said")
            report = await resume(file, tok)
        assert report.stopped_by == "outcome_unknown"
        assert "it shows 10 of 15 posts" in report.message
        assert not api.charged_twice


@pytest.mark.parametrize("status", [402, 502])
async def test_no_new_key_is_made_of_a_list_that_is_cut_off(tmp_path: Path, status: int) -> None:
    """A 402 or a refunded 502, and then a 409: nothing was bought under the old key, if the list shows all there is."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        api.before = lambda asked: (
            Answer.error(402, "insufficient_credits")
            if status == 402 and asked.call == "analyze" and asked.number > 2
            else None
        )
        cut = listing(api, "cut off, and nothing said")
        api.after = lambda asked, answer: (
            Answer.error(502, "upstream_error")
            if status == 502 and asked.call == "analyze" and asked.number == 3
            else cut(asked, answer)
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(URLS, batch_size=BATCH), tok, file=file)
            api.before = lambda _: None
            if status == 402:
                shutil.copyfile(file, copy)
                await resume(copy, tok)
                await resume(file, tok)
            report = await resume(file, tok)
        assert not api.charged_twice
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", 20, BATCH)
        assert api.asked["show"]


async def test_pages_that_are_numbered_by_their_count_alone_come_to_an_end(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Paged(page=BATCH) as api:
        api.before = lambda asked: (
            Answer.error(402, "insufficient_credits")
            if asked.call == "analyze" and asked.number > 2
            else None
        )

        def after(asked: Asked, answer: Answer) -> Answer:
            if asked.call == "list":
                answer.payload["meta"]["total_pages"] = -(-len(api.tracked) // BATCH)
            return answer

        api.after = after
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(URLS, batch_size=BATCH), tok, file=file)
        age(file)
        api.before = lambda _: None
        assert (await go_on(api, file)).state == "complete"
