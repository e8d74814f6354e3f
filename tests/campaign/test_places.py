"""Load files that were put back or taken elsewhere: what the API has seen under their keys is not explained away."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, go_on, make_plan, video_id
from paged import Paged

from tokfluence_async.campaign.applying import apply, resume, save
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.client import Tokfluence
from tokfluence_async.tariff import Price, Tariff

pytestmark = pytest.mark.anyio

BATCH = 10
URLS = 20
SECOND = frozenset(video_id(number) for number in range(BATCH, URLS))
RATE_LIMITED = Answer(429, Answer.error(429, "rate_limited").payload, {"Retry-After": "0"})


async def after_one_batch(api: Answering, file: Path) -> None:
    """A load of which the first batch is bought, and the second was turned away."""
    api.before = lambda asked: (
        Answer.error(402, "insufficient_credits") if asked.call == "analyze" and asked.number == 2 else None
    )
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        await apply(make_plan(URLS, batch_size=BATCH), tok, file=file)
    api.before = lambda _: None


def put_back(backup: Path, file: Path, how: str) -> None:
    if how == "deleted":
        # Its inode's number goes to the next file on many a file system, what was noted at the inode does not.
        file.unlink()
        shutil.copy(backup, file)
    elif how == "overwritten":
        shutil.copyfile(backup, file)
    else:
        backup.replace(file)


@pytest.mark.parametrize("how", ["deleted", "overwritten", "moved"])
async def test_an_older_state_that_was_put_back_is_no_original(tmp_path: Path, how: str) -> None:
    file, backup = tmp_path / "a.tokload", tmp_path / "backup"
    with Answering(rejected=SECOND) as api:
        await after_one_batch(api, file)
        shutil.copy(file, backup)
        assert (await go_on(api, file)).state == "complete"
        put_back(backup, file, how)
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_an_older_state_from_within_the_same_run_is_no_original(tmp_path: Path) -> None:
    file, backup = tmp_path / "a.tokload", tmp_path / "backup"
    turned_away: set[str | None] = set()

    def copied(asked: Asked) -> None:
        if asked.call == "analyze" and asked.number == 2:
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{file}{suffix}", f"{backup}{suffix}")

    def once(asked: Asked) -> Answer | None:
        if asked.call != "analyze" or asked.key in turned_away:
            return None
        turned_away.add(asked.key)
        return RATE_LIMITED

    third = frozenset(video_id(number) for number in range(URLS, URLS + BATCH))
    with Answering(rejected=third, before=copied) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(URLS + BATCH, batch_size=BATCH), tok, file=file)
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{backup}{suffix}", f"{file}{suffix}")
        api.before = once
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)


@pytest.mark.parametrize("in_place", [False, True])
async def test_what_a_copy_has_bought_is_looked_for_though_its_keys_are_forgotten(
    tmp_path: Path,
    in_place: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    file, backup = tmp_path / "a.tokload", tmp_path / "backup.tokload"
    # The copy has sent none of these.
    with Answering(rejected=frozenset({video_id(12)})) as api:
        await after_one_batch(api, file)
        age(file)
        shutil.copyfile(file, backup)
        assert (await go_on(api, file)).state == "complete"
        api.forget()
        if in_place:
            shutil.copyfile(backup, file)
        place = file if in_place else backup
        api.before = lambda asked: Answer.error(500, "internal_error") if asked.call == "list" else None
        report = await go_on(api, place)
        assert report.stopped_by == "outcome_unknown"
        assert "can't be read" in report.message
        api.before = lambda _: None
        report = await go_on(api, place)
        assert not api.charged_twice
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", URLS - 1, 1)
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max
        assert (await go_on(api, place)).urls == report.urls
        await go_on(api, place, resubmit_unknown=True)
        assert api.charged_twice == [video_id(12)]


async def test_an_original_that_rested_for_days_looks_for_what_a_copy_has_bought(tmp_path: Path) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        age(file)
        shutil.copyfile(file, copy)
        assert (await go_on(api, copy)).state == "complete"
        api.forget()
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


@pytest.mark.parametrize(
    "nothing", [Answer.error(402, "insufficient_credits"), RATE_LIMITED, Answer.error(401, "unauthorized")]
)
async def test_what_buys_nothing_does_not_count_as_the_last_purchase(tmp_path: Path, nothing: Answer) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        shutil.copyfile(file, copy)
        assert (await go_on(api, copy)).state == "complete"
        age(file, 0.9)
        api.before = lambda asked: nothing if asked.call == "analyze" else None
        assert (await go_on(api, file)).state == "stopped"
        age(file, 0.6)
        api.forget()
        api.before = lambda asked: Answer.error(500, "internal_error") if asked.call == "list" else None
        report = await go_on(api, file)
        assert (report.stopped_by, report.urls.unsent) == ("outcome_unknown", BATCH)
        api.before = lambda _: None
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_a_list_that_is_not_whole_does_not_tell_what_a_copy_has_bought(tmp_path: Path) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        age(file)
        shutil.copyfile(file, copy)
        assert (await go_on(api, copy)).state == "complete"
        api.forget()
        api.after = lambda asked, answer: (
            Answer(200, {"data": [{"post_id": video_id(0)}], "meta": {"total": URLS}})
            if asked.call == "list"
            else answer
        )
        report = await go_on(api, file)
        assert report.stopped_by == "outcome_unknown"
        assert "more posts than it shows" in report.message
        assert not api.charged_twice


async def test_a_resubmission_looks_for_what_was_never_sent_as_well(tmp_path: Path) -> None:
    """Not only as far as the page that has the last of what is in doubt."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    answers = {2: LOST, 3: Answer.error(402, "insufficient_credits")}
    with Paged(page=BATCH) as api:
        api.before = lambda asked: answers.get(asked.number) if asked.call == "analyze" else None
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(make_plan(URLS + BATCH, batch_size=BATCH), tok, file=file)
        api.before = lambda _: None
        shutil.copyfile(file, copy)
        assert (await go_on(api, copy)).state == "complete"
        age(file)
        api.forget()
        report = await go_on(api, file, resubmit_unknown=True)
        assert not api.charged_twice
        assert (report.state, report.urls.accepted) == ("complete", URLS + BATCH)


async def test_a_copy_whose_cap_leaves_no_room_to_look_sends_nothing(tmp_path: Path) -> None:
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        age(file)
        shutil.copyfile(file, copy)
        api.asked.clear()
        report = await go_on(api, copy, max_credits=1 + 25 * URLS)
        assert (report.stopped_by, report.urls.unsent) == ("max_credits", BATCH)
        assert not api.asked
        assert (await go_on(api, copy, max_credits=1 + 25 * URLS + 3)).state == "complete"


@pytest.mark.parametrize("days", [False, True])
async def test_what_a_copy_has_not_bought_is_bought(tmp_path: Path, days: bool) -> None:  # noqa: FBT001 - a parameter of the test
    file, moved = tmp_path / "a.tokload", tmp_path / "moved.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        if days:
            age(file)
        shutil.copyfile(file, moved)
        file.unlink()
        report = await go_on(api, moved)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_a_saved_plan_is_not_bought_a_second_time_into_the_campaign_of_the_first(
    tmp_path: Path,
) -> None:
    """Each batch is refunded first, so that its 409 might be taken for the consequence of that."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    refunded: set[str | None] = set()

    def once(asked: Asked) -> Answer | None:
        if asked.call != "analyze" or asked.key in refunded:
            return None
        refunded.add(asked.key)
        return Answer.error(502, "upstream_error")

    with Answering(rejected=SECOND) as api:
        save(make_plan(URLS, batch_size=BATCH), file)
        shutil.copyfile(file, copy)
        assert (await go_on(api, file)).state == "complete"
        api.before = once
        report = await go_on(api, copy, campaign_id=4711)
        assert not api.charged_twice
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", BATCH, BATCH)


async def test_a_plan_that_was_put_back_over_its_own_load_is_no_original(tmp_path: Path) -> None:
    file, backup = tmp_path / "a.tokload", tmp_path / "backup"
    save(make_plan(BATCH, batch_size=BATCH), file)
    shutil.copy(file, backup)
    with Answering(rejected=frozenset(video_id(number) for number in range(BATCH))) as api:
        assert (await go_on(api, file)).state == "complete"
        shutil.copyfile(backup, file)
        api.before = lambda asked: RATE_LIMITED if asked.call == "create" and asked.number == 2 else None
        assert (await go_on(api, file)).stopped_by == "create_unknown"
        api.before = lambda asked: (
            Answer.error(502, "upstream_error") if asked.call == "analyze" and asked.number == 2 else None
        )
        await go_on(api, file, campaign_id=4711)
        assert not api.charged_twice


async def test_that_a_plan_was_applied_before_is_not_forgotten(tmp_path: Path) -> None:
    """Its name is taken though the API was asked under a second key: a copy was at work."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    save(make_plan(BATCH, batch_size=BATCH), file)
    shutil.copy(file, copy)
    with Answering(rejected=frozenset(video_id(number) for number in range(BATCH))) as api:
        assert (await go_on(api, file)).state == "complete"
        creates = iter((RATE_LIMITED, None, Answer.error(422, "invalid_campaign")))
        api.before = lambda asked: next(creates) if asked.call == "create" else None
        report = await go_on(api, copy)
        assert report.stopped_by == "duplicate_request"
        api.before = lambda asked: (
            Answer.error(502, "upstream_error") if asked.call == "analyze" and asked.number == 2 else None
        )
        report = await go_on(api, copy, campaign_id=4711)
        assert not api.charged_twice
        assert report.urls.unknown == BATCH


async def test_a_resume_that_is_refused_leaves_the_file_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        dear = Tariff({"posts.analyze": Price(per_url=30)})
        async with Tokfluence(KEY, base_url=api.base_url, tariff=dear, **QUICK) as tok:
            assert (await resume(file, tok)).stopped_by == "plan_stale"
        # The 402 has used the key up, as the API may have it: known by who has sent it.
        api.before = lambda asked: (
            Answer.error(409, "duplicate_request") if asked.call == "analyze" and asked.number == 3 else None
        )
        assert (await go_on(api, file)).state == "complete"


async def test_where_there_are_no_marks_none_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> bytes:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "setxattr", unsupported, raising=False)
    monkeypatch.setattr(os, "getxattr", unsupported, raising=False)
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        api.before = lambda asked: (
            Answer.error(409, "duplicate_request") if asked.call == "analyze" and asked.number == 3 else None
        )
        assert (await go_on(api, file)).state == "complete"


@pytest.mark.parametrize("set_", [False, True], ids=["before", "after"])
async def test_a_crash_around_the_mark_takes_nothing_from_the_file(tmp_path: Path, *, set_: bool) -> None:
    """The run was on record, and its mark was set at the inode, or not."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await after_one_batch(api, file)
        opened = LoadFile.open(file)
        with opened.db:
            opened.set_meta("run", "f" * 32)
        opened.close()
        if set_:
            os.setxattr(file, "user.tokfluence.run", b"f" * 32)
        api.before = lambda asked: (
            Answer.error(409, "duplicate_request") if asked.call == "analyze" and asked.number == 3 else None
        )
        assert (await go_on(api, file)).state == "complete"
