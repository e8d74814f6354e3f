"""Members of enums, numpy's numbers and Decimals are sent as the values that they are; huge numbers are not sent."""

from __future__ import annotations

import contextlib
import enum
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from tokfluence_async import APIError, ConfigurationError, OutcomeUnknownError, Tokfluence
from tokfluence_async.resources.caller import own_headers
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

VIDEO = "7234567890123456789"
URL = f"https://www.tiktok.com/@alice/video/{VIDEO}"


class Name(str, enum.Enum):  # noqa: UP042 - one that prints its name is what this is about
    REGION = "DE"
    VIDEO = "7234567890123456789"
    BATCH = "spring-2026"
    HEADER = "X-Trace"
    FILTER = "region"
    CURRENCY = "EUR"
    URL = "https://www.tiktok.com/@alice/video/7234567890123456789"
    HANDLE = "alice"


class Number(int, enum.Enum):
    FIVE = 5


class IntNumber(enum.IntEnum):
    FIVE = 5


class Field(str, enum.Enum):  # noqa: UP042 - as above
    URLS = "urls"
    POSTS = "posts"
    CAMPAIGN = "campaign_id"


class Index:
    """A whole number as numpy's are: no `int`, but with an index."""

    def __index__(self) -> int:
        return 5


FIVES: list[Any] = [5, Number.FIVE, IntNumber.FIVE, Index()]

Call = Callable[[Tokfluence, Any], Awaitable[Any]]


async def sent(tok: Tokfluence, sandbox: Sandbox, call: Awaitable[Any]) -> tuple[str, str, str]:
    """Path, query and body of what a call sends, whatever comes of it."""
    with contextlib.suppress(APIError):
        await call
    request = sandbox.requests()[-1]
    return request.path, request.query, request.text()


@pytest.mark.parametrize("five", FIVES)
async def test_whole_numbers(tok: Tokfluence, tokfluence_sandbox: Sandbox, five: Any) -> None:
    async def of(call: Awaitable[Any]) -> tuple[str, str, str]:
        return await sent(tok, tokfluence_sandbox, call)

    assert (await of(tok.campaigns.show(five)))[0] == "/v1/campaigns/5"
    assert (await of(tok.campaigns.delete(five)))[0] == "/v1/campaigns/5"
    assert (await of(tok.posts.comments(VIDEO, limit=five, cursor=five).next_page()))[1] == "cursor=5&limit=5"
    assert (await of(tok.creators.search(min_followers=five).next_page()))[1] == "min_followers=5"
    assert (await of(tok.posts.show(VIDEO, extra_query={"n": five})))[1] == "n=5"
    assert json.loads((await of(tok.ai_search("cooks", max_results=five)))[2])["max_results"] == 5
    body = json.loads((await of(tok.posts.analyze([(URL, "alice", five)], campaign_id=five)))[2])
    assert (body["campaign_id"], body["posts"][0]["fee_cents"]) == (5, 5)
    view = tok.with_options(timeout=five, max_retries=five)
    assert [(type(each), each) for each in (view.options.timeout, view.options.max_retries)] == [
        (float, 5.0),
        (int, 5),
    ]
    assert type(tok.budget(max_credits=five).spent.max_credits) is int
    assert tok.estimate({"posts.show": five}, urls=five) == 130
    await of(tok.posts.show(VIDEO, timeout=five, max_retries=five))


async def test_text(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    async def of(call: Awaitable[Any]) -> tuple[str, str, str]:
        return await sent(tok, tokfluence_sandbox, call)

    filters: Any = {Name.FILTER: "DE"}
    posts: Any = [Name.URL]
    assert (await of(tok.posts.show(Name.VIDEO)))[0] == f"/v1/posts/{VIDEO}"
    assert (await of(tok.posts.comments(Name.VIDEO).next_page()))[0] == f"/v1/posts/{VIDEO}/comments"
    assert (await of(tok.creators.show(Name.BATCH)))[0] == "/v1/creators/spring-2026"
    assert (await of(tok.creators.search(region=Name.REGION).next_page()))[1] == "region=DE"
    assert (await of(tok.creators.search(**filters).next_page()))[1] == "region=DE"
    assert (await of(tok.creators.search(cursor=Name.REGION).next_page()))[1] == "cursor=DE"
    assert (await of(tok.posts.show(VIDEO, extra_query={Name.FILTER: Name.REGION})))[1] == "region=DE"
    assert json.loads((await of(tok.ai_search(Name.REGION)))[2]) == {"query": "DE"}
    assert json.loads((await of(tok.ai_search("q", extra_body={Name.FILTER: 1})))[2])["region"] == 1
    body = json.loads((await of(tok.campaigns.create(Name.REGION, currency=Name.CURRENCY, posts=posts)))[2])
    assert body == {"name": "DE", "currency": "EUR", "posts": [{"url": URL, "fee_cents": 0}]}
    shown = [each async for each in tok.posts.show_many([Name.VIDEO])]
    assert len(shown) == 1
    assert tokfluence_sandbox.requests()[-1].path == f"/v1/posts/{VIDEO}"


async def test_the_key_that_is_sent_is_the_one_that_is_told(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    # Were its name sent, a job that repeats the call under the stored value would pay for it again.
    tokfluence_sandbox.add_fault(effect="status", status=503, body=b"")
    with pytest.raises(OutcomeUnknownError) as caught:
        await tok.posts.analyze([URL], idempotency_key=Name.BATCH)
    assert {request.request_id for request in tokfluence_sandbox.requests()} == {"spring-2026"}
    assert (caught.value.request_id, type(caught.value.request_id)) == ("spring-2026", str)


def test_headers() -> None:
    headers = own_headers({Name.HEADER: Name.REGION})
    assert headers == {"x-trace": "DE"}
    assert {type(each) for pair in headers.items() for each in pair} == {str}


@pytest.mark.parametrize("field", Field)
async def test_a_field_is_refused_however_it_is_named(tok: Tokfluence, field: Field) -> None:
    with pytest.raises(ConfigurationError, match=f"extra_body can't set '{field.value}'"):
        await tok.posts.analyze([URL], extra_body={field: []})


@pytest.mark.parametrize(
    ("value", "query"),
    [
        (Decimal("0.05"), "rate=0.05"),
        (Decimal(1000), "rate=1000"),
        (True, "rate=true"),
        (0.5, "rate=0.5"),
    ],
)
async def test_filters(tok: Tokfluence, tokfluence_sandbox: Sandbox, value: Any, query: str) -> None:
    assert (await sent(tok, tokfluence_sandbox, tok.creators.search(rate=value).next_page()))[1] == query


async def test_filters_of_numpy(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    np = pytest.importorskip("numpy")
    search = tok.creators.search(a=np.int64(5), b=np.float32(0.5), c=np.bool_(True), d=np.str_("x"))
    assert (await sent(tok, tokfluence_sandbox, search.next_page()))[1] == "a=5&b=0.5&c=true&d=x"


async def test_seconds_of_any_kind(tok: Tokfluence) -> None:
    for seconds in (Decimal("1.5"), 1.5):
        view = tok.with_options(timeout=seconds)  # type: ignore[arg-type]
        assert (view.options.timeout, type(view.options.timeout)) == (1.5, float)


HUGE: list[tuple[str, Call]] = [
    ("campaign_id", lambda tok, value: tok.campaigns.show(value)),
    ("campaign_id", lambda tok, value: tok.posts.analyze([URL], campaign_id=value)),
    ("limit", lambda tok, value: tok.posts.comments("1", limit=value).next_page()),
    ("cursor", lambda tok, value: tok.posts.comments("1", cursor=value).next_page()),
    ("min_followers", lambda tok, value: tok.creators.search(min_followers=value).next_page()),
    ("max_results", lambda tok, value: tok.ai_search("cooks", max_results=value)),
    ("fee", lambda tok, value: tok.campaigns.create("A", posts=[(URL, None, value)])),
    ("'n'", lambda tok, value: tok.posts.show("1", extra_query={"n": value})),
    ("timeout", lambda tok, value: tok.posts.show("1", timeout=value)),
    ("max_retries", lambda tok, value: tok.posts.show("1", max_retries=value)),
]


@pytest.mark.parametrize("number", range(len(HUGE)))
@pytest.mark.parametrize("value", [2**63, 10**5000], ids=["64 bits", "5000 digits"])
async def test_a_huge_number_is_refused_in_few_words(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, number: int, value: int
) -> None:
    name, call = HUGE[number]
    with pytest.raises(ConfigurationError, match=name) as caught:
        await call(tok, value)
    assert len(str(caught.value)) < 250
    assert tokfluence_sandbox.requests() == []
