"""pytest fixtures over the sandbox: the sandbox itself, a key for it, and the environment set to both.

In your ``conftest.py``::

    pytest_plugins = ["tokfluence_async.testing"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tokfluence_async.sandbox import serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokfluence_async.sandbox import Sandbox

__all__ = ["tokfluence_env", "tokfluence_key", "tokfluence_sandbox"]


@pytest.fixture
def tokfluence_sandbox() -> Iterator[Sandbox]:
    """A sandbox of the API for one test, on a free port of 127.0.0.1.

    It runs in a thread of its own, so it serves plain tests, async ones and subprocesses alike.
    """
    with serve_in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def tokfluence_key() -> str:
    """An API key of the right form, which the sandbox takes and the API does not."""
    return f"tkf_live_{'sandbox0' * 4}"


@pytest.fixture
def tokfluence_env(
    tokfluence_sandbox: Sandbox, tokfluence_key: str, monkeypatch: pytest.MonkeyPatch
) -> Sandbox:
    """The sandbox, with TOKFLUENCE_API_KEY and TOKFLUENCE_BASE_URL set to lead to it."""
    monkeypatch.setenv("TOKFLUENCE_API_KEY", tokfluence_key)
    monkeypatch.setenv("TOKFLUENCE_BASE_URL", tokfluence_sandbox.base_url)
    return tokfluence_sandbox
