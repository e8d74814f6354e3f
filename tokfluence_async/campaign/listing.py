"""The campaign's list of posts, as far as it is worth its price."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final, cast

from attrs import define, evolve, field, frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.funds import RESUBMISSION
from tokfluence_async.campaign.listpage import ListPage, read_page
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
    largest: int = 1
    """URLs in the largest batch of all these."""
    room: int | None = None
    """What is left under the cap besides the price of what was never sent; None without a cap."""
    optional: bool = False
    """Whether the load may go on without: the keys of all these are remembered."""

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
    pages: int = 0
    """Pages that were read."""
    counted: bool = False
    """Whether the campaign itself was asked how many posts it has."""
    hidden: int = 0
    """How many more than it has shown that may be: a batch of no more URLs is not known to be absent."""


@define
class PostList:
    """Reads a campaign's list: 2 credits a page."""

    reader: Reader
    campaign_id: int
    planned: int
    """URLs of the plan."""
    unread: Seen | None = field(default=None, init=False)
    """What was seen when the list could not be read, unless it was the cap that kept it from being read."""

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
        journal = self.reader.journal
        bound = self._pages(sought.worth_going_on(sought.in_doubt, sought.unsent))
        if not sought.to_the_end and await journal.run(lambda db: self._in_vain(db) >= bound):
            sought = evolve(sought, worth=0)
        found = await self._read(sought)
        if found is None or _finds_all(found, sought):
            return found
        if found.whole:
            return await self.counted(found, sought.largest) if sought.to_the_end else found
        if sought.to_the_end and found.ended:
            self.unread = Seen(Kind.GARBLED, message="it says that it has more posts than it shows")
            return None
        if found.pages > 1:
            await journal.run(lambda db: self._note_in_vain(db, found.pages))
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

    async def counted(self, found: Listed, largest: int | None = None) -> Listed | None:
        """A list that says nothing of more, once the campaign was asked: it may be paged in a way that is not known.

        One that has no more posts than were accepted from here hides none of others: a few of ours are listed no more.

        Args:
            found: The list.
            largest: URLs in the largest batch that is looked for; None to be content with any list.

        Returns:
            None if the campaign can't be read, or has so many more posts that each batch may be hidden; `unread` says
            which.

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
        told: Any = (
            cast("dict[str, Any]", data).get("tracked_posts_count") if isinstance(data, dict) else None
        )
        count = told if type(told) is int else 0
        hidden = max(count - found.posts, 0)
        if hidden and count <= await self.reader.journal.run(records.urls_accepted):
            hidden = 0
        half = await self.reader.journal.run(records.smallest_half)
        if half is not None and hidden >= half:
            hidden = max(hidden, self.planned)  # others may have halved any batch
        if largest is not None and hidden >= largest:
            self.unread = Seen(Kind.GARBLED, message=f"it shows {found.posts:,} of {count:,} posts")
            return None
        return evolve(found, counted=True, hidden=hidden)

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
                if sought.optional:
                    return reading.left_off()
                self._stop_for_room(reading, worth, sought)
                return None
            query = (("cursor", str(page.cursor)),)

    def _stop_for_room(self, reading: _Reading, worth: float, sought: Sought) -> None:
        """Stop, because it is the cap alone that keeps from looking as far as it is worth."""
        spent = reading.pages * self.page_price
        pages = min(reading.pages_of(self.planned), MAX_PAGES)
        more = int(min(worth, pages * self.page_price)) + spent - (sought.room or 0)
        why = RESUBMISSION if sought.worth is None else "to go on"
        self.reader.stop.request(
            "max_credits",
            f"{why}, the campaign's list has to be read, as it may have been bought already, and the cap leaves no "
            f"room for more than {reading.pages} of its pages; raise --max-credits by {more:,}. Nothing more was sent",
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

    def pages_of(self, planned: int) -> int:
        """How many pages it has: by what it says of itself, by the plan's URLs, or twice as many as were read."""
        a_page = max(len(self._posts) / self.pages, 1)
        posts = planned if self._total == math.inf else max(int(self._total), planned)
        return max(math.ceil(posts / a_page), 2 * self.pages)

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
        return Listed(self._found, len(self._posts), whole, ended, self.pages)


def _finds_all(found: Listed, sought: Sought) -> bool:
    return all(each in found.video_ids for each in sought.in_doubt) and all(
        each in found.video_ids for each in sought.unsent
    )
