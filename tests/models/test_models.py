"""What the models are besides their fields: sequences, values, bearers of a response."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async import models
from tokfluence_async.models import (
    NO_RESPONSE,
    Analysis,
    ApiResult,
    Campaign,
    CampaignPost,
    CreateMeta,
    Items,
    Model,
    Post,
    Rejected,
    ResponseInfo,
)

MODELS = [value for value in vars(models).values() if inspect.isclass(value) and issubclass(value, Model)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OUTCOME_KEYS = st.sampled_from(
    ["url", "reason", "error", "message", "code", "post_id", "postId", "status", "raw", "handle"]
)
OUTCOMES = JSON | st.dictionaries(OUTCOME_KEYS, JSON | st.text(max_size=5), max_size=5)


def test_a_list_is_a_sequence() -> None:
    posts = Items(data=[Post(post_id="1"), Post(post_id="2"), Post(post_id="3")])
    assert isinstance(posts, Sequence)
    assert len(posts) == 3
    assert posts[0].post_id == "1"
    assert [post.post_id for post in posts[1:]] == ["2", "3"]
    assert [post.post_id for post in reversed(posts)] == ["3", "2", "1"]
    assert Post(post_id="2") in posts
    assert posts.index(Post(post_id="3")) == 2
    assert not Items(data=[])
    with pytest.raises(IndexError):
        posts[3]


def test_the_response_is_no_part_of_the_value() -> None:
    answered, made = Post(post_id="1"), Post(post_id="1")
    assert answered.response is NO_RESPONSE
    answered.response = ResponseInfo(
        status=200, request_id="r1", attempts=2, credits_remaining=49, elapsed=0.5
    )
    assert answered == made
    assert repr(answered) == repr(made)
    assert answered.to_dict() == made.to_dict()
    assert "response" not in answered.to_dict()
    assert answered.response.credits_remaining == 49


def test_a_response_does_not_print_its_content() -> None:
    response = ResponseInfo(status=200, body=b"a long body", headers={"x-credits-remaining": "49"})
    assert "a long body" not in repr(response)
    assert "x-credits" not in repr(response)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        response.status = 500  # type: ignore[misc]


@pytest.mark.parametrize("cls", MODELS)
def test_models_are_slotted(cls: type[Model]) -> None:
    assert not hasattr(object.__new__(cls), "__dict__")


def test_models_pickle_and_copy() -> None:
    page = Items(data=[Post(post_id="1", hashtags=["a"], extra={"new": 1})], meta={"total": 1})
    page.response = ResponseInfo(status=200, body=b"{}")
    for twin in (pickle.loads(pickle.dumps(page)), copy.deepcopy(page)):
        assert twin == page
        assert twin.response == page.response


def test_defaults_are_not_shared() -> None:
    Post(post_id="1").hashtags.append("a")
    Post(post_id="1").extra["new"] = 1
    assert Post(post_id="2").hashtags == []
    assert Post(post_id="2").extra == {}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 5, 15, 10, 0, tzinfo=UTC), "2026-05-15T10:00:00Z"),
        (datetime(2026, 5, 15, 10, 0, 0, 250000, tzinfo=UTC), "2026-05-15T10:00:00.250000Z"),
        (datetime(2026, 5, 15, 10, 0, tzinfo=timezone(timedelta(hours=-3))), "2026-05-15T10:00:00-03:00"),
    ],
)
def test_instants_are_written_with_their_offset(moment: datetime, text: str) -> None:
    assert Post(post_id="1", published_at=moment).to_dict()["published_at"] == text


def test_extra_fields_stand_beside_the_known_ones() -> None:
    assert Post(post_id="1", extra={"new": [1]}).to_dict()["new"] == [1]


def test_a_tracked_post_is_named_somehow() -> None:
    assert CampaignPost(url="https://example.test/").post_id is None
    with pytest.raises(ValueError, match="post_id or a url"):
        CampaignPost(status="pending")


@pytest.mark.parametrize(
    ("given_entry", "read"),
    [
        ("https://a.test", Rejected(url="https://a.test")),
        ({"url": "u", "reason": "why"}, Rejected(url="u", reason="why")),
        ({"url": "u", "error": "why"}, Rejected(url="u", reason="why")),
        ({"url": "u", "code": "c"}, Rejected(url="u", reason="c", code="c")),
        ({"url": "u", "code": "c", "message": "why"}, Rejected(url="u", reason="why", code="c")),
        ({"url": "u", "error": {"code": "c", "message": "why"}}, Rejected(url="u", reason="why", code="c")),
        ({"url": None, "post_id": "1"}, Rejected(extra={"post_id": "1"})),
        ({"url": 5, "code": 422}, Rejected(extra={"url": 5, "code": 422})),
        (None, Rejected(extra={"raw": None})),
        ([1], Rejected(extra={"raw": [1]})),
    ],
)
def test_a_rejection_is_read_in_any_shape(given_entry: Any, read: Rejected) -> None:
    assert Rejected.from_json(given_entry) == read


@pytest.mark.parametrize(
    ("given_entry", "read"),
    [
        ({"postId": "1", "status": "analyzed"}, ApiResult(post_id="1", status="analyzed")),
        ({"post_id": 7234567890123456789}, ApiResult(post_id="7234567890123456789")),
        ({"postId": "1", "status": "x", "url": "u"}, ApiResult(post_id="1", status="x", extra={"url": "u"})),
        ({"postId": 1.0}, ApiResult(extra={"postId": 1.0})),
        ("analyzed", ApiResult(extra={"raw": "analyzed"})),
    ],
)
def test_an_outcome_is_read_in_any_shape(given_entry: Any, read: ApiResult) -> None:
    assert ApiResult.from_json(given_entry) == read


@pytest.mark.parametrize("cls", [Rejected, ApiResult])
@settings(deadline=None, max_examples=60)
@given(entry=OUTCOMES)
def test_reading_an_outcome_never_fails_and_is_stable(cls: Any, entry: Any) -> None:
    read = cls.from_json(entry)
    assert cls.from_json(read.to_dict()) == read


@settings(deadline=None, max_examples=60)
@given(
    value=OUTCOMES
    | st.fixed_dictionaries(
        {},
        optional={
            "tracked_posts_created": JSON,
            "api_results": JSON | st.lists(OUTCOMES),
            "rejected": JSON | st.lists(OUTCOMES),
        },
    )
)
def test_reading_what_became_of_a_campaign_s_posts_never_fails_and_is_stable(value: Any) -> None:
    read = CreateMeta.from_json(value)
    assert CreateMeta.from_json(read.to_dict()) == read
    if isinstance(value, dict) and isinstance(value.get("rejected"), list):
        assert len(read.rejected) == len(value["rejected"])


@settings(deadline=None, max_examples=60)
@given(
    value=JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "data": JSON,
            "meta": JSON
            | st.dictionaries(
                st.sampled_from(["rejected", "api_results", "other"]), JSON | st.lists(OUTCOMES), max_size=3
            ),
            "rejected": JSON,
        },
    )
)
def test_reading_an_analysis_never_fails_and_is_stable(value: Any) -> None:
    read = Analysis.from_json(value)
    again = Analysis.from_json(read.to_dict())
    assert (again, again.results, again.rejected) == (read, read.results, read.rejected)


@pytest.mark.parametrize(
    "answer",
    [
        {"meta": {"rejected": ["u"]}},
        {"data": {"rejected": ["u"]}},
        {"data": [], "meta": None, "rejected": ["u"]},
        {"meta": {"rejected": "odd"}, "rejected": ["u"]},
    ],
)
def test_rejections_are_found_wherever_they_stand(answer: Any) -> None:
    assert Analysis.from_json(answer).rejected == [Rejected(url="u")]


def test_every_public_name_is_exported_and_documented() -> None:
    for name in models.__all__:
        assert getattr(models, name).__doc__


def test_unknown_status_is_a_plain_string() -> None:
    assert CampaignPost(post_id="1", status="teleported").status == "teleported"


def test_a_campaign_without_its_id_does_not_exist() -> None:
    with pytest.raises(TypeError):
        Campaign(name="Spring")  # type: ignore[call-arg]


def test_importing_the_models_is_cheap() -> None:
    heavy = "{'cattrs', 'orjson', 'aiohttp', 'asyncio'}"
    code = f"import sys, tokfluence_async.models; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
