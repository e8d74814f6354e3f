from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.export.atomic import AtomicFile, check_writable


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
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


def test_a_new_file_has_the_mode_that_files_have(tmp_path: Path, kind: str) -> None:
    mask = os.umask(0o027)
    try:
        with AtomicFile(tmp_path / "x.csv") as target:
            target.commit()
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_what_is_replaced_keeps_its_mode(tmp_path: Path, kind: str, mode: int) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    path.chmod(mode)
    with AtomicFile(path) as target:
        target.commit()
    assert stat.S_IMODE(path.stat().st_mode) == mode
    with AtomicFile(path) as target:
        target.commit(tmp_path / "x.partial.csv")
    assert stat.S_IMODE((tmp_path / "x.partial.csv").stat().st_mode) == mode


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


def test_another_name_is_in_the_folder_that_a_link_leads_to(tmp_path: Path, kind: str) -> None:
    (tmp_path / "there").mkdir()
    link, real = tmp_path / "x.csv", tmp_path / "there" / "real.csv"
    link.symlink_to(real)
    with AtomicFile(link) as target:
        assert target.place == real
        target.file.write(b"new")
        target.commit(target.place.with_name("part.csv"))
    assert [each.name for each in (tmp_path / "there").iterdir()] == ["part.csv"]
    with AtomicFile(tmp_path / "y.csv") as target:
        assert target.place == tmp_path / "y.csv"


def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("é" * 125 + "x.csv")
    check_writable(path)
    with AtomicFile(path) as target:
        target.file.write(b"new")
        target.commit()
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with pytest.raises(ConfigurationError, match="File name too long"):
        check_writable(path.with_name(f"x{path.name}"))


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name")
def test_a_look_tries_to_give_it_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(ConfigurationError, match=r"x\.csv: can't be written: Operation not permitted"):
        check_writable(tmp_path / "x.csv")
    assert not list(tmp_path.iterdir())


def test_what_is_open_for_reading_alone_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    with path.open("rb") as file, pytest.raises(ConfigurationError, match="Bad file descriptor"):
        check_writable(f"/dev/fd/{file.fileno()}")


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


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    try:
        for name in (f"/dev/fd/{theirs}", f"/proc/self/fd/{theirs}"):
            with AtomicFile(name) as target:
                assert target.direct
                target.file.write(b"x")
                assert target.commit(tmp_path / "other") == Path(name)
        assert os.read(ours, 10) == b"xx"
    finally:
        os.close(ours)
        os.close(theirs)
    assert not list(tmp_path.iterdir())


def test_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with AtomicFile(path) as target:
            target.file.write(b"x")
            target.commit()
        assert os.read(reader, 10) == b"x"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_file_that_is_open_is_added_to_as_its_opener_meant(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("before;")
    with path.open("ab") as file, AtomicFile(f"/dev/fd/{file.fileno()}") as target:
        target.file.write(b"after")
        target.commit()
    assert path.read_text() == "before;after"


@pytest.mark.parametrize("name", ["/dev/fd/987654", "/dev/full/x.csv"])
def test_what_is_not_open_is_told(name: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be written"):
        AtomicFile(name)


@pytest.mark.parametrize("name", ["", "missing/x.csv"])
def test_where_nothing_can_be_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be written"):
        AtomicFile(tmp_path / name)
