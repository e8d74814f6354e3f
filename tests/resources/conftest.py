from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tokfluence_async import Tokfluence
from tokfluence_async.sandbox import Sandbox


@pytest.fixture
async def tok(tokfluence_sandbox: Sandbox, tokfluence_key: str) -> AsyncGenerator[Tokfluence, None]:
    """A client of the sandbox that does not wait between repeats."""
    async with Tokfluence(tokfluence_key, base_url=tokfluence_sandbox.base_url, backoff=0) as tok:
        yield tok
