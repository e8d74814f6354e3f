"""Real kills: a load's process ends by SIGKILL, anywhere, and its file is resumed; the server's ledger is the judge.

`make test` runs a sample; ``TOKFLUENCE_PROOF=1`` (`make proof`) every sync in turn and 200 kills at random moments.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from agreeing import AGREED
from attrs import frozen
from loads import KEY, video_id

from tokfluence_async.sandbox import Sandbox, Switches, serve_in_thread

FULL = bool(os.environ.get("TOKFLUENCE_PROOF"))
URLS = 60
SYNCS = 20
"""A few more than a load of this size makes."""
STRACE = shutil.which("strace")
CAMPAIGN = 4711


@frozen
class Job:
    """A load as a process."""

    folder: Path
    sandbox: Sandbox

    @property
    def file(self) -> Path:
        return self.folder / "spring.tokload"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tokfluence_async", *words, "--json"]

    def load(self) -> list[str]:
        return self.command("load", "posts.csv", "--name", "Spring", *AGREED, "--state", self.file.name)

    def resume(self, *more: str) -> list[str]:
        return self.command("resume", self.file.name, *more)

    def run(self, words: list[str]) -> tuple[int, dict[str, Any], str]:
        done = subprocess.run(
            words, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}, done.stderr

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {
            "TOKFLUENCE_API_KEY": KEY,
            "TOKFLUENCE_BASE_URL": self.sandbox.base_url,
            "TOKFLUENCE_SETTLE": "0.1",
            "TOKFLUENCE_BATCH_SIZE": "10",
            "TOKFLUENCE_CONCURRENCY": "3",
        }

    def finish(self) -> None:
        """Go on with the load until it is complete, and let the ledger judge."""
        status, report, stderr = self.run(self.resume())
        if "not a load file" in stderr or "no such file" in stderr:
            # Killed before the plan was on disk: then nothing can have been sent.
            assert not self.sandbox.requests()
            self.file.unlink(missing_ok=True)
            status, report, stderr = self.run(self.load())
        elif report.get("stopped_by") == "create_unknown":
            # The one case in which the API can't tell: its answer to the create was never recorded.
            assert status == 8
            status, report, stderr = self.run(self.resume("--campaign-id", str(CAMPAIGN)))
        assert status == 0, (report, stderr)
        assert "Traceback" not in stderr
        ledger = self.sandbox.ledger()
        assert report["state"] == "complete"
        assert report["urls"] == {
            "accepted": URLS, "rejected": 0, "duplicate": 0, "invalid": 0, "unsent": 0, "unknown": 0
        }  # fmt: skip
        assert dict(ledger.videos) == {video_id(number): 1 for number in range(URLS)}
        assert sorted(self.sandbox.tracked(CAMPAIGN)) == sorted(video_id(number) for number in range(URLS))
        assert report["credits"]["charged_min"] <= ledger.net <= report["credits"]["charged_max"]


@pytest.fixture
def job(tmp_path: Path) -> Any:
    lines = ["url,creator_handle,fee_cents"]
    lines += [
        f"https://www.tiktok.com/@maker/video/{video_id(number)},maker,{number}" for number in range(URLS)
    ]
    (tmp_path / "posts.csv").write_text("\n".join(lines))
    with serve_in_thread(switches=Switches(analyze_latency=0.005)) as sandbox:
        yield Job(tmp_path, sandbox)


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.parametrize("number", range(1, SYNCS + 1) if FULL else (3, 5, 7, 9, 11))
def test_killed_at_a_sync(job: Job, number: int) -> None:
    inject = f"inject=fdatasync:signal=SIGKILL:when={number}"
    traced = [str(STRACE), "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", inject]
    subprocess.run(
        [*traced, *job.load()], cwd=job.folder, env=job.env, capture_output=True, timeout=60, check=False
    )
    job.finish()


@pytest.mark.parametrize("seed", range(200) if FULL else range(3))
def test_killed_at_any_moment(job: Job, seed: int) -> None:
    rand = random.Random(seed)
    process = subprocess.Popen(
        job.load(), cwd=job.folder, env=job.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 20
    while not job.sandbox.requests() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(rand.random() * 0.25)
    process.send_signal(signal.SIGKILL)
    process.wait()
    job.finish()


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_each_intent_is_synced_before_its_request_is_sent(job: Job) -> None:
    trace = job.folder / "trace"
    traced = [
        str(STRACE),
        "-f",
        "-qq",
        "-s",
        "9000",
        "-o",
        str(trace),
        "-e",
        "trace=pwrite64,fdatasync,sendto",
    ]
    done = subprocess.run(
        [*traced, *job.load()], cwd=job.folder, env=job.env, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    written: set[str] = set()
    synced: set[str] = set()
    begun: dict[str, set[str]] = {}
    sent: list[str] = []
    for line in trace.read_text(errors="replace").splitlines():
        if "pwrite64(" in line:
            written |= set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", line))
        if "fdatasync(" in line:
            begun[line.split()[0]] = set(written)
        if "fdatasync" in line and line.rstrip().endswith("= 0"):
            # What was written before the sync began is on disk once it has ended.
            synced |= begun.pop(line.split()[0])
        if "POST /v1/" in line and (key := re.search(r"X-Request-ID: ([0-9a-f-]{36})", line, re.IGNORECASE)):
            assert key[1] in synced, f"{key[1]} was sent before it was on disk"
            sent.append(key[1])
    assert len(sent) == len(set(sent)) == 1 + URLS // 10
    job.finish()
