"""What one call may do differently, and what is refused in words before anything is sent."""

from __future__ import annotations

import itertools
import json
import math
import types
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tokfluence_async import (
    ConfigurationError,
    DuplicateRequestError,
    Tokfluence,
    UpstreamError,
    UsageError,
)
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


async def test_a_kept_key_that_was_used_is_told_whatever_comes_before(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    await tok.posts.analyze([URL], idempotency_key="batch-1")
    tokfluence_sandbox.add_fault(call="posts.analyze", effect="status", status=502)
    with pytest.raises(DuplicateRequestError) as caught:
        await tok.posts.analyze([URL], idempotency_key="batch-1")
    assert caught.value.attempts == 2
    assert isinstance(caught.value.__cause__, UpstreamError)


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


INTERNAL = ("query", "body", "urls", "call", "result", "endpoint", "resource_id", "options", "caller")
TAKING_OPTIONS: list[Callable[[Tokfluence, Any], Awaitable[Any]]] = [
    lambda tok, option: tok.posts.show(VIDEO, **option),
    lambda tok, option: tok.posts.analyze([URL], **option),
    lambda tok, option: tok.posts.comments(VIDEO, **option).next_page(),
    lambda tok, option: anext(tok.posts.show_many([VIDEO], **option)),
    lambda tok, option: tok.campaigns.create("A", **option),
    lambda tok, option: tok.campaigns.show(1, **option),
    lambda tok, option: tok.campaigns.metrics(1, **option),
    lambda tok, option: tok.campaigns.posts(1, **option),
    lambda tok, option: tok.campaigns.influencers(1, **option),
    lambda tok, option: tok.campaigns.delete(1, **option),
    lambda tok, option: tok.creators.show("tkc_1", **option),
    lambda tok, option: tok.creators.posts("tkc_1", **option),
    lambda tok, option: tok.creators.search(call=option).next_page(),
]


@pytest.mark.parametrize("number", range(len(TAKING_OPTIONS)))
async def test_no_option_is_named_as_what_makes_the_call(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, number: int
) -> None:
    for name, value in itertools.product(INTERNAL, (1, {"a": 1})):
        with pytest.raises(ConfigurationError, match=f"no option is named {name}; there are: extra_body, "):
            await TAKING_OPTIONS[number](tok, {name: value})
    assert tokfluence_sandbox.requests() == []


async def test_nor_of_a_search_in_words(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    for name in INTERNAL[1:]:
        option: Any = {name: {"a": 1}}
        with pytest.raises(ConfigurationError, match=f"no option is named {name}"):
            await tok.ai_search("cooks", **option)
    assert tokfluence_sandbox.requests() == []


async def test_a_filter_may_have_any_of_these_names(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    filters: Any = dict.fromkeys([*(each for each in INTERNAL if each != "call"), "self"], "x")
    await tok.creators.search(**filters).next_page()
    assert tokfluence_sandbox.requests()[0].query == "&".join(f"{name}=x" for name in filters)


MADE_BEFORE_ITERATED: list[Callable[[Tokfluence, Any], Any]] = [
    lambda tok, option: tok.creators.search(call=option),
    lambda tok, option: tok.posts.comments(VIDEO, **option),
    lambda tok, option: tok.posts.show_many([VIDEO], **option),
]


@pytest.mark.parametrize("number", range(len(MADE_BEFORE_ITERATED)))
@pytest.mark.parametrize(
    "wrong",
    [
        {"timeuot": 5},
        {"timeout": "5"},
        {"max_retries": -1},
        {"idempotency_key": "batch-1"},
        {"extra_headers": {"Authorization": "x"}},
        {"extra_query": {"a": b"x"}},
        {"extra_body": {"a": 1}},
    ],
)
async def test_what_is_iterated_later_is_checked_at_once(tok: Tokfluence, number: int, wrong: Any) -> None:
    with pytest.raises(ConfigurationError):
        MADE_BEFORE_ITERATED[number](tok, wrong)


async def test_an_option_of_a_search_is_named_by_text(tok: Tokfluence) -> None:
    wrong: Any = {5: 1, "timeuot": 2}
    with pytest.raises(ConfigurationError, match="no option is named 5, timeuot"):
        tok.creators.search(call=wrong)


async def test_a_list_needs_no_open_client_before_it_is_read(tokfluence_key: str) -> None:
    tok = Tokfluence(tokfluence_key)
    comments = tok.posts.comments(VIDEO, timeout=5)
    with pytest.raises(UsageError, match="not open"):
        await comments.next_page()
    assert tok.creators.search(region="DE").cursor is None
    with pytest.raises(ConfigurationError, match="timeout"):
        tok.posts.comments(VIDEO, timeout=-1)


async def test_options_of_a_search_are_those_that_it_was_made_with(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    call: Any = {"extra_query": {"a": 1}}
    search = tok.creators.search(call=call)
    call["query"] = {"b": 1}
    await search.next_page()
    assert tokfluence_sandbox.requests()[0].query == "a=1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": math.nan},
        {"a": [1, {"b": (math.inf,)}]},
        {"a": {"b": -math.inf}, "c": 1},
    ],
)
async def test_a_body_holds_finite_numbers_only(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, wrong: Any
) -> None:
    # JSON has none but these: the rest would be sent as null.
    with pytest.raises(ConfigurationError, match="extra_body: a number that is not finite"):
        await tok.ai_search("cooks", extra_body=wrong)
    assert tokfluence_sandbox.requests() == []


async def test_a_body_that_holds_itself_is_refused(tok: Tokfluence) -> None:
    body: dict[str, Any] = {}
    body["a"] = body
    with pytest.raises(ConfigurationError, match="JSON"):
        await tok.ai_search("cooks", extra_body=body)


@pytest.mark.parametrize("wrong", [[("X-A", "1")], "X-A: 1", {1: "x"}, [], 5])
async def test_headers_of_a_view_are_checked_alike(tok: Tokfluence, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="extra_headers"):
        tok.with_options(extra_headers=wrong)
