"""Ctrl-C and SIGTERM amid an export: what was paid for stays, and the command that goes on is told."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
CAMPAIGN = 4711


@pytest.fixture(autouse=True)
def campaign(sandbox: Sandbox, key: str) -> None:
    posts = [{"url": f"https://www.tiktok.com/@maker/video/75685331334240{n:05}"} for n in range(3)]
    sandbox.seed({"campaigns": [{"key": key, "id": CAMPAIGN, "name": "Spring", "posts": posts}]})


def until(seen: Callable[[], bool]) -> None:
    """Wait for another process to get somewhere."""
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 6)])
@pytest.mark.parametrize("output", ["c.csv", "-"])
def test_interrupted_comments_are_kept_and_can_be_resumed_as_it_says(
    cli: CLI,
    started: Callable[..., subprocess.Popen[str]],
    sandbox: Sandbox,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
    output: str,
) -> None:
    assert cli("export", CAMPAIGN, "comments", "-o", "whole.csv", "--yes")[0] == 0
    whole = (tmp_path / "whole.csv").read_text().splitlines()
    stalled = sandbox.tracked(CAMPAIGN)[1]
    sent = [request.path for request in sandbox.requests("posts.comments")]
    pages = len(sent) - len([path for path in sent if stalled in path])
    sandbox.add_fault(call="posts.comments", path=stalled, effect="stall", seconds=60)
    process = started("export", CAMPAIGN, "comments", "-o", output, "--yes")
    until(lambda: len(sandbox.requests("posts.comments")) - len(sent) == pages + 1)
    until(lambda: len([each for each in sandbox.requests("posts.comments") if each.status is None]) == 1)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "Traceback" not in err
    part = out.splitlines() if output == "-" else (tmp_path / "c.partial.csv").read_text().splitlines()
    rows = f"{len(part) - 1:,} rows in {'standard output' if output == '-' else 'c.partial.csv'}, "
    assert rows in err
    words = shlex.split(err.partition("The rest: tokfluence ")[2].splitlines()[0])
    sandbox.clear_faults()
    code, out, _ = cli(*words, "--yes")
    assert code == 0
    rest = out if output == "-" else (tmp_path / "c.rest.csv").read_text()
    # What was read at once with the page that never came is in the part.
    assert sorted(part[1:] + rest.splitlines()[1:]) == sorted(whole[1:])
    again = [request.path for request in sandbox.requests("posts.comments")][len(sent) :]
    assert sorted(again) == sorted([*sent, *[path for path in {*sent} if stalled in path]])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 6)])
@pytest.mark.parametrize("resource", ["posts", "comments"])
def test_an_export_that_is_interrupted_before_its_first_row_leaves_nothing(
    started: Callable[..., subprocess.Popen[str]],
    sandbox: Sandbox,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
    resource: str,
) -> None:
    sandbox.add_fault(call="campaigns.posts", effect="stall", seconds=60)
    process = started("export", CAMPAIGN, resource, "-o", "x.csv", "--yes")
    until(lambda: bool(sandbox.requests()))
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "The rest" not in err
    assert not list(tmp_path.iterdir())


def test_what_can_not_be_kept_is_told(
    started: Callable[..., subprocess.Popen[str]], sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    stalled = sandbox.tracked(CAMPAIGN)[2]
    sandbox.add_fault(call="posts.comments", path=stalled, effect="stall", seconds=60)
    process = started("export", CAMPAIGN, "comments", "-o", "gone/c.csv", "--yes")
    until(lambda: len(sandbox.requests("posts.comments")) >= 3)
    shutil.rmtree(tmp_path / "gone")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 6, err
    assert "tokfluence: error: gone/c.csv: can't be written: No such file or directory\nInterrupted.\n" in err
    assert "The rest" not in err
    assert "Traceback" not in err
