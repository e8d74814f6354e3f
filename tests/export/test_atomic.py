from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.export.atomic import AtomicFile


@pytest.fixture(params=["nameless", "named"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With files without a name, and as on systems that have none."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no files without a name")
    return str(request.param)


def test_it_replaces_what_was_there_in_one_step(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    mask = os.umask(0o027)
    try:
        with AtomicFile(path) as target:
            target.file.write(b"new")
            target.file.flush()
            assert path.read_text() == "old"
            assert target.commit() == path
    finally:
        os.umask(mask)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


def test_nothing_is_left_unless_it_is_committed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    with AtomicFile(path) as target:
        target.file.write(b"new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


def test_it_may_get_another_name(tmp_path: Path, kind: str) -> None:
    with AtomicFile(tmp_path / "x.csv") as target:
        target.file.write(b"new")
        target.commit(tmp_path / "x.partial.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["x.partial.csv"]


def test_a_link_stays_a_link(tmp_path: Path, kind: str) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "x.csv"
    link.symlink_to(tmp_path / "there" / "real.csv")
    with AtomicFile(link) as target:
        target.file.write(b"new")
        target.commit()
    assert link.is_symlink()
    assert (tmp_path / "there" / "real.csv").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name")
def test_nothing_is_left_after_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys; from tokfluence_async.export.atomic import AtomicFile\n"
        "target = AtomicFile(sys.argv[1]); target.file.write(b'x' * 100_000); target.file.flush()\n"
        "print('written', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "x.csv"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    with AtomicFile("/dev/null") as target:
        target.file.write(b"x")
        target.commit()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("name", ["", "missing/x.csv"])
def test_where_nothing_can_be_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be written"):
        AtomicFile(tmp_path / name)
