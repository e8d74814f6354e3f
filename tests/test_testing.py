"""The fixtures that users get, used as they would use them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tokfluence_async.testing import tokfluence_env, tokfluence_key, tokfluence_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from tokfluence_async.sandbox import Sandbox

__all__ = ["tokfluence_env", "tokfluence_key", "tokfluence_sandbox"]


def search(base_url: str, key: str) -> int:
    request = urllib.request.Request(
        f"{base_url}/v1/creators/search", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        return int(response.headers["X-Credits-Remaining"])


def test_the_key_is_of_the_right_form(tokfluence_key: str) -> None:
    assert re.fullmatch("tkf_live_[A-Za-z0-9]{32}", tokfluence_key)


@pytest.mark.parametrize("time_round", [1, 2])
def test_each_test_has_a_sandbox_of_its_own(
    tokfluence_sandbox: Sandbox, tokfluence_key: str, time_round: int
) -> None:
    assert search(tokfluence_sandbox.base_url, tokfluence_key) == 999_999
    assert tokfluence_sandbox.ledger().net == 1


@pytest.mark.anyio
async def test_it_serves_async_tests(tokfluence_sandbox: Sandbox, tokfluence_key: str) -> None:
    import aiohttp  # noqa: PLC0415 - only this test needs a client

    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {tokfluence_key}"}) as session,
        session.get(f"{tokfluence_sandbox.base_url}/v1/creators/search") as response,
    ):
        assert response.status == 200


def test_the_environment_leads_to_it(tokfluence_env: Sandbox, tokfluence_key: str) -> None:
    assert os.environ["TOKFLUENCE_API_KEY"] == tokfluence_key
    assert os.environ["TOKFLUENCE_BASE_URL"] == tokfluence_env.base_url
    program = (
        "import os, urllib.request as u\n"
        "key, base = os.environ['TOKFLUENCE_API_KEY'], os.environ['TOKFLUENCE_BASE_URL']\n"
        "u.urlopen(u.Request(base + '/v1/creators/search', headers={'Authorization': 'Bearer ' + key})).close()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert tokfluence_env.ledger().net == 1


def test_it_starts_fast(tokfluence_sandbox: Sandbox) -> None:
    from tokfluence_async.sandbox import serve_in_thread  # noqa: PLC0415 - the fixture has imported it already

    took = list[float]()
    for _ in range(5):
        started = time.perf_counter()
        with serve_in_thread():
            took.append(time.perf_counter() - started)
    assert min(took) < 0.03


def test_a_suite_of_its_own_can_plug_it_in(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tokfluence_async.testing"]\n')
    (tmp_path / "test_mine.py").write_text(
        "def test_it(tokfluence_env, tokfluence_key):\n"
        "    tokfluence_env.set_wallet(tokfluence_key, 50)\n"
        "    assert tokfluence_env.wallet(tokfluence_key) == 50\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, str(tmp_path)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
