"""What one call may do differently, and what is refused in words before anything is sent."""

from __future__ import annotations

import json
import math
import types
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tokfluence_async import ConfigurationError, DuplicateRequestError, Tokfluence
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

VIDEO = "7234567890123456789"
URL = f"https://www.tiktok.com/@alice/video/{VIDEO}"


async def test_a_uuid_is_an_idempotency_key(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    key = uuid.uuid4()
    analysis = await tok.posts.analyze([URL], idempotency_key=key)
    assert analysis.response.request_id == str(key)
    with pytest.raises(DuplicateRequestError) as caught:
        await tok.posts.analyze([URL], idempotency_key=str(key))
    assert caught.value.request_id == str(key)
    assert [each.request_id for each in tokfluence_sandbox.requests()] == [str(key)] * 2


async def test_any_mapping_will_do(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    await tok.campaigns.create(
        "A",
        extra_headers=types.MappingProxyType({"X-Trace": "1"}),
        extra_query=types.MappingProxyType({"n": 1.5, "none": None, "yes": True}),
        extra_body=types.MappingProxyType({"x": 1}),
    )
    (sent,) = tokfluence_sandbox.requests()
    assert "x-trace" in {name.lower() for name in sent.header_names}
    assert sent.query == "n=1.5&yes=true"
    assert json.loads(sent.body)["x"] == 1


WRONG: list[tuple[str, Any]] = [
    ("idempotency_key", 5),
    ("idempotency_key", b"key"),
    ("idempotency_key", ["key"]),
    ("idempotency_key", ""),
    ("extra_headers", [("X-A", "1")]),
    ("extra_headers", []),
    ("extra_headers", "X-A: 1"),
    ("extra_headers", {1: "x"}),
    ("extra_headers", {b"X-A": "x"}),
    ("extra_headers", 0),
    ("extra_query", [("a", "1")]),
    ("extra_query", "a=1"),
    ("extra_query", ""),
    ("extra_query", {1: "a"}),
    ("extra_query", {"a": b"x"}),
    ("extra_query", {"a": math.inf}),
    ("extra_query", {"a": math.nan}),
    ("extra_body", [1]),
    ("extra_body", []),
    ("extra_body", "{}"),
    ("extra_body", {1: 2}),
    ("extra_body", {b"a": 2}),
    ("timeout", "5"),
    ("timeout", True),
    ("max_retries", 1.5),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
async def test_an_option_of_a_wrong_type_is_named(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, name: str, value: Any
) -> None:
    words = f"{name.replace('_', '[ _]')}|the query parameter 'a'"
    option: Any = {name: value}
    with pytest.raises(ConfigurationError, match=words):
        await tok.posts.analyze([URL], **option)
    assert tokfluence_sandbox.requests() == []
    assert tok.spent.committed == 0


MISSPELT: list[Callable[[Tokfluence, Any], Awaitable[Any]]] = [
    lambda tok, option: tok.posts.analyze([URL], **option),
    lambda tok, option: tok.posts.show(VIDEO, **option),
    lambda tok, option: tok.posts.comments(VIDEO, **option).next_page(),
    lambda tok, option: tok.creators.search(call=option).next_page(),
    lambda tok, option: anext(tok.posts.show_many([VIDEO], **option)),
]


@pytest.mark.parametrize("number", range(len(MISSPELT)))
async def test_an_option_that_there_is_not_is_refused(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, number: int
) -> None:
    # Were it left out of account, the call would be made under another key than the caller thinks.
    with pytest.raises(ConfigurationError, match="no option is named idempotence_key"):
        await MISSPELT[number](tok, {"idempotence_key": "batch-1"})
    assert tokfluence_sandbox.requests() == []


@pytest.mark.parametrize("wrong", [[("X-A", "1")], "X-A: 1", {1: "x"}, [], 5])
async def test_headers_of_a_view_are_checked_alike(tok: Tokfluence, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="extra_headers"):
        tok.with_options(extra_headers=wrong)
