"""The key is nowhere but in the request: not in what a load prints or logs at DEBUG, nor in any file it leaves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from agreeing import AGREED

from tokfluence_async.sandbox import Sandbox

FAULTS: list[dict[str, object]] = [
    {"effect": "reset", "phase": "after_tracking"},
    {"effect": "garbage", "variant": "status_line"},
    {"effect": "truncate", "phase": "after_tracking"},
    {"effect": "status", "status": 500},
    {"effect": "status", "status": 401},
    {"effect": "redirect", "location": "http://127.0.0.1:9/"},
    {"effect": "encoded", "variant": "bomb", "phase": "after_tracking"},
    {"effect": "garbage", "body": "tkf_live_" + "a" * 32},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values()))[:40])
def test_the_key_shows_nowhere(
    fault: dict[str, object],
    shell: Callable[..., subprocess.CompletedProcess[str]],
    sandbox: Sandbox,
    key: str,
    tmp_path: Path,
) -> None:
    sandbox.add_fault(**fault, call="posts.analyze", nth=2)
    lines = [f"https://www.tiktok.com/@maker/video/{7_300_000_000_000_000_000 + n}" for n in range(40)]
    (tmp_path / "posts.csv").write_text("url\n" + "\n".join(lines))
    words = (
        "posts.csv",
        "--name",
        "Spring",
        *AGREED,
        "--batch-size",
        10,
        "--state",
        "x.tokload",
        "--verbose",
    )
    done = shell("load", *words)
    resumed = shell("resume", "x.tokload", "--verbose", "--json")
    assert "RequestEnded" in done.stderr, "the log is on"
    for text in (done.stdout, done.stderr, resumed.stdout, resumed.stderr):
        assert key not in text
        assert key[13:] not in text, "not a part of it either"
        assert "Traceback" not in text
    for file in tmp_path.iterdir():
        assert key.encode() not in file.read_bytes(), f"the key is in {file.name}"
