"""The campaign's list of posts, as far as it is worth its price."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import Any, Final, cast

from attrs import define, field, frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.purchase import video_id
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.protocol.endpoints import CAMPAIGNS_POSTS, CAMPAIGNS_SHOW
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.protocol.wire import MAX_BODY

__all__ = ["Listed", "PostList"]

MAX_PAGES: Final = 10_000
MAX_BARREN: Final = 3
"""Pages in a row without a post that was not on an earlier one, after which the list goes on no more, or has no end."""
MAX_EMPTY: Final = 25
"""The same where the list says that there are more."""
ENTRY: Final = 1024
"""Bytes of a post in the list, generously."""
MAX_LIST: Final = 128 * 1024 * 1024
"""Bytes of the list that are read at most, where the API does not page it."""


_VIDEO_ID: Final = re.compile(r"\d{15,20}", re.ASCII).fullmatch
_MORE: Final = ("has_more", "has_next", "has_next_page", "next", "next_page", "next_page_token", "next_url")
_PAGE: Final = ("page", "current_page")
_LAST_PAGE: Final = ("total_pages", "page_count", "pages", "last_page")

_IN_VAIN: Final = "looked_in_vain"
"""Under which the load file remembers the latest POST before the last look that ended early, and how far that went."""


@frozen
class Listed:
    """What a look into the list has shown."""

    video_ids: Collection[str]
    posts: int
    """How many posts it has shown."""
    whole: bool
    """Whether what is not among them is not in the list: to look further may have cost more than there was to tell."""
    ended: bool = True
    """Whether the list was read as far as it is shown."""


@define
class PostList:
    """Reads a campaign's list: 2 credits a page."""

    reader: Reader
    campaign_id: int
    planned: int
    """URLs of the plan."""
    batch_size: int
    """URLs in one of its batches."""
    unread: Seen | None = field(default=None, init=False)
    """What was seen when the list could not be read, unless it was the cap that kept it from being read."""

    @property
    def least_price(self) -> int:
        """Credits that it costs to look for something that is not there."""
        return self._page_price + self.count_price

    @property
    def count_price(self) -> int:
        """Credits that it costs to ask how many posts there are in all."""
        return self.reader.tok.tariff.price(CAMPAIGNS_SHOW.name)

    @property
    def _page_price(self) -> int:
        return self.reader.tok.tariff.price(CAMPAIGNS_POSTS.name)

    async def look_for(
        self, wanted: set[str], *, worth: int | None, to_the_end: bool = False
    ) -> Listed | None:
        """Look for videos; None if the list can't be read now, and then `unread` says why.

        Nothing is read after the page that has the last of them: each page costs 2 credits.

        Args:
            wanted: The video ids.
            worth: Credits that the look may cost, but for its first page; None where the list is read to its end.
            to_the_end: Whether a list that has more than it shows can't be read, for what is not seen is bought. How
                many posts there are, the campaign itself tells, for 1 credit more.

        Raises:
            Stopped: The load is to stop.
        """
        bound = MAX_PAGES if worth is None else min(max(1, worth // max(self._page_price, 1)), MAX_PAGES)
        journal = self.reader.journal
        if not to_the_end and await journal.run(lambda db: self._in_vain(db) >= bound):
            bound = 1
        found = await self._read(wanted, bound)
        if found is None or wanted.issubset(found.video_ids):
            return found
        if found.whole:
            missing = len(wanted.difference(found.video_ids))
            return found if not to_the_end or await self._shows_enough(found, missing) else None
        if to_the_end and found.ended:
            self.unread = Seen(Kind.GARBLED, message="it says that it has more posts than it shows")
            return None
        if bound > 1:
            await journal.run(lambda db: self._note_in_vain(db, bound))
        return found

    def _in_vain(self, db: records.Connection) -> int:
        """How many pages were read in vain before, if nothing was sent since."""
        latest, _, pages = (self.reader.journal.file.meta(_IN_VAIN) or "").partition(":")
        return int(pages) if latest == str(records.latest_post(db)) and pages.isdecimal() else 0

    def _note_in_vain(self, db: records.Connection, pages: int) -> None:
        self.reader.journal.file.set_meta(_IN_VAIN, f"{records.latest_post(db)}:{pages}")

    async def _shows_enough(self, found: Listed, missing: int) -> bool:
        """Whether a list that says nothing of more is all there is: it may be paged in a way that is not known.

        As many posts as may be a batch must not be hidden. One or two may be counted for ever and never listed.
        """
        payload, seen = await self.reader.read(CAMPAIGNS_SHOW, self.campaign_id)
        if payload is None:
            self.unread = seen
            if seen is None:
                self._stop_for_cap()
            return False
        data = payload.get("data")
        count: Any = (
            cast("dict[str, Any]", data).get("tracked_posts_count") if isinstance(data, dict) else None
        )
        if type(count) is int and count - found.posts >= min(missing, self.batch_size):
            self.unread = Seen(Kind.GARBLED, message=f"it shows {found.posts:,} of {count:,} posts")
            return False
        return True

    def _stop_for_cap(self) -> None:
        self.reader.stop.request(
            "max_credits",
            "what is in doubt has to be looked for in the campaign, and the cap leaves no room for that (2 credits a "
            "page); resume with a higher --max-credits",
        )

    async def _read(self, wanted: set[str], bound: int) -> Listed | None:
        found, posts = set[str](), set[str]()
        cursors: set[str] = set()
        barren = 0
        query: tuple[tuple[str, str], ...] = ()
        max_body = max(MAX_BODY, min(self.planned * ENTRY, MAX_LIST))
        for _ in range(bound):
            payload, seen = await self.reader.read(
                CAMPAIGNS_POSTS, self.campaign_id, query, max_body=max_body
            )
            if seen is None:
                self._stop_for_cap()
                return None
            if payload is None:
                self.unread = seen
                return None
            names = _names(payload)
            if names is None:
                self.unread = Seen(Kind.GARBLED, message="it is no list of posts")
                return None
            found.update(*names)
            before = len(posts)
            posts.update(each[0] for each in names)
            barren = 0 if len(posts) > before else barren + 1
            cursor = _next_cursor(payload)
            if wanted <= found:
                return Listed(found, len(posts), whole=True)
            total = _total(payload)
            if cursor is None:
                # More than are shown, in a way that is not known here.
                whole = (total == math.inf or len(posts) >= total) and not _says_more(payload)
                return Listed(found, len(posts), whole=whole)
            # How many there are in all is believed of a list that brings nothing more, and of no other.
            if barren >= MAX_BARREN and len(posts) >= total:
                return Listed(found, len(posts), whole=True)
            if cursor in cursors or barren >= (MAX_BARREN if total == math.inf else MAX_EMPTY):
                self.unread = Seen(Kind.GARBLED, message="its pages have no end")
                return None
            cursors.add(cursor)
            query = (("cursor", cursor),)
        if bound == MAX_PAGES:
            self.unread = Seen(Kind.GARBLED, message=f"it has more than {MAX_PAGES:,} pages")
            return None
        return Listed(found, len(posts), whole=False, ended=False)


def _next_cursor(payload: dict[str, Any]) -> str | None:
    meta = payload.get("meta")
    cursor = cast("dict[str, Any]", meta).get("next_cursor") if isinstance(meta, dict) else None
    return None if cursor in (None, "") else str(cursor)


def _total(payload: dict[str, Any]) -> float:
    """How many posts the list says it has; infinite if it does not."""
    meta = payload.get("meta")
    total: Any = cast("dict[str, Any]", meta).get("total") if isinstance(meta, dict) else None
    return total if type(total) is int and total >= 0 else math.inf


def _says_more(payload: dict[str, Any]) -> bool:
    """Whether a list says that it goes on in a way of other APIs than this one."""
    for name in ("meta", "links", "pagination"):
        place = payload.get(name)
        if not isinstance(place, dict):
            continue
        fields = cast("dict[str, Any]", place)
        if any(fields.get(each) for each in _MORE):
            return True
        page, last = (
            next((fields[each] for each in names if type(fields.get(each)) is int), 1)
            for names in (_PAGE, _LAST_PAGE)
        )
        if page < last:
            return True
    return False


def _names(payload: dict[str, Any]) -> list[Sequence[str]] | None:
    """What each post in a list may be called by, wherever it carries it; None if that is no list of posts.

    What can't be read must not be taken for empty: that a post is not listed counts for something.
    """
    data = payload.get("data")
    if isinstance(data, dict):
        data = cast("dict[str, Any]", data).get("posts")
    if not isinstance(data, list):
        return None
    names = [
        _names_of(cast("dict[str, Any]", each)) if isinstance(each, dict) else ()
        for each in cast("list[object]", data)
    ]
    return names if all(names) else None


def _names_of(post: dict[str, Any]) -> Sequence[str]:
    values: list[Any] = [post.get(name) for name in ("post_id", "postId", "video_id")]
    names = [str(each) for each in values if isinstance(each, str | int) and not isinstance(each, bool)]
    number = str(post.get("id"))
    if _VIDEO_ID(number):
        names.append(number)  # a shorter one is the API's own
    url = post.get("url")
    return [*names, video_id(url)] if isinstance(url, str) else names
