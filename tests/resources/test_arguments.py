"""Arguments that can't be meant: refused by name, before anything is sent or charged."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from tokfluence_async import ConfigurationError, PostEntry, Tokfluence
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

URL = "https://www.tiktok.com/@alice/video/7234567890123456789"
OTHER = "https://www.tiktok.com/@bob/video/7234567890123456790"

Call = Callable[[Tokfluence, Any], Awaitable[Any]]
"""Makes a call with a value that is not of the argument's type: hence `Any`."""


async def _first_page(tok: Tokfluence, **search: Any) -> Any:
    return await tok.creators.search(**search).next_page()


CAMPAIGN_CALLS: dict[str, Call] = {
    "campaigns.show": lambda tok, value: tok.campaigns.show(value),
    "campaigns.metrics": lambda tok, value: tok.campaigns.metrics(value),
    "campaigns.posts": lambda tok, value: tok.campaigns.posts(value),
    "campaigns.influencers": lambda tok, value: tok.campaigns.influencers(value),
    "campaigns.delete": lambda tok, value: tok.campaigns.delete(value),
}
ID_CALLS: dict[str, tuple[str, Call]] = {
    "posts.show": ("post_id", lambda tok, value: tok.posts.show(value)),
    "posts.comments": ("post_id", lambda tok, value: tok.posts.comments(value).next_page()),
    "creators.show": ("creator_id", lambda tok, value: tok.creators.show(value)),
    "creators.posts": ("creator_id", lambda tok, value: tok.creators.posts(value)),
}
NO_NUMBERS: list[Any] = [None, True, False, 1.0, float("nan"), "5", "", b"5", [5], 0, -1]
NO_IDS: list[Any] = [None, True, 7234567890123456789, 1.5, b"1", ["1"], "", " ", " 1", "1\n", "..", URL]
NO_TEXTS: list[Any] = [None, 5, True, b"text", ["text"], "", " \n"]
NO_LISTS: list[Any] = [None, 5, URL, URL.encode(), {"url": URL}, {URL, OTHER}]

WRONG: list[tuple[str, Call, list[Any]]] = [
    *(("campaign_id", call, NO_NUMBERS) for call in CAMPAIGN_CALLS.values()),
    ("campaign_id", lambda tok, value: tok.posts.analyze([URL], campaign_id=value), NO_NUMBERS[1:]),
    *((name, call, NO_IDS) for name, call in ID_CALLS.values()),
    ("limit", lambda tok, value: tok.posts.comments("1", limit=value).next_page(), [*NO_NUMBERS[1:], 201]),
    ("max_results", lambda tok, value: tok.ai_search("cooks", max_results=value), [*NO_NUMBERS[1:], 51]),
    ("query", lambda tok, value: tok.ai_search(value), NO_TEXTS),
    ("name", lambda tok, value: tok.campaigns.create(value), NO_TEXTS),
    (
        "currency",
        lambda tok, value: tok.campaigns.create("A", currency=value),
        [*NO_TEXTS[1:], "euro", "eur", "EUR "],
    ),
    ("posts", lambda tok, value: tok.posts.analyze(value), [*NO_LISTS, []]),
    ("posts", lambda tok, value: tok.campaigns.create("A", posts=value), NO_LISTS),
    (
        r"posts\[1\] must be",
        lambda tok, value: tok.posts.analyze([OTHER, value], campaign_id=1),
        [None, 5, URL.encode(), (URL, "alice"), {"url": URL}, {URL, "alice", 0}],
    ),
    (
        r"posts\[1\]: the URL",
        lambda tok, value: tok.posts.analyze([(OTHER, None, 0), (value, "alice", 0)], campaign_id=1),
        NO_TEXTS,
    ),
    (
        r"posts\[1\]: the creator's handle",
        lambda tok, value: tok.posts.analyze([(OTHER, None, 0), (URL, value, 0)], campaign_id=1),
        NO_TEXTS[1:],
    ),
    (
        r"posts\[1\]: the fee",
        lambda tok, value: tok.campaigns.create("A", posts=[(OTHER, None, 0), (URL, None, value)]),
        [None, True, 1.0, float("nan"), "1", -1],
    ),
    (
        "region",
        lambda tok, value: _first_page(tok, region=value),
        [["DE"], b"DE", float("nan"), float("inf"), {"a": 1}],
    ),
    # The options of a search stand in `call`: as filters they would be sent, and not do what they say.
    *(
        (name, lambda tok, value, name=name: _first_page(tok, **{name: value}), [1, None])
        for name in ("timeout", "max_retries", "extra_query")
    ),
    ("call", lambda tok, value: _first_page(tok, call=value), [5, "x", []]),
    (
        "region",
        lambda tok, value: _first_page(tok, region="DE", call={"extra_query": value}),
        [{"region": "FR"}],
    ),
    ("cursor", lambda tok, value: _first_page(tok, call={"extra_query": value}), [{"cursor": 5}]),
    ("cursor", lambda tok, value: tok.posts.comments("1", extra_query=value).next_page(), [{"cursor": 5}]),
    ("limit", lambda tok, value: tok.posts.comments("1", extra_query=value).next_page(), [{"limit": 5}]),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
async def test_a_wrong_argument_is_refused_by_its_name(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, number: int
) -> None:
    name, call, values = WRONG[number]
    for value in values:
        with pytest.raises(ConfigurationError, match=name):
            await call(tok, value)
    assert tokfluence_sandbox.requests() == []
    assert tok.spent.committed == 0


async def test_ids_of_many_posts_are_refused_one_by_one(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    wrong: Any = [None, 5, [], "", "https://www.tiktok.com/@x/video/1"]
    shown = [each async for each in tok.posts.show_many(wrong)]
    assert [each.post_id for each in shown] == wrong
    assert {type(each.error) for each in shown} == {ConfigurationError}
    assert tokfluence_sandbox.requests() == []


class Table:
    """As a data frame is: iterated, it gives the names of its columns."""

    columns = ("post_id", "views")
    shape = (2, 2)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize("wrong", [None, 5, "1", b"12", Table()])
async def test_what_is_no_list_of_ids_is_refused_at_once(tok: Tokfluence, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="post_ids"):
        tok.posts.show_many(wrong)


# Fields of the body that are not the caller's


async def _analyze(tok: Tokfluence, body: Any) -> object:
    return await tok.posts.analyze([URL], extra_body=body)


async def _analyze_into(tok: Tokfluence, body: Any) -> object:
    return await tok.posts.analyze([URL], campaign_id=1, extra_body=body)


async def _create(tok: Tokfluence, body: Any) -> object:
    return await tok.campaigns.create("A", extra_body=body)


async def _ai_search(tok: Tokfluence, body: Any) -> object:
    return await tok.ai_search("cooks", extra_body=body)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        *((call, field) for call in (_analyze, _analyze_into) for field in ("campaign_id", "posts", "urls")),
        *((_create, field) for field in ("name", "currency", "posts", "urls")),
        *((_ai_search, field) for field in ("query", "max_results")),
    ],
)
async def test_extra_body_does_not_decide_what_a_parameter_decides(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, call: Call, field: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"extra_body can't set '{field}'"):
        await call(tok, {"x": 1, field: None})
    assert tokfluence_sandbox.requests() == []
    assert tok.spent.committed == 0


@pytest.mark.parametrize("call", [_analyze, _create, _ai_search])
@pytest.mark.parametrize("body", [[1], "x", 5])
async def test_extra_body_is_an_object(tok: Tokfluence, call: Call, body: Any) -> None:
    with pytest.raises(ConfigurationError, match="extra_body"):
        await call(tok, body)


async def test_extra_body_does_not_replace_what_an_encoder_wrote(
    tokfluence_sandbox: Sandbox, tokfluence_key: str
) -> None:
    def encoder(_: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
        return {"links": [url for url, _, _ in posts]}

    async with Tokfluence(
        tokfluence_key, base_url=tokfluence_sandbox.base_url, analyze_encoder=encoder
    ) as tok:
        with pytest.raises(ConfigurationError, match="extra_body can't set 'links'"):
            await tok.posts.analyze([URL], extra_body={"links": []})
    assert tokfluence_sandbox.requests() == []


async def test_extra_body_adds_what_the_call_does_not_know(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    await tok.posts.analyze([URL], extra_body={"priority": "low"})
    (sent,) = tokfluence_sandbox.requests()
    assert json.loads(sent.body) == {"urls": [URL], "priority": "low"}


# Handles and fees have no place in a bare analysis


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ((OTHER, "bob", 0), "a creator's handle"),
        ((OTHER, None, 7), "a fee"),
        ((OTHER, "bob", 7), "a creator's handle and a fee"),
    ],
)
async def test_a_handle_or_fee_without_a_campaign_is_refused(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, entry: PostEntry, what: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"posts\[1\] has {what}, .* campaign_id") as caught:
        await tok.posts.analyze([(URL, None, 0), entry])
    assert OTHER in caught.value.message
    assert tokfluence_sandbox.requests() == []
    assert tok.spent.committed == 0


async def test_an_entry_of_a_url_alone_needs_no_campaign(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    await tok.posts.analyze([(URL, None, 0)])
    assert json.loads(tokfluence_sandbox.requests()[0].body) == {"urls": [URL]}


async def test_an_encoder_of_the_caller_s_may_send_them(
    tokfluence_sandbox: Sandbox, tokfluence_key: str
) -> None:
    def encoder(_: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
        return {"urls": [url for url, _, _ in posts], "handles": [handle for _, handle, _ in posts]}

    async with Tokfluence(
        tokfluence_key, base_url=tokfluence_sandbox.base_url, analyze_encoder=encoder
    ) as tok:
        await tok.posts.analyze([(URL, "alice", 0)])
    assert json.loads(tokfluence_sandbox.requests()[0].body)["handles"] == ["alice"]
