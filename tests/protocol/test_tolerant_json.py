"""Answers that a strict reader of JSON refuses, but that were paid for: what can be read of them is."""

from __future__ import annotations

import json
from typing import Any, cast

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scripted import KEY, POST_ID, ok, read_request, serving

from tokfluence_async import Comment, Post, Tokfluence
from tokfluence_async.protocol.codec import decode_data, loads
from tokfluence_async.protocol.seen import Kind, see
from tokfluence_async.protocol.wire import Reply

LOST = "\ufffd"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"cut \ud83d"', f"cut {LOST}"),
        (rb'"cut \uD83D"', f"cut {LOST}"),
        (rb'"\ude00 cut"', f"{LOST} cut"),
        (rb'"\ud83d\ud83d\ude00"', f"{LOST}\U0001f600"),
        (rb'"\ude00\ud83d"', LOST * 2),
        (rb'"\ud83d\u0041"', f"{LOST}A"),
        (rb'"\ud83d\n\"\\"', f'{LOST}\n"\\'),
        (rb'"\ud83d and \\ud83d"', f"{LOST} and \\ud83d"),
        (rb'"\ud83d and \\\ud83d"', f"{LOST} and \\{LOST}"),
        (rb'"\ud83d and \\\\ud83d\ude00"', f"{LOST} and \\\\ud83d{LOST}"),
        (rb'"\ud83d\\\ude00"', f"{LOST}\\{LOST}"),
        (rb'"\ud83d\ude00 \ud83d"', f"\U0001f600 {LOST}"),
        (rb'"\ud83d ud83d"', f"{LOST} ud83d"),
        (b'"caf\xe9"', f"caf{LOST}"),
        (b'"\xf0\x9f\x98"', LOST),
        (b'"\xed\xa0\xbd"', LOST * 3),
        (b'"\xf0\x9f\x98\\n\\ud83d"', f"{LOST}\n{LOST}"),
        (b'\xef\xbb\xbf"marked"', "marked"),
    ],
)
def test_text_that_is_none(body: bytes, text: str) -> None:
    assert loads(body) == text
    assert loads(b'{"a":[' + body.removeprefix(b"\xef\xbb\xbf") + b"]}") == {"a": [text]}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[NaN]", [None]),
        (b"[Infinity, -Infinity,\n1]", [None, None, 1]),
        (b'{"NaN": NaN, "a": "NaN, -Infinity"}', {"NaN": None, "a": "NaN, -Infinity"}),
        (rb'{"a\"NaN": NaN, "b": "\\", "c": -Infinity}', {'a"NaN': None, "b": "\\", "c": None}),
        (rb'{"a": "NaN \ud83d", "b": NaN}', {"a": f"NaN {LOST}", "b": None}),
    ],
)
def test_numbers_that_are_none(body: bytes, value: Any) -> None:
    assert loads(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf",
        b"<html>NaN</html>",
        b"{",
        b'{"a":',
        b'{"a": "b',
        b'{"a": "b\\',
        rb'{"a": "\ud83d',
        rb'{"a": "\ud8',
        rb'"\ud8"',
        rb'"\ud83g"',
        rb'"\x41 \ud83d"',
        b'"a\x01"',
        b"{a: NaN}",
        b"{NaN: 1}",
        b"-NaN",
        b"+Infinity",
        b"1Infinity",
        b"NaNNaN",
        b"Infinityx",
        b"nan",
        b"NaN",
        b" -Infinity ",
        b"[NaN,]",
        b"[01, NaN]",
        b"'\\ud83d'",
        b"{}{}",
        b"1" * 5000,
        b"[NaN, " + b"1" * 5000 + b"]",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        rb'["\ud83d", ' + b"[" * 400 + b"]" * 400 + b"]",
        b'"' + b'\\"' * 100_000 + b" NaN",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(codec=None) | st.sampled_from('\ud83d\ude00\\"uNaN'), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters() | st.sampled_from("\ud83d\ude00\\u"), max_size=4), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def readable(value: Any) -> Any:
    """What is to be made of a value."""
    if isinstance(value, str):
        return _without_lone(value)
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, list):
        return [readable(each) for each in value]
    if isinstance(value, dict):
        return {readable(key): readable(each) for key, each in cast("dict[str, Any]", value).items()}
    return value


def _without_lone(text: str) -> str:
    made, at = "", 0
    while at < len(text):
        two = text[at : at + 2]
        if len(two) == 2 and "\ud800" <= two[0] <= "\udbff" and "\udc00" <= two[1] <= "\udfff":
            made += two.encode("utf-16", "surrogatepass").decode("utf-16")
            at += 2
            continue
        made += LOST if "\ud800" <= text[at] <= "\udfff" else text[at]
        at += 1
    return made


@given(JSON)
@example(["\ud83d\\ud83d", float("nan"), "\ude00\ud83d\ud83d\ude00", {"\ud83d": float("-inf")}])
def test_what_a_lenient_writer_wrote_is_read(value: Any) -> None:
    found = loads(json.dumps([value]).encode())
    assert found == [readable(value)]
    assert orjson.loads(orjson.dumps(found)) == found


@given(st.binary(max_size=60) | st.text('[]{}",:\\ud83e0 NaInfty-1\ufeff', max_size=40).map(str.encode))
def test_whatever_comes_out_can_be_written(body: bytes) -> None:
    try:
        value = loads(body)
    except ValueError:
        return
    orjson.dumps(value)
    json.dumps(value, ensure_ascii=False).encode()


@given(
    st.binary(max_size=60).map(lambda raw: b'{"a":"' + raw + b'"}')
    | JSON.map(lambda v: json.dumps(v).encode())
)
def test_what_is_json_is_read_as_it_always_was(body: bytes) -> None:
    try:
        strictly = orjson.loads(body)
    except ValueError:
        return
    assert loads(body) == strictly


def test_models_of_it() -> None:
    post = decode_data(Post, rb'{"data":{"post_id":"1","caption":"spring \ud83d","duration":NaN}}')
    assert (post.caption, post.duration) == (f"spring {LOST}", None)
    assert post.to_dict()["caption"].encode()


def test_an_answer_of_it_is_applied_and_an_error_of_it_is_told() -> None:
    seen = see(Reply(200, {}, rb'{"data":{"caption":"\ud83d"}}'))
    assert (seen.kind, seen.payload) == (Kind.APPLIED, {"data": {"caption": LOST}})
    seen = see(Reply(404, {}, b'{"error":{"code":"post_not_found","message":"caf\xe9"}}'))
    assert (seen.kind, seen.code, seen.message) == (Kind.REFUSED, "post_not_found", f"caf{LOST}")


@pytest.mark.anyio
async def test_a_caption_that_was_cut_in_the_midst_of_a_character_costs_one_read() -> None:
    """Over a real socket: 25 credits for the posts, 2 for the comments, and nothing is read twice."""
    posts = (
        rb'{"data":[{"post_id":"1","caption":"spring \ud83d"},{"post_id":"2","caption":"\ud83d\ude00 \\ud83d"}],'
        rb'"meta":{}}'
    )
    comments = (
        b'{"data":[{"comment_id":"7","text":"caf\xe9 \\ud83d","likes":NaN}],'
        b'"meta":{"total":1,"next_cursor":null}}'
    )
    asked: list[str] = []

    async def serve(reader: Any, writer: Any) -> None:
        while True:
            head, _ = await read_request(reader)
            asked.append(head.decode().split(" ")[1])
            writer.write(ok(comments if "comments" in asked[-1] else posts))
            await writer.drain()

    async with serving(serve) as port, Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}") as tok:
        found = await tok.creators.posts("tkc_1")
        assert [post.caption for post in found] == [f"spring {LOST}", "\U0001f600 \\ud83d"]
        assert asked == ["/v1/creators/tkc_1/posts"]
        said: list[Comment] = [each async for each in tok.posts.comments(POST_ID)]
        assert [(each.text, each.likes) for each in said] == [(f"caf{LOST} {LOST}", None)]
        assert len(asked) == 2
        assert tok.spent.charged_max == 27
