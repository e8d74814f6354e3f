"""Where what is not listed is bought, the list must be known to be whole, in whatever form the API has it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, make_plan, video_id

from tokfluence_async.campaign.applying import apply, resume
from tokfluence_async.campaign.report import LoadReport
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


async def go_on(api: Answering, file: Path, **how: Any) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        return await resume(file, tok, **how)


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


@pytest.mark.parametrize(("hidden", "bought"), [(0, True), (2, True), (5, False)])
async def test_a_post_or_two_that_are_never_listed_stand_in_no_load_s_way(
    tmp_path: Path,
    hidden: int,
    bought: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A campaign may count what it does not list; as long as that can't be a whole batch, the rest is absent."""
    file = tmp_path / "a.tokload"
    with Answering() as api:

        def after(asked: Asked, answer: Answer) -> Answer:
            if asked.call == "list":
                answer.payload["data"] = answer.payload["data"][hidden:]
            return answer

        api.after = after
        # Charged, and then nothing.
        lost = frozenset(video_id(number) for number in range(BATCH, BATCH + 5))
        api.rejected = lost
        api.before = lambda asked: None
        answered = api.after
        api.after = lambda asked, answer: (
            LOST
            if asked.call == "analyze" and asked.number == 2 and not asked.repeated
            else answered(asked, answer)
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await apply(make_plan(BATCH + 5, batch_size=BATCH), tok, file=file)
        assert report.urls.unknown == 5
        report = await go_on(api, file, resubmit_unknown=True)
        assert (sorted(api.charged_twice) == sorted(lost)) is bought
        assert (report.stopped_by == "outcome_unknown") is not bought
