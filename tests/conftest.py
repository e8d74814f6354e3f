"""Shared by the whole suite."""

from __future__ import annotations

import pytest

pytest_plugins = ["tokfluence_async.testing"]


@pytest.fixture
def anyio_backend() -> str:
    """The SDK is built on aiohttp, so asyncio is the only event loop that it runs on."""
    return "asyncio"
