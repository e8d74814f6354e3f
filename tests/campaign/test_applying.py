"""Applying a plan from Python: what is refused leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from loads import KEY, Load, check, make_plan

from tokfluence_async.campaign.applying import apply
from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import UsageError
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_a_client_that_is_not_open_makes_no_load_file(
    tokfluence_sandbox: Sandbox, tmp_path: Path
) -> None:
    load = Load(tokfluence_sandbox, make_plan(3), tmp_path / "spring.tokload")
    tok = Tokfluence(KEY, base_url=load.sandbox.base_url)
    with pytest.raises(UsageError):
        await apply(load.plan, tok, file=load.file)
    async with tok:
        pass
    with pytest.raises(UsageError):
        await apply(load.plan, tok, file=load.file)
    assert not names(tmp_path)
    report = await load.apply()
    check(load, report)
    assert report.state == "complete"
