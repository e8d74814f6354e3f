"""Who looks at a load file costs its holder no lock, and leaves nothing behind.

SQLite's locks belong to the process, and are lost when it closes any descriptor of the file.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from loads import make_plan

from tokfluence_async.campaign.applying import status
from tokfluence_async.campaign.loadfile import LoadFile, is_load_file
from tokfluence_async.errors import LoadFileError, LoadFileInUseError

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


def outsider(path: Path, then: str = "") -> None:
    """Another program looks into the file, and closes it."""
    code = f"import sqlite3; db = sqlite3.connect({str(path)!r}); db.execute('SELECT * FROM meta').fetchone(); {then}"
    subprocess.run([sys.executable, "-c", f"{code}\ndb.close()"], check=True)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def names(path: Path) -> list[str]:
    return sorted(each.name.removeprefix(path.name) for each in path.parent.iterdir())


ALL = ["", "-shm", "-wal"]


def refused(path: Path) -> None:
    with pytest.raises(LoadFileInUseError):
        LoadFile.open(path)


def read_twice(path: Path) -> None:
    first, second = LoadFile.read(path), LoadFile.read(path)
    first.close()
    second.close()


@pytest.mark.parametrize(
    "look", [refused, status, read_twice, is_load_file], ids=["open", "status", "read", "is_load_file"]
)
def test_who_looks_at_it_in_the_process_that_holds_it_costs_it_no_lock(
    path: Path, look: Callable[[Path], object]
) -> None:
    file = LoadFile.create(path, make_plan(3))
    file.set_meta("before", "1")
    look(path)
    outsider(path)
    assert names(path) == ALL, "the log of a file that is held was deleted"
    file.set_meta("after", "2")
    assert status(path).urls.unsent == 3
    file.close()
    assert names(path) == [""]
    reader = LoadFile.read(path)
    assert (reader.meta("before"), reader.meta("after")) == ("1", "2")
    reader.close()


def test_who_reads_on_keeps_its_locks_when_the_file_is_let_go_of(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    reader = LoadFile.read(path)
    file.close()
    reader.db.execute("BEGIN")
    reader.plan()
    outsider(path, "db.execute('PRAGMA user_version = 99')")
    assert names(path) == ALL, "the log that a reader looks into was deleted"
    reader.check_version()
    reader.db.execute("COMMIT")
    with pytest.raises(LoadFileError, match="format 99"):
        reader.check_version()
    reader.close()


def test_it_is_free_as_soon_as_it_is_closed_whoever_reads_on(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    reader = LoadFile.read(path)
    file.close()
    before = open_files()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused(path)
        holder.communicate("")
    LoadFile.open(path).close()
    reader.close()
    assert open_files() < before, "descriptors that were kept back are closed by and by"


def test_a_file_that_is_held_and_was_overwritten(path: Path) -> None:
    file = LoadFile.create(path, make_plan(3))
    # By another process: to open and close it here would be the damage itself.
    code = "import sys; file = open(sys.argv[1], 'r+b'); file.write(b'url\\n' * 1000)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    with pytest.raises(LoadFileError, match="file is not a database"):
        LoadFile.read(path)
    with suppress(LoadFileError):
        file.close()


def test_who_looks_leaves_nothing_behind(path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    before = path.read_bytes()
    status(path)
    assert names(path) == [""]
    read_twice(path)
    assert names(path) == [""]
    assert path.read_bytes() == before


def test_who_looks_at_another_database_leaves_nothing_behind(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(LoadFileError, match="not a load file"):
        status(path)
    assert names(path) == [""]


def test_who_looks_leaves_the_log_of_a_load_that_was_killed(path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    code = HOLD.replace("print(", "file.set_meta('last', '1'); print(")
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    log = Path(f"{path}-wal").read_bytes()
    assert log
    status(path)
    assert Path(f"{path}-wal").read_bytes() == log
    file = LoadFile.open(path)
    assert file.meta("last") == "1"
    file.close()


def test_who_looks_leaves_the_log_of_a_load_that_began_meanwhile(path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    reader = LoadFile.read(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        reader.close()
        assert names(path) == ALL
        holder.communicate(b"")
    assert names(path) == [""]


def test_who_looks_at_a_file_that_is_replaced_meanwhile(path: Path) -> None:
    LoadFile.create(path, make_plan(3)).close()
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    reader = LoadFile.read(path)
    copy.replace(path)
    reader.close()
    assert status(path).urls.unsent == 3


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "denied"), OSError(errno.EROFS, "read-only")]
)
def test_who_may_only_read_it_leaves_what_it_can_not_remove(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    LoadFile.create(path, make_plan(3)).close()
    opening = os.open

    def refusing(name: Any, flags: int, *mode: int) -> int:
        if flags & os.O_RDWR:
            raise error
        return opening(name, flags, *mode)

    monkeypatch.setattr(os, "open", refusing)
    assert status(path).urls.unsent == 3
    assert status(path).urls.unsent == 3


def test_who_looks_in_passing_is_waited_for(path: Path) -> None:
    """A look holds the file for an instant when it tidies up: nobody is refused for that."""
    LoadFile.create(path, make_plan(3)).close()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            status(path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for number in range(30):
            file = LoadFile.open(path)
            file.set_meta("n", str(number))
            file.close()
    finally:
        stop.set()
        looker.join()
    assert names(path) == [""]
    reader = LoadFile.read(path)
    assert reader.meta("n") == "29"
    reader.close()
