"""A row as CSV: whatever stands in its cells, it is one record that reads back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokfluence_async.campaign.rows import Row, csv_line

CELLS = st.lists(st.text(st.sampled_from("a,;\"' \t\r\n\v\x85\u2028é")), min_size=1, max_size=4)


def read_back(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@given(CELLS)
@example(["a\nb", "c"])
@example(["a\rb", "c"])
@example(["\r\n"])
@example([""])
def test_a_record_reads_back_as_it_was(record: list[str]) -> None:
    assert read_back(csv_line(record)) == [record]
    # It stands among others as well.
    assert read_back(f"{csv_line(record)}\r\n{csv_line(record)}\r\n") == [record, record]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (["a", "b c", ""], "a,b c,"),
        (["a,b", 'say "x"'], '"a,b","say ""x"""'),
        (["a\nb", "c"], '"a\nb",c'),
        (["a\rb", "c"], '"a\rb",c'),
        ([""], '""'),
        ([], ""),
    ],
)
def test_only_what_needs_quotes_gets_them(record: list[str], text: str) -> None:
    assert csv_line(record) == text
    assert Row(1, "", None, None, record).text == text
