"""The load file: private, locked by the kernel, atomic from its first byte on, and picky about what it opens."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from loads import make_plan

from tokfluence_async.campaign import records
from tokfluence_async.campaign.applying import status
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.loadfile import LoadFile, is_load_file
from tokfluence_async.campaign.report import LoadReport
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


@pytest.mark.parametrize("version", [1, 2, 99])
def test_another_format_is_refused(path: Path, version: int) -> None:
    file = LoadFile.create(path, make_plan(3))
    file.db.execute(f"PRAGMA user_version = {version}")
    file.close()
    for opening in (LoadFile.open, LoadFile.read):
        with pytest.raises(LoadFileError, match=f"format {version}"):
            opening(path)


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


KILLED = """
import os, pathlib, signal, sys
from loads import make_plan
from tokfluence_async.campaign import filesystem, loadfile, planstore
from tokfluence_async.campaign.loadfile import LoadFile

def killing(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

owner, name = {"written": (planstore, "_plan_to_json"), "synced": (os, "fsync"), "linked": (os, "link"),
               "unlinked": (pathlib.Path, "unlink"), "opened": (loadfile.LoadFile, "_opened")}[sys.argv[2]]
setattr(owner, name, killing)
LoadFile.create(pathlib.Path(sys.argv[1]), make_plan(300), agreed=True)
"""


@pytest.mark.parametrize("where", ["written", "synced", "linked", "unlinked", "opened"])
def test_a_kill_leaves_the_whole_file_or_none(path: Path, where: str) -> None:
    support = Path(__file__).parents[1] / "support"
    code = f"import sys; sys.path.insert(0, {str(support)!r})\n{KILLED}"
    done = subprocess.run([sys.executable, "-c", code, str(path), where], check=False)
    assert done.returncode == -9
    if where in {"unlinked", "opened"}:
        file = LoadFile.open(path)
        assert file.agreed
    else:
        assert not path.exists()
        file = LoadFile.create(path, make_plan(300))
    assert LoadReport.of(file).urls.unsent == 300
    assert len([post for post, *_ in records.outcomes(file.db)]) == 300
    file.close()


RACE = """
import sys, pathlib
from loads import make_plan
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.errors import LoadFileError
plan = make_plan(200, name=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    file = LoadFile.create(pathlib.Path(sys.argv[1]), plan)
except LoadFileError as error:
    print("refused", error, flush=True)
else:
    print("made", file.plan().name, flush=True)
    sys.stdin.readline()
    file.close()
"""


def test_of_two_that_create_it_at_once_one_does(path: Path) -> None:
    support = Path(__file__).parents[1] / "support"
    code = f"import sys; sys.path.insert(0, {str(support)!r})\n{RACE}"
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code, str(path), f"racer-{number}"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(2)
        ]
        assert all(each.stdout and each.stdout.readline() == "ready\n" for each in racers)
        for each in racers:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        said = [each.stdout.readline() for each in racers if each.stdout]
        (made,) = [line.split()[1] for line in said if line.startswith("made ")]
        assert sum("exists already" in line for line in said) == 1
        assert status(path).urls.unsent == 200
        for each in racers:
            assert each.stdin is not None
            each.stdin.close()
    file = LoadFile.open(path)
    assert file.plan().name == made
    file.close()
    assert list(path.parent.iterdir()) == [path]


def test_where_there_are_no_hard_links(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refusing)
    LoadFile.create(path, make_plan(3)).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(LoadFileError, match="exists already"):
        LoadFile.create(path, make_plan(3))
    assert list(path.parent.iterdir()) == [path]
    assert status(path).urls.unsent == 3


@pytest.mark.parametrize("there", ["file", "empty", "folder", "dangling link"])
def test_nothing_is_overwritten(path: Path, there: str) -> None:
    if there == "folder":
        path.mkdir()
    elif there == "dangling link":
        path.symlink_to("nowhere")
    else:
        path.write_bytes(b"mine" if there == "file" else b"")
    before = [(each.name, each.lstat().st_ino) for each in path.parent.iterdir()]
    with pytest.raises(LoadFileError, match="exists already"):
        LoadFile.create(path, make_plan(3))
    assert [(each.name, each.lstat().st_ino) for each in path.parent.iterdir()] == before


def test_a_name_that_is_taken_at_the_last_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def late(source: Path, target: Path) -> None:
        target.write_bytes(b"mine")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(LoadFileError, match="exists already"):
        LoadFile.create(path, make_plan(3))
    assert path.read_bytes() == b"mine"
    assert list(path.parent.iterdir()) == [path]


def test_the_log_of_a_file_that_is_gone_is_not_played_into_a_new_one(path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("print(", "file.set_meta('old', '1'); print("), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
    path.unlink()
    with pytest.raises(LoadFileError, match=r"spring\.tokload-wal, the log of a load file that was deleted"):
        LoadFile.create(path, make_plan(5))
    Path(f"{path}-wal").unlink()
    file = LoadFile.create(path, make_plan(5))
    assert file.meta("old") is None
    assert LoadReport.of(file).urls.unsent == 5
    file.close()


def test_a_full_disk_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LoadFileError, match=r"can't be written: .*No space left"):
        LoadFile.create(path, make_plan(3))
    assert not list(path.parent.iterdir())


def test_an_empty_file_is_said_to_be_empty(path: Path) -> None:
    path.touch()
    with pytest.raises(LoadFileError, match="is empty, and so is not a load file"):
        LoadFile.open(path)


def test_every_commit_is_synced(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    assert file.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert file.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()
