"""Copies of one load file, used at two places: whatever the API answers in between, nothing is bought twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, make_plan, other_id, video_id

from tokfluence_async.campaign.applying import apply, resume
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

IMPATIENT: dict[str, Any] = QUICK | {"max_retries": 1}

BATCH = 10
URLS = 20
SECOND = frozenset(video_id(number) for number in range(BATCH, URLS))
AFTER_ONE = Answer.error(401, "unauthorized")
"""Stops the original after its first batch, so that a copy of it can be taken there."""


async def go_on(api: Answering, file: Path) -> LoadReport:
    async with Tokfluence(KEY, base_url=api.base_url, **IMPATIENT) as tok:
        return await resume(file, tok)


async def copied(api: Answering, folder: Path) -> tuple[Path, Path]:
    """A load of which the first batch is bought, and a copy of its file."""
    original, copy = folder / "a.tokload", folder / "b.tokload"
    api.before = lambda asked: AFTER_ONE if asked.call == "analyze" and asked.number == 2 else None
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        await apply(make_plan(URLS, batch_size=BATCH), tok, file=original)
    shutil.copyfile(original, copy)
    api.before = lambda _: None
    api.asked.clear()
    return original, copy


@pytest.mark.parametrize("turned_away", [429, 402, 401, 403])
async def test_a_409_after_a_turned_away_attempt_may_be_the_original_s(
    tmp_path: Path, turned_away: int
) -> None:
    codes = {429: "rate_limited", 402: "insufficient_credits", 401: "unauthorized", 403: "forbidden"}
    with Answering(rejected=SECOND) as api:
        original, copy = await copied(api, tmp_path)
        assert (await go_on(api, original)).state == "complete"
        api.asked.clear()
        api.before = lambda asked: (
            Answer(turned_away, Answer.error(turned_away, codes[turned_away]).payload, {"Retry-After": "0"})
            if asked.call == "analyze" and asked.number == 1
            else None
        )
        report = await go_on(api, copy)
        if report.state == "stopped":
            report = await go_on(api, copy)
        assert not api.charged_twice
        # The list shows none of the ten: of what was rejected nothing tells.
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", BATCH, BATCH)
        assert api.charged <= report.credits.charged_max + 2


async def test_a_409_is_not_forgotten_over_what_is_answered_later(tmp_path: Path) -> None:
    with Answering(rejected=SECOND) as api:
        original, copy = await copied(api, tmp_path)
        await go_on(api, original)
        api.before = lambda asked: Answer.error(500, "internal_error") if asked.call == "list" else None
        assert (await go_on(api, copy)).stopped_by == "outcome_unknown"
        api.before = lambda asked: (
            Answer.error(402, "insufficient_credits") if asked.call == "analyze" else None
        )
        report = await go_on(api, copy)
        assert (report.stopped_by, report.urls.unsent, report.urls.unknown) == (
            "insufficient_credits",
            0,
            BATCH,
        )
        api.before = lambda _: None
        report = await go_on(api, copy)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        assert not api.charged_twice


async def test_without_a_409_the_old_key_stays(tmp_path: Path) -> None:
    """A 502 need not use the key up, and then whoever else has the plan can still use it."""
    with Answering(rejected=SECOND) as api:
        original, copy = await copied(api, tmp_path)
        api.before = lambda asked: Answer.error(502, "upstream_error") if asked.call == "analyze" else None
        assert (await go_on(api, copy)).stopped_by == "upstream_error"
        api.before = lambda _: None
        assert (await go_on(api, original)).state == "complete"
        report = await go_on(api, copy)
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", BATCH, BATCH)
        assert not api.charged_twice


async def test_a_load_that_stays_where_it_is_needs_no_such_care(tmp_path: Path) -> None:
    """Where the API uses keys up with a 429, a load that nobody has copied is exact all the same."""
    burnt: set[str | None] = set()

    def burning(asked: Asked) -> Answer | None:
        if asked.call != "analyze":
            return None
        if asked.key in burnt:
            return Answer.error(409, "duplicate_request")
        if asked.number == 2:
            burnt.add(asked.key)
            return Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "0"})
        return None

    with Answering(before=burning) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(URLS, batch_size=BATCH), tok, file=tmp_path / "a.tokload")
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_a_copy_whose_create_is_turned_away_first(tmp_path: Path) -> None:
    """The name keeps a second campaign out; what it says then is that the plan was applied before."""
    original, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    plan = make_plan(URLS, batch_size=BATCH)

    def named(asked: Asked) -> Answer | None:
        if asked.call != "create" or asked.number == 1:
            return None
        if asked.number == 2:
            return Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "0"})
        return None if asked.repeated else Answer.error(422, "invalid_campaign")

    with Answering(before=named) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            await apply(plan, tok, file=original)
            report = await apply(plan, tok, file=copy)
    assert (report.state, report.stopped_by) == ("stopped", "duplicate_request")
    assert not api.charged_twice


async def test_a_lost_answer_in_a_campaign_of_others_proves_nothing(tmp_path: Path) -> None:
    """Others put posts there as well: that they are there is no sign that they were bought from here."""
    file = tmp_path / "a.tokload"
    with Answering(tracked=[other_id(7)]) as api:
        api.name = "Spring"
        api.before = lambda asked: (
            {1: LOST, 2: AFTER_ONE}.get(asked.number) if asked.call == "analyze" else None
        )
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            await apply(make_plan(URLS, batch_size=BATCH), tok, file=file, campaign_id=4711)
        api.tracked += [video_id(number) for number in range(BATCH)]
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", BATCH, BATCH)
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_a_refund_in_a_campaign_of_others_proves_nothing_either(tmp_path: Path) -> None:
    """Its work was done, and perhaps paid for; and what was there once is not bought again when it is there no more."""
    file = tmp_path / "a.tokload"
    with Answering(tracked=[other_id(7)]) as api:
        api.name = "Spring"
        api.after = lambda asked, answer: (
            Answer.error(502, "upstream_error") if asked.call == "analyze" and asked.number == 2 else answer
        )
        api.before = lambda asked: AFTER_ONE if asked.call == "analyze" and asked.number > 2 else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(2 * BATCH, batch_size=BATCH), tok, file=file, campaign_id=4711)
        api.after, api.before = lambda _, answer: answer, lambda _: None
        for there in (True, False):
            if not there:
                api.tracked = api.tracked[: BATCH + 1]
                api.forget()
            report = await go_on(api, file)
            assert (report.urls.accepted, report.urls.unknown) == (BATCH, BATCH)
            assert report.credits.charged_min <= api.charged <= report.credits.charged_max
            assert not api.charged_twice


async def test_what_the_original_buys_is_no_sure_charge_of_its_copy(tmp_path: Path) -> None:
    """The copy's own requests have never arrived."""
    with Answering() as api:
        original, copy = await copied(api, tmp_path)
        api.before = lambda asked: LOST if asked.call == "analyze" else None
        await go_on(api, copy)
        before = api.charged
        api.before = lambda _: None
        await go_on(api, original)
        of_the_original = api.charged - before
        report = await go_on(api, copy)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        own = api.charged - of_the_original
        assert report.credits.charged_min <= own <= report.credits.charged_max


async def test_an_empty_campaign_is_as_good_as_one_s_own(tmp_path: Path) -> None:
    """As after a create whose answer was lost."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        api.name = "Spring"
        api.after = lambda asked, answer: LOST if asked.call == "analyze" and asked.number == 1 else answer
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            report = await apply(make_plan(URLS, batch_size=BATCH), tok, file=file, campaign_id=4711)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert report.credits.charged_min == report.credits.charged_max == api.charged
