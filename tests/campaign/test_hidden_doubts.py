"""What is in doubt of a plan that is more than a day old, in a campaign whose list shows only a part of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from attrs import define, field
from loads import KEY, QUICK, go_on, make_plan, video_id

from tokfluence_async.campaign.applying import resume, save
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

BATCH = 10
HOUR = 1 / 24
REFUNDED = Answer.error(502, "upstream_error")
NO_CREDIT = Answer.error(402, "insufficient_credits")


@define
class Shown:
    """A campaign whose list shows its first posts only."""

    posts: int
    tells: bool
    """Whether the list says that there are more; otherwise only the campaign's own count does."""
    api: Answering = field(factory=Answering)

    def __call__(self, asked: Asked, answer: Answer) -> Answer:
        if asked.call != "list":
            return answer
        meta = {"total": len(self.api.tracked)} if self.tells else {}
        return Answer(200, {"data": answer.payload["data"][: self.posts], "meta": meta})


def of(batch: int, answer: Answer) -> dict[str, Answer]:
    """An answer to what begins with the first URL of a batch."""
    return {video_id(batch * BATCH): answer}


def answering(answers: dict[str, Answer]) -> object:
    return lambda asked: (
        answers.get(asked.posts[0]["url"].rsplit("/", 1)[1]) if asked.call == "analyze" else None
    )


async def one_by_one(api: Answering, file: Path) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
        return await resume(file, tok)


@pytest.mark.parametrize("tells", [False, True], ids=["silent", "told"])
async def test_what_was_paid_back(tmp_path: Path, tells: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """It is not in doubt by what was sent from here: but a copy has bought it."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        save(make_plan(2 * BATCH, batch_size=BATCH), file)
        api.before = answering(of(1, REFUNDED))  # type: ignore[assignment]
        await one_by_one(api, file)
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        assert (await go_on(api, copy)).state == "complete"
        age(file)
        api.forget()
        api.after = Shown(BATCH, tells, api)
        report = await go_on(api, file)
        assert not api.charged_twice
        assert report.urls.unknown == BATCH
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max + 25 * BATCH
        api.after = lambda _, answer: answer
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", 2 * BATCH)
        assert not api.charged_twice


async def test_a_small_batch_that_was_paid_back_beside_a_large_one(tmp_path: Path) -> None:
    """The posts that are hidden are fewer than the large batch has, and as many as the small one."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        save(make_plan(2 * BATCH + 3, batch_size=BATCH), file)
        api.before = answering(of(1, NO_CREDIT) | of(2, REFUNDED))  # type: ignore[assignment]
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 2}) as tok:
            await resume(file, tok)
        shutil.copyfile(file, copy)
        api.before = answering(of(1, REFUNDED))  # type: ignore[assignment]
        await go_on(api, copy)
        age(file)
        api.forget()
        api.before, api.after = lambda _: None, Shown(BATCH, tells=False, api=api)
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.urls.accepted, report.urls.unknown) == (2 * BATCH, 3)


@pytest.mark.parametrize("tells", [False, True], ids=["silent", "told"])
async def test_what_was_lost_within_the_day(tmp_path: Path, tells: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Its own attempt never arrived; a copy has bought it the day before."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        save(make_plan(2 * BATCH, batch_size=BATCH), file)
        api.before = answering(of(1, NO_CREDIT))  # type: ignore[assignment]
        await one_by_one(api, file)
        shutil.copyfile(file, copy)
        api.before = lambda _: None
        assert (await go_on(api, copy)).state == "complete"
        age(file, 20 * HOUR)
        api.before = lambda asked: LOST if asked.call == "analyze" else Answer.error(500, "internal_error")
        await go_on(api, file)
        age(file, 6 * HOUR)
        api.forget()
        api.before, api.after = lambda _: None, Shown(BATCH, tells, api)
        report = await go_on(api, file)
        assert not api.charged_twice
        assert report.urls.unknown == BATCH


async def test_what_was_lost_within_the_day_and_is_certainly_not_there_is_sent_again(tmp_path: Path) -> None:
    """Under its own key, though the plan is more than a day old."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        save(make_plan(2 * BATCH, batch_size=BATCH), file)
        api.before = answering(of(1, NO_CREDIT))  # type: ignore[assignment]
        await one_by_one(api, file)
        age(file, 30 * HOUR)
        api.before = answering(of(1, LOST))  # type: ignore[assignment]
        assert (await go_on(api, file)).urls.unknown == BATCH
        age(file, HOUR)
        api.before = lambda _: None
        for _ in range(2):
            report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", 2 * BATCH)
        assert not api.charged_twice
