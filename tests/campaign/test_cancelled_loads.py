"""A load that is cancelled again and again while it ends: its file is not closed under the thread that writes it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from sqlite3 import Connection

import pytest
from answering import Answering
from loads import KEY, QUICK, make_plan

from tokfluence_async.campaign.applying import apply, resume, status
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("times", [1, 3, 20])
async def test_closing_waits_for_the_thread_however_often_it_is_cancelled(tmp_path: Path, times: int) -> None:
    file = LoadFile.create(tmp_path / "a.tokload", make_plan(1))
    journal = Journal(file)
    written: list[bool] = []

    def slow(_: Connection) -> None:
        time.sleep(0.05)  # on the journal's own thread, as a slow disk is
        written.append(True)

    work = asyncio.create_task(journal.run(slow))
    await asyncio.sleep(0)
    closing = asyncio.create_task(journal.close())
    for _ in range(times):
        await asyncio.sleep(0)
        closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert written
    assert journal._thread is not None
    assert not journal._thread.is_alive()
    await work
    file.close()


@pytest.mark.parametrize("times", [2, 3, 4])
async def test_a_load_that_is_cancelled_again_and_again_can_be_resumed(tmp_path: Path, times: int) -> None:
    with Answering() as api:
        for moment in range(6):
            file = tmp_path / f"{moment}.tokload"
            async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
                load = asyncio.create_task(apply(make_plan(30, batch_size=3), tok, file=file))
                await asyncio.sleep(0.005 * moment)
                for _ in range(times):
                    load.cancel()
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                (ended,) = await asyncio.gather(load, return_exceptions=True)
                # On a fast machine it was over before.
                assert isinstance(ended, asyncio.CancelledError | LoadReport)
                if file.exists():
                    assert status(file).urls.rows == 30
        last = tmp_path / "5.tokload"
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            assert (await resume(last, tok)).urls.accepted == 30
