"""Every source gives the same thousand rows, and a malformed file of each kind says where it is wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.sources import find_sources, open_source
from tokfluence_async.errors import InputError, MissingExtraError

arrow: Any = pytest.importorskip("pyarrow")
parquet: Any = pytest.importorskip("pyarrow.parquet")
zstandard: Any = pytest.importorskip("zstandard")

URL = "https://www.tiktok.com/@maker_{}/video/{}"
RECORDS: list[dict[str, Any]] = [
    {
        "url": URL.format(n % 7, 7_300_000_000_000_000_000 + n * 1_000_003),
        "creator_handle": f"maker_{n % 7}" if n % 3 else None,
        "fee_cents": n * 5 if n % 5 else None,
        "note": f'says "{n}", é',
    }
    for n in range(1000)
]
RECORDS += [RECORDS[3], {"url": "nonsense", "creator_handle": None, "fee_cents": None, "note": None}]


def as_csv(delimiter: str = ",") -> bytes:
    cells = [["url", "creator_handle", "fee_cents", "note"]]
    cells += [["" if value is None else str(value) for value in each.values()] for each in RECORDS]
    lines = (delimiter.join('"' + cell.replace('"', '""') + '"' for cell in record) for record in cells)
    return "\r\n".join(lines).encode()


def as_parquet() -> bytes:
    out = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(RECORDS), out, row_group_size=300)
    return out.getvalue()


def as_ipc(new: Callable[..., Any]) -> bytes:
    table = arrow.Table.from_pylist(RECORDS)
    out = io.BytesIO()
    with new(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=300)
    return out.getvalue()


def as_lines() -> bytes:
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in RECORDS).encode()


FORMATS: dict[str, Callable[[], bytes]] = {
    "csv": as_csv,
    "tsv": lambda: as_csv("\t"),
    "jsonl": as_lines,
    "ndjson": lambda: b"\xef\xbb\xbf" + as_lines() + b"\r\n\r\n",
    "json": lambda: json.dumps(RECORDS, indent=2).encode(),
    "parquet": as_parquet,
    "arrow": lambda: as_ipc(arrow.ipc.new_file),
    "feather": lambda: as_ipc(arrow.ipc.new_file),
    "arrows": lambda: as_ipc(arrow.ipc.new_stream),
}
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.compress(data[:5000]) + zstandard.compress(data[5000:]),
}


def what(plan: Plan) -> tuple[list[tuple[str, str | None, int]], dict[str, int]]:
    posts = [(post.url, post.creator_handle, post.fee_cents) for post in plan.posts()]
    return posts, dict(plan.reasons)


@pytest.fixture(scope="module")
def expected() -> tuple[list[tuple[str, str | None, int]], dict[str, int]]:
    posts: list[tuple[str, str | None, int]] = [
        (str(each["url"]), f"maker_{n % 7}", each["fee_cents"] or 0) for n, each in enumerate(RECORDS[:1000])
    ]
    return posts, {"duplicate": 1, "not_a_url": 1}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("kind", FORMATS)
def test_each_source_gives_the_same_rows(
    kind: str, compression: str, tmp_path: Path, expected: object
) -> None:
    file = tmp_path / f"posts.{kind}{compression}"
    file.write_bytes(COMPRESSIONS[compression](FORMATS[kind]()))
    plan = CampaignBuilder("Spring").add_file(file).plan()
    assert what(plan) == expected
    assert plan.rows == 1002
    first = 2 if kind in {"csv", "tsv"} else 1
    assert [each.row for each in plan.skipped()] == [first + 1000, first + 1001]
    assert {each.source for each in plan.skipped()} == {str(file)}
    assert plan.origins[0].counted == ("line" if kind in {"csv", "tsv", "jsonl", "ndjson"} else "row")


@pytest.mark.parametrize(
    ("kind", "compression"),
    [("csv", ".zst"), ("json", ""), ("jsonl", ".gz"), ("parquet", ""), ("arrow", ".xz"), ("arrows", "")],
)
def test_standard_input_is_recognised_by_its_beginning(kind: str, compression: str) -> None:
    script = (
        "from tokfluence_async.campaign import CampaignBuilder\n"
        "plan = CampaignBuilder('x').add_file('-').plan()\n"
        "print([post.url for post in plan.posts()])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=COMPRESSIONS[compression](FORMATS[kind]()),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.decode().strip() == str([each["url"] for each in RECORDS[:1000]])


@pytest.mark.parametrize("of", ["pyarrow", "reader", "pandas", "polars"])
def test_tables_in_memory(of: str, expected: object) -> None:
    table: Any = arrow.Table.from_pylist(RECORDS)
    if of == "reader":
        table = table.to_reader(max_chunksize=100)
    elif of == "pandas":
        table = pytest.importorskip("pandas").DataFrame(RECORDS).astype({"fee_cents": "Int64"})
    elif of == "polars":
        table = pytest.importorskip("polars").DataFrame(RECORDS)
    assert what(CampaignBuilder("Spring").add_table(table).plan()) == expected


def test_nested_columns_and_decimals() -> None:
    table = arrow.table(
        {
            "post": [{"url": URL.format("a", 71), "stats": {"views": 5}}, None, {"url": URL.format("a", 72)}],
            "price": arrow.array([Decimal("5.50"), None, Decimal("0.05")], arrow.decimal128(12, 2)),
        }
    )
    with pytest.raises(InputError, match="--fee-unit"):
        CampaignBuilder("x").add_table(table)
    plan = CampaignBuilder("x").add_table(table, InputOptions(fee_unit="units"), name="deal").plan()
    assert [(post.row, post.fee_cents) for post in plan.posts()] == [(1, 550), (3, 5)]
    assert [(each.source, each.row, each.reason) for each in plan.skipped()] == [("deal", 2, "empty")]
    assert "'post.url'" in plan.notes[0]


GOOD = json.dumps({"url": URL.format("a", 71)})


@pytest.mark.parametrize(
    ("name", "data", "row", "message"),
    [
        ("a.jsonl", b"url,creator\n", 1, "not JSON"),
        ("a.jsonl", b"", None, "holds no rows"),
        ("a.jsonl", b'{"a": 1}\n', 1, "--url-column"),
        ("a.jsonl", GOOD.encode() + b"\n\xff\n", 2, "0xFF at position"),
        ("a.json", f"[{GOOD},\n{GOOD}".encode(), 3, "cut off: it has no end (on line 2)"),
        ("a.json", f'[{GOOD},\n{{"url": "x'.encode(), 2, "the value is cut off (on line 2)"),
        ("a.json", f"[{GOOD} {GOOD}]".encode(), 2, "a comma is missing"),
        ("a.json", f"[{GOOD},]".encode(), 2, "a comma too many"),
        ("a.json", f"[{GOOD}] x".encode(), 2, "after the end"),
        ("a.json", f'[{GOOD}, {{"url": "{"x" * 1_200_000}"}}]'.encode(), 2, "larger than"),
        ("a.json", b'["\xff"]', 1, "not UTF-8"),
        ("a.json", b"[]", None, "holds no rows"),
        ("a.json", f'{{"a": [{GOOD}], "b": [{GOOD}]}}'.encode(), 2, "under 'a' and under 'b'"),
        ("a.json", f'{{"d": {{"p q": [{GOOD}]}}}}'.encode(), None, """jq '.["d"]["p q"]'"""),
        ("a.json", b'{"posts": [], "errors": []}', 1, "no array of objects"),
        ("a.json", f'{{"posts": [{GOOD}], "x": 1}} {{}}'.encode(), 2, "after the end"),
        ("a.json", f'{{"posts": [{GOOD}] "x": 1}}'.encode(), None, "not JSON"),
        ("a.json", f'{{"posts": [{GOOD}'.encode(), None, "cut off"),
        ("a.json", b"<html>", 1, "not JSON"),
        ("a.json", GOOD.encode("utf-16")[:-1], 1, "not UTF-16"),
        ("a.parquet", b"PAR1 and no more", None, "not a Parquet file, or it is damaged"),
        ("a.parquet", as_parquet()[:-100], None, "not a Parquet file, or it is damaged"),
        ("a.arrow", b"nonsense", None, "not an Arrow file, or it is damaged"),
        ("a.arrow", as_ipc(arrow.ipc.new_file)[:-100], None, "not an Arrow file, or it is damaged"),
        ("a.arrows", as_ipc(arrow.ipc.new_stream)[:-9000], None, "can't be read on"),
        ("a.feather", b"FEA1 of old", None, "Feather file of the first version"),
        ("a.csv.gz", gzip.compress(as_csv(), mtime=0)[:-4000], None, "damaged or cut off"),
        ("a.csv.bz2", bz2.compress(as_csv())[:-2000], None, "damaged or cut off"),
        ("a.csv.xz", lzma.compress(as_csv())[:-2000], None, "damaged or cut off"),
        ("a.csv.zst", zstandard.compress(as_csv())[:-2000], None, "damaged or cut off"),
        ("a.csv.zst", b"\x28\xb5\x2f\xfd" + b"x" * 50, None, "damaged or cut off"),
        ("a.parquet.gz", gzip.compress(as_parquet(), mtime=0)[:-100], None, "damaged or cut off"),
    ],
)
def test_a_malformed_file_names_the_place(
    name: str, data: bytes, row: int | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(InputError) as caught:
        CampaignBuilder("x").add_file(file)
    assert message in caught.value.message
    assert caught.value.source == str(file)
    assert row is None or caught.value.row == row


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("fee_cents", [5.0], "floating-point"),
        ("fee_cents", [True], "holds bool"),
        ("fee_cents", [[5]], "holds list"),
        ("url", [5], "holds int64, not text"),
    ],
)
def test_columns_of_wrong_types_are_refused(column: str, values: list[object], message: str) -> None:
    table = arrow.table({"url": [URL.format("a", 71)]} | {column: values})
    with pytest.raises(InputError, match=message) as caught:
        CampaignBuilder("x").add_table(table)
    assert caught.value.column == column


@pytest.mark.parametrize("of", ["pandas", "polars", "chunks", "array"])
def test_a_column_without_a_table_holds_urls(of: str) -> None:
    texts = [URL.format("a", 71), URL.format("a", 72)]
    column: Any
    if of in {"pandas", "polars"}:
        column = pytest.importorskip(of).Series(texts)
    else:
        column = arrow.array(texts) if of == "array" else arrow.chunked_array([texts[:1], texts[1:]])
    plan = CampaignBuilder("x").add_table(column).plan()
    assert [post.url for post in plan.posts()] == texts
    numbers = pytest.importorskip("pandas").Series([1, 2])
    with pytest.raises(InputError, match="holds int64, not text"):
        CampaignBuilder("x").add_table(numbers)


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(InputError, match="add_items"):
        CampaignBuilder("x").add_table([URL])  # type: ignore[arg-type] # that is what is tested


def test_without_the_extra_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "a.parquet").write_bytes(as_parquet())
    (tmp_path / "a.csv.zst").write_bytes(zstandard.compress(as_csv()))
    with pytest.raises(MissingExtraError, match=r"tokfluence-async\[parquet\]"):
        CampaignBuilder("x").add_file(tmp_path / "a.parquet")
    with pytest.raises(MissingExtraError, match=r"tokfluence-async\[zstd\]"):
        CampaignBuilder("x").add_file(tmp_path / "a.csv.zst")


def test_several_files_are_told_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.jsonl"
    first.write_text(f"url,fee_cents\n{URL.format('a', 71)},5\nnonsense,\n")
    second.write_text(
        f'{{"url": "{URL.format("a", 71)}", "fee_cents": 7}}\n{{"url": "{URL.format("a", 72)}"}}\n'
    )
    plan = CampaignBuilder("x").add_file(first).add_file(second).plan()
    assert [(plan.origins[post.origin].name, post.row) for post in plan.posts()] == [
        (str(first), 2),
        (str(second), 2),
    ]
    assert [(each.source, each.row) for each in plan.skipped()] == [(str(first), 3), (str(second), 1)]
    conflict = plan.conflicts[0]
    assert (conflict.source, conflict.row) == (str(second), 1)
    assert (conflict.first_source, conflict.first_row) == (str(first), 2)
    with pytest.raises(InputError, match=f"{second}:1 against {first}:2"):
        plan.check_applicable()


def test_inputs_without_a_name_are_told_apart() -> None:
    plan = CampaignBuilder("x").add_items(["bad 1"]).add_items(["bad 2"]).add("bad 3").plan()
    assert [(each.source, each.row) for each in plan.skipped()] == [(None, 1), ("input 2", 1), ("added", 1)]


def test_patterns_match_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "sub/c.csv", "odd[1].csv", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_sources(["d.txt", "[ab].csv", "**/c.csv"]) == ["d.txt", "a.csv", "b.csv", "sub/c.csv"]
    assert find_sources(["odd[1].csv", "-"]) == ["odd[1].csv", "-"]
    for words, message in (
        (["*.parquet"], "no file matches"),
        ([], "name a file"),
        (["-", "-"], "once only"),
    ):
        with pytest.raises(InputError, match=message):
            find_sources(words)


def test_how_far_the_reading_is(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        file = tmp_path / f"a.{kind}"
        file.write_bytes(FORMATS[kind]())
        stream = open_source(file)
        assert stream.progress is not None
        assert stream.progress()[1] == (1002 if kind == "parquet" else file.stat().st_size)
        rows = iter(stream)
        next(rows)
        done, total = stream.progress()
        assert total is not None
        assert 0 < done <= total
        rows = iter(list(rows))
