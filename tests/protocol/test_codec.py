"""Answers into models, with the place of what is wrong; request bodies into bytes."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async.errors import ConfigurationError, DecodeError
from tokfluence_async.models import (
    AISearchResults,
    Analysis,
    Campaign,
    CampaignPost,
    Comment,
    CreateMeta,
    Creator,
    Items,
    Metrics,
    Page,
    Post,
    Rejected,
)
from tokfluence_async.protocol.codec import (
    PostEntry,
    analyze_body,
    campaign_body,
    checked_encoder,
    decode,
    decode_data,
    dumps,
    error_body,
    loads,
    post_entries,
    rejected_urls,
    urls_body,
)

TEN = datetime(2026, 5, 15, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "found", "becomes"),
    [
        pytest.param("future_field", {"a": 1}, None, id="unknown field"),
        pytest.param("views", None, None, id="null in an optional integer"),
        pytest.param("caption", None, None, id="null in an optional text"),
        pytest.param("music", None, None, id="null in an optional object"),
        pytest.param("hashtags", None, [], id="null in a list"),
        pytest.param("duration", 34, 34.0, id="integer in a number field"),
        pytest.param("duration", 34.5, 34.5, id="number"),
        pytest.param("post_id", 7234567890123456789, "7234567890123456789", id="integer in an exact id"),
        pytest.param("post_id", 2**64 - 1, "18446744073709551615", id="largest integer in an exact id"),
        pytest.param("published_at", "2026-05-15T10:00:00Z", TEN, id="Z"),
        pytest.param("published_at", "2026-05-15T12:00:00+02:00", TEN, id="offset"),
        pytest.param("published_at", "2026-05-15T10:00:00.5Z", TEN + timedelta(seconds=0.5), id="fraction"),
    ],
)
def test_what_is_taken(field: str, found: Any, becomes: Any) -> None:
    post = decode_data(Post, dumps({"data": {"post_id": "1", field: found}}))
    if field == "future_field":
        assert post.extra == {field: found}
        assert post.to_dict()[field] == found
        return
    value = getattr(post, field)
    assert value == becomes
    assert type(value) is type(becomes)
    if isinstance(value, datetime):
        assert value.tzinfo is UTC


@pytest.mark.parametrize(
    ("field", "found", "says"),
    [
        ("views", "123", "expected an integer, found the string '123'"),
        ("views", 12.0, "expected an integer, found the number 12.0"),
        ("views", True, "expected an integer, found true"),
        ("views", [1], "expected an integer, found a list"),
        ("duration", "34", "expected a number, found the string '34'"),
        ("duration", True, "expected a number, found true"),
        ("is_sponsored", "false", "expected true or false, found the string 'false'"),
        ("is_sponsored", 0, "expected true or false, found the integer 0"),
        ("caption", ["a"], "expected a string, found a list"),
        ("caption", 5, "expected a string, found the integer 5"),
        ("caption", {}, "expected a string, found an object"),
        ("hashtags", "fyp", "expected a list, found the string 'fyp'"),
        ("hashtags", {}, "expected a list, found an object"),
        ("music", "song", "expected an object, found the string 'song'"),
        ("music", [], "expected an object, found a list"),
        ("post_id", None, "found null"),
        ("post_id", 7.2e18, "expected an id as a string or an integer, found the number 7.2e+18"),
        ("post_id", True, "found true"),
        ("published_at", "2026-05-15T10:00:00", "expected a date and time with Z or an offset"),
        ("published_at", "2026-05-15", "expected a date and time with Z or an offset"),
        ("published_at", "yesterday", "expected a date and time in ISO 8601"),
        ("published_at", "0001-01-01T00:00:00+23:00", "expected a date and time in ISO 8601"),
        ("published_at", 1778839200, "expected a date and time in ISO 8601"),
    ],
)
def test_what_is_refused(field: str, found: Any, says: str) -> None:
    body = dumps({"data": {"post_id": "1", field: found}})
    with pytest.raises(DecodeError) as caught:
        decode_data(Post, body)
    assert caught.value.json_path == f"$.data.{field}"
    assert says in str(caught.value)
    assert caught.value.json_path in str(caught.value)
    assert caught.value.body == body
    assert caught.value.__cause__ is None
    with pytest.raises(DecodeError) as caught:
        decode_data(Items[Post], dumps({"data": [{"post_id": "0"}, {"post_id": "1", field: found}]}))
    assert caught.value.json_path == f"$.data[1].{field}"


@pytest.mark.parametrize(
    ("tp", "payload", "place"),
    [
        (Post, {"data": {"views": 1}}, "$.data.post_id"),
        (Post, {"data": {"post_id": "1", "hashtags": ["a", None]}}, "$.data.hashtags[1]"),
        (Post, {"data": {"post_id": "1", "music": {"original": "yes"}}}, "$.data.music.original"),
        (Campaign, {"data": {"name": "a"}}, "$.data.id"),
        (Campaign, {"data": {"id": "4711", "name": "a"}}, "$.data.id"),
        (Campaign, {"data": {"id": 4711}}, "$.data.name"),
        (Campaign, {"data": {"id": 4711, "name": None}}, "$.data.name"),
        (Metrics, {"data": {"top_hashtags": [{"value": "a"}, {"count": 2}]}}, "$.data.top_hashtags[1].value"),
        (Metrics, {"data": {"top_mentions": ["a"]}}, "$.data.top_mentions[0]"),
        (Metrics, {"data": {"spend_cents": 500.5}}, "$.data.spend_cents"),
        (Items[CampaignPost], {"data": [{"status": "pending"}]}, "$.data[0]"),
        (Page[Comment], {"data": [{"text": "a"}]}, "$.data[0].comment_id"),
        (Page[Comment], {"data": [], "meta": {"next_cursor": 1.5}}, "$.meta.next_cursor"),
        (Page[Comment], {"data": [], "meta": {"next_cursor": False}}, "$.meta.next_cursor"),
        (Page[Comment], {"data": [], "meta": {"total": "3"}}, "$.meta.total"),
        (Page[Comment], {"data": [], "meta": []}, "$.meta"),
        (AISearchResults, {"data": [{"username": "a"}]}, "$.data[0].id"),
        (Items[Post], {"data": {}}, "$.data"),
        (Items[Post], {"data": None}, "$.data"),
        (Items[Post], {"data": [None]}, "$.data[0]"),
        (Items[Post], {"meta": {}}, "$.data"),
        (Items[Post], [], "$"),
        (Post, {"data": []}, "$.data"),
        (Post, {"data": None}, "$.data"),
        (Post, {"post_id": "1"}, "$.data"),
        (Post, "text", "$"),
    ],
)
def test_the_place_of_what_is_wrong(tp: Any, payload: Any, place: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_data(tp, dumps(payload))
    assert caught.value.json_path == place


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"data": {"post_id": "1"', b"\xff\xfe", b"NaN"])
@pytest.mark.parametrize("tp", [Post, Items[Post], Analysis])
def test_what_is_not_json_is_refused(tp: Any, body: bytes) -> None:
    with pytest.raises(DecodeError, match="not JSON") as caught:
        decode_data(tp, body)
    assert (caught.value.json_path, caught.value.body) == ("$", body)


def test_a_decode_error_pickles() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_data(Post, b'{"data": {}}')
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (twin.json_path, twin.body, str(twin)) == ("$.data.post_id", b'{"data": {}}', str(caught.value))


def test_decode_names_the_place_from_the_object_itself() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(Post, {"post_id": "1", "views": "2"})
    assert caught.value.json_path == "$.views"


def test_decode_leaves_its_payload_as_it_is() -> None:
    payload: dict[str, Any] = {"data": [{"post_id": "1", "hashtags": ["a"]}], "meta": {"total": 1}}
    page = decode(Page[Post], payload)
    page[0].hashtags.append("b")
    assert payload == {"data": [{"post_id": "1", "hashtags": ["a"]}], "meta": {"total": 1}}


def test_the_envelope_s_unknown_fields_are_kept() -> None:
    page = decode_data(Page[Post], b'{"data": [], "links": {"next": "n"}}')
    assert page.extra == {"links": {"next": "n"}}
    assert decode(Page[Post], page.to_dict()) == page


def test_a_campaign_that_was_paid_for_is_decoded_whatever_its_meta() -> None:
    campaign = decode_data(Campaign, b'{"data": {"id": 1, "name": "a"}, "meta": {"rejected": [5], "x": 1}}')
    assert campaign.meta == CreateMeta(rejected=[Rejected(extra={"raw": 5})], extra={"x": 1})
    assert decode(Campaign, campaign.to_dict()) == campaign
    odd = decode_data(Campaign, b'{"data": {"id": 1, "name": "a"}, "meta": "odd"}')
    assert odd.meta == CreateMeta(extra={"raw": "odd"})


@pytest.mark.parametrize("body", [b"null", b"[]", b'"ok"', b"{}", b'{"data": 1, "meta": 2}'])
def test_an_analysis_that_was_paid_for_is_decoded_whatever_it_says(body: bytes) -> None:
    analysis = decode_data(Analysis, body)
    assert (analysis.results, analysis.rejected) == ([], [])


def test_ten_thousand_posts() -> None:
    plain = [
        {
            "post_id": str(7234567890123456789 + n),
            "caption": f"post {n}",
            "published_at": "2026-05-15T10:00:00Z",
            "views": n if n % 7 else None,
            "hashtags": ["a"] * (n % 3),
            "music": {"title": str(n)} if n % 2 else None,
            **({"new": n} if n % 5 == 0 else {}),
        }
        for n in range(10_000)
    ]
    posts = decode_data(Items[Post], dumps({"data": plain}))
    assert len(posts) == 10_000
    for n, post in enumerate(posts):
        assert post.post_id == str(7234567890123456789 + n)
        assert post.published_at == TEN
        assert post.views == (n if n % 7 else None)
        assert post.hashtags == ["a"] * (n % 3)
        assert (post.music.title if post.music else None) == (str(n) if n % 2 else None)
        assert post.extra == ({"new": n} if n % 5 == 0 else {})
    plain[9_999]["views"] = "9"
    with pytest.raises(DecodeError) as caught:
        decode_data(Items[Post], dumps({"data": plain}))
    assert caught.value.json_path == "$.data[9999].views"


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"error": {"code": "rate_limited", "message": "Slow down"}}', ("rate_limited", "Slow down")),
        (b'{"error": {"code": "x", "message": null, "more": 1}, "meta": {}}', ("x", "")),
        (b'{"error": {"code": "x"}}', ("x", "")),
        (b'{"error": {"message": "Slow down"}}', None),
        (b'{"error": {"code": "", "message": "a"}}', None),
        (b'{"error": {"code": 429, "message": "a"}}', None),
        (b'{"error": "rate_limited"}', None),
        (b'{"error": null}', None),
        (b'{"code": "x", "message": "a"}', None),
        (b'["error"]', None),
        (b"null", None),
    ],
)
def test_the_api_s_own_error_bodies_are_told_from_others(body: bytes, read: tuple[str, str] | None) -> None:
    assert error_body(loads(body)) == read


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["error", "code"]), inner),
    max_leaves=5,
)


@settings(deadline=None)
@given(payload=ANY_JSON, error=ANY_JSON)
def test_reading_an_error_never_fails(payload: object, error: object) -> None:
    for found in (payload, {"error": payload}, {"error": {"code": payload, "message": error}}):
        read = error_body(found)
        assert read is None or [type(text) for text in read] == [str, str]


@pytest.mark.parametrize(
    "payload", [None, 1, "a", [], {}, {"meta": None}, {"meta": {"rejected": {}}}, {"data": [1]}]
)
def test_no_rejections_are_found_where_there_are_none(payload: Any) -> None:
    assert rejected_urls(payload) == []


def test_rejections_are_found() -> None:
    assert rejected_urls({"data": {}, "meta": {"rejected": ["u", {"url": "v", "error": "e"}]}}) == [
        Rejected(url="u"),
        Rejected(url="v", reason="e"),
    ]


def test_the_body_of_a_load() -> None:
    posts: list[PostEntry] = [("https://a.test/1", "alice", 50000), ("https://a.test/2", None, 0)]
    entries = [
        {"url": "https://a.test/1", "creator_handle": "alice", "fee_cents": 50000},
        {"url": "https://a.test/2", "fee_cents": 0},
    ]
    assert post_entries(posts) == entries
    assert campaign_body(4711, posts) == {"campaign_id": 4711, "posts": entries}
    assert analyze_body(4711, posts) == campaign_body(4711, posts)
    assert dumps(campaign_body(4711, posts)) == dumps(campaign_body(4711, tuple(posts)))


def test_the_body_of_a_bare_analysis() -> None:
    assert urls_body(("u", "v")) == {"urls": ["u", "v"]}
    assert analyze_body(None, [("u", "alice", 5), ("v", None, 0)]) == {"urls": ["u", "v"]}


def test_a_single_url_is_not_taken_for_a_list_of_characters() -> None:
    with pytest.raises(TypeError, match="not a single string"):
        urls_body("https://www.tiktok.com/@alice/video/1")


def test_no_encoder_may_send_each_post_twice() -> None:
    def both(campaign_id: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
        return campaign_body(campaign_id or 0, posts) | urls_body([url for url, _, _ in posts])

    with pytest.raises(ConfigurationError, match="charged twice"):
        checked_encoder(both)(1, [("u", None, 0)])
    assert checked_encoder(analyze_body)(1, [("u", None, 0)]) == campaign_body(1, [("u", None, 0)])


@pytest.mark.parametrize("body", [None, ["urls"], "urls", b"{}", 5])
def test_an_encoder_writes_a_mapping(body: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"must return a dict, not {type(body).__name__}"):
        checked_encoder(lambda _, __: body)(1, [("u", None, 0)])


class _AsyncEncoder:
    async def __call__(self, campaign_id: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
        return {}


async def _async_encoder(campaign_id: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("encoder", [_async_encoder, _AsyncEncoder(), partial(_async_encoder)])
def test_an_encoder_is_no_coroutine_function(encoder: Any) -> None:
    with pytest.raises(ConfigurationError, match="a plain function, not an async one"):
        checked_encoder(encoder)
    # Nor does one that is hidden leave a coroutine behind that nobody awaits: a warning would fail this test.
    with pytest.raises(ConfigurationError, match="must return a dict, not coroutine"):
        checked_encoder(lambda campaign_id, posts: encoder(campaign_id, posts))(1, [])  # noqa: PLW0108 - hides it


def test_json_both_ways() -> None:
    assert loads(dumps({"a": [1, "é", None]})) == {"a": [1, "é", None]}
    with pytest.raises(ValueError, match="end of data"):
        loads(b"{")
    with pytest.raises(TypeError):
        dumps({"a": object()})


def test_a_list_of_creators_is_known_without_brackets() -> None:
    assert decode_data(AISearchResults, b'{"data": [{"id": "tkc_1"}]}')[0] == Creator(id="tkc_1")


def test_cattrs_is_imported_for_refusals_only() -> None:
    code = (
        "import sys; from tokfluence_async.models import Post; from tokfluence_async.protocol import codec; "
        'codec.decode_data(Post, b\'{"data": {"post_id": "1"}}\'); print(\'cattrs\' in sys.modules)'
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "meta",
    [
        {"cost": "25"},
        {"cost": {"credits": 25}},
        {"total_matches": 12.0},
        {"interpreted_filters": []},
        {"model": 5},
        [],
        "none",
    ],
    ids=str,
)
def test_creators_that_are_paid_for_are_not_lost_to_what_stands_beside_them(meta: object) -> None:
    payload = {"data": [{"id": "tkc_1"}], "meta": meta}
    found = decode_data(AISearchResults, json.dumps(payload).encode())
    assert [each.id for each in found] == ["tkc_1"]
    assert (found.cost, found.total_matches, found.interpreted_filters, found.model) == (None, None, {}, None)
    assert found.to_dict()["meta"] == meta


def test_what_was_applied_and_can_not_be_read_says_so() -> None:
    with pytest.raises(DecodeError, match="the call was applied, do not repeat it"):
        decode_data(Campaign, b'{"data": {"id": 5}}')
