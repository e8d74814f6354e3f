"""The campaign's list of posts, as far as it is worth its price."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final, cast

from attrs import define, evolve, field, frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.listpage import ListPage, read_page
from tokfluence_async.campaign.purchase import video_id
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.protocol.endpoints import CAMPAIGNS_POSTS, CAMPAIGNS_SHOW
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.protocol.wire import MAX_BODY

__all__ = ["Listed", "PostList", "Sought"]

MAX_PAGES: Final = 10_000
MAX_BARREN: Final = 3
"""Pages in a row without a post that was not on an earlier one, after which the list goes on no more, or has no end."""
MAX_EMPTY: Final = 25
"""The same where the list says that there are more."""
ENTRY: Final = 1024
"""Bytes of a post in the list, generously."""
MAX_LIST: Final = 128 * 1024 * 1024
"""Bytes of the list that are read at most, where the API does not page it."""


_IN_VAIN: Final = "looked_in_vain"
"""Under which the load file remembers the latest POST before the last look that ended early, and how far that went."""


@frozen
class Sought:
    """What is looked for in a list, and what it is worth to find it, in credits."""

    in_doubt: Collection[str]
    """Video ids that were sent, and of which nobody knows what became of them."""
    worth: int | None
    """What it may cost to find those; None where the list is read to its end."""
    unsent: Collection[str] = ()
    """Video ids that were never sent from here, and that others may have bought."""
    unsent_worth: int = 0
    """What it may cost to find those, as long as none is found: most likely nobody has bought any."""
    bought_worth: int = 0
    """What it may cost once some are."""
    smallest: int = 1
    """URLs in the smallest batch of all these."""
    room: int | None = None
    """What is left under the cap besides the price of what was never sent; None without a cap."""

    @property
    def to_the_end(self) -> bool:
        """Whether what is not seen is bought: then a list that has more than it shows can't be read."""
        return self.worth is None or bool(self.unsent)

    def worth_going_on(self, doubts_left: Collection[str], unsent_left: Collection[str]) -> float:
        """What the whole look may cost, as far as there is room, while some are not found yet."""
        worth = 0.0
        if doubts_left:
            worth = math.inf if self.worth is None else self.worth
        if unsent_left:
            bought = len(unsent_left) < len(self.unsent)
            worth = max(worth, self.bought_worth if bought else self.unsent_worth)
        return worth


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
    counted: bool = False
    """Whether the campaign itself was asked, and has no more posts than that."""


@define
class PostList:
    """Reads a campaign's list: 2 credits a page."""

    reader: Reader
    campaign_id: int
    planned: int
    """URLs of the plan."""
    unread: Seen | None = field(default=None, init=False)
    """What was seen when the list could not be read, unless it was the cap that kept it from being read."""
    hidden: bool = field(default=False, init=False)
    """Whether the campaign, when it was last asked, had more posts than its list."""

    @property
    def least_price(self) -> int:
        """Credits that it costs to look for something that is not there."""
        return self.page_price + self.count_price

    @property
    def count_price(self) -> int:
        """Credits that it costs to ask how many posts there are in all."""
        return self.reader.tok.tariff.price(CAMPAIGNS_SHOW.name)

    @property
    def page_price(self) -> int:
        """Credits of a page."""
        return self.reader.tok.tariff.price(CAMPAIGNS_POSTS.name)

    async def look_for(self, sought: Sought) -> Listed | None:
        """Look for videos; None if the list can't be read now, and then `unread` says why.

        Nothing is read after the page that has the last of them: each page costs 2 credits. Where what is not seen is
        bought, the campaign tells how many posts there are, for 1 credit more.

        Raises:
            Stopped: The load is to stop.
        """
        journal, bound = (
            self.reader.journal,
            self._pages(sought.worth_going_on(sought.in_doubt, sought.unsent)),
        )
        if not sought.to_the_end and await journal.run(lambda db: self._in_vain(db) >= bound):
            sought = evolve(sought, worth=0)
        found = await self._read(sought)
        if found is None or _finds_all(found, sought):
            return found
        if found.whole:
            return await self.counted(found, sought.smallest) if sought.to_the_end else found
        if sought.to_the_end and found.ended:
            self.unread = Seen(Kind.GARBLED, message="it says that it has more posts than it shows")
            return None
        if bound > 1:
            await journal.run(lambda db: self._note_in_vain(db, bound))
        return found

    def _pages(self, worth: float) -> int:
        price = max(self.page_price, 1)
        return int(max(1, min(worth, MAX_PAGES * price) // price))

    def _in_vain(self, db: records.Connection) -> int:
        """How many pages were read in vain before, if nothing was sent since."""
        latest, _, pages = (self.reader.journal.file.meta(_IN_VAIN) or "").partition(":")
        return int(pages) if latest == str(records.latest_post(db)) and pages.isdecimal() else 0

    def _note_in_vain(self, db: records.Connection, pages: int) -> None:
        self.reader.journal.file.set_meta(_IN_VAIN, f"{records.latest_post(db)}:{pages}")

    async def counted(self, found: Listed, smallest: int) -> Listed | None:
        """A list that says nothing of more, once it is known to be all there is: it may be paged in an unknown way.

        As many posts as are a batch must not be hidden. What was accepted from here may be counted, and listed no more.

        Args:
            found: The list.
            smallest: URLs in the smallest batch that is looked for.

        Returns:
            None if the campaign can't be read, or has more posts; `unread` says it.

        Raises:
            Stopped: The load is to stop.
        """
        payload, seen = await self.reader.read(CAMPAIGNS_SHOW, self.campaign_id)
        if payload is None:
            self.unread = seen
            if seen is None:
                self._stop_for_cap()
            return None
        data = payload.get("data")
        count: Any = (
            cast("dict[str, Any]", data).get("tracked_posts_count") if isinstance(data, dict) else None
        )
        hidden = count - found.posts if type(count) is int else 0
        if hidden >= smallest:
            hidden -= await self.reader.journal.run(lambda db: _accepted_besides(db, found.video_ids))
        self.hidden = hidden >= smallest
        if self.hidden:
            self.unread = Seen(Kind.GARBLED, message=f"it shows {found.posts:,} of {count:,} posts")
            return None
        return evolve(found, counted=True)

    def _stop_for_cap(self) -> None:
        self.reader.stop.request(
            "max_credits",
            "what is in doubt has to be looked for in the campaign, and the cap leaves no room for that (2 credits a "
            "page); resume with a higher --max-credits",
        )

    async def _read(self, sought: Sought) -> Listed | None:
        reading = _Reading(sought)
        query: tuple[tuple[str, str], ...] = ()
        max_body = max(MAX_BODY, min(self.planned * ENTRY, MAX_LIST))
        while True:
            payload, seen = await self.reader.read(
                CAMPAIGNS_POSTS, self.campaign_id, query, max_body=max_body
            )
            page = read_page(payload) if payload is not None else None
            if page is None:
                if seen is None:
                    self._stop_for_cap()
                self.unread = (
                    seen if payload is None else Seen(Kind.GARBLED, message="it is no list of posts")
                )
                return None
            listed = reading.take(page)
            if listed is not None:
                return listed
            worth = sought.worth_going_on(reading.doubts_left, reading.unsent_left)
            over = reading.pages >= self._pages(worth)
            if reading.endless or (over and worth == math.inf):
                many = "its pages have no end" if reading.endless else f"it has more than {MAX_PAGES:,} pages"
                self.unread = Seen(Kind.GARBLED, message=many)
                return None
            if over:
                return reading.left_off()
            if sought.room is not None and (reading.pages + 1) * self.page_price > sought.room:
                if sought.worth is not None and not reading.unsent_left:
                    return reading.left_off()
                self._stop_for_room(reading, worth, sought.room)
                return None
            query = (("cursor", str(page.cursor)),)

    def _stop_for_room(self, reading: _Reading, worth: float, room: int) -> None:
        """Stop, because it is the cap alone that keeps from looking as far as it is worth."""
        spent = reading.pages * self.page_price
        pages = min(reading.pages_of(self.planned), MAX_PAGES)
        more = int(min(worth, pages * self.page_price)) + spent - room
        self.reader.stop.request(
            "max_credits",
            "what may have been bought already has to be looked for, and the cap leaves no room for more than "
            f"{reading.pages} of the list's pages; raise --max-credits by {more:,}. Nothing was bought",
            short_by=more,
        )


class _Reading:
    """A list, as far as it was read.

    Args:
        sought: What is looked for in it.

    Attributes:
        doubts_left: What is in doubt, and was not seen.
        unsent_left: What was never sent, and was not seen.
        pages: Pages that were read.
        endless: Whether it goes on without an end.
    """

    def __init__(self, sought: Sought) -> None:
        self.doubts_left: set[str] = set(sought.in_doubt)
        self.unsent_left: set[str] = set(sought.unsent)
        self.pages: int = 0
        self.endless: bool = False
        self._found = set[str]()
        self._posts = set[str]()
        self._cursors = set[str]()
        self._barren = 0
        self._total = math.inf

    def pages_of(self, posts: int) -> int:
        """How many pages it has, by what it says of itself; if that is nothing, with so many posts, or one more."""
        a_page = max(len(self._posts) / self.pages, 1)
        posts = posts if self._total == math.inf else int(self._total)
        return max(math.ceil(posts / a_page), self.pages + 1)

    def take(self, page: ListPage) -> Listed | None:
        """Read a further page; what the list has shown, if that is all that is wanted, or all there is."""
        self.pages += 1
        before = len(self._posts)
        for names in page.names:
            self._posts.add(names[0])
            for seen in (
                self._found.update,
                self.doubts_left.difference_update,
                self.unsent_left.difference_update,
            ):
                seen(names)
        self._barren = 0 if len(self._posts) > before else self._barren + 1
        self._total = page.total
        if not self.doubts_left and not self.unsent_left:
            return self._listed(whole=True)
        shown = len(self._posts) >= page.total
        if page.cursor is None:
            # More than are shown, in a way that is not known here.
            return self._listed(whole=(page.total == math.inf or shown) and page.is_last(self.pages))
        # How many there are in all is believed of a list that brings nothing more, and of no other.
        if self._barren >= MAX_BARREN and shown:
            return self._listed(whole=True)
        most = MAX_BARREN if page.total == math.inf else MAX_EMPTY
        self.endless = page.cursor in self._cursors or self._barren >= most
        self._cursors.add(page.cursor)
        return None

    def left_off(self) -> Listed:
        """What it has shown where it is not read any further."""
        return self._listed(whole=False, ended=False)

    def _listed(self, *, whole: bool, ended: bool = True) -> Listed:
        return Listed(self._found, len(self._posts), whole, ended)


def _finds_all(found: Listed, sought: Sought) -> bool:
    return all(each in found.video_ids for each in sought.in_doubt) and all(
        each in found.video_ids for each in sought.unsent
    )


def _accepted_besides(db: records.Connection, listed: Collection[str]) -> int:
    """How many of a load's posts are on record as accepted, and are not listed."""
    return sum(
        1
        for post, outcome, _, _ in records.outcomes(db)
        if outcome == "accepted" and video_id(post.url) not in listed
    )
