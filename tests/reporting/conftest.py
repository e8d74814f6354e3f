"""A load that went through a few faults, and its campaign's results."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from attrs import frozen
from loads import client, video_id

from tokfluence_async.campaign.applying import apply
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.reporting.ledger import Ledger, read_ledger
from tokfluence_async.reporting.results import Results, read_results
from tokfluence_async.sandbox import Sandbox, Switches

SCRIPT = "<script>document.title='broken'</script> & \"quoted\""
NASTY = f"{SCRIPT}\u202e\x07"


@frozen
class Loaded:
    """What came of a load."""

    file: Path
    report: LoadReport
    results: Results
    credits: int
    """What reading the results cost."""

    @property
    def ledger(self) -> Ledger:
        return read_ledger(self.file)


@pytest.fixture
async def loaded(tmp_path: Path) -> AsyncGenerator[Loaded]:
    async with Sandbox(switches=Switches(campaign_posts_page_size=20)) as sandbox:
        builder = CampaignBuilder(f"Spring {SCRIPT}", currency="USD", batch_size=5)
        for number in range(25):
            handle = "ghost.one" if number == 3 else f"maker_{number % 4}"
            builder.add(f"https://www.tiktok.com/@{handle}/video/{video_id(number)}", fee_cents=1000 * number)
        builder.add(f"https://m.tiktok.com/v/{video_id(1)}.html")
        builder.add(NASTY)
        sandbox.add_fault(call="posts.analyze", nth=3, effect="status", status=502, phase="after_charge")
        sandbox.add_fault(call="posts.analyze", nth=4, effect="reset", phase="after_tracking")
        async with client(sandbox) as tok:
            report = await apply(builder.plan(), tok, file=tmp_path / "spring.tokload")
            before = sandbox.ledger().net
            assert report.campaign_id is not None
            results = await read_results(tok, report.campaign_id)
        yield Loaded(tmp_path / "spring.tokload", report, results, sandbox.ledger().net - before)
