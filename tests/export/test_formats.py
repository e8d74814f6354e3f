"""Every format holds the same thousand rows."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.errors import ConfigurationError, MissingExtraError, TokfluenceError
from tokfluence_async.export import RESOURCES, Table, format_of
from tokfluence_async.export.cells import plain_text, safe_json, safe_text
from tokfluence_async.models import CampaignPost, Metrics, Music, TagCount

START = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=2)))


def post(number: int) -> CampaignPost:
    """A post with something awkward in it, or next to nothing."""
    if number % 10 == 9:
        return CampaignPost(url=f"https://www.tiktok.com/@a/video/{number}", status="pending")
    return CampaignPost(
        post_id=str(7_568_533_133_424_000_000 + number),
        url=f"https://www.tiktok.com/@a/video/{number}",
        status="analyzed",
        creator_handle="=HYPERLINK(1)" if number % 7 == 0 else "some.creator",
        fee_cents=number * 100 if number % 3 else None,
        caption=f'line one\nline "two", {number}; caffè 🎈',
        published_at=START + timedelta(hours=number),
        duration=number / 3,
        views=2**40 + number,
        hashtags=["spring", "=1"] if number % 2 else [],
        mentions=["a.maker"] * (number % 3),
        music=Music(title="Low Tide", original=True) if number % 4 else None,
        is_sponsored=number % 5 == 0 if number % 3 else None,
        extra={"gmv_cents": number, "tags": [{"a": 1}]} if number % 2 else {},
    )


@pytest.fixture(scope="module")
def table() -> Table:
    return Table.of("posts", (post(number) for number in range(1000)), 4711)


def from_csv(path: Path, *, raw: bool) -> list[tuple[Any, ...]]:
    """The rows of a CSV file, with their types."""
    parse: dict[str, Callable[[str], Any]] = {
        "text": (lambda text: text) if raw else (lambda text: text.removeprefix("'")),
        "integer": int,
        "number": float,
        "boolean": {"true": True, "false": False}.__getitem__,
        "instant": datetime.fromisoformat,
        "texts": orjson.loads,
        "counts": orjson.loads,
        "music": orjson.loads,
        "json": orjson.loads,
    }
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = RESOURCES["posts"].columns
    assert header == [column.name for column in columns]
    return [
        tuple(
            None if text == "" else parse[column.kind](text)
            for column, text in zip(columns, row, strict=True)
        )
        for row in rows
    ]


def from_objects(objects: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    columns = RESOURCES["posts"].columns

    def plain(kind: str, value: Any) -> Any:
        if isinstance(value, str) and kind == "instant":
            return datetime.fromisoformat(value)
        return orjson.loads(value) if isinstance(value, str) and kind == "json" else value

    assert all(tuple(each) == RESOURCES["posts"].names for each in objects)
    return [tuple(plain(column.kind, each[column.name]) for column in columns) for each in objects]


@pytest.mark.parametrize("raw", [False, True])
def test_csv(table: Table, tmp_path: Path, *, raw: bool) -> None:
    path = tmp_path / "posts.csv"
    table.write(path, raw=raw)
    assert from_csv(path, raw=raw) == table.rows
    text = path.read_text(encoding="utf-8")
    assert (",'=HYPERLINK(1)," in text) is not raw
    assert ",2026-03-01T11:30:15.250000Z," in text


def test_jsonl(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    table.write(path)
    lines = path.read_bytes().splitlines()
    assert from_objects([orjson.loads(line) for line in lines]) == table.rows


def test_parquet(table: Table, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "posts.parquet"
    table.write(path)
    assert from_objects(parquet.read_table(path).to_pylist()) == table.rows


def test_arrow(table: Table, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / "posts.arrow"
    table.write(path)
    with path.open("rb") as file:
        read = pa.ipc.open_file(file).read_all()
    assert from_objects(read.to_pylist()) == table.rows
    assert read.schema.field("published_at").type == pa.timestamp("us", tz="UTC")
    assert read.schema.field("fee_cents").type == pa.int64()
    assert read.schema.field("hashtags").type == pa.list_(pa.string())
    assert read.schema.field("music").type.field("original").type == pa.bool_()
    assert read.schema.field("is_sponsored").type == pa.bool_()
    assert read.schema.metadata == {b"tokfluence": b"posts/1"}


def test_pandas(table: Table) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = table.to_pandas()
    assert list(frame.columns) == list(RESOURCES["posts"].names)
    # Integers stay integers beside missing ones: no float has lost a digit.
    assert frame["views"].max() == 2**40 + 998
    assert frame["fee_cents"].dtype == "int64[pyarrow]"
    assert pandas.isna(frame["fee_cents"][0])
    assert str(frame["published_at"].dtype) == "timestamp[us, tz=UTC][pyarrow]"


def test_polars(table: Table) -> None:
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = table.to_polars()
    assert from_objects(frame.to_dicts()) == table.rows
    assert frame.schema["published_at"] == polars.Datetime("us", "UTC")
    # By the Arrow stream protocol alone.
    assert polars.DataFrame(table).equals(frame)


def test_lists_are_lists_where_there_are_such_and_json_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    metrics = Metrics(roi=1.5, top_hashtags=[TagCount(value="spring", count=3), TagCount(value="=1")])
    table = Table.of("metrics", [metrics], 1)
    expected = [{"value": "spring", "count": 3}, {"value": "=1", "count": None}]
    assert table.to_arrow().to_pylist()[0]["top_hashtags"] == expected
    assert next(iter(table))["top_hashtags"] == expected
    path = tmp_path / "metrics.csv"
    table.write(path)
    [row] = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    assert orjson.loads(row["top_hashtags"]) == expected
    assert row["roi"] == "1.5"
    assert row["spend_cents"] == ""


def test_the_creator_is_known_by_either_name() -> None:
    named: list[dict[str, Any]] = [
        {"creator_handle": "a", "extra": {"creator_username": "b"}},
        {"extra": {"creator_username": "b"}},
        {"extra": {"creator_username": 7}},
        {},
    ]
    table = Table.of("posts", [CampaignPost(post_id="1", **each) for each in named], 1)
    assert [row["creator_handle"] for row in table] == ["a", "b", None, None]


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl", "posts.parquet", "posts.arrow"])
def test_no_rows_are_a_table_too(tmp_path: Path, name: str) -> None:
    if name.endswith(("parquet", "arrow")):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    Table.of("posts", [], 1).write(path)
    assert path.exists()
    if name == "posts.csv":
        assert path.read_text() == ",".join(RESOURCES["posts"].names) + "\n"


def test_many_rows_are_written_in_groups(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "posts.parquet"
    Table.of("posts", [post(1)] * 70_000, 1).write(path)
    file = parquet.ParquetFile(path)
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (70_000, 2)


def test_a_number_that_no_column_holds_is_told() -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(TokfluenceError, match="column views"):
        Table.of("posts", [CampaignPost(post_id="1", views=2**64)], 1).to_arrow()


@pytest.mark.parametrize(
    ("library", "extra", "turn"),
    [
        ("pyarrow", "parquet", Table.to_arrow),
        ("pandas", "pandas", Table.to_pandas),
        ("polars", "polars", Table.to_polars),
    ],
)
def test_what_is_not_installed_is_named(
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    extra: str,
    turn: Callable[[Table], Any],
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError) as caught:
        turn(table)
    assert caught.value.extra == extra


def test_nothing_is_left_where_the_library_is_missing(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError):
        table.write(tmp_path / "posts.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet", "arrow"])
def test_a_full_disk_is_told(table: Table, format_: Any) -> None:
    if format_ in {"parquet", "arrow"}:
        pytest.importorskip("pyarrow")
    with pytest.raises(TokfluenceError, match="/dev/full: can't be written: No space"):
        table.write("/dev/full", format=format_)


@pytest.mark.parametrize("format_", ["csv", "parquet", "arrow"])
def test_a_table_goes_into_a_pipe(tmp_path: Path, format_: Any) -> None:
    if format_ in {"parquet", "arrow"}:
        pytest.importorskip("pyarrow")
    small = Table.of("posts", [post(1)], 4711)
    small.write(tmp_path / "x", format=format_)
    ours, theirs = os.pipe()
    try:
        small.write(f"/dev/fd/{theirs}", format=format_)
        got = os.read(ours, 1 << 16)
    finally:
        os.close(ours)
        os.close(theirs)
    if format_ == "arrow":
        ipc = pytest.importorskip("pyarrow.ipc")
        assert ipc.open_stream(got).read_all() == ipc.open_file(tmp_path / "x").read_all()
    else:
        assert got == (tmp_path / "x").read_bytes()


def test_an_open_file_is_no_name(table: Table) -> None:
    target: Any = io.BytesIO()
    with pytest.raises(ConfigurationError, match="by its name"):
        table.write(target, format="csv")


BROKEN = """
import gc, io, os, resource, signal, sys
from pathlib import Path
from tokfluence_async.errors import TokfluenceError
from tokfluence_async.export import RESOURCES, Table
from tokfluence_async.export.formats import writing
from tokfluence_async.models import CampaignPost

folder, format_ = Path(sys.argv[1]), sys.argv[2]
post = CampaignPost(post_id="1", views=5, caption=os.urandom(50_000).hex())

class Failing(io.BytesIO):
    def write(self, data):
        raise OSError(28, "No space left on device")

def value():
    Table.of("posts", [post, CampaignPost(post_id="1", views=2**64)], 1).write(folder / "x", format=format_)
def full():
    Table.of("posts", [post] * 9, 1).write("/dev/full", format=format_)
def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    Table.of("posts", [post] * 9, 1).write(folder / "x", format=format_)
def failing():
    with writing(format_, Failing(), RESOURCES["posts"]) as writer:
        writer.write([])
def midway():
    with (folder / "y").open("wb") as file, writing(format_, file, RESOURCES["posts"]) as writer:
        writer.write(RESOURCES["posts"].rows([post] * 3, 1))
        raise TokfluenceError("midway")

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for case in (value, full, failing, midway, limited):
    try:
        case()
    except (TokfluenceError, OSError) as error:
        print(case.__name__, type(error).__name__)
    gc.collect()
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_an_export_that_fails_leaves_nothing_to_complain_of(tmp_path: Path, format_: str) -> None:
    """Not in this process: what a destructor says goes to its stderr."""
    pytest.importorskip("pyarrow")
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, tmp_path, format_], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "value", "full", "failing", "midway", "limited",
    ]  # fmt: skip
    assert [each.name for each in tmp_path.iterdir()] == ["y"]


def test_a_suffix_that_tells_nothing() -> None:
    assert format_of("A.NDJSON") == "jsonl"
    with pytest.raises(ConfigurationError, match="--format"):
        format_of("posts.xlsx")


@given(st.text())
def test_safe_text_is_never_a_formula_and_can_be_undone(text: str) -> None:
    safe = safe_text(text)
    assert plain_text(safe) == text
    assert not safe.lstrip().startswith(("=", "+", "-", "@"))
    dangerous = text.lstrip().startswith(("=", "+", "-", "@"))
    assert not dangerous or safe.startswith("'")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\tx", "\rx", "  =1", "＝1", "'=1", "\ufeff=1"]
)
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert safe_text(text) == f"'{text}"
    assert plain_text(f"'{text}") == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("one\r\n@two\t+3", "one\r\n'@two\t'+3"),
        ("x; =1", "x;' =1"),
        ('x;"=1', "x;'\"=1"),
        ("x;'=1", "x;''=1"),
        ("\t=1", "'\t'=1"),
        (";;-)", ";;'-)"),
        ("a, -5; b = 2; it's", "a, -5; b = 2; it's"),
        ("x;'y'", "x;'y'"),
    ],
)
def test_so_do_those_within_where_some_reader_begins_a_cell(text: str, safe: str) -> None:
    assert safe_text(text) == safe
    assert plain_text(safe) == text


@given(st.text(st.sampled_from("a=-;,\t\n'\" ")))
def test_whatever_was_guarded_comes_back(text: str) -> None:
    assert plain_text(safe_text(text)) == text


@given(st.lists(st.text(st.sampled_from("a=-;,\t\n\\'\" \u2028"))))
def test_guarded_json_reads_as_the_same(texts: list[str]) -> None:
    assert json.loads(safe_json(texts)) == texts


def test_a_formula_in_json_is_escaped() -> None:
    assert safe_json(["x;=1", "=1"]) == '["x;\\u003d1","=1"]'


def test_instants_are_in_utc(table: Table) -> None:
    first = table.rows[0][RESOURCES["posts"].names.index("published_at")]
    assert first == START
    assert first.tzinfo is UTC
