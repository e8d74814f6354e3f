"""The whole job, as a script and as a function, against the sandbox and its ledger."""

from __future__ import annotations

import csv
import importlib.util
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import orjson
import pytest

from tokfluence_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"

pytest.importorskip("altair")
pytest.importorskip("vl_convert")


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """A sheet of 60 posts, one of which can't be resolved, with a duplicate and a row that names no post."""
    path = tmp_path / "posts.csv"
    handles = ["ghost.one" if number == 7 else f"maker_{number % 5}" for number in range(60)]
    rows = [
        f"https://www.tiktok.com/@{handle}/video/75685331334240{number:05},5000"
        for number, handle in enumerate(handles)
    ]
    path.write_text("\n".join(["url,fee_cents", *rows, rows[3], "nothing,1"]) + "\n")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check(folder: Path, sandbox: Sandbox) -> None:
    """The results, against what the sandbox knows."""
    [campaign] = {entry.campaign_id for entry in sandbox.ledger().entries if entry.campaign_id is not None}
    tracked = sandbox.tracked(campaign)
    assert len(tracked) == 59
    posts = rows_of(folder / "posts.csv")
    assert [post["post_id"] for post in posts] == tracked
    assert {post["status"] for post in posts} == {"analyzed"}
    assert sum(int(creator["tracked_posts_count"]) for creator in rows_of(folder / "influencers.csv")) == 59
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "1 + 25 × 60 = 1,501" in page
    assert "creator_not_found" in page
    assert not sandbox.ledger().charged_twice


def test_the_script(sheet: Path, tmp_path: Path, tokfluence_env: Sandbox) -> None:
    folder = tmp_path / "results"
    environ = {**os.environ, "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"}
    line = [str(EXAMPLES / "etl.sh"), str(sheet), "Spring", "1510", str(folder)]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    tokfluence_env.add_fault(call="posts.analyze", nth=2, effect="status", status=402)
    stopped = run()
    assert stopped.returncode == 5, stopped.stderr
    assert not (folder / "posts.csv").exists()
    assert tokfluence_env.ledger().net == 1 + 25 * 50
    # Run again, it goes on.
    done = run()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    check(folder, tokfluence_env)
    [metrics] = [orjson.loads(line) for line in (folder / "metrics.jsonl").read_bytes().splitlines()]
    assert metrics["posts_published"] == 59
    events = [orjson.loads(line) for line in (folder / "events.ndjson").read_bytes().splitlines()]
    assert events[-1]["event"] == "load_ended"
    assert tokfluence_env.ledger().net == 1501 + 2 + 2 + 2 + 2 + 7


def test_the_script_tells_how_it_is_used() -> None:
    done = subprocess.run([EXAMPLES / "etl.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: etl.sh SOURCE")


@pytest.mark.anyio
async def test_the_function(
    sheet: Path, tmp_path: Path, tokfluence_env: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("etl", EXAMPLES / "etl.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = await module.etl(sheet, name="Spring", folder=tmp_path, max_credits=1510)
    assert (report.urls.accepted, report.urls.rejected) == (59, 1)
    assert capsys.readouterr().out == "60 posts of 62 rows: 1 + 25 × 60 = 1,501 credits\n"
    check(tmp_path, tokfluence_env)
    assert tokfluence_env.ledger().net == 1501 + 2 + 2 + 2 + 7
