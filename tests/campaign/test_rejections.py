"""Which of the posts of a batch an answer rejects."""

from __future__ import annotations

from typing import Any

import pytest

from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.purchase import match_rejected
from tokfluence_async.models import Rejected


def post(number: int, handle: str | None) -> Post:
    return Post(number, f"https://www.tiktok.com/@{handle or 'x'}/video/{number}", handle, 0)


POSTS = [post(100, "alice"), post(101, "alice"), post(102, "bob"), post(103, None)]


@pytest.mark.parametrize(
    ("entry", "analyzed", "places", "unmatched"),
    [
        # By URL, as it was sent or otherwise, and by id: that post.
        ("https://www.tiktok.com/@alice/video/101", [], {1}, 0),
        ("https://m.tiktok.com/v/102.html", [], {2}, 0),
        ({"postId": "100", "code": "post_not_found"}, [], {0}, 0),
        ({"url": "https://www.tiktok.com/@eve/video/999", "creator_handle": "alice"}, [], set(), 1),
        # By handle alone: all of the creator's.
        ({"creator_handle": "alice", "code": "creator_not_found"}, [], {0, 1}, 0),
        ({"creator_handle": "@Alice"}, [], {0, 1}, 0),
        ({"handle": "bob", "code": "post_not_found"}, [], {2}, 0),
        # But not what the same answer tells to be analyzed.
        ({"creator_handle": "alice", "code": "creator_not_found"}, ["101"], {0}, 0),
        ({"creator_handle": "alice", "code": "post_not_found"}, ["100"], {1}, 0),
        ({"creator_handle": "alice"}, ["100", "101"], set(), 1),
        # What is one post's alone, and of several.
        ({"creator_handle": "alice", "code": "post_not_found"}, [], set(), 1),
        ({"creator_handle": "alice", "reason": "the URL is malformed"}, [], set(), 1),
        ({"creator_handle": "alice", "error": "video is private"}, [], set(), 1),
        ({"creator_handle": "alice", "code": "post_not_by_creator"}, [], set(), 1),
        (
            {
                "creator_handle": "alice",
                "code": "post_not_found",
                "reason": "Not found on this creator's profile",
            },
            *([], set(), 1),
        ),
        ({"creator_handle": "alice", "reason": "Post not found on this creator's profile"}, [], set(), 1),
        ({"creator_handle": "alice", "reason": "unknown URL form for this creator"}, [], set(), 1),
        ({"creator_handle": "alice", "code": "invalid_creator_handle"}, [], {0, 1}, 0),
        ({"creator_handle": "alice", "reason": "the handle could not be resolved"}, [], {0, 1}, 0),
        ({"creator_handle": "alice", "reason": "Creator not found"}, [], {0, 1}, 0),
        ({"creator_handle": "alice", "error": {"code": "handle_unresolved"}}, [], {0, 1}, 0),
        ("@alice", [], {0, 1}, 0),
        ("@alice", ["101"], {0}, 0),
        # By id or URL under whatever name: that post, and no other of the creator's.
        ({"video_id": "100", "creator_handle": "alice"}, [], {0}, 0),
        ({"id": 101, "creator_handle": "alice", "code": "invalid_creator_handle"}, [], {1}, 0),
        ({"post": {"url": "https://www.tiktok.com/@alice/video/101"}, "creator_handle": "alice"}, [], {1}, 0),
        ({"post_url": "https://www.tiktok.com/@alice/video/100", "creator_handle": "alice"}, [], {0}, 0),
        # What points to one of them in a form that is not known may mean any.
        ({"index": 0, "creator_handle": "alice"}, [], set(), 1),
        ({"id": 7, "creator_handle": "alice"}, [], set(), 1),
        ({"row": 3, "creator_handle": "alice", "code": "creator_not_found"}, [], set(), 1),
        # But who the creator is says nothing of the post.
        ({"creator_id": "tkc_1", "creator_handle": "alice", "code": "creator_not_found"}, [], {0, 1}, 0),
        ({"post_id": None, "url": None, "creator_handle": "alice"}, [], {0, 1}, 0),
        ({"creator_handle": ""}, [], set(), 1),
        ({}, [], set(), 1),
    ],
)
def test_rejections(entry: Any, analyzed: list[str], places: set[int], unmatched: int) -> None:
    refused, nobody_s = match_rejected(POSTS, [Rejected.from_json(entry)], analyzed)
    assert (set(refused), nobody_s) == (places, unmatched)
