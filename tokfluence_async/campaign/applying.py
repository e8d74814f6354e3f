"""Applying a plan from Python: `apply` begins, `resume` goes on, `status` looks."""

from __future__ import annotations

import os
from pathlib import Path

from tokfluence_async.campaign.loader import Loader, checked_cap
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

__all__ = ["apply", "resume", "save", "status"]


def save(plan: Plan, file: str | os.PathLike[str]) -> Path:
    """Write a plan into a new load file, to be applied later by `resume`. Sends nothing.

    Raises:
        InputError: The plan has nothing to send, or undecided conflicts (a `ConflictError`).
        LoadFileError: The file exists, or can't be written.
    """
    path = Path(file)
    LoadFile.create(path, plan).close()
    return path


async def apply(
    plan: Plan,
    tok: Tokfluence,
    *,
    file: str | os.PathLike[str],
    max_credits: int | None = None,
    campaign_id: int | None = None,
) -> LoadReport:
    """Buy a plan: `plan.estimate.total` credits, plus 2 for a read should an answer be lost on the way.

    The plan is written into the load file first. If the process dies, `resume` goes on from that file, and no URL is
    bought twice.

    Args:
        plan: What to buy.
        tok: An open client.
        file: The load file, which must not exist yet.
        max_credits: Credits that the load may cost at most; the client's own cap by default.
        campaign_id: Load into this campaign, which must have the plan's name, instead of creating one.

    Returns:
        The report, also of a load that was stopped: see `LoadReport.raise_for_state`.

    Raises:
        ConfigurationError: The cap is no number of credits. Nothing was sent, and no file is made.
        InputError: The plan has nothing to send, or undecided conflicts (a `ConflictError`). Nothing was sent.
        LoadFileError: The file exists, or can't be written. Nothing was sent.
        UsageError: The client is not open. Nothing was sent, and no file is made.
    """
    _ = tok.session  # raises where the client is not open: before there is a file
    max_credits = checked_cap(tok, max_credits)
    opened = LoadFile.create(Path(file), plan)
    try:
        return await Loader(tok, opened, max_credits=max_credits, campaign_id=campaign_id).run()
    finally:
        opened.close()


async def resume(
    file: str | os.PathLike[str],
    tok: Tokfluence,
    *,
    max_credits: int | None = None,
    campaign_id: int | None = None,
    resubmit_unknown: bool = False,
) -> LoadReport:
    """Go on with a load from its file, or begin one whose plan was saved. A load that is complete sends nothing.

    Args:
        file: The load file.
        tok: An open client, with the base URL and the key with which the load was begun.
        max_credits: Credits that the load may cost at most, earlier runs included.
        campaign_id: The campaign's id, where the answer to the create was lost; its name must be the plan's.
        resubmit_unknown: Buy anew what an earlier run has reported as unknown and the campaign still does not list. If
            it was applied after all, it is charged a second time.

    Raises:
        LoadFileInUseError: Another process, or another load of this one, holds the file.
        LoadFileError: It can't be read.
        UsageError: The client is not open.
    """
    opened = LoadFile.open(Path(file))
    try:
        loader = Loader(
            tok,
            opened,
            max_credits=max_credits,
            campaign_id=campaign_id,
            resubmit_unknown=resubmit_unknown,
        )
        return await loader.run()
    finally:
        opened.close()


def status(file: str | os.PathLike[str]) -> LoadReport:
    """The report of a load as it stands, also while this process, or another, goes on with it. Sends nothing.

    Raises:
        LoadFileError: It is not a load file, or can't be read.
    """
    opened = LoadFile.read(Path(file))
    try:
        return LoadReport.of(opened)
    finally:
        opened.close()
