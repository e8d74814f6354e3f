"""What a table can't be written to is told before anything is sent."""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import Any

import pytest

from tokfluence_async.errors import ConfigurationError, MissingExtraError
from tokfluence_async.export import RESOURCES, Position, read_table
from tokfluence_async.export.atomic import check_writable
from tokfluence_async.export.beside import file_beside
from tokfluence_async.export.destination import Destination
from tokfluence_async.export.exporting import try_export

POSTS = RESOURCES["posts"]


class Asynchronous:
    async def write(self, data: bytes) -> int:
        return len(data)


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_what_is_read_as_it_comes(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "wb") as pipe, (tmp_path / "x").open("wb") as file, os.fdopen(ours, "rb"):
        assert [Destination.of(each, "arrow").streamed for each in (pipe, file, Unseekable(), io.BytesIO())] == [
            True, False, True, False,
        ]  # fmt: skip
    with os.fdopen(1, "wb", closefd=False) as stdout:
        assert Destination.of(stdout, "arrow").streamed, "whatever file it is sent into"
    assert not Destination.of(tmp_path / "x", "arrow").streamed


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet", "arrow"])
def test_a_file_that_is_open_for_text_is_refused(tmp_path: Path, format_: Any) -> None:
    with (
        (tmp_path / "x").open("w") as text,
        NamedTemporaryFile("w", dir=tmp_path) as named,
        SpooledTemporaryFile(mode="w") as spooled,
        codecs.open(str(tmp_path / "y"), "w", "utf-8") as encoded,
    ):
        for target in (io.StringIO(), text, named, spooled, encoded):
            with pytest.raises(ConfigurationError, match="in binary"):
                Destination.of(target, format_)


def test_what_takes_no_bytes_is_refused(tmp_path: Path) -> None:
    closed = io.BytesIO()
    closed.close()
    (tmp_path / "x").touch()
    with (tmp_path / "x").open("rb") as read_only:
        for target in (None, 5, b"x.csv", [], object(), Asynchronous(), closed, read_only):
            with pytest.raises(ConfigurationError, match=r"file|closed"):
                Destination.of(target, "csv")


def test_what_takes_bytes_is_taken(tmp_path: Path) -> None:
    class Plain:
        def write(self, data: bytes) -> int:
            return len(data)

    with NamedTemporaryFile(dir=tmp_path) as named, SpooledTemporaryFile() as spooled:
        for target in (io.BytesIO(), Plain(), named, spooled, sys.__stderr__.buffer):  # type: ignore[union-attr]
            assert Destination.of(target, "csv").target is target
    assert Destination.of(str(tmp_path / "x.csv.gz")) == Destination(tmp_path / "x.csv.gz", "csv", ".gz")


@pytest.mark.parametrize(("target", "format_"), [("x\0.csv", None), ("x.csv", "xml"), ("x.csv", ["csv"])])
def test_names_that_are_none(target: str, format_: Any) -> None:
    with pytest.raises(ConfigurationError):
        Destination.of(target, format_)


@pytest.mark.parametrize("name", ["missing/x.csv", ".", "there/x.csv"])
def test_where_nothing_can_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(ConfigurationError, match="can't be written"):
        Destination.of(tmp_path / name, "csv").check(POSTS)


def test_a_look_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    Destination.of(path).check(POSTS)
    assert not path.exists()
    path.write_text("old")
    Destination.of(path).check(POSTS)
    assert path.read_text() == "old"
    check_writable("/dev/stderr")
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.parametrize(("name", "library"), [("x.parquet", "pyarrow"), ("x.csv.zst", "zstandard")])
def test_what_is_not_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError):
        Destination.of(tmp_path / name).check(POSTS)


@pytest.mark.parametrize(
    ("name", "there", "expected"),
    [
        ("c.csv", [], "c.rest.csv"),
        ("c.csv.gz", [], "c.rest.csv.gz"),
        ("c.csv", ["c.rest.csv"], "c.rest2.csv"),
        ("c.rest.csv", ["c.rest.csv"], "c.rest2.csv"),
        ("c.partial3.csv", [], "c.rest.csv"),
    ],
)
def test_a_name_for_the_rest(tmp_path: Path, name: str, there: list[str], expected: str) -> None:
    for each in there:
        (tmp_path / each).touch()
    assert file_beside(tmp_path / name, "rest").name == expected


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("x" * 251 + ".csv", "x.partial2.csv"),
        ("é" * 125 + "x.csv", "é.partial2.csv"),
        ("x" * 246 + ".jsonl.gz", "x.partial2.jsonl.gz"),
        ("x." + "y" * 253, "y.partial2"),
        ("y" * 250 + ".zst", "y.partial2.zst"),
    ],
)
def test_a_name_beside_is_no_longer_than_names_can_be(tmp_path: Path, name: str, end: str) -> None:
    (tmp_path / name).touch()
    first = file_beside(tmp_path / name, "partial")
    first.symlink_to("nowhere")
    second = file_beside(tmp_path / name, "partial")
    second.touch()
    assert second.name.endswith(end)
    assert 250 < len(os.fsencode(second.name)) <= 255


@pytest.mark.anyio
@pytest.mark.parametrize("resume", [Position("1"), "garbage", 7, "1:2"])
async def test_a_place_where_there_is_none_is_refused_before_a_client_is_asked(
    tmp_path: Path, resume: Any
) -> None:
    client: Any = None
    with pytest.raises(ConfigurationError):
        await try_export(client, 1, "posts", tmp_path / "x.csv", resume=resume)
    with pytest.raises(ConfigurationError):
        await read_table(client, 1, "posts", resume=resume)
    unknown: Any
    for unknown in ("nope", ["posts"], None):
        with pytest.raises(ConfigurationError, match="there is no resource"):
            await read_table(client, 1, unknown)


@pytest.mark.parametrize("made", [lambda: Position(7), lambda: Position(""), lambda: Position("7", None)])  # type: ignore[arg-type]
def test_what_is_no_place(made: Any) -> None:
    with pytest.raises(ConfigurationError, match="place"):
        made()
