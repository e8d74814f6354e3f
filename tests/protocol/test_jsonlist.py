"""Long lists, read as they arrive: what comes in pieces is what came as a whole."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.protocol.jsonlist import JSONList
from tokfluence_async.protocol.seen import Kind, see
from tokfluence_async.protocol.wire import MAX_BODY, Reply

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["meta", "posts", "data", "a", ""]), VALUES, max_size=4)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[first : first + size] for first in range(0, len(body), size))


def read(body: bytes, *, size: int = 3) -> tuple[list[Any], bytes]:
    """The entries, and what is left of the body."""
    entries: list[Any] = []
    long = JSONList(entries.append, "data", "posts")
    for piece in pieces(body, size):
        if not long.feed(piece):
            break
    return entries, long.end()


def told(payload: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The same, of what a usual reader has read."""
    data = payload.get("data")
    if isinstance(data, list):
        return data, payload | {"data": [len(data)] if data else []}
    if isinstance(data, dict) and isinstance(data.get("posts"), list):
        posts = data["posts"]
        return posts, payload | {"data": data | {"posts": [len(posts)] if posts else []}}
    return [], payload


@given(OBJECTS, st.lists(VALUES, max_size=4), st.sampled_from(["", "data", "posts"]), st.integers(1, 40))
def test_in_pieces_of_any_size(rest: dict[str, Any], entries: list[Any], where: str, size: int) -> None:
    payload = rest
    if where == "data":
        payload = rest | {"data": entries}
    elif where == "posts":
        payload = {"data": {"more": rest, "posts": entries}} | {"meta": rest}
    for body in (
        json.dumps(payload).encode(),
        json.dumps(payload, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass"),
    ):
        found, left = read(body, size=size)
        assert (found, json.loads(left)) == told(payload)


@given(st.binary(max_size=40) | st.text('{}[]",:dat1e \n', max_size=40).map(str.encode), st.integers(1, 9))
def test_what_is_no_object_is_none(body: bytes, size: int) -> None:
    _, left = read(body, size=size)
    try:
        payload = json.loads(body.decode("utf-8", "replace").removeprefix("\ufeff"))
    except ValueError:
        payload = None
    if isinstance(payload, dict):
        assert isinstance(json.loads(left), dict)
    else:
        assert see(Reply(200, {}, left)).kind is Kind.GARBLED


@pytest.mark.parametrize(
    ("body", "lasting"),
    [
        (b"", False),
        (b"<html>" + b"x" * 1000, False),
        (b'{"data": [{"id": 1}, {"id"', True),
        (b'{"data": [1] "meta": {}}', True),
        (b'{"data": [1,]}', True),
        (b'{"data": [1]} {"data": []}', True),
        (b'{"data": [1], "data": [2]}', True),
        (b'{"data": {"posts": [1], "posts": [2]}}', True),
        (b"{data: [1]}", True),
        (b"{1: [1]}", True),
        (b"[1, 2]", True),
        (b"12", False),
        (b'{"data": ' + b"[" * 100_000, True),
        (b'{"data": [' + b"[" * 100_000, True),
        (b'{"data": [], "n": ' + b"1" * 5000 + b"}", True),
    ],
    ids=lambda value: str(value[:30]) if isinstance(value, bytes) else "",
)
def test_what_can_not_be_read_is_told_as_of_any_answer(body: bytes, lasting: bool) -> None:  # noqa: FBT001 - a parameter of the test
    headers = {"content-length": str(len(body))}
    _, left = read(body, size=100)
    seen = see(Reply(200, headers, left))
    assert (seen.kind, seen.lasting) == (Kind.GARBLED, lasting)


@pytest.mark.parametrize(
    ("body", "entries"),
    [
        (rb'{"data": ["\ud83d"], "meta": {"a": "\ud83d"}}', ["\ud83d"]),
        (b'{"data": ["caf\xe9"], "meta": {"a": "\xe9"}}', ["caf\ufffd"]),
        (b'\xef\xbb\xbf{"data": [1.5], "meta": {"a": NaN}}', [1.5]),
    ],
)
def test_odd_text_and_numbers(body: bytes, entries: list[Any]) -> None:
    found, left = read(body, size=1)
    assert found == entries
    assert see(Reply(200, {}, left)).kind is Kind.APPLIED


def test_numbers_that_are_cut_anywhere() -> None:
    body = b'{"data": [-12.5e+3, 7, 0.25, 1E2], "total": 120, "more": 3.5}'
    for size in range(1, 8):
        found, left = read(body, size=size)
        assert found == [-12500.0, 7, 0.25, 100.0]
        assert json.loads(left) == {"data": [4], "total": 120, "more": 3.5}


def test_an_error_in_place_of_the_list_stays_one() -> None:
    _, left = read(b'{"error": {"code": "internal_error", "message": "no"}, "data": []}')
    seen = see(Reply(200, {}, left))
    assert (seen.kind, seen.code) == (Kind.GARBLED, "internal_error")
    _, left = read(b'{"error": {"code": "partial"}, "data": [{"id": 1}]}')
    assert see(Reply(200, {}, left)).kind is Kind.APPLIED


def test_a_long_list_is_never_held() -> None:
    entry = json.dumps({"post_id": "7301234567890123456", "caption": "x" * 400}).encode() + b", "
    count = 0

    def take(_: object) -> None:
        nonlocal count
        count += 1

    long = JSONList(take, "data")
    tracemalloc.start()
    try:
        long.feed(b'{"data": [')
        for _ in range(400):
            long.feed(entry * 100)
        long.feed(b'0], "meta": {"next_cursor": null}}')
        left = long.end()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert json.loads(left) == {"data": [40_001], "meta": {"next_cursor": None}}
    assert count == 40_001
    assert peak < len(entry) * 1000  # of 40,000


def test_one_value_is_no_longer_than_an_answer() -> None:
    long = JSONList(lambda _: None, "data")
    assert long.feed(b'{"data": "')
    piece = b"x" * (1 << 20)
    wanted = [long.feed(piece) for _ in range(2 * MAX_BODY // len(piece) + 4)]
    assert wanted[0]
    assert not wanted[-1]
