"""The key, which is blotted out of what a server quotes back."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from raw_answers import answering, sent_to
from scripted import KEY, ok

from tokfluence_async.options import APIKey
from tokfluence_async.protocol.wire import Reply
from tokfluence_async.session.redaction import Redactor

pytestmark = pytest.mark.anyio


async def test_a_key_that_the_server_quotes_back_is_blotted_out() -> None:
    answer = ok(
        b'{"error":{"code":"unauthorized","message":"no ' + KEY.encode() + b'"}}', b"X-You: " + KEY.encode()
    )
    outcome = await sent_to(answering(answer))
    assert isinstance(outcome, Reply)
    assert KEY.encode() not in outcome.body
    assert KEY not in outcome.headers["x-you"]
    assert b"APIKey(***)" in outcome.body


def escaped(text: str, each: Callable[[int], bool] = lambda _: True, code: str = "\\u%04x") -> str:
    """A text in JSON's escapes, those of its characters whose places are asked for."""
    return "".join(code % ord(char) if each(place) else char for place, char in enumerate(text))


@pytest.mark.parametrize(
    "quoted",
    [
        escaped(KEY),
        escaped(KEY, code="\\u%04X"),
        escaped(KEY, lambda place: place == 3),
        escaped(KEY, lambda place: place == 40),
        escaped(KEY, lambda place: place % 2 == 0),
        f"before \\u00e9 {escaped(KEY)}{escaped(KEY)} \\n after",
        f"{KEY} and {escaped(KEY)}",
    ],
)
@pytest.mark.parametrize("status", [b"200 OK", b"401 Unauthorized"])
async def test_a_key_in_escapes_is_blotted_out(quoted: str, status: bytes) -> None:
    answer = ok(b'{"error":{"code":"unauthorized","message":"no %b"}}' % quoted.encode())
    outcome = await sent_to(answering(answer.replace(b"200 OK", status, 1)))
    assert isinstance(outcome, Reply)
    message = orjson.loads(outcome.body)["error"]["message"]
    assert KEY not in message
    assert "APIKey(***)" in message


def redacted(key: str, text: object) -> object:
    body = Redactor(APIKey(key)).body(json.dumps(text).encode())
    return json.loads(body)


def test_a_key_in_json_within_json_is_blotted_out() -> None:
    inner = '{"key": "' + escaped(KEY) + '"}'
    for _ in range(3):
        found = redacted(KEY, {"said": inner})
        assert isinstance(found, dict)
        assert "APIKey(***)" in found["said"]
        inner = json.dumps({"said": inner})


@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=20),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
    seed=st.randoms(use_true_random=False),
)
def test_no_decoded_text_is_the_key(key: str, before: str, after: str, seed: random.Random) -> None:
    plain = json.dumps(before)[1:-1], json.dumps(after)[1:-1]
    assume(key not in before + after)
    short = {'"': '\\"', "\\": "\\\\", "/": "\\/"}
    ways = [
        [f"\\u{ord(char):04x}", f"\\u{ord(char):04X}", short.get(char, char), json.dumps(char)[1:-1]]
        for char in key
    ]
    body = f'{{"said": "{plain[0]} {"".join(map(seed.choice, ways))} {plain[1]}"}}'
    redactor = Redactor(APIKey(key))
    assert json.loads(body)["said"] == f"{before} {key} {after}"
    assert any(sign in body.encode() for sign in redactor.signs)
    said = json.loads(redactor.body(body.encode()))["said"]
    assert said.startswith(before)
    assert said.endswith(after)
    assert key not in said.replace("APIKey(***)", "")


@given(st.lists(st.text() | st.dictionaries(st.text(), st.integers(), max_size=3), max_size=5))
@settings(max_examples=50)
def test_what_does_not_hold_the_key_stays_as_it_is(value: object) -> None:
    body = json.dumps(value).encode()
    assert Redactor(APIKey(KEY)).body(body) == body


def test_a_body_made_to_be_slow_is_not() -> None:
    body = b'"' + b"\\\\" * 200_000 + b"\\u0074" + b"t\\u006b" * 50_000 + b'"'
    started = time.perf_counter()
    assert Redactor(APIKey(KEY)).body(body) == body
    assert time.perf_counter() - started < 2
