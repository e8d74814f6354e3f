"""Runs of loads on machines whose clocks are ahead, and of which the API lets a part through."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from answering import Answer, Answering, Asked
from loads import KEY, QUICK

from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

__all__ = ["go_on", "only"]


async def go_on(
    api: Answering,
    file: Path,
    *,
    ahead: float | Callable[[], float] = 0.0,
    plan: Plan | None = None,
    max_credits: int | None = None,
) -> LoadReport:
    """A run, on a machine whose clock is some seconds ahead."""
    off = ahead if callable(ahead) else lambda: ahead
    opened = LoadFile.open(file) if plan is None else LoadFile.create(file, plan)
    try:
        async with Tokfluence(
            KEY, base_url=api.base_url, **QUICK | {"concurrency": 1, "requests_per_minute": 0}
        ) as tok:
            loader = Loader(tok, opened, max_credits=max_credits, wall_clock=lambda: time.time() + off())
            return await loader.run()
    finally:
        opened.close()


def only(answers: int) -> Callable[[Asked], Answer | None]:
    """Let so many analyze calls through; turn the rest away."""
    left = iter(range(answers))

    def before(asked: Asked) -> Answer | None:
        if asked.call != "analyze" or next(left, None) is not None:
            return None
        return Answer.error(402, "insufficient_credits")

    return before
