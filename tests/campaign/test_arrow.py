"""Columns of tables that carry types: told by their place where names repeat, and refused in words."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.campaign.arrow import open_table
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.rows import Row, RowStream
from tokfluence_async.campaign.sources import open_source
from tokfluence_async.errors import InputError

arrow: Any = pytest.importorskip("pyarrow")
parquet: Any = pytest.importorskip("pyarrow.parquet")

URL = "https://www.tiktok.com/@maker/video/7301234567890123401"
OTHER = "https://www.tiktok.com/@other/video/7301234567890123402"


def as_table(table: Any, _folder: Path, options: InputOptions) -> RowStream:
    return open_table(table, options)


def as_parquet(table: Any, folder: Path, options: InputOptions) -> RowStream:
    parquet.write_table(table, folder / "posts.parquet")
    return open_source(folder / "posts.parquet", options)


def as_ipc(table: Any, folder: Path, options: InputOptions) -> RowStream:
    out = io.BytesIO()
    with arrow.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    (folder / "posts.arrow").write_bytes(out.getvalue())
    return open_source(folder / "posts.arrow", options)


Opening = Callable[[Any, Path, InputOptions], RowStream]
each_kind = pytest.mark.parametrize("opened", [as_table, as_parquet, as_ipc])


def repeated(**columns: list[object]) -> Any:
    """A table of one column for each value, all of those of one name beside one another."""
    names = [name for name, values in columns.items() for _ in values]
    return arrow.Table.from_arrays(
        [arrow.array([value]) for values in columns.values() for value in values], names=names
    )


@each_kind
@pytest.mark.parametrize(("column", "fee"), [(3, 5), (4, 70_000), ("5", 9)])
def test_a_column_told_by_its_number_is_that_one(
    opened: Opening, column: int | str, fee: int, tmp_path: Path
) -> None:
    table = repeated(note=["x"], url=[URL], fee_cents=[5, 70_000, 9])
    (row,) = opened(table, tmp_path, InputOptions(fee_column=column))
    assert isinstance(row, Row)
    assert (row.url, row.fee_cents) == (URL, fee)


@each_kind
@pytest.mark.parametrize(("column", "url"), [(1, URL), (2, OTHER)])
def test_urls_and_creators_are_told_by_number_too(
    opened: Opening, column: int, url: str, tmp_path: Path
) -> None:
    table = repeated(url=[URL, OTHER], creator=["one", "two"], note=["x", "y"], fee_cents=[7])
    (row,) = opened(table, tmp_path, InputOptions(url_column=column, handle_column=column + 2))
    assert (row.url, row.creator_handle) == (url, ["one", "two"][column - 1])
    assert isinstance(row, Row)
    assert row.fee_cents == 7


@each_kind
@pytest.mark.parametrize("told", [None, "fee_cents"])
def test_a_name_that_repeats_is_refused_whether_guessed_or_told(
    opened: Opening, told: str | None, tmp_path: Path
) -> None:
    table = repeated(url=[URL], fee_cents=[5, 70_000])
    with pytest.raises(InputError, match=r"'fee_cents'.*--fee-column"):
        opened(table, tmp_path, InputOptions(fee_column=told))


@each_kind
def test_names_that_repeat_in_what_is_not_read_do_no_harm(opened: Opening, tmp_path: Path) -> None:
    table = repeated(note=["x", "y"], fee_cents=[5], extra=[1, 2], url=[URL])
    (row,) = opened(table, tmp_path, InputOptions())
    assert isinstance(row, Row)
    assert (row.url, row.fee_cents) == (URL, 5)


@each_kind
def test_dotted_names_beside_nested_columns(opened: Opening, tmp_path: Path) -> None:
    table = arrow.table({"post": [{"url": OTHER, "fee_cents": 1}], "post.url": [URL], "fee_cents": [2]})
    (row,) = opened(table, tmp_path, InputOptions(url_column=3, fee_column=2))
    assert isinstance(row, Row)
    assert (row.url, row.fee_cents) == (URL, 1)
    (row,) = opened(table, tmp_path, InputOptions(url_column=1, fee_column=4))
    assert isinstance(row, Row)
    assert (row.url, row.fee_cents) == (OTHER, 2)


def test_names_that_repeat_within_a_nested_column() -> None:
    nested = arrow.StructArray.from_arrays([arrow.array([5]), arrow.array([70_000])], names=["fee", "fee"])
    table = arrow.Table.from_arrays([arrow.array([URL]), nested, nested], names=["url", "deal", "deal"])
    for column, fee in ((2, 5), (3, 70_000), (4, 5), (5, 70_000)):
        (row,) = open_table(table, InputOptions(fee_column=column, fee_unit="cents"))
        assert isinstance(row, Row)
        assert row.fee_cents == fee


@pytest.mark.parametrize(
    ("column", "values"),
    [("url", [URL, 5]), ("fee", [Decimal("5.10"), "free"]), ("notes", ["x", 3])],
)
def test_a_mixed_column_of_pandas_is_named(column: str, values: list[object]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"url": [URL, OTHER], "fee": [Decimal(1), Decimal(2)]} | {column: values})
    with pytest.raises(InputError, match=f"column '{column}' can't be read.* one type") as caught:
        CampaignBuilder("x").add_table(frame, InputOptions(fee_unit="units"))
    assert caught.value.column == column
    assert caught.value.source == "table"


def test_a_frame_of_pandas_with_a_name_that_repeats_is_refused() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[URL, 5, 70_000]], columns=["url", "fee_cents", "fee_cents"])
    with pytest.raises(InputError, match=r"table can't be read.*fee_cents"):
        CampaignBuilder("x").add_table(frame, InputOptions(fee_column=2))


def test_a_mixed_column_without_a_frame_is_an_input_error() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InputError, match="can't be read"):
        CampaignBuilder("x").add_table(pandas.Series([URL, 5]))


def test_a_lazy_frame_is_to_be_collected() -> None:
    polars = pytest.importorskip("polars")
    lazy = polars.LazyFrame({"url": [URL]})
    with pytest.raises(InputError, match=r"LazyFrame.*\.collect\(\)"):
        CampaignBuilder("x").add_table(lazy)
    assert CampaignBuilder("x").add_table(lazy.collect()).plan().urls == 1


def binary_kinds() -> list[Any]:
    return [arrow.binary(), arrow.large_binary(), arrow.dictionary(arrow.int8(), arrow.binary())]


@each_kind
@pytest.mark.parametrize("kind", range(3))
def test_text_that_is_marked_as_bytes_is_text(opened: Opening, kind: int, tmp_path: Path) -> None:
    texts = {"url": URL, "creator": "maker", "fee": "5.00 USD"}
    plain = {name: arrow.array([text.encode(), None], arrow.binary()) for name, text in texts.items()}
    table = arrow.table(plain).cast(arrow.schema(dict.fromkeys(texts, binary_kinds()[kind])))
    first, second = opened(table, tmp_path, InputOptions(fee_unit="units"))
    assert isinstance(first, Row)
    assert (first.url, first.creator_handle, first.fee_cents) == (URL, "maker", 500)
    assert isinstance(second, Row)
    assert (second.url, second.creator_handle, second.fee_cents) == ("", None, None)


def test_bytes_that_are_no_text_are_an_input_error() -> None:
    table = arrow.table({"url": arrow.array([URL.encode(), b"\xff"], arrow.binary())})
    with pytest.raises(InputError, match="is not UTF-8"):
        list(open_table(table))


@each_kind
def test_a_guessed_column_of_creators_that_is_no_text_is_not_taken(opened: Opening, tmp_path: Path) -> None:
    table = arrow.table({"post_url": [URL], "creator_id": [17]})
    stream = opened(table, tmp_path, InputOptions())
    (row,) = stream
    assert isinstance(row, Row)
    assert row.creator_handle is None
    assert stream.columns.ignored == ("creator_id",)
    assert stream.notes == ("creator not taken from 'creator_id': it holds int64, not text",)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (InputOptions(handle_column="creator_id"), r"holds int64, not text; .*--handle-column .*CAST"),
        (InputOptions(url_column="creator_id"), r"holds int64, not text; .*--url-column .*CAST"),
        (InputOptions(fee_column="paid", fee_unit="units"), r"holds bool, not fees; .*--fee-column"),
    ],
)
def test_a_column_of_a_wrong_type_names_the_way_out(options: InputOptions, says: str) -> None:
    table = arrow.table({"post_url": [URL], "creator_id": [17], "paid": [True]})
    with pytest.raises(InputError, match=says):
        open_table(table, options)


class Counting(io.BytesIO):
    """A file that counts what is read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


def test_columns_that_are_not_needed_are_not_read() -> None:
    table = arrow.table(
        {"note": ["x" * 1_000_000], "url": [URL], "more": [{"x": "y" * 1000}], "fee_cents": [5]}
    )
    out = io.BytesIO()
    with arrow.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    file = Counting(out.getvalue())
    file.name = "posts.arrow"
    (row,) = open_source(file)
    assert isinstance(row, Row)
    assert (row.url, row.fee_cents) == (URL, 5)
    assert file.taken < 100_000
