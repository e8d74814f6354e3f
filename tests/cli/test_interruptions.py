"""Signals, crashes and questions, with the real console script."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agreeing import AGREED
from loads import make_plan

from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.sandbox import Sandbox, Switches

Shell = Callable[..., subprocess.CompletedProcess[str]]
Started = Callable[..., subprocess.Popen[str]]
Sheet = Callable[..., Path]

POSTS = 40
LOAD = ("--name", "Spring", *AGREED, "--batch-size", "5", "--concurrency", "2", "--json")


@pytest.fixture
def switches() -> Switches:
    # A batch of 5 takes a tenth of a second, so that a signal lands in the middle of a load.
    return Switches(analyze_latency=0.02)


def until(seen: Callable[[], bool]) -> None:
    """Wait for another process to get somewhere."""
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def begun(sandbox: Sandbox, batches: int = 4) -> Callable[[], bool]:
    return lambda: (
        sandbox.ledger().calls.get("posts.analyze") is not None
        and (sandbox.ledger().calls["posts.analyze"].charges >= batches)
    )


def assert_bought_once(sandbox: Sandbox) -> None:
    ledger = sandbox.ledger()
    assert len(ledger.videos) == POSTS
    assert set(ledger.videos.values()) == {1}


def test_a_killed_load_goes_on_and_buys_every_url_once(
    started: Started, shell: Shell, sheet: Sheet, sandbox: Sandbox
) -> None:
    process = started("load", sheet(POSTS), *LOAD)
    until(begun(sandbox))
    process.kill()
    assert process.wait(20) == -signal.SIGKILL
    assert shell("status", "spring.tokload").returncode == 0
    ended = shell("resume", "spring.tokload", "--json")
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["urls"]["accepted"] == POSTS
    assert_bought_once(sandbox)
    assert report["credits"]["charged_min"] <= sandbox.ledger().net <= report["credits"]["charged_max"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_what_is_under_way_end(
    started: Started, shell: Shell, sheet: Sheet, sandbox: Sandbox, number: signal.Signals
) -> None:
    process = started("load", sheet(POSTS), *LOAD)
    until(begun(sandbox))
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 6, err
    report = json.loads(out)
    assert (report["state"], report["stopped_by"]) == ("stopped", "interrupted")
    assert report["urls"]["unknown"] == 0
    assert 0 < report["urls"]["accepted"] < POSTS
    assert report["credits"]["charged_max"] == report["credits"]["charged_min"] == sandbox.ledger().net
    assert "Once more (Ctrl-C) stops at once" in err
    assert "Traceback" not in err
    assert shell("status", "spring.tokload").returncode == 6
    assert shell("resume", "spring.tokload").returncode == 0
    assert_bought_once(sandbox)
    assert sandbox.ledger().net == 1 + 25 * POSTS


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 6)])
def test_the_second_signal_stops_at_once(
    started: Started, shell: Shell, sheet: Sheet, sandbox: Sandbox, number: signal.Signals, code: int
) -> None:
    # The third batch is held back for longer than anybody would wait.
    sandbox.add_fault(call="posts.analyze", effect="stall", phase="after_tracking", nth=3, seconds=60)
    process = started("load", sheet(POSTS), *LOAD)
    until(begun(sandbox))
    process.send_signal(number)
    assert process.stderr is not None
    while "Stopping: nothing new" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    report = json.loads(out)
    assert (report["state"], report["stopped_by"]) == ("stopped", "interrupted")
    assert report["urls"]["unknown"] >= 5
    assert "Traceback" not in err
    ended = shell("resume", "spring.tokload", "--json")
    assert ended.returncode == 0, ended.stdout
    assert_bought_once(sandbox)


def test_what_is_under_way_has_its_time_and_no_more(
    env: dict[str, str], sheet: Sheet, tmp_path: Path, sandbox: Sandbox
) -> None:
    sandbox.add_fault(call="posts.analyze", effect="stall", phase="after_tracking", nth=3, seconds=60)
    code = (
        "from tokfluence_async.__main__ import main; from tokfluence_async.cli import loading; "
        "loading.DRAIN = 0.2; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "load", sheet(POSTS), *LOAD],
        env=env,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(begun(sandbox))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 6, err
    assert json.loads(out)["stopped_by"] == "interrupted"


def ask(script: list[str], env: dict[str, str], folder: Path, answer: str, *words: str) -> tuple[int, str]:
    """Run a command with a terminal for stdin and stderr, and answer its question."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*script, *words],
            env=env | {"NO_COLOR": "1"},
            cwd=folder,
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
        )
        os.close(theirs)
        seen = b""
        for chunk in terminal(ours):
            seen += chunk
            if b"[y/N] " in seen and answer:
                os.write(ours, answer.encode())
                answer = ""
        process.communicate(timeout=20)
        return process.returncode, seen.decode()
    finally:
        os.close(ours)


def terminal(descriptor: int) -> Iterator[bytes]:
    """What is written to a terminal, until nobody has it open any more."""
    while True:
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:  # Linux says so when the other side is closed
            return
        if not chunk:
            return
        yield chunk


@pytest.mark.parametrize(("answer", "code", "spent"), [("y\n", 0, 76), ("n\n", 1, 0), ("\n", 1, 0)])
def test_a_person_at_a_terminal_is_asked(
    script: list[str],
    env: dict[str, str],
    sheet: Sheet,
    tmp_path: Path,
    sandbox: Sandbox,
    answer: str,
    code: int,
    spent: int,
) -> None:
    sheet(3)
    ended, seen = ask(script, env, tmp_path, answer, "load", "spring.csv", "--name", "Spring")
    assert ended == code, seen
    assert "Spend up to 76 credits? [y/N]" in seen
    assert "\x1b[3" not in seen  # no colour
    assert sandbox.ledger().net == spent
    assert (tmp_path / "spring.tokload").exists() == bool(spent)


def test_the_log_is_told_apart_from_the_report_and_holds_no_key(shell: Shell, sheet: Sheet, key: str) -> None:
    ended = shell("load", sheet(3), "--name", "Spring", *AGREED, "--json", "--verbose")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["state"] == "complete"
    assert "DEBUG tokfluence_async" in ended.stderr
    assert key not in ended.stderr


def test_what_was_agreed_to_needs_no_second_word(shell: Shell, sandbox: Sandbox, tmp_path: Path) -> None:
    """Killed between writing the plan and sending the first request: `--yes` was said already."""
    plan = make_plan(3)
    LoadFile.create(tmp_path / "agreed.tokload", plan, agreed=True, max_credits=100).close()
    LoadFile.create(tmp_path / "saved.tokload", make_plan(3, name="Other")).close()
    refused = shell("resume", "saved.tokload", "--max-credits", 100)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert not sandbox.requests()
    done = shell("resume", "agreed.tokload", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["credits"]["cap"] == 100
    assert sandbox.ledger().net == plan.estimate.total
