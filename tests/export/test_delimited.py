"""CSV as others read it: whatever a text holds, its row stays one row, and its cell one cell."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.export import RESOURCES
from tokfluence_async.export.delimited import CSVWriter
from tokfluence_async.export.schema import Schema

COMMENTS = RESOURCES["comments"]
TEXTS = (
    "plain",
    "nice!\r=1+1",
    "one\r\n@two",
    "one\n+two",
    "ends with\r",
    "a\u2028=b\u2029c\x85d\x0be\x0cf",
    'in the "middle", and a comma',
    '"quoted"',
    "semi;=colon",
    "tab\t=tab",
    "  blanks  ",
    "caffè 🎈 中文",
)


def written(*texts: str | None, raw: bool = True, schema: Schema = COMMENTS) -> bytes:
    """A table of comments with these texts, each with a number that is not text beside it."""
    file = io.BytesIO()
    writer = CSVWriter(file, schema, raw=raw)
    writer.write(
        [(1, "7", str(number), text, None, -5, 2, None, "a", None, None) for number, text in enumerate(texts)]
    )
    writer.close()
    return file.getvalue()


def read_by_csv(data: bytes) -> list[str]:
    return [row["text"] for row in csv.DictReader(io.StringIO(data.decode(), newline=""))]


def read_by_pandas(data: bytes) -> list[str]:
    pandas = pytest.importorskip("pandas")
    return list(pandas.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)["text"])


def read_by_polars(data: bytes) -> list[str]:
    polars = pytest.importorskip("polars")
    return list(polars.read_csv(data, infer_schema=False)["text"])


def read_by_pyarrow(data: bytes) -> list[str]:
    pyarrow = pytest.importorskip("pyarrow.csv")
    read = pyarrow.read_csv(
        io.BytesIO(data), parse_options=pyarrow.ParseOptions(newlines_in_values=True)
    ).to_pydict()
    return [str(each) for each in read["text"]]


@pytest.mark.parametrize("read", [read_by_csv, read_by_pandas, read_by_polars, read_by_pyarrow])
def test_the_same_rows_come_back(read: Any) -> None:
    assert read(written(*TEXTS)) == list(TEXTS)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_any_text_comes_back(texts: list[str]) -> None:
    assert read_by_csv(written(*texts)) == texts


def as_a_spreadsheet(data: bytes) -> list[list[str]]:
    """The cells of a table, as a reader takes them that ends rows and cells at whatever stands outside quotes."""
    rows: list[list[str]] = [[""]]
    quoted, before = False, ""
    for character in data.decode():
        if character == '"':
            if not quoted and before == '"':
                rows[-1][-1] += character
            quoted = not quoted
        elif not quoted and character in ",;\t":
            rows[-1].append("")
        elif not quoted and character in "\r\n":
            rows.append([""])
        else:
            rows[-1][-1] += character
        before = character
    return [row for row in rows if row != [""]]


@given(st.lists(st.text(st.sampled_from("a1 =+-@\t\r\n;,'\"\u2028\uff1d\x00\u200b")), min_size=1))
def test_no_cell_of_a_spreadsheet_begins_a_formula(texts: list[str]) -> None:
    cells = as_a_spreadsheet(written(*texts, raw=False))
    assert {len(row) for row in cells} == {len(COMMENTS.columns)}
    for row in cells[1:]:
        for cell in row:
            assert cell == "-5" or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(
    st.lists(st.text(st.sampled_from("a1 =+-@\t\r\n;,'\"\u2028\uff1d")), min_size=1), st.sampled_from(",;\t")
)
def test_whatever_parts_the_cells_none_begins_a_formula(texts: list[str], delimiter: str) -> None:
    file = io.BytesIO()
    posts = RESOURCES["posts"]
    assert {"texts", "text"} <= {each.kind for each in posts.columns}
    writer = CSVWriter(file, posts)
    writer.write(
        [
            tuple(
                text if each.kind == "text" else [text, text] if each.kind == "texts" else None
                for each in posts.columns
            )
            for text in texts
        ]
    )
    writer.close()
    table = file.getvalue().decode()
    # Rows end at line ends outside of quotes; or, for a reader who knows none within a text, at all of them.
    readings = [csv.reader(io.StringIO(table, newline=""), delimiter=delimiter)]
    if delimiter != ",":
        lines = table.splitlines()
        readings += [csv.reader([each], delimiter=delimiter) for each in lines]
        readings += [csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)]
    for reading in readings:
        for row in reading:
            for cell in row:
                assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\uff1d")), row


def test_what_is_quoted_and_how_rows_end() -> None:
    head, *rows = written("plain", 'a "b"', None, "").split(b"\n")
    assert head == ",".join(COMMENTS.names).encode()
    assert rows == [
        b"1,7,0,plain,,-5,2,,a,,",
        b'1,7,1,"a ""b""",,-5,2,,a,,',
        b"1,7,2,,,-5,2,,a,,",
        b"1,7,3,,,-5,2,,a,,",
        b"",
    ]
