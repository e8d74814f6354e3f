from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from source_rows import TABLE, URL, fails, read, urls_of

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.delimited import read_delimited
from tokfluence_async.campaign.sources import READERS, InputOptions, RowStream, open_source
from tokfluence_async.errors import InputError


def test_gzip_is_recognised_by_content(tmp_path: Path) -> None:
    for name in ("plan.csv.gz", "plan.CSV", "plan.gz"):
        file = tmp_path / name
        file.write_bytes(gzip.compress(TABLE.encode()))
        assert urls_of(open_source(file)) == [URL.format(0), URL.format(1)]


@pytest.mark.parametrize("cut", [5, 40, -4])
def test_a_damaged_gzip_file_is_an_input_error(cut: int) -> None:
    noise = "".join(f"{URL.format(0)}?{n * 7919 % 104729}\n" for n in range(5000))
    with pytest.raises(InputError, match="damaged or cut off"):
        read(gzip.compress(b"url\n" + noise.encode())[:cut])


def test_a_gzip_file_with_a_wrong_sum_is_an_input_error() -> None:
    data = bytearray(gzip.compress(TABLE.encode()))
    data[-6] ^= 0xFF
    assert "can't be read" in fails(bytes(data)).message


def test_a_spreadsheet_is_told_apart() -> None:
    assert "save the sheet as CSV" in fails(b"PK\x03\x04" + b"\0" * 40).message


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plan.orc", b"ORC\n\x08\x04rest"),
        ("plan.avro.gz", gzip.compress(b"Obj\x01\x04\x14avro", mtime=0)),
        ("plan.csv.lz4", b"\x04\x22\x4d\x18rest"),
        ("plan.png", b"\x89PNG\r\n\x1a\n\0\0"),
    ],
)
def test_an_unsupported_type_names_the_supported(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=r"files of type .*\.csv, .*\.tsv"):
        open_source(tmp_path / name)


@pytest.mark.parametrize("name", ["posts.2026-01-01", "posts.csv.bak", "posts.gz.1", "posts"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "latin-1"])
def test_text_of_another_suffix_is_read_by_its_content(tmp_path: Path, name: str, encoding: str) -> None:
    (tmp_path / name).write_text(TABLE, encoding=encoding)
    assert urls_of(open_source(tmp_path / name)) == [URL.format(0), URL.format(1)]
    (tmp_path / name).write_text(json.dumps([URL.format(0)]))
    assert urls_of(open_source(tmp_path / name)) == [URL.format(0)]


def test_a_spreadsheet_by_its_own_name_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "plan.xlsx").write_bytes(b"PK\x03\x04" + b"\0" * 40)
    with pytest.raises(InputError, match="save the sheet as CSV"):
        open_source(tmp_path / "plan.xlsx")


@pytest.mark.parametrize("name", ["plan.csv", "plan.json", "plan", "plan.gz", "plan.2026"])
def test_parquet_and_arrow_are_recognised_by_content(tmp_path: Path, name: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"url": [URL.format(0)]})
    written: list[io.BytesIO] = [io.BytesIO() for _ in range(3)]
    pytest.importorskip("pyarrow.parquet").write_table(table, written[0])
    for new, out in ((arrow.ipc.new_file, written[1]), (arrow.ipc.new_stream, written[2])):
        with new(out, table.schema) as writer:
            writer.write_table(table)
    for out in written:
        (tmp_path / name).write_bytes(out.getvalue())
        with open_source(tmp_path / name) as rows:
            assert urls_of(rows) == [URL.format(0)]


def test_text_that_begins_like_a_binary_format_is_text() -> None:
    assert urls_of(read(f"PAR1,url\nx,{URL.format(0)}\n")) == [URL.format(0)]


def test_standard_input_that_is_closed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        open_source("-")


def test_a_format_can_be_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def semicolons(stream: BinaryIO, *, name: str, options: InputOptions) -> RowStream:
        return read_delimited(
            cast("BinaryIO", io.BytesIO(stream.read().replace(b"^", b";"))), name=name, options=options
        )

    monkeypatch.setitem(READERS, ".caret", semicolons)
    file = tmp_path / "plan.caret"
    file.write_text(TABLE.replace(",", "^"))
    assert urls_of(open_source(str(file))) == [URL.format(0), URL.format(1)]


def test_files_that_can_not_be_opened(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, why in {
        "missing.csv": "no such file",
        "folder.csv": "directory",
        "loop.csv": "can't be opened",
        "nul\0.csv": "can't be opened",
    }.items():
        with pytest.raises(InputError, match=why) as caught:
            open_source(tmp_path / name)
        assert caught.value.source == str(tmp_path / name)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret.csv"
    file.write_text(TABLE)
    file.chmod(0)
    if os.access(file, os.R_OK):  # as root, whom no mode stops

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="permission denied"):
        open_source(file)


def test_a_url_is_not_a_file() -> None:
    with pytest.raises(InputError, match="is a URL"):
        open_source(URL.format(0))


def test_a_file_open_for_text_is_refused() -> None:
    with pytest.raises(InputError, match="for bytes"):
        open_source(cast("BinaryIO", io.StringIO(TABLE)))


def test_a_stream_is_read_once_and_closes_its_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    file.write_text(TABLE)
    closed: list[str] = []
    stream = open_source(file)
    close = stream.close
    assert len(list(stream)) == 2
    with pytest.raises(InputError, match="already read"):
        iter(stream)
    stream.on_close(lambda: closed.append("again"))
    stream.close()
    close()
    assert closed == ["again"]


def test_a_file_of_the_callers_stays_open() -> None:
    file = io.BytesIO(TABLE.encode())
    with open_source(file) as stream:
        assert len(list(stream)) == 2
    assert not file.closed


def test_a_file_is_closed_when_its_columns_are_unclear(tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="--url-column"):  # a file left open would be a ResourceWarning
        open_source(file)


@pytest.mark.parametrize(
    "data",
    [TABLE.encode(), gzip.compress(TABLE.encode(), mtime=0), b"url\n"],
    ids=["plain", "gzip", "header alone"],
)
def test_standard_input_through_a_pipe(data: bytes) -> None:
    script = (
        "from tokfluence_async.campaign.sources import open_source\n"
        "from tokfluence_async.errors import InputError\n"
        "try:\n    print([(row.number, row.source) for row in open_source('-')])\n"
        "except InputError as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], input=data, capture_output=True, timeout=60, check=True
    )
    expected = "[(2, 'standard input'), (3, 'standard input')]"
    if len(data) < 10:
        expected = "standard input: the file holds no rows, only a header"
    assert run.stdout.decode().strip() == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "a file's name.*not int"),
        (None, "a file's name.*not NoneType"),
        (["a.csv"], "a file's name.*not list.*add_items"),
        (b"a.csv", "text, and these are bytes.*io.BytesIO"),
        (bytearray(b"a.csv"), "bytearray"),
    ],
)
def test_what_is_no_source_is_refused_in_words(source: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CampaignBuilder("x").add_file(source)  # type: ignore[arg-type] # that is what is tested


def test_a_file_that_is_closed_or_gives_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(f"url\n{URL}\n")
    with path.open("rb") as file:
        pass
    with pytest.raises(InputError, match="closed"):
        open_source(file)
    with (
        tempfile.NamedTemporaryFile("w+", dir=tmp_path) as text,
        pytest.raises(InputError, match="gives str, not bytes"),
    ):
        open_source(cast("BinaryIO", text))


def test_a_name_in_bytes_of_a_directory_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(f"url\n{URL}\n")
    with os.scandir(os.fsencode(tmp_path)) as entries:
        (entry,) = entries
    assert [row.url for row in open_source(entry)] == [URL]  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", f"url,fee_eur\n{URL.format(0)},5.00\n{URL.format(1)},\u20ac5\n".encode()),
        ("x.csv", f"url,Fee (\u20ac)\n{URL.format(0)},5.00\n{URL.format(1)},5 EUR\n".encode()),
        ("x.jsonl", b"".join(b'{"url": "%b", "fee_eur": 5}\n' % URL.format(n).encode() for n in range(2))),
    ],
)
def test_the_currency_that_a_column_names_is_the_campaigns(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    units = InputOptions(fee_unit="units")
    for currency in ("EUR", None):
        plan = CampaignBuilder("x", currency=currency).add_file(tmp_path / name, units).plan()
        assert [post.fee_cents for post in plan.posts()] == [500, 500]
    with pytest.raises(InputError, match="fees are in EUR, the campaign in USD") as caught:
        CampaignBuilder("x", currency="USD").add_file(tmp_path / name, units)
    assert caught.value.source == str(tmp_path / name)


def test_the_currency_of_a_column_of_parquet_is_the_campaigns(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"url": [URL.format(0)], "fee_eur_cents": [5]})
    with pytest.raises(InputError, match="fees are in EUR, the campaign in USD"):
        CampaignBuilder("x", currency="USD").add_table(table)
    assert CampaignBuilder("x", currency="EUR").add_table(table).plan().urls == 1
