from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tokfluence_async.cli.demo import Check

Started = Callable[..., subprocess.Popen[str]]
Shell = Callable[..., subprocess.CompletedProcess[str]]
CLI = Callable[..., tuple[int, str, str]]

EXAMPLE = Path(__file__).parents[2] / "examples" / "spring_launch.csv"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_serves_until_a_signal(started: Started, number: signal.Signals) -> None:
    process = started("sandbox", "--port", "0", "--credits", "50")
    assert process.stdout is not None
    base_url = process.stdout.readline().strip()
    assert base_url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{base_url}/_sandbox/health", timeout=10) as answer:
        health = json.loads(answer.read())
    assert health["status"] == "ok"
    assert health["switches"]["grant"] == 50
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert f"export TOKFLUENCE_BASE_URL={base_url}" in err
    assert "export TOKFLUENCE_API_KEY=tkf_live_" in err
    assert "Traceback" not in err


def test_a_port_that_is_taken_is_told(cli: CLI) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = cli("sandbox", "--port", port)
    assert (code, out) == (1, "")
    assert f"can't serve on port {port}" in err


def test_the_demo_agrees_with_the_ledger(shell: Shell) -> None:
    ended = shell("demo", EXAMPLE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Credits   1 + 25 × 367 = 9,176" in ended.stdout
    assert "$ tokfluence preview " in ended.stdout
    assert "$ tokfluence load " in ended.stdout
    assert "3 faults struck" in ended.stdout
    assert "DIFFER" not in ended.stdout
    assert ended.stdout.count("   agree") == 7
    assert ended.stdout.splitlines()[-1] == "All agree: every video was bought once."


def test_an_interrupted_demo_compares_nothing(started: Started) -> None:
    process = started("demo", EXAMPLE)
    assert process.stdout is not None
    while "export TOKFLUENCE_BASE_URL=" not in (line := process.stdout.readline()):
        assert line
    base_url = line.partition("=")[2].strip()

    def requests() -> bytes:
        with urllib.request.urlopen(f"{base_url}/_sandbox/requests", timeout=20) as answer:
            return bytes(answer.read())

    deadline = time.monotonic() + 20
    while b"posts.analyze" not in requests():
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 6, out + err
    assert "Interrupted: " in out.splitlines()[-1]
    assert "NOT agree" not in out
    assert "tokfluence resume" not in out
    assert "Traceback" not in err


def test_the_demo_sees_what_differs() -> None:
    assert Check("x", 1, 1).agrees
    assert "agree" in Check("x", 1, 1).line().text
    assert not Check("x", 1, 2).agrees
    assert "DIFFER" in Check("x", 1, 2).line().text


def test_the_demo_without_the_example_names_its_argument(cli: CLI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokfluence_async.cli.demo._EXAMPLE", Path("nowhere", "to_be_found.csv"))
    code, _, err = cli("demo")
    assert code == 2
    assert "tokfluence demo FILE" in err
