"""What the server model is made of: the world's open questions, faults, requests, answers, campaigns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

__all__ = [
    "CHECKED",
    "GATE",
    "NEVER_ARRIVES",
    "UNTRACKED",
    "Answer",
    "Call",
    "Campaign",
    "Tracked",
    "World",
    "posts_in",
    "video_in",
    "videos_in",
]

NEVER_ARRIVES = frozenset({"lost_before"})
GATE = frozenset({"401", "403", "429", "503", "408", "redirect", "html_500", "html_404", "html_200"})
"""Answers of something in front of the API: the request goes no further."""
CHECKED = frozenset({"402", "404", "422", "413", "500_before", "502_before"})
"""Answers of the API itself, once the id was looked at and nothing was charged."""
UNTRACKED = frozenset({"lost_charged", "500_charged"})
"""Charged, and then nothing: not told from a lost answer by anybody."""

_VIDEO = re.compile(r"/video/(\d+)$")


@frozen(kw_only=True)
class World:
    """What the public pages leave open, decided for one schedule."""

    burns: frozenset[int] = frozenset()
    """Statuses that use an id up although nothing was charged (500 stands for 503 and 408, 400 for the other 4xx)."""
    memory: float | None = None
    """Seconds for which an id is remembered; None is for ever."""
    running: str = "409"
    """What a repeat gets while the first is under way: ``409``, ``wait`` (then 409) or ``429``."""
    lag: float = 0.0
    """Seconds until a tracked post is listed."""
    page: int | None = None
    """Posts in one page of the list; None: all in one."""
    rejected: frozenset[str] = frozenset()
    """Videos whose creator can't be resolved."""
    charge_rejected: bool = True
    charge_refused: bool = False
    """Whether a 404 or 422 costs what the call costs."""
    rejected_form: str = "url"
    """How an answer names a rejected post: ``url``, ``string``, ``handle``, ``id`` or ``nameless``."""
    max_batch: int = 1000
    counts: bool = True
    """Whether a campaign tells how many posts it tracks: those that are listed."""
    shared: bool = False
    """Whether two machines work on one plan. Then a new key may leave while another machine repeats an old one in vain:
    only what is charged counts."""
    slowest: float = 3.0
    """Seconds that the work of a request takes at most, unless a fault makes it slow."""


@frozen
class Answer:
    """What comes back; a `problem` says that its body arrived damaged."""

    status: int
    headers: dict[str, str]
    body: bytes
    problem: str = ""


@define(eq=False)
class Call:
    """One request under way. `done` is called once, with the answer, or with None where the connection dies."""

    run: int
    """Who sent it."""
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    key: str | None
    fault: str
    delay: float
    """Seconds until it arrives."""
    back: float
    """Seconds until its answer is back."""
    done: Callable[[Answer | None], None]
    charged: dict[str, int] = field(factory=dict[str, int])
    """What it was charged and not refunded, by video (or ``create``, ``read``)."""
    campaign: int = 0
    posts: list[dict[str, Any]] = field(factory=list[dict[str, Any]])


@frozen
class Tracked:
    """A post in a campaign."""

    since: float
    run: int
    key: str
    refunded: bool


@define(eq=False)
class Campaign:
    """A campaign, its posts by video id, in the order in which they came."""

    id: int
    name: str
    posts: dict[str, Tracked] = field(factory=dict[str, Tracked])


def posts_in(body: bytes) -> list[dict[str, Any]]:
    """The posts that a body submits."""
    found: list[dict[str, Any]] = json.loads(body).get("posts", [])
    return found


def video_in(url: str) -> str:
    """The video id in a URL."""
    found = _VIDEO.search(url)
    return found[1] if found else url


def videos_in(body: bytes) -> list[str]:
    """The video ids that a body submits."""
    return [video_in(post["url"]) for post in posts_in(body)]
