"""The load file: private, locked by the kernel, atomic from its first byte on, and picky about what it opens."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from loads import make_plan

from tokfluence_async.campaign import records
from tokfluence_async.campaign.applying import status
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.loadfile import LoadFile, is_load_file
from tokfluence_async.errors import InputError, LoadFileError, LoadFileInUseError

HOLD = """
import sys, pathlib
from tokfluence_async.campaign.loadfile import LoadFile
file = LoadFile.open(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spring.tokload"


def test_the_plan_comes_back(path: Path) -> None:
    plan = make_plan(25)
    LoadFile.create(path, plan).close()
    file = LoadFile.read(path)
    stored = file.plan()
    posts = [post for post, *_ in records.outcomes(file.db)]
    file.close()
    assert stored.estimate == plan.estimate
    assert (stored.plan_id, stored.name, stored.currency, stored.created_at) == (
        plan.plan_id,
        plan.name,
        plan.currency,
        plan.created_at,
    )
    assert posts == list(plan.posts())


def test_rows_that_are_not_sent_are_kept(path: Path) -> None:
    build = CampaignBuilder("Spring")
    build.add_items(["https://www.tiktok.com/@maker/video/7301234567890123456"] * 3 + ["nonsense"] * 1200)
    plan = build.plan()
    file = LoadFile.create(path, plan)
    assert list(file.skipped()) == list(plan.skipped())
    file.close()


def test_it_is_private_and_alone(path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name], "no log stays behind"


def test_its_log_is_private_too(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    file.set_meta("x", "y")
    modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    file.close()
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3


def test_another_process_holds_it_until_it_is_killed(path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LoadFileInUseError, match="another process"):
            LoadFile.open(path)
        assert status(path).urls.unsent == 3
        holder.kill()
        holder.wait()
    LoadFile.open(path).close()


def test_this_process_holds_it_once(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    with pytest.raises(LoadFileInUseError, match="this process"):
        LoadFile.open(path)
    file.set_meta("still", "works")
    file.close()
    LoadFile.open(path).close()


def test_a_link_to_it_is_the_same_file(path: Path, tmp_path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    link = tmp_path / "link.tokload"
    link.symlink_to(path)
    with pytest.raises(LoadFileInUseError):
        LoadFile.open(link)
    file.close()


@pytest.mark.parametrize(
    "content", [b"", b"url\nhttps://\n", b"SQLite format 3\0", b"SQLite format 3\0" + b"\0" * 4080]
)
def test_what_is_none(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for opening in (LoadFile.open, LoadFile.read):
        with pytest.raises(LoadFileError):
            opening(path)
    assert path.read_bytes() == content


def test_another_database_is_left_alone(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE mine (x)")
    db.commit()
    db.close()
    assert is_load_file(path), "it looks like one"
    before = path.read_bytes()
    with pytest.raises(LoadFileError, match="not a load file"):
        LoadFile.open(path)
    assert path.read_bytes() == before


def test_a_later_format_is_refused(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    file.db.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(LoadFileError, match="format 99"):
        LoadFile.open(path)


def test_missing(path: Path) -> None:
    with pytest.raises(LoadFileError, match="no such file"):
        LoadFile.open(path)
    with pytest.raises(LoadFileError, match="no such file"):
        status(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LoadFileError, match="can't be created"):
        LoadFile.create(tmp_path / "no" / "x.tokload", make_plan(3))


def test_nothing_is_left_of_a_plan_that_can_not_be_written(path: Path) -> None:
    with pytest.raises(InputError):
        LoadFile.create(path, CampaignBuilder("Empty").plan())
    assert not path.exists()
    broken = make_plan(3)
    object.__setattr__(broken, "batch_blobs", [b"x", b"y", b"z"])
    with pytest.raises(ValueError, match="zip"):
        LoadFile.create(path, broken)
    assert not list(path.parent.iterdir())


def test_every_commit_is_synced(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    assert file.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert file.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()
