"""Rows of JSON: what counts as one, and where they stand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
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
