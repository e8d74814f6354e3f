"""Posts and their comments, made up from the video id alone, so that two runs agree."""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from tokfluence_async.sandbox.clock import iso

TOPICS = (
    "beauty", "fitness", "cooking", "travel", "gaming", "fashion", "music", "comedy",
    "books", "pets", "cars", "gardening", "skincare", "football", "science", "diy",
)  # fmt: skip
"""What creators make posts about; also the hashtags."""

_OPENINGS = (
    "Three things nobody tells you about", "My honest take on", "A slow morning with", "What I learnt from",
    "Day one of", "The short guide to", "Replying to your questions about", "We need to talk about",
)  # fmt: skip
_MUSIC = ("original sound", "Golden Hour", "Paper Planes at Noon", "Low Tide", "Neon Garden", "Sunday Loop")
_ARTISTS = ("the creator", "Marlow Grey", "Ines Vale", "The Understudies", "Kite Season", "Otto Blum")
_REMARKS = (
    "Saving this for later", "Where did you get that?", "This made my day", "Part two please",
    "I tried it and it works", "The ending!", "Underrated", "Who else is watching at night?",
)  # fmt: skip
_EARLIEST, _LATEST = 1_451_606_400, 4_102_444_800  # 2016 to 2100: outside, an id does not hold its time
_HALVES = struct.Struct("<16H")


def numbers(text: str) -> tuple[int, ...]:
    """Sixteen numbers below 65,536, always the same for the same text."""
    return _HALVES.unpack(blake2b(text.encode(), digest_size=32).digest())


def unix_of(video_id: str) -> int:
    """Unix time at which a video was published: held in the upper half of a full-length id."""
    held = int(video_id) >> 32
    if _EARLIEST <= held < _LATEST:
        return held
    first, second, *_ = numbers(video_id)
    return 1_640_995_200 + (first * 65_536 + second) % 126_230_400


@lru_cache(maxsize=4096)
def _figures(video_id: str) -> tuple[int, int, int, int, int]:
    draw = numbers(f"figures:{video_id}")
    views = 1_000 + draw[0] * (1 + draw[1] % 64)
    likes = views * (200 + draw[2] % 1_000) // 10_000
    comments = likes * (50 + draw[3] % 300) // 10_000
    shares = likes * (50 + draw[4] % 500) // 10_000
    return views, likes, comments, shares, likes * (100 + draw[5] % 900) // 10_000


def gmv_cents(video_id: str) -> int:
    """What a post sold, in cents."""
    return _figures(video_id)[0] * (numbers(f"gmv:{video_id}")[0] % 20) // 10


def post_payload(video_id: str, url: str, username: str) -> dict[str, Any]:
    """A post as posts.show has it."""
    draw = numbers(f"post:{video_id}")
    views, likes, comments, shares, saves = _figures(video_id)
    topic = TOPICS[draw[0] % len(TOPICS)]
    hashtags = list(dict.fromkeys((topic, TOPICS[draw[1] % len(TOPICS)], "fyp")))[: 1 + draw[2] % 3]
    mentions = [f"{TOPICS[draw[4] % len(TOPICS)]}.daily"] if draw[3] % 4 == 0 else []
    said = " ".join([f"@{name}" for name in mentions] + [f"#{tag}" for tag in hashtags])
    music = draw[6] % len(_MUSIC)
    return {
        "post_id": video_id,
        "url": url,
        "caption": f"{_OPENINGS[draw[5] % len(_OPENINGS)]} {topic} {said}",
        "published_at": iso(unix_of(video_id)),
        "cover_url": f"https://cdn.tokfluence.test/covers/{video_id}.jpg",
        "duration": 5 + draw[7] % 175,
        "views": views,
        "likes": likes,
        "comments": comments,
        "shares": shares,
        "saves": saves,
        "hashtags": hashtags,
        "mentions": mentions,
        "music": {
            "title": _MUSIC[music],
            "author": username if music == 0 else _ARTISTS[draw[8] % len(_ARTISTS)],
            "original": music == 0,
        },
        "is_sponsored": draw[9] % 5 == 0,
    }


def comments_total(video_id: str) -> int:
    """How many of a post's comments the index holds, and so can be read."""
    return numbers(f"comments:{video_id}")[0] % 260


def comment_payload(video_id: str, place: int) -> dict[str, Any]:
    """The comment in a place, from 0, of a post's comments."""
    draw = numbers(f"comment:{video_id}:{place}")
    author = f"viewer_{draw[0]:05d}"
    # A reply belongs to the comment that opens its ten.
    reply = place % 10 > 0 and draw[1] % 3 == 0
    return {
        "comment_id": _comment_id(video_id, place),
        "text": _REMARKS[draw[2] % len(_REMARKS)],
        "published_at": iso(unix_of(video_id) + 60 + place * 97),
        "likes": draw[3] % 500,
        "reply_count": 0 if reply else draw[4] % 4,
        "parent_comment_id": _comment_id(video_id, place - place % 10) if reply else None,
        "author_username": author,
        "author_picture": f"https://cdn.tokfluence.test/viewers/{author}.jpg",
    }


def _comment_id(video_id: str, place: int) -> str:
    return str(((unix_of(video_id) + 60 + place * 97) << 32) + numbers(f"id:{video_id}:{place}")[0])
