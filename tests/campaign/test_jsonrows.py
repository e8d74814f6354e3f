"""Rows of JSON: what counts as one, and where they stand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.money import FeeUnit
from tokfluence_async.campaign.rows import BadRow, Row
from tokfluence_async.campaign.sources import open_source
from tokfluence_async.errors import InputError

URL = "https://www.tiktok.com/@maker_{}/video/{}"
GOOD = json.dumps({"url": URL.format("a", 71)})


def _named(name: str, data: bytes) -> io.BytesIO:
    stream = io.BytesIO(data)
    stream.name = name  # as files have one
    return stream


def test_nested_json_and_exact_numbers(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(
        f'{{"post": {{"url": "{URL.format("a", 71)}"}}, "fee": 1234567.89}}\n'
        f'{{"post": {{"url": "{URL.format("a", 72)}"}}, "fee": 0.1}}\n'
        f'{{"post": {{"url": "{URL.format("a", 73)}"}}, "fee": 0.125}}\n'
        f'{{"post": {{"url": "{URL.format("a", 74)}"}}, "fee": "5,5"}}\n'
    )
    plan = CampaignBuilder("x").add_file(file, InputOptions(fee_unit="units")).plan()
    assert [post.fee_cents for post in plan.posts()] == [123_456_789, 10, 550]
    assert [(each.row, each.reason) for each in plan.skipped()] == [(3, "bad_fee")]


def test_lists_in_json(tmp_path: Path) -> None:
    file = tmp_path / "posts.json"
    file.write_text(json.dumps([URL.format("a", 71), [URL.format("a", 72), "@a", 5], 7, None]))
    plan = CampaignBuilder("x").add_file(file).plan()
    assert [(post.row, post.fee_cents) for post in plan.posts()] == [(1, 0), (2, 5)]
    assert plan.reasons == {"malformed_row": 2}


def test_a_bad_line_of_json_costs_that_line() -> None:
    rows = list(
        open_source(_named("a.jsonl", f'{GOOD}\n{{"url": \n{GOOD}\n{{"url": 5}}\n{{"link": "x"}}\n'.encode()))
    )
    assert [type(row) for row in rows] == [Row, BadRow, Row, BadRow, Row]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert rows[1].text == '{"url":'


@pytest.mark.parametrize("block", [1, 3, 17])
def test_json_is_cut_alike_whatever_comes_at_a_time(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [
        GOOD,
        '{"url": "a\\"]}[{", "tags": [1, {"x": "]"}], "n": {"m": null}}',
        '"https://\\u0041"',
        "[1,2]",
        "17",
        "true",
    ]
    data = "\n".join(("[", " ,\n".join(values), "]\n")).encode()
    monkeypatch.setattr("tokfluence_async.campaign.jsonvalues.BLOCK_BYTES", block)
    rows = list(open_source(_named("a.json", data)))
    assert [row.text for row in rows] == values
    assert [row.text for row in open_source(_named("a.json", "\n".join(values).encode()))] == values


WRAPPED: dict[str, Any] = {
    "next": "https://api.example.com/posts?page=2",
    "meta": {"total": 1002, "tags": ["a", "b"], "pages": [{"n": 1}]},
    "hashtags": ["x", "y"],
    "posts": [{"url": URL.format("a", n), "fee_cents": n, "stats": {"views": n}} for n in range(71, 371)],
    "more": None,
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("block", [1000, 1 << 16])
def test_the_one_array_of_objects_in_an_object_holds_the_rows(
    indent: int | None, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokfluence_async.campaign.jsonvalues.BLOCK_BYTES", block)
    data = json.dumps(WRAPPED, indent=indent).encode()
    plan = CampaignBuilder("x").add_file(_named("a.json", data)).plan()
    assert [(post.row, post.fee_cents) for post in plan.posts()] == [(n - 70, n) for n in range(71, 371)]
    assert plan.notes[1] == "a.json: the rows are those of the array under 'posts'"
    # Larger than one value may be, it is not taken for one.
    monkeypatch.setattr("tokfluence_async.campaign.jsonvalues.MAX_VALUE_BYTES", 2000)
    assert list(CampaignBuilder("x").add_file(_named("a.json", data)).plan().posts()) == list(plan.posts())


def test_an_object_that_is_a_row_is_one_whatever_stands_in_it() -> None:
    row = {
        "url": URL.format("a", 71),
        "fee": 5,
        "hashtags": [{"name": "x"}],
        "more": [{"url": URL.format("a", 72)}],
    }
    data = "\n".join(json.dumps(each) for each in (row, row | {"link": "x"})).encode()
    rows = list(open_source(_named("a.json", data), InputOptions(fee_unit="cents")))
    assert [type(each) for each in rows] == [Row, BadRow]
    ambiguous = _named("a.json", json.dumps(row | {"link": "x"}).encode())
    with pytest.raises(InputError, match="'url', 'link' may each be"):
        open_source(ambiguous)


BROKEN = '{"url": "https://www.tiktok.com/@a/video/7", "fee_cents":'


@pytest.mark.parametrize("bad", [BROKEN, "# the posts of spring", "{}", "null", "17", '"nothing"'])
@pytest.mark.parametrize("count", [1, 3, 255])
def test_first_lines_that_are_no_rows_cost_those_lines(bad: str, count: int) -> None:
    data = "\n".join([bad] * count + [GOOD, bad]).encode()
    plan = CampaignBuilder("x").add_file(_named("a.jsonl", data)).plan()
    assert [(post.row, post.url) for post in plan.posts()] == [(count + 1, URL.format("a", 71))]
    assert [each.row for each in plan.skipped()] == [*range(1, count + 1), count + 2]
    assert {each.text for each in plan.skipped()} == {bad}
    assert plan.notes == ("a.jsonl: URL from 'url' (guessed)",)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_file_of_which_nothing_is_json_is_refused_by_its_first_line(name: str) -> None:
    html = b'<html>\n<link rel="stylesheet">\n"https://www.tiktok.com/@a/video/71"x\n</html>\n'
    with pytest.raises(InputError, match="not JSON") as caught:
        open_source(_named(name, html))
    assert caught.value.row == 1


def test_a_first_value_of_an_array_that_is_not_json_costs_that_value() -> None:
    data = f'[{{"url": nothing}}, {{}}, {GOOD}]'.encode()
    rows = list(open_source(_named("a.json", data)))
    assert [(type(row), row.number) for row in rows] == [(BadRow, 1), (BadRow, 2), (Row, 3)]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_object_without_fields_says_so(name: str) -> None:
    with pytest.raises(InputError) as caught:
        open_source(_named(name, b"{}\n{}\n"))
    assert (
        caught.value.message == "can't tell which column holds the posts' URLs: there are no columns at all"
    )


@pytest.mark.parametrize(
    ("first", "unit", "said"),
    [
        (URL.format("a", 71), None, "URL from 'column 1' (guessed)"),
        ([URL.format("a", 71)], None, "URL from 'column 1' (guessed)"),
        (
            [URL.format("a", 71), "@a"],
            None,
            "URL from 'column 1' (guessed); creator from 'column 2' (guessed)",
        ),
        (
            [URL.format("a", 71), "@a", 5],
            "units",
            "URL from 'column 1' (guessed); creator from 'column 2' (guessed); fee in units from 'column 3' (guessed)",
        ),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_only_columns_that_are_there_are_said_to_be_taken(
    first: object, unit: FeeUnit | None, said: str, name: str
) -> None:
    text = json.dumps(first if name == "a.jsonl" else [first])
    stream = open_source(_named(name, text.encode()), InputOptions(fee_unit=unit))
    assert stream.columns.describe() == said


def test_the_currency_beside_fees_in_arrays_is_told() -> None:
    data = json.dumps([[URL.format("a", 71), "@a", "5.00 EUR"]]).encode()
    builder = CampaignBuilder("x", currency="USD")
    with pytest.raises(InputError, match="EUR"):
        builder.add_file(_named("a.json", data), InputOptions(fee_unit="units"))


WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "posts"])
@pytest.mark.parametrize("encoding", WIDE)
def test_json_in_other_encodings_is_read(name: str, encoding: str) -> None:
    rows = [
        {"url": URL.format("a", n), "note": "café \N{WAVING HAND SIGN} \N{SNOWMAN}" * 50}
        for n in range(71, 371)
    ]
    text = (
        json.dumps(rows, ensure_ascii=False, indent=1)
        if name == "a.json"
        else "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    )
    plan = CampaignBuilder("x").add_file(_named(name, text.encode(encoding))).plan()
    assert [post.url for post in plan.posts()] == [row["url"] for row in rows]
    guessed = f"{name}: read as {encoding.upper()} (guessed)"
    assert (guessed in plan.notes) is (encoding in {"utf-16-le", "utf-16-be"})


def test_an_encoding_told_is_that_of_json_too() -> None:
    data = json.dumps([{"url": URL.format("a", 71), "café": 1}], ensure_ascii=False).encode("cp1252")
    with pytest.raises(InputError, match="not UTF-8"):
        list(open_source(_named("a.json", data)))
    stream = open_source(_named("a.json", data), InputOptions(encoding="cp1252"))
    assert stream.columns.ignored == ("café",)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "cp1252"])
def test_json_that_is_not_in_its_encoding_names_the_place(encoding: str) -> None:
    data = f"[{GOOD},\n".encode("utf-16-le") + (b"\x00\xd8" if encoding != "cp1252" else b"\x81") * 9
    with pytest.raises(InputError, match=r"not (UTF-16-LE|CP1252)"):
        list(open_source(_named("a.json", data), InputOptions(encoding=encoding)))


@pytest.mark.parametrize("encoding", ["idna", "punycode", "ascii"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "posts"])
def test_odd_encodings_are_input_errors(name: str, encoding: str) -> None:
    with pytest.raises(InputError, match=r"not |decode"):
        list(open_source(_named(name, b'["\xff\xff..'), InputOptions(encoding=encoding)))


def test_utf_16_of_which_neither_mark_nor_text_tells_the_order_is_an_input_error() -> None:
    for name in ("a.json", "a.jsonl", "a.csv"):
        with pytest.raises(InputError, match="not UTF-16"):
            list(open_source(_named(name, GOOD.encode()), InputOptions(encoding="utf-16")))
