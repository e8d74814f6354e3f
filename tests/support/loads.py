"""Loads against the sandbox, judged by the sandbox's own ledger and never by the SDK's."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from answering import Answering
from attrs import field, frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.applying import apply, resume
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence
from tokfluence_async.sandbox import Sandbox

KEY = "tkf_live_" + "a" * 32
FIRST_ID = 7_300_000_000_000_000_000
STEP = 1_000_003


def video_id(number: int) -> str:
    return str(FIRST_ID + number * STEP)


def other_id(number: int) -> str:
    """A video that is in no plan."""
    return str(7_000_000_000_000_000_000 + number)


def make_plan(urls: int, *, batch_size: int = 10, ghosts: tuple[int, ...] = (), name: str = "Spring") -> Plan:
    """A plan of so many posts; the creators of `ghosts` can't be resolved by the sandbox."""
    builder = CampaignBuilder(name, currency="USD", batch_size=batch_size)
    for number in range(urls):
        handle = f"ghost_{number}" if number in ghosts else f"maker_{number % 7}"
        builder.add(f"https://www.tiktok.com/@{handle}/video/{video_id(number)}", fee_cents=100 * number)
    return builder.plan()


QUICK: dict[str, Any] = {"settle": 0.02, "backoff": 0.01, "timeout": 5.0, "max_retries": 3, "concurrency": 4}


@asynccontextmanager
async def client(sandbox: Sandbox, **settings: Any) -> AsyncGenerator[Tokfluence]:
    async with Tokfluence(KEY, base_url=sandbox.base_url, **(QUICK | settings)) as tok:
        yield tok


async def go_on(api: Answering, file: Path, **how: Any) -> LoadReport:
    """Resume a load from its file."""
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
        return await resume(file, tok, **how)


@frozen
class Load:
    """A plan, its load file, and the sandbox that it is bought from."""

    sandbox: Sandbox
    plan: Plan
    file: Path
    settings: dict[str, Any] = field(factory=dict[str, Any])

    async def apply(self, **how: Any) -> LoadReport:
        async with client(self.sandbox, **self.settings) as tok:
            return await apply(self.plan, tok, file=self.file, **how)

    async def resume(self, **how: Any) -> LoadReport:
        async with client(self.sandbox, **self.settings) as tok:
            return await resume(self.file, tok, **how)

    def outcomes(self) -> dict[str, str]:
        """What the load file says of each video."""
        file = LoadFile.read(self.file)
        try:
            return {post.url.rsplit("/", 1)[1]: outcome for post, outcome, _, _ in records.outcomes(file.db)}
        finally:
            file.close()


def check(load: Load, report: LoadReport) -> None:
    """What must hold after every run, whatever went wrong in it."""
    ledger = load.sandbox.ledger()
    outcomes = load.outcomes()
    counts = Counter(outcomes.values())
    urls = report.urls
    # Nothing is lost: every row is in exactly one class, in the report as in the file.
    assert urls.rows == load.plan.rows
    assert len(outcomes) == load.plan.urls
    assert counts == Counter(
        {
            name: number
            for name, number in (
                ("accepted", urls.accepted),
                ("rejected", urls.rejected),
                ("unsent", urls.unsent),
                ("unknown", urls.unknown),
            )
            if number
        }
    )
    # Nothing is bought twice.
    assert not ledger.charged_twice, f"charged twice: {ledger.charged_twice}"
    # What is said of each URL is true.
    campaigns = {entry.campaign_id for entry in ledger.entries if entry.campaign_id is not None}
    tracked = {video for campaign in campaigns for video in load.sandbox.tracked(campaign)}
    for video, outcome in outcomes.items():
        if outcome == "accepted":
            assert video in tracked, f"{video} is called accepted and is not tracked"
        elif outcome == "unsent":
            assert video not in tracked, f"{video} is called unsent and is tracked"
            assert not ledger.videos.get(video), f"{video} is called unsent and was charged"
    # The true charge lies within what the report says.
    assert report.credits.charged_min <= ledger.net <= report.credits.charged_max, (
        f"the ledger says {ledger.net}, the report {report.credits}"
    )
