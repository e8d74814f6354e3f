from __future__ import annotations

import enum
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol import endpoints
from tokfluence_async.protocol.endpoints import Endpoint

ALL = [each for each in vars(endpoints).values() if isinstance(each, Endpoint)]


def test_the_thirteen_calls() -> None:
    assert {each.name: f"{each.method} {each.path(7)}" for each in ALL} == {
        "campaigns.create": "POST /v1/campaigns",
        "campaigns.show": "GET /v1/campaigns/7",
        "campaigns.metrics": "GET /v1/campaigns/7/metrics",
        "campaigns.posts": "GET /v1/campaigns/7/posts",
        "campaigns.influencers": "GET /v1/campaigns/7/influencers",
        "campaigns.delete": "DELETE /v1/campaigns/7",
        "posts.show": "GET /v1/posts/7",
        "posts.comments": "GET /v1/posts/7/comments",
        "posts.analyze": "POST /v1/posts/analyze",
        "creators.search": "GET /v1/creators/search",
        "creators.show": "GET /v1/creators/7",
        "creators.posts": "GET /v1/creators/7/posts",
        "ai_search": "POST /v1/ai_search",
    }


def test_posts_carry_a_key_and_nothing_else_does() -> None:
    assert {each.name for each in ALL if each.keyed} == {"campaigns.create", "posts.analyze", "ai_search"}
    assert {each.name for each in ALL if each.submits_urls} == {"campaigns.create", "posts.analyze"}


@pytest.mark.parametrize(
    ("given_id", "quoted"),
    [
        ("tkc_9f", "tkc_9f"),
        (4711, "4711"),
        ("../x", "..%2Fx"),
        ("%2e%2e", "%252e%252e"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b", "a%20b"),
        ("a;b", "a%3Bb"),
        ("...", "..."),
        ("ü", "%C3%BC"),
    ],
)
def test_ids_are_quoted(given_id: str | int, quoted: str) -> None:
    assert endpoints.POSTS_COMMENTS.path(given_id) == f"/v1/posts/{quoted}/comments"


def test_an_id_is_its_value() -> None:
    class Id(str, enum.Enum):  # noqa: UP042 - one that prints its name
        A = "tkc_9f"
        B = "a b"

    class Number(int, enum.Enum):
        A = 5

    class Index:
        def __index__(self) -> int:
            return 5

    index: Any = Index()
    given = (Id.A, Id.B, Number.A, index)
    assert [endpoints.POSTS_SHOW.path(each) for each in given] == [
        "/v1/posts/tkc_9f",
        "/v1/posts/a%20b",
        "/v1/posts/5",
        "/v1/posts/5",
    ]


@pytest.mark.parametrize(
    "wrong",
    [2**63, 10**5000, "https://host/" + "x" * 5000, "\n" * 5000],
    ids=["64 bits", "5000 digits", "long URL", "many lines"],
)
def test_a_huge_id_is_refused_in_few_words(wrong: str | int) -> None:
    with pytest.raises(ConfigurationError, match=r"posts\.show") as caught:
        endpoints.POSTS_SHOW.path(wrong)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        ".",
        "..",
        "a\n",
        "a\x00b",
        "\u202e1",
        "https://x/1",
        -1,
        "-1",
        True,
        False,
        None,
        1.5,
        b"1",
        "\ud800",
    ],
)
def test_what_is_no_id_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"posts\.show"):
        endpoints.POSTS_SHOW.path(wrong)


@given(st.text() | st.integers())
def test_no_id_leaves_its_place(resource_id: str | int) -> None:
    try:
        path = endpoints.CAMPAIGNS_METRICS.path(resource_id)
    except ConfigurationError:
        return
    head, between, tail = path[:14], path[14 : -len("/metrics")], path[-len("/metrics") :]
    assert (head, tail) == ("/v1/campaigns/", "/metrics")
    assert path.isascii()
    assert not set(between) & set("/?#\\ \r\n")
    assert between not in {"", ".", ".."}
    assert unquote(between) == str(resource_id)
