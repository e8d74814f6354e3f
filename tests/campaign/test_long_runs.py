"""Loads that run for longer than a new key is good for."""

from __future__ import annotations

from pathlib import Path

import pytest
from answering import Answer, Answering, Asked
from loads import KEY, QUICK, make_plan, video_id

from tokfluence_async.campaign import passes
from tokfluence_async.campaign.applying import apply
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

BATCH = 10
BATCHES = 12
SECOND = video_id(BATCH)


@pytest.mark.parametrize("long", [False, True])
async def test_what_a_502_has_used_up_is_bought_long_before_the_end(
    tmp_path: Path,
    long: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pass that takes hours ends for that, and what has a new key goes first in the next."""
    monkeypatch.setattr(passes, "RECONCILED_WITHIN", 0.0 if long else 1e6)
    order: list[tuple[str, str | None]] = []
    answers = iter((Answer.error(502, "upstream_error"), Answer.error(409, "duplicate_request")))

    def before(asked: Asked) -> Answer | None:
        if asked.call != "analyze":
            return None
        first = asked.posts[0]["url"].rsplit("/", 1)[1]
        order.append((first, asked.key))
        return next(answers, None) if first == SECOND else None

    with Answering(before=before) as api:
        async with Tokfluence(
            KEY, base_url=api.base_url, **QUICK | {"concurrency": 1, "backoff": 0.0}
        ) as tok:
            report = await apply(
                make_plan(BATCHES * BATCH, batch_size=BATCH), tok, file=tmp_path / "a.tokload"
            )
        assert (report.state, report.urls.accepted) == ("complete", BATCHES * BATCH)
        assert not api.charged_twice
        places = [place for place, (first, _) in enumerate(order) if first == SECOND]
        assert len({order[place][1] for place in places}) == 2
        assert (places[-1] == len(order) - 1) is not long
        if long:
            assert places[-1] == places[-2] + 1
