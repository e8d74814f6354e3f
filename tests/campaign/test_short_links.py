"""Short links that are sent: the list has the videos that they lead to, and tells nothing of the links."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from attrs import define
from loads import KEY, QUICK, go_on, video_id

from tokfluence_async.campaign.applying import apply
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

LINKS = {f"https://vm.tiktok.com/ZM{number:06}": video_id(number) for number in range(20)}
BATCH = 10


@define(eq=False)
class Following(Answering):
    """Follows each link."""

    def _work(self, asked: Asked, body: dict[str, Any]) -> Answer:
        for post in asked.posts:
            post["url"] = "/" + LINKS.get(post["url"].rstrip("/"), post["url"].rpartition("/")[2])
        return Answering._work(self, asked, body)


def plan(*more: str) -> Plan:
    builder = CampaignBuilder("Spring", batch_size=BATCH, short_links="send")
    for url in (*LINKS, *more):
        builder.add(url, creator_handle="alice")
    return builder.plan()


async def begun(api: Answering, file: Path, what: Plan) -> None:
    """A load of which the first batch is bought."""
    api.before = lambda asked: (
        Answer.error(402, "insufficient_credits") if asked.call == "analyze" and asked.number > 1 else None
    )
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        await apply(what, tok, file=file)
    api.before = lambda _: None


async def test_that_a_copy_has_not_bought_them_can_not_be_seen(tmp_path: Path) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Following() as api:
        await begun(api, file, plan())
        shutil.copyfile(file, copy)
        await go_on(api, copy)
        age(file)
        api.forget()
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        # The copy has paid for its own looks: a page, and the campaign's count.
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max + 3


async def test_in_a_batch_with_others_those_do_not_tell(tmp_path: Path) -> None:
    """They may have been rejected, all of them."""
    file = tmp_path / "a.tokload"
    others = [f"https://www.tiktok.com/@alice/video/{video_id(number)}" for number in range(100, 112)]
    with Following() as api:
        await begun(api, file, plan(*others[:8]))
        age(file)
        api.asked.clear()
        report = await go_on(api, file)
        # Batches of ten links; of eight others.
        assert (report.urls.unknown, report.urls.accepted) == (BATCH, BATCH + 8)
    with Following() as api:
        file = tmp_path / "b.tokload"
        mixed = CampaignBuilder("Spring", batch_size=BATCH, short_links="send")
        mixed.add_items([*others, *list(LINKS)[:2]])
        await begun(api, file, mixed.plan())
        age(file)
        report = await go_on(api, file)
        assert (report.urls.unknown, report.urls.accepted) == (4, BATCH)


async def test_within_the_day_they_are_sent_under_their_keys(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Following() as api:
        await begun(api, file, plan())
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", 20)
        assert not api.charged_twice


async def test_those_whose_answer_was_lost_are_unknown_until_somebody_says_more(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Following() as api:
        api.after = lambda asked, answer: (
            LOST if asked.call == "analyze" and not asked.repeated and asked.number == 2 else answer
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await apply(plan(), tok, file=file)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        assert (await go_on(api, file)).urls.unknown == BATCH
        assert not api.charged_twice
