"""What a page of a campaign's list tells, in the forms in which APIs have lists."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tokfluence_async.campaign.listpage import ListPage, PostNames

ID = "7301234567890123456"
URL = f"https://www.tiktok.com/@maker/video/{ID}"


def read(payload: Any, *, size: int = 7) -> tuple[ListPage | None, list[set[str]]]:
    """A page whose body comes in pieces of so many bytes, and what its posts may be called by."""
    seen: list[set[str]] = []
    names = PostNames(lambda each: seen.append(set(each)))
    body = json.dumps(payload).encode()
    names.begin()
    for first in range(0, len(body), size):
        assert names.feed(body[first : first + size])
    return names.page(json.loads(names.end())), seen


def page_of(payload: Any) -> ListPage | None:
    return read(payload)[0]


@pytest.mark.parametrize(
    ("post", "names"),
    [
        ({"post_id": ID}, {ID}),
        ({"postId": int(ID)}, {ID}),
        ({"video_id": ID, "id": 12}, {ID}),
        ({"id": ID}, {ID}),
        ({"id": int(ID), "url": None}, {ID}),
        ({"url": URL + "?lang=en"}, {ID}),
        ({"post_id": "12", "url": "https://m.tiktok.com/v/7.html"}, {"12", "7"}),
        ({"post_id": ID, "url": "https://vm.tiktok.com/ZMabc"}, {ID, "https://vm.tiktok.com/ZMabc"}),
        ({"id": 17, "url": "https://vm.tiktok.com/ZMabc"}, {"https://vm.tiktok.com/ZMabc"}),
    ],
)
def test_what_a_post_is_called_by(post: dict[str, Any], names: set[str]) -> None:
    page, seen = read({"data": [post]})
    assert page is not None
    assert seen == [names]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"data": None},
        {"data": {"items": []}},
        {"data": "none"},
        # What has no name that is a video's may be any post.
        {"data": [{"post_id": ID}, {"id": 12, "views": 3}]},
        {"data": [{"post_id": ID}, {"post": {"post_id": ID}}]},
        {"data": [{"post_id": ID}, {"post_id": True}]},
        {"data": [{"post_id": ID}, {"post_id": 9000}]},
        {"data": [{"post_id": ID}, {"id": 17, "url": ""}]},
        {"data": [{"post_id": ID}, {"id": 17, "url": "https://example.org/7301234567890123456"}]},
        {"data": [{"post_id": ID}, {"video_id": "9000", "url": None}]},
        {"data": [{"post_id": ID}, ID]},
    ],
)
def test_what_is_no_list_of_posts_is_not_an_empty_one(payload: dict[str, Any]) -> None:
    assert page_of(payload) is None


@pytest.mark.parametrize("payload", [{"data": []}, {"data": {"posts": []}}, {"data": [], "meta": None}])
def test_an_empty_list_is_one(payload: dict[str, Any]) -> None:
    page, seen = read(payload)
    assert page is not None
    assert (seen, page.total, page.is_last(1)) == ([], math.inf, True)


def test_a_body_is_read_once_more_from_its_beginning() -> None:
    seen: list[list[str]] = []
    names = PostNames(lambda each: seen.append(list(each)))
    names.begin()
    one, two = (json.dumps({"post_id": each}).encode() for each in (ID, ID[::-1]))
    names.feed(b'{"data": [' + one + b', {"id": 3}, {"post_')
    names.begin()
    names.feed(b'{"data": {"posts": [' + one + b", " + two + b']}, "meta": {"total": 2}}')
    page = names.page(json.loads(names.end()))
    assert page is not None
    assert page.total == 2
    assert seen == [[ID], [ID], [ID[::-1]]]


def test_posts_that_it_was_not_given_make_no_list() -> None:
    """As from a transport that does not know of readers: they must not be taken for none."""
    names = PostNames(lambda _: None)
    assert names.page({"data": [{"post_id": ID}]}) is None
    assert names.page({"data": []}) is not None


@pytest.mark.parametrize(
    ("meta", "read", "is_last"),
    [
        ({}, 1, True),
        ({"next_cursor": None}, 1, True),
        ({"next_cursor": 0}, 1, False),
        ({"has_more": True}, 1, False),
        ({"has_more": False}, 1, True),
        ({"next_page_token": ""}, 1, True),
        ({"page": 1, "total_pages": 2}, 2, False),
        ({"page": 2, "total_pages": 2}, 1, True),
        # Without a number of its own it is the one that was read last.
        ({"total_pages": 3}, 2, False),
        ({"total_pages": 3}, 3, True),
        ({"total_pages": None}, 1, True),
    ],
)
def test_whether_it_is_the_last(meta: dict[str, Any], read: int, is_last: bool) -> None:  # noqa: FBT001 - a parameter of the test
    page = page_of({"data": [], "meta": meta})
    assert page is not None
    assert page.is_last(read) is is_last


@pytest.mark.parametrize("name", ["links", "pagination"])
def test_links_tell_of_a_further_page(name: str) -> None:
    page = page_of({"data": [], name: {"next": "/2"}})
    assert page is not None
    assert not page.is_last(1)


@pytest.mark.parametrize(
    ("total", "read"), [(7, 7), (0, 0), (-1, math.inf), (True, math.inf), ("7", math.inf)]
)
def test_how_many_posts_it_says_it_has(total: Any, read: float) -> None:
    page = page_of({"data": [], "meta": {"total": total}})
    assert page is not None
    assert page.total == read
