"""The loader's behaviour around the table: caps, wallets, copies, stops and resumes."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import anyio
import pytest
from loads import KEY, Load, check, client, make_plan

from tokfluence_async.campaign import records
from tokfluence_async.campaign.applying import save, status
from tokfluence_async.campaign.batch import pack
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import (
    ConflictError,
    InputError,
    LoadFileError,
    LoadFileInUseError,
    LoadStoppedError,
)
from tokfluence_async.sandbox import Sandbox, Switches, serve_in_thread
from tokfluence_async.session.progress import Progress

pytestmark = pytest.mark.anyio

FIRST_CAMPAIGN = 4711
"""The id that a fresh sandbox gives its first campaign."""


@pytest.fixture
def load(tokfluence_sandbox: Sandbox, tmp_path: Path) -> Load:
    return Load(tokfluence_sandbox, make_plan(45), tmp_path / "spring.tokload")


async def test_buys_what_the_preview_said(load: Load) -> None:
    report = await load.apply()
    check(load, report)
    assert report.state == "complete"
    assert load.sandbox.ledger().net == load.plan.estimate.total == 1 + 25 * 45
    assert report.credits.charged_min == report.credits.charged_max == load.plan.estimate.total
    assert report.raise_for_state() is report
    assert status(load.file) == report


async def test_a_complete_load_sends_nothing_more(load: Load) -> None:
    first = await load.apply()
    before = len(load.sandbox.requests())
    assert await load.resume() == first
    assert len(load.sandbox.requests()) == before


async def test_the_first_batch_goes_alone(load: Load) -> None:
    load.sandbox.add_fault(effect="status", status=422, call="posts.analyze")
    report = await load.apply()
    check(load, report)
    assert len(load.sandbox.requests("posts.analyze")) == 1
    assert (report.state, report.urls.rejected, report.urls.unsent) == ("stopped", 10, 35)
    with pytest.raises(LoadStoppedError) as caught:
        report.raise_for_state()
    assert caught.value.report is report


async def test_every_intent_is_on_disk_before_its_request_arrives(load: Load, tmp_path: Path) -> None:
    """The file as it was when a request arrived, copied by the server's own thread, names that request's key."""
    seen: list[tuple[str | None, set[str]]] = []
    load.sandbox.add_fault(effect="delay", call="posts.analyze", seconds=0.15, count=5)
    copies = tmp_path / "copies"
    copies.mkdir()

    async def watch() -> None:
        known = 0
        while True:
            requests = load.sandbox.requests("posts.analyze")
            if len(requests) > known:
                known = len(requests)
                for suffix in ("", "-wal"):
                    shutil.copyfile(f"{load.file}{suffix}", f"{copies / 'copy'}{suffix}")
                file = LoadFile.read(copies / "copy")
                keys = {key for (key,) in file.db.execute("SELECT key FROM attempt WHERE key IS NOT NULL")}
                file.close()
                seen.extend((each.request_id, keys) for each in requests)
            await anyio.sleep(0.005)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        report = await load.apply()
        tasks.cancel_scope.cancel()
    check(load, report)
    assert seen
    assert all(request_id in keys for request_id, keys in seen)


async def test_a_copied_plan_buys_nothing_twice(load: Load, tmp_path: Path) -> None:
    save(load.plan, load.file)
    elsewhere = tmp_path / "elsewhere.tokload"
    shutil.copyfile(load.file, elsewhere)
    first = await load.resume()
    assert first.state == "complete"
    copy = Load(load.sandbox, load.plan, elsewhere)
    report = await copy.resume()
    assert (report.state, report.stopped_by) == ("stopped", "duplicate_request")
    assert load.sandbox.ledger().net == load.plan.estimate.total
    # Told the campaign, the copy finds all of it there, and still buys nothing.
    report = await copy.resume(campaign_id=first.campaign_id)
    assert report.state == "complete"
    assert report.urls.accepted == 45
    assert not load.sandbox.ledger().charged_twice


async def test_a_lost_load_file_and_the_same_input_again(load: Load, tmp_path: Path) -> None:
    await load.apply()
    again = Load(load.sandbox, make_plan(45), tmp_path / "again.tokload")
    report = await again.apply()
    assert (report.state, report.stopped_by) == ("stopped", "invalid_campaign")
    assert report.urls.unsent == 45
    assert not load.sandbox.ledger().charged_twice


async def test_another_base_url_or_key_is_refused(load: Load, tmp_path: Path) -> None:
    load.sandbox.add_fault(effect="status", status=401, call="posts.analyze", nth=2, count=100)
    await load.apply()
    load.sandbox.clear_faults()
    before = len(load.sandbox.requests())
    async with Tokfluence("tkf_live_" + "b" * 32, base_url=load.sandbox.base_url) as tok:
        file = LoadFile.open(load.file)
        try:
            report = await Loader(tok, file).run()
        finally:
            file.close()
    assert (report.state, report.stopped_by) == ("stopped", "plan_stale")
    assert len(load.sandbox.requests()) == before


async def test_a_lost_create_is_taken_up_by_its_id(load: Load) -> None:
    load.sandbox.add_fault(effect="reset", call="campaigns.create", phase="after_tracking")
    report = await load.apply()
    check(load, report)
    assert (report.state, report.stopped_by, report.campaign_id) == ("stopped", "create_unknown", None)
    campaign_id = FIRST_CAMPAIGN
    report = await load.resume(campaign_id=campaign_id)
    check(load, report)
    assert report.state == "complete"
    assert report.campaign_id == campaign_id


async def test_a_campaign_of_another_name_is_not_loaded_into(load: Load) -> None:
    async with client(load.sandbox) as tok:
        other = await tok.campaigns.create("Autumn")
    report = await load.apply(campaign_id=other.id)
    assert (report.state, report.stopped_by) == ("stopped", "plan_stale")
    assert not load.sandbox.requests("posts.analyze")
    assert report.credits.charged_max == 1, "the look at its name is on record"


async def test_stopping_drains_and_resumes(load: Load) -> None:
    load.sandbox.add_fault(effect="delay", call="posts.analyze", seconds=0.1, count=100)
    async with client(load.sandbox) as tok:
        file = LoadFile.create(load.file, load.plan)
        loader = Loader(tok, file)
        async with anyio.create_task_group() as tasks:

            async def stop_soon() -> None:
                while not load.sandbox.requests("posts.analyze"):  # noqa: ASYNC110 - the sandbox runs in a thread
                    await anyio.sleep(0.01)
                loader.stop()
                loader.stop()

            tasks.start_soon(stop_soon)
            report = await loader.run()
        file.close()
    check(load, report)
    assert (report.state, report.stopped_by) == ("stopped", "interrupted")
    assert (report.urls.accepted, report.urls.unsent, report.urls.unknown) == (10, 35, 0)
    load.sandbox.clear_faults()
    report = await load.resume()
    check(load, report)
    assert report.state == "complete"


async def test_cancelling_leaves_a_resumable_file(load: Load) -> None:
    load.sandbox.add_fault(effect="delay", call="posts.analyze", seconds=0.3, nth=2, count=2)
    async with client(load.sandbox) as tok:
        file = LoadFile.create(load.file, load.plan)
        with anyio.move_on_after(0.2) as scope:
            await Loader(tok, file).run()
        file.close()
    assert scope.cancelled_caught
    report = status(load.file)
    assert report.urls.unknown == 20
    await anyio.sleep(0.3)
    report = await load.resume()
    check(load, report)
    assert report.state == "complete"


async def test_nobody_at_home(load: Load) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with Tokfluence(KEY, base_url=closed, backoff=0.01, settle=0.01, max_retries=2) as tok:
        file = LoadFile.create(load.file, load.plan)
        try:
            report = await Loader(tok, file).run()
        finally:
            file.close()
    assert (report.state, report.stopped_by) == ("stopped", "not_sent")
    assert report.urls.unsent == 45
    assert report.credits.charged_max == 0


async def test_an_outage_stops_the_load(load: Load) -> None:
    load.sandbox.add_fault(effect="status", status=503, call="posts.analyze", nth=3, count=10_000)
    report = await load.apply()
    check(load, report)
    assert report.state == "stopped"
    assert report.stopped_by == "outcome_unknown"


async def test_one_process_at_a_time(load: Load) -> None:
    file = LoadFile.create(load.file, load.plan)
    try:
        with pytest.raises(LoadFileInUseError):
            LoadFile.open(load.file)
        assert status(load.file).urls.unsent == 45, "looking is allowed"
    finally:
        file.close()
    LoadFile.open(load.file).close()


async def test_nothing_to_send_never_makes_a_campaign(load: Load) -> None:
    plan = CampaignBuilder("Empty").plan()
    assert plan.estimate.total == 0
    with pytest.raises(InputError):
        await Load(load.sandbox, plan, load.file).apply()
    assert not load.file.exists()
    assert not load.sandbox.requests()


async def test_an_undecided_conflict_is_not_bought(load: Load) -> None:
    builder = CampaignBuilder("Spring")
    builder.add("https://www.tiktok.com/@maker/video/7300000000000000000", fee_cents=100)
    builder.add("https://www.tiktok.com/@maker/video/7300000000000000000", fee_cents=200)
    with pytest.raises(ConflictError) as caught:
        await Load(load.sandbox, builder.plan(), load.file).apply()
    assert "row 2 against row 1" in str(caught.value)
    assert not load.file.exists()


async def test_an_existing_file_is_not_overwritten(load: Load) -> None:
    load.file.write_text("mine")
    with pytest.raises(LoadFileError):
        await load.apply()
    assert load.file.read_text() == "mine"


async def test_the_load_file_is_private(load: Load) -> None:
    await load.apply()
    assert load.file.stat().st_mode & 0o777 == 0o600
    assert KEY.encode() not in load.file.read_bytes()


async def test_a_row_that_vanished_from_the_file_is_told(load: Load) -> None:
    await load.apply()
    file = LoadFile.open(load.file)
    with file.transaction():
        file.db.execute("UPDATE batch SET accepted = accepted - 1 WHERE id = 2")
    file.close()
    with pytest.raises(LoadFileError, match="accounts for 44 rows"):
        status(load.file)


async def test_a_batch_with_another_body_under_an_old_key_is_refused(load: Load) -> None:
    load.sandbox.add_fault(effect="status", status=402, call="posts.analyze", nth=2, count=100)
    await load.apply()
    load.sandbox.clear_faults()
    file = LoadFile.open(load.file)
    with file.transaction():
        (batch, *_) = [
            each for each in records.batches_after(file.db, records.State.PENDING, 0, 99) if each.id == 3
        ]
        posts = records.posts_of(file.db, batch.id)
        file.db.execute("UPDATE batch SET posts = ? WHERE id = 3", (pack(posts[::-1]),))
    file.close()
    report = await load.resume()
    assert (report.state, report.stopped_by) == ("stopped", "plan_stale")
    assert not load.sandbox.ledger().charged_twice


async def test_keys_that_the_api_has_forgotten_buy_nothing_twice(tmp_path: Path) -> None:
    with serve_in_thread(switches=Switches(remember_ids=60.0)) as sandbox:
        load = Load(sandbox, make_plan(45), tmp_path / "spring.tokload")
        sandbox.add_fault(effect="stall", call="posts.analyze", phase="after_tracking", nth=2, count=2)
        async with client(sandbox, timeout=60.0) as tok:
            file = LoadFile.create(load.file, load.plan)
            with anyio.move_on_after(0.3):
                await Loader(tok, file).run()
            file.close()
        sandbox.clear_faults()
        sandbox.advance(3600)
        report = await load.resume()
        check(load, report)
    assert report.state == "complete"


async def test_unknown_urls_are_bought_anew_by_explicit_word_only(load: Load) -> None:
    load.sandbox.add_fault(effect="reset", call="posts.analyze", phase="after_charge", nth=3)
    report = await load.apply()
    check(load, report)
    assert (report.state, report.urls.unknown) == ("needs_review", 10)
    (doubt,) = report.doubts
    assert (doubt.urls, doubt.credits_at_stake) == (10, 250)
    assert doubt.key in {each.request_id for each in load.sandbox.requests("posts.analyze")}
    assert doubt.last_sent is not None
    again = await load.resume()
    assert (again.state, again.urls.unknown) == ("needs_review", 10), "not without the word"
    report = await load.resume(resubmit_unknown=True)
    assert report.state == "complete"
    assert report.urls.accepted == 45
    ledger = load.sandbox.ledger()
    assert len(ledger.charged_twice) == 10, "the API had charged for them and not done them"
    assert report.credits.charged_min <= ledger.net <= report.credits.charged_max


async def test_events_account_for_every_credit(load: Load) -> None:
    load.sandbox.add_fault(effect="reset", call="posts.analyze", phase="after_tracking", nth=3)
    load.sandbox.add_fault(
        effect="status", status=429, headers={"Retry-After": "0"}, call="posts.analyze", nth=2
    )
    async with client(load.sandbox) as tok:
        with Progress(tok.events) as progress:
            file = LoadFile.create(load.file, load.plan)
            report = await Loader(tok, file).run()
            file.close()
    assert report.state == "complete"
    assert (progress.charged_min, progress.charged_max) == (
        report.credits.charged_min,
        report.credits.charged_max,
    )
    assert progress.reserved == 0
    assert progress.balance == report.credits.remaining
