"""A machine that slept under a load: what is in doubt for days is looked for, not sent again."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, make_plan, video_id

from tokfluence_async.campaign.applying import resume, save
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

DAYS = 2 * 86_400.0


@pytest.mark.parametrize("lost", [1, 2], ids=["the first batch, alone", "another"])
@pytest.mark.parametrize("applied", [True, False])
async def test_a_repeat_that_comes_days_later_is_not_sent(tmp_path: Path, lost: int, applied: bool) -> None:  # noqa: FBT001 - a parameter of the test
    slept = 0.0

    def sleep(asked: Asked) -> bool:
        nonlocal slept
        if asked.call != "analyze" or asked.number != lost:
            return False
        slept = DAYS
        api.forget()
        return True

    with Answering() as api:
        if applied:
            api.after = lambda asked, answer: LOST if sleep(asked) else answer
        else:
            api.before = lambda asked: LOST if sleep(asked) else None
        file = LoadFile.create(tmp_path / "a.tokload", make_plan(30, batch_size=10))
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await Loader(tok, file, wall_clock=lambda: time.time() + slept).run()
        file.close()
        assert not api.charged_twice
        assert (report.urls.accepted, report.urls.unknown) == ((30, 0) if applied else (20, 10))
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_a_repeat_of_what_was_turned_away_is_sent_once_it_was_looked_for(tmp_path: Path) -> None:
    """Nothing of it is in doubt; but a copy may have bought it meanwhile, under a key that is forgotten."""
    slept = 0.0

    def before(asked: Asked) -> Answer | None:
        nonlocal slept
        if asked.call != "analyze" or asked.number != 2:
            return None
        slept = DAYS
        return Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "0"})

    with Answering(before=before) as api:
        file = LoadFile.create(tmp_path / "a.tokload", make_plan(30, batch_size=10))
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await Loader(tok, file, wall_clock=lambda: time.time() + slept).run()
        file.close()
        assert (report.state, report.urls.accepted) == ("complete", 30)
        assert (api.asked["list"], api.asked["show"]) == (1, 1)


async def test_a_409_is_not_explained_by_what_was_days_before(tmp_path: Path) -> None:
    """A key that was used up then would be forgotten by now: somebody else has used it since."""
    slept = 0.0
    second = frozenset(video_id(number) for number in range(10, 20))

    def before(asked: Asked) -> Answer | None:
        nonlocal slept
        if asked.call != "analyze" or asked.number != 2:
            return None
        slept = DAYS
        # As a copy of the load file would have it elsewhere, in the meantime.
        assert asked.key is not None
        api._keys.add(asked.key)
        api.per_video.update(post["url"].rsplit("/", 1)[1] for post in asked.posts)
        return Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "0"})

    with Answering(before=before, rejected=second) as api:
        file = LoadFile.create(tmp_path / "a.tokload", make_plan(20, batch_size=10))
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await Loader(tok, file, wall_clock=lambda: time.time() + slept).run()
        file.close()
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", 10, 10)
        assert not api.charged_twice
        assert api.asked["analyze"] == 3


async def test_so_it_is_where_all_the_rest_was_looked_for_since(tmp_path: Path) -> None:
    """It was lost by an earlier run, 13 hours before a look; and the machine sleeps for 11 more."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    third = frozenset(video_id(number) for number in range(20, 30))
    slept = 0.0
    answers = {video_id(10): Answer.error(402, "insufficient_credits")}

    def sleep(asked: Asked) -> Answer | None:
        nonlocal slept
        if asked.call == "analyze" and asked.posts[0]["url"].endswith(video_id(10)):
            slept = DAYS * 5.5 / 24
            api.forget()
        return None

    with Answering(rejected=third) as api:
        save(make_plan(30, batch_size=10), file)
        api.before = lambda asked: (
            answers.get(asked.posts[0]["url"].rsplit("/", 1)[1]) if asked.call == "analyze" else None
        )
        api.after = lambda asked, answer: (
            LOST if asked.call == "analyze" and asked.posts[0]["url"].endswith(video_id(20)) else answer
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 2}) as tok:
            await resume(file, tok)
        shutil.copyfile(file, copy)
        age(copy, 13 / 24)
        api.before, api.after = sleep, lambda _, answer: answer
        opened = LoadFile.open(copy)
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await Loader(tok, opened, wall_clock=lambda: time.time() + slept).run()
        opened.close()
        assert slept
        assert not api.charged_twice
        assert (report.urls.accepted, report.urls.unknown) == (20, 10)
