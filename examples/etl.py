"""The whole job as one async function: preview, load, wait, export, report.

python examples/etl.py posts.csv "Spring 2026" results 2100
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tokfluence_async import Tokfluence
from tokfluence_async.campaign import CampaignBuilder, LoadReport, resume, save
from tokfluence_async.export import export, wait_for_analysis
from tokfluence_async.reporting import read_ledger, read_results, write_report


async def etl(source: Path, *, name: str, folder: Path, max_credits: int) -> LoadReport:
    """Load the posts of a source into a new campaign, wait for their analysis, and write what came of it.

    Called again after an interruption, it goes on where it stopped: the load file knows what was bought.

    Args:
        source: A file of posts.
        name: The campaign's name, new in the account.
        folder: Where the results go.
        max_credits: Credits that the load may cost at most.
    """
    file = folder / "load.tokload"
    if not file.exists():
        plan = CampaignBuilder(name, on_conflict="first").add_file(source).plan()
        print(f"{plan.urls} posts of {plan.rows} rows: {plan.estimate.formula} credits")
        save(plan, file)

    async with Tokfluence() as tok:
        report = await resume(file, tok, max_credits=max_credits)
        report.raise_for_state()
        campaign = report.campaign_id
        if campaign is None:
            raise RuntimeError("a load that is complete has a campaign")

        status = await wait_for_analysis(
            tok, campaign, expected=report.urls.accepted, timeout=3600, max_credits=50
        )
        status.raise_for_state()

        await export(tok, campaign, "posts", folder / "posts.csv")  # 2 credits
        await export(tok, campaign, "influencers", folder / "influencers.csv")  # 2 credits
        results = await read_results(tok, campaign)  # 7 credits

    write_report(folder / "report.html", ledger=read_ledger(file), results=results)
    return report


if __name__ == "__main__":
    if len(sys.argv) != 5 or not sys.argv[4].isdecimal():
        print("usage: etl.py SOURCE NAME FOLDER MAX_CREDITS", file=sys.stderr)
        sys.exit(2)
    source, name, folder, most = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    done = asyncio.run(etl(Path(source), name=name, folder=Path(folder), max_credits=int(most)))
    print(f"campaign {done.campaign_id}: {done.urls.accepted} accepted, {done.urls.rejected} rejected")
