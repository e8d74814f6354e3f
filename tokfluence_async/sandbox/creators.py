"""Creators, made up from their usernames, and the search for them."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from attrs import frozen

from tokfluence_async.sandbox.arguments import query_number
from tokfluence_async.sandbox.clock import iso
from tokfluence_async.sandbox.posts import TOPICS, numbers

if TYPE_CHECKING:
    from tokfluence_async.sandbox.switches import Switches

REGIONS: dict[str, tuple[str, ...]] = {
    "US": ("united states", "america", "american", "usa"),
    "GB": ("united kingdom", "britain", "british", "england", "uk"),
    "DE": ("germany", "german"),
    "FR": ("france", "french"),
    "ES": ("spain", "spanish"),
    "IT": ("italy", "italian"),
    "BR": ("brazil", "brazilian"),
    "MX": ("mexico", "mexican"),
    "JP": ("japan", "japanese"),
    "KR": ("korea", "korean"),
}
"""Regions that creators are of, and the words by which the plain-English search knows them."""

_LANGUAGES = {
    "US": "en",
    "GB": "en",
    "DE": "de",
    "FR": "fr",
    "ES": "es",
    "IT": "it",
    "BR": "pt",
    "MX": "es",
    "JP": "ja",
}
_CREATOR_ID = re.compile(r"tkc_[0-9a-f]{16}")
_USERNAME = re.compile(r"[a-z0-9_.]{1,24}")
_FOLLOWERS = re.compile(
    r"(?P<less>under|below|less than|fewer than|at most|up to)?\s*"
    r"(?P<n>\d+(?:\.\d+)?)\s*(?P<unit>[km])?\+?\s+followers"
)
_ENGAGEMENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_HASHTAG = re.compile(r"#(\w+)")
_WORD = re.compile(r"[a-z]+")
_NAMES = ("ada", "bo", "cleo", "dara", "emil", "fen", "gus", "hana", "ivo", "juno", "kai", "lux", "mio")


@frozen
class Creator:
    """A creator that the sandbox knows."""

    id: str
    """``tkc_`` and 16 hexadecimal digits."""
    username: str
    """The TikTok username, in lower case and without the ``@``."""


def creator_id(username: str) -> str:
    """The id that belongs to a username."""
    return f"tkc_{blake2b(username.encode(), digest_size=8).hexdigest()}"


def creator_payload(creator: Creator) -> dict[str, Any]:
    """A creator as creators.show and both searches have it."""
    draw = numbers(f"creator:{creator.username}")
    region = list(REGIONS)[draw[0] % len(REGIONS)]
    followers = 500 + draw[1] * (1 + draw[2] % 40)
    topic = TOPICS[draw[3] % len(TOPICS)]
    return {
        "id": creator.id,
        "username": creator.username,
        "display_name": creator.username.replace("_", " ").replace(".", " ").title(),
        "picture": f"https://cdn.tokfluence.test/creators/{creator.id}.jpg",
        "bio": f"{topic}, mostly",
        "region": region,
        "language": _LANGUAGES.get(region, "ko"),
        "verified": draw[4] % 8 == 0,
        "follower_count": followers,
        "following_count": draw[5] % 2_000,
        "like_count": followers * (3 + draw[6] % 20),
        "video_count": 10 + draw[7] % 900,
        "engagement_rate": round((100 + draw[8] % 1_400) / 10_000, 4),
        "average_views": followers * (5 + draw[9] % 60) // 100,
        "hashtags": list(dict.fromkeys((topic, TOPICS[draw[10] % len(TOPICS)]))),
        "updated_at": iso(1_735_689_600 + draw[11] * 60),
    }


def creator_video_ids(creator: Creator) -> list[str]:
    """The ids of a creator's latest posts, newest first."""
    draw = numbers(f"videos:{creator.username}")
    newest = 1_746_057_600 + draw[0] * 60
    return [
        str(((newest - place * 86_400 - draw[place] % 3_600) << 32) + draw[place + 1] * 7)
        for place in range(5 + draw[1] % 8)
    ]


class Creators:
    """Every creator that the sandbox knows: those it began with, and those it has met since."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._by_id: dict[str, Creator] = {}
        self._by_name: dict[str, Creator] = {}
        self._stocked = False

    def _stock(self) -> None:
        # Left until it is asked for: most tests never search, and a sandbox has to start in an instant.
        if not self._stocked:
            self._stocked = True
            for place in range(self._switches.creators):
                turn, name = divmod(place, len(_NAMES))
                self.meet(f"{_NAMES[name]}.{TOPICS[turn % len(TOPICS)]}{turn // len(TOPICS) or ''}")

    def meet(self, username: str) -> Creator:
        """The creator of a username, known from now on."""
        known = self._by_name.get(username)
        if known is None:
            known = self._by_name[username] = Creator(creator_id(username), username)
            self._by_id[known.id] = known
        return known

    def find(self, reference: str) -> Creator | None:
        """A known creator by ``tkc_`` id or username."""
        self._stock()
        return self._by_id.get(reference) or self._by_name.get(reference.lstrip("@").lower())

    def resolve(self, reference: str) -> Creator | None:
        """The creator whom a post's ``creator_handle`` means; None if it can't be resolved."""
        handle = reference.strip().lstrip("@").lower()
        met = self._by_name.get(handle)
        if met is not None:
            return met
        if _CREATOR_ID.fullmatch(handle):
            known = self.find(handle)
            if known is None:
                known = self._by_id[handle] = self._by_name[f"user_{handle[4:]}"] = Creator(
                    handle, f"user_{handle[4:]}"
                )
            return known
        prefix = self._switches.ghost_prefix.lower()
        ghost = handle in self._switches.ghost_handles or (prefix and handle.startswith(prefix))
        return None if ghost or not _USERNAME.fullmatch(handle) else self.meet(handle)

    def search(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """The creators that pass every filter, most followers first; filters that are unknown are ignored.

        Raises:
            RefusedError: 422 if a filter that is a number does not hold one.
        """
        self._stock()
        least, most = query_number(query, "min_followers"), query_number(query, "max_followers")
        rate, highest = query_number(query, "min_engagement_rate"), query_number(query, "max_engagement_rate")
        region, hashtag = query.get("region", "").upper(), query.get("hashtag", "").lstrip("#").lower()
        text = (query.get("query") or query.get("q") or "").lower()
        found = [
            each
            for each in map(creator_payload, self._by_id.values())
            if (least is None or each["follower_count"] >= least)
            and (most is None or each["follower_count"] <= most)
            and (rate is None or each["engagement_rate"] >= rate)
            and (highest is None or each["engagement_rate"] <= highest)
            and (not region or each["region"] == region)
            and (not hashtag or hashtag in each["hashtags"])
            and (not text or text in each["username"] or text in each["bio"])
        ]
        found.sort(key=lambda each: (-each["follower_count"], each["id"]))
        return found


def interpret(query: str) -> dict[str, Any]:
    """The filters that a plain-English query asks for, as far as the sandbox understands English."""
    text = query.lower()
    filters: dict[str, Any] = {}
    for found in _FOLLOWERS.finditer(text):
        count = int(float(found["n"]) * {"k": 1_000, "m": 1_000_000}.get(found["unit"] or "", 1))
        filters["max_followers" if found["less"] else "min_followers"] = count
    engagement = _ENGAGEMENT.search(text)
    if engagement:
        filters["min_engagement_rate"] = round(float(engagement[1]) / 100, 6)
    words = set(_WORD.findall(text))
    for region, names in REGIONS.items():
        if any(name in words or (" " in name and name in text) for name in names):
            filters["region"] = region
            break
    tag = _HASHTAG.search(text)
    topic = tag[1] if tag else next((topic for topic in TOPICS if topic in words), None)
    if topic:
        filters["hashtag"] = topic
    return filters
