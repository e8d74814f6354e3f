"""An export of comments that ends on the way: the command that goes on is told, whether or not a part was kept."""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.sandbox import Sandbox
from tokfluence_async.sandbox.posts import comments_total

CLI = Callable[..., tuple[int, str, str]]
CAMPAIGN = 4711


def seed(sandbox: Sandbox, key: str) -> None:
    posts = [{"url": f"https://www.tiktok.com/@maker/video/75685331334240{n:05}"} for n in range(3)]
    sandbox.seed({"campaigns": [{"key": key, "id": CAMPAIGN, "name": "Spring", "posts": posts}]})


@pytest.fixture
def silent(sandbox: Sandbox, key: str) -> list[str]:
    """The ids of a campaign's posts, none of which has a comment."""
    ids = [str(n) for n in range(7_568_533_133_424_000_000, 7_568_533_133_424_003_000)]
    ids = [each for each in ids if not comments_total(each)][:6]
    posts = [{"url": f"https://www.tiktok.com/@maker/video/{each}"} for each in ids]
    sandbox.seed({"campaigns": [{"key": key, "id": CAMPAIGN, "name": "Spring", "posts": posts}]})
    return ids


def test_a_cap_amid_posts_without_comments_tells_what_goes_on(
    cli: CLI, sandbox: Sandbox, tmp_path: Path, silent: list[str]
) -> None:
    code, out, err = cli("export", CAMPAIGN, "comments", "-o", "c.csv", "--max-credits", "8")
    assert (code, out) == (5, "")
    assert not list(tmp_path.iterdir())
    words = shlex.split(err.partition("not read yet: tokfluence ")[2].splitlines()[0])
    assert words == ["export", "4711", "comments", "-o", "c.csv", "--resume", f"{silent[3]}:0"]
    assert "the cap" in err.splitlines()[-1] or "cap of 8" in err.splitlines()[-1]
    assert cli(*words, "--yes")[0] == 0
    # Each page is bought once.
    assert len(sandbox.requests("posts.comments")) == len(silent)


def test_a_signal_amid_posts_without_comments_tells_what_goes_on(
    started: Callable[..., subprocess.Popen[str]], sandbox: Sandbox, tmp_path: Path, silent: list[str]
) -> None:
    sandbox.add_fault(call="posts.comments", path=silent[2], effect="stall", seconds=60)
    process = started("export", CAMPAIGN, "comments", "-o", "c.csv", "--yes")
    deadline = time.monotonic() + 20
    while len(sandbox.requests("posts.comments")) < len(silent):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    place = ",".join([f"{silent[2]}:0", *(f"{each}:" for each in silent[3:])])
    assert f"tokfluence export 4711 comments -o c.csv --resume {place}\n" in err
    assert not list(tmp_path.iterdir())


def test_comments_of_a_link_are_kept_where_it_leads(
    cli: CLI, sandbox: Sandbox, key: str, tmp_path: Path
) -> None:
    seed(sandbox, key)
    there = tmp_path / "there"
    there.mkdir()
    (tmp_path / "latest.csv").symlink_to(there / "real.csv")
    sandbox.add_fault(call="posts.comments", nth=3, effect="status", status=500, count=99)
    code, _, err = cli("export", CAMPAIGN, "comments", "-o", "latest.csv", "--yes")
    assert code == 1
    assert f"{there.resolve()}/real.partial.csv holds what was read until then" in err
    words = shlex.split(err.partition("The rest: tokfluence ")[2].splitlines()[0])
    assert words[:5] == ["export", "4711", "comments", "-o", "latest.rest.csv"]
    sandbox.clear_faults()
    assert cli(*words, "--yes")[0] == 0


@pytest.mark.parametrize("there", [True, False])
def test_comments_that_can_not_be_kept_have_their_place_told(
    cli: CLI, sandbox: Sandbox, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    seed(sandbox, key)
    if there:
        (tmp_path / "c.csv").write_text("old")
    sandbox.add_fault(call="posts.comments", nth=3, effect="status", status=500, count=99)
    with monkeypatch.context() as without_space:
        without_space.setattr(AtomicFile, "commit", full)
        code, _, err = cli("export", CAMPAIGN, "comments", "-o", "c.csv", "--yes")
    assert code == 1
    assert "500" in err
    assert "What was read is lost" in err
    assert err.splitlines()[-1].endswith("c.csv: can't be written: No space left on device")
    words = shlex.split(err.partition("not read yet: tokfluence ")[2].splitlines()[0])
    # Not over what stands there.
    assert words[4] == ("c.rest.csv" if there else "c.csv")
    sandbox.clear_faults()
    assert cli(*words, "--yes")[0] == 0
