"""What a page of a campaign's list tells, in the forms in which APIs have lists."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tokfluence_async.campaign.listpage import read_page

ID = "7301234567890123456"
URL = f"https://www.tiktok.com/@maker/video/{ID}"


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
    ],
)
def test_what_a_post_is_called_by(post: dict[str, Any], names: set[str]) -> None:
    page = read_page({"data": [post]})
    assert page is not None
    assert [set(each) for each in page.names] == [names]


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
        {"data": [{"post_id": ID}, ID]},
    ],
)
def test_what_is_no_list_of_posts_is_not_an_empty_one(payload: dict[str, Any]) -> None:
    assert read_page(payload) is None


@pytest.mark.parametrize("payload", [{"data": []}, {"data": {"posts": []}}, {"data": [], "meta": None}])
def test_an_empty_list_is_one(payload: dict[str, Any]) -> None:
    page = read_page(payload)
    assert page is not None
    assert (list(page.names), page.total, page.is_last(1)) == ([], math.inf, True)


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
    page = read_page({"data": [], "meta": meta})
    assert page is not None
    assert page.is_last(read) is is_last


@pytest.mark.parametrize("name", ["links", "pagination"])
def test_links_tell_of_a_further_page(name: str) -> None:
    page = read_page({"data": [], name: {"next": "/2"}})
    assert page is not None
    assert not page.is_last(1)


@pytest.mark.parametrize(
    ("total", "read"), [(7, 7), (0, 0), (-1, math.inf), (True, math.inf), ("7", math.inf)]
)
def test_how_many_posts_it_says_it_has(total: Any, read: float) -> None:
    page = read_page({"data": [], "meta": {"total": total}})
    assert page is not None
    assert page.total == read
