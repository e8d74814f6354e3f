"""Splitting makes the records that `csv.reader` makes, and finding all at once what finding one by one does."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async.campaign.csvrecords import CSVRecords
from tokfluence_async.campaign.handles import parse_handle, parse_usual_handles
from tokfluence_async.campaign.urls import PostURL, parse, parse_usual

LINES = st.lists(st.text(st.sampled_from('ab,"; '), max_size=8), max_size=12)


def taken(records: CSVRecords, limit: int) -> tuple[list[list[str]], list[int], str]:
    """All records, `line_num` after each lot of them, and the error that ended it."""
    found: list[list[str]] = []
    numbers: list[int] = []
    while True:
        some: list[list[str]] = []
        try:
            records.take(some, limit)
        except csv.Error as error:
            return found + some, [*numbers, records.line_num], str(error)
        if not some:
            return found, numbers, ""
        found += some
        numbers.append(records.line_num)


@given(
    LINES, st.lists(st.integers(1, 4), max_size=6), st.integers(1, 5), st.sampled_from(["\n", "\r\n", "\r"])
)
@settings(max_examples=300, deadline=None)
def test_the_records_are_those_of_csv_reader(lines: list[str], cuts: list[int], limit: int, end: str) -> None:
    ended = [line + end for line in lines]
    reader = csv.reader(ended, delimiter=",", strict=True)
    expected: list[list[str]] = []
    wrong = ""
    try:
        for record in reader:
            expected.append(record or [""])  # noqa: PERF401 - what comes before an error counts
    except csv.Error as error:
        wrong = str(error)
    blocks: list[list[str]] = []
    rest = ended
    for cut in cuts:
        blocks, rest = [*blocks, rest[:cut]], rest[cut:]
    records = CSVRecords(iter([each for each in (*blocks, rest) if each]), ",")
    found, numbers, told = taken(records, limit)
    assert ([record or [""] for record in found], told) == (expected, wrong)
    assert (numbers or [0])[-1] == reader.line_num
    assert numbers == sorted(numbers)


SPELLINGS = [
    "https://www.tiktok.com/@maker/video/7301234567890123456",
    "tiktok.com/@maker/photo/7301234567890123456/?a=1",
    "https://www.tiktok.com/@maker/video/7301234567890123456\nx",
    "https://m.tiktok.com/v/7301234567890123456.html",
    "https://www.tiktok.com/@123456789012345678/video/7301234567890123456",
    "",
    " ",
    "nonsense",
    "https://www.tiktok.com/@maker/video/7301234567890123456\u2028",
]


@given(st.lists(st.sampled_from(SPELLINGS)))
def test_usual_spellings_are_found_all_at_once(texts: list[str]) -> None:
    found = parse_usual(texts)
    assert len(found) == len(texts)
    for text, (handle, kind, video_id) in zip(texts, found, strict=True):
        if video_id:
            assert parse(text) == PostURL(video_id, handle, kind)
    assert all(each[2] for text, each in zip(texts, found, strict=True) if text in SPELLINGS[:2])


@given(
    st.lists(
        st.sampled_from(["maker", "@maker", "a.b_c9", "maker.", "123456789012345", "", " x", "a\nb", "tkc_a"])
    )
)
def test_usual_handles_are_found_all_at_once(texts: list[str]) -> None:
    found = parse_usual_handles(texts)
    assert len(found) == len(texts)
    for text, handle in zip(texts, found, strict=True):
        assert not handle or handle == parse_handle(text)


@pytest.mark.parametrize("texts", [["maker"], ["@maker", "other"]])
def test_plain_handles_need_no_closer_look(texts: list[str]) -> None:
    assert parse_usual_handles(texts) == [text.removeprefix("@") for text in texts]
