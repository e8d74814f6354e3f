"""The campaign's list of posts, as far as it is worth its price."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any, Final, cast

from attrs import define, evolve, field, frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.funds import RESUBMISSION
from tokfluence_async.campaign.idset import IdSet
from tokfluence_async.campaign.listpage import ListPage, PostNames
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.protocol.endpoints import CAMPAIGNS_POSTS, CAMPAIGNS_SHOW
from tokfluence_async.protocol.seen import Kind, Seen

__all__ = ["Listed", "PostList", "Sought", "Wanted"]

MAX_PAGES: Final = 10_000
MAX_BARREN: Final = 3
"""Pages in a row without a post that was not on an earlier one, after which the list goes on no more, or has no end."""
MAX_EMPTY: Final = 25
"""The same where the list says that there are more."""
POSTS_A_SECOND: Final = 1_000
"""How fast a long list may be expected to come, at least."""


_IN_VAIN: Final = "looked_in_vain"
"""Under which the load file remembers the latest POST before the last look that ended early, and how far that went."""


@frozen
class Wanted:
    """Videos that are looked for, and what it may cost to find them, in credits."""

    ids: IdSet = field(factory=IdSet)
    worth: float = 0
    """What it may cost as long as none is found; infinite where the list is read to its end."""
    worth_if_found: float = 0
    """What it may cost once some are."""

    def worth_going_on(self, left: int) -> float:
        """What it may cost while so many are not found yet."""
        if not left:
            return 0
        return self.worth_if_found if left < len(self.ids) else self.worth


@frozen
class Sought:
    """What is looked for in a list, as far as there is room."""

    in_doubt: Wanted
    """What was sent, and of which nobody knows what became of it."""
    unsent: Wanted
    """What was never sent from here, and others may have bought: most likely nobody has."""
    largest: int = 1
    """URLs in the largest batch of all these."""
    room: int | None = None
    """What is left under the cap, in credits, besides the price of what was never sent; None without a cap."""
    optional: bool = False
    """Whether the load may go on without the rest of the list: the keys of all these are remembered."""
    harmless: bool = False
    """Whether it may go on without any of it: nothing can have been bought that would be sent again."""

    @property
    def to_the_end(self) -> bool:
        """Whether what is not seen is bought: then a list that has more than it shows can't be read."""
        return self.in_doubt.worth == math.inf or bool(self.unsent.ids)


@frozen
class Listed:
    """What a look into the list has shown."""

    video_ids: Container[str]
    """Those of the videos that were looked for."""
    posts: int
    """How many posts it has shown."""
    whole: bool
    """Whether what is not among them is not in the list: to look further may have cost more than there was to tell."""
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
    spent: int = field(default=0, init=False)
    """Credits that the latest look has cost."""
    _pages_known: int = field(default=1, init=False)
    """How many pages the list has, as far as it was read."""
    cut_short: bool = field(default=False, init=False)
    """Whether it was the cap alone that kept the latest look from going on."""

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
        bound = self._pages(sought.in_doubt.worth_going_on(len(sought.in_doubt.ids)))
        if not sought.to_the_end and await journal.run(lambda db: self._in_vain(db) >= bound):
            sought = evolve(sought, in_doubt=Wanted(sought.in_doubt.ids))
        reading = await self._read(sought)
        if reading is None:
            return None
        listed = reading.listed()
        if reading.has_all:
            return listed
        if listed.whole:
            return await self.counted(listed, sought.largest) if sought.to_the_end else listed
        if sought.to_the_end and not reading.left_off:
            self.unread = Seen(Kind.GARBLED, message="it says that it has more posts than it shows")
            return None
        if reading.pages > 1:
            await journal.run(lambda db: self._note_in_vain(db, reading.pages))
        return listed

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
        self.spent += self.count_price
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
        # The next run looks twice: before it sends anything, and in the end.
        price = 2 * self._pages_known * self.page_price + self.count_price
        more = max(price - (self.reader.budget.remaining or 0), 1)
        self.reader.stop.request(
            "max_credits",
            "what is in doubt has to be looked for in the campaign, and the cap leaves no room for that (2 credits a "
            f"page); raise --max-credits by {more:,}",
            short_by=more,
        )

    async def _read(self, sought: Sought) -> _Reading | None:
        self.cut_short, self.spent = False, 0
        reading = _Reading(sought)
        names = PostNames(reading.see)
        if sought.harmless and sought.room is not None and self.page_price > sought.room:
            # Each resume would pay for a page out of what is to be bought.
            reading.left_off = self.cut_short = True
            return reading
        query: tuple[tuple[str, str], ...] = ()
        while True:
            payload, seen = await self.reader.read(
                CAMPAIGNS_POSTS, self.campaign_id, query, reader=names, longest=self.planned / POSTS_A_SECOND
            )
            page = names.page(payload) if payload is not None else None
            if page is None:
                if seen is None:
                    self._stop_for_cap()
                self.unread = (
                    seen if payload is None else Seen(Kind.GARBLED, message="it is no list of posts")
                )
                return None
            reading.turn(page)
            self.spent += self.page_price
            pages = reading.pages if reading.over else reading.pages_of(self.planned)
            self._pages_known = max(self._pages_known, pages)
            if reading.over:
                return reading
            worth = reading.worth
            over = reading.pages >= self._pages(worth)
            if reading.endless or (over and worth == math.inf):
                many = "its pages have no end" if reading.endless else f"it has more than {MAX_PAGES:,} pages"
                self.unread = Seen(Kind.GARBLED, message=many)
                return None
            no_room = sought.room is not None and (reading.pages + 1) * self.page_price > sought.room
            if no_room and not over and not sought.optional:
                self._stop_for_room(reading, worth, sought)
                return None
            if over or no_room:
                reading.left_off = True
                self.cut_short = not over
                return reading
            query = (("cursor", str(page.cursor)),)

    def _stop_for_room(self, reading: _Reading, worth: float, sought: Sought) -> None:
        """Stop, because it is the cap alone that keeps from looking as far as it is worth."""
        spent = reading.pages * self.page_price
        pages = min(reading.pages_of(self.planned), MAX_PAGES)
        more = int(min(worth, pages * self.page_price)) + spent - (sought.room or 0)
        why = RESUBMISSION if sought.in_doubt.worth == math.inf else "to go on"
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
        pages: Pages that were read.
        over: Whether it is read to its end, or shows all that is looked for.
        left_off: Whether it goes on, and is not read any further.
        endless: Whether it goes on without an end.
    """

    def __init__(self, sought: Sought) -> None:
        self.pages: int = 0
        self.over: bool = False
        self.left_off: bool = False
        self.endless: bool = False
        self._sought = sought
        self._doubts_left = len(sought.in_doubt.ids)
        self._unsent_left = len(sought.unsent.ids)
        self._whole = False
        self._found, self._posts = IdSet(), IdSet()
        self._posts_before = 0
        self._cursors = set[str]()
        self._barren = 0
        self._total = math.inf

    @property
    def has_all(self) -> bool:
        """Whether it shows all that is looked for."""
        return not (self._doubts_left or self._unsent_left)

    @property
    def worth(self) -> float:
        """What the whole look may cost, in credits, while what is left is not found."""
        sought = self._sought
        return max(
            sought.in_doubt.worth_going_on(self._doubts_left), sought.unsent.worth_going_on(self._unsent_left)
        )

    def pages_of(self, planned: int) -> int:
        """How many pages it has: by what it says of itself, by the plan's URLs, or twice as many as were read."""
        a_page = max(len(self._posts) / self.pages, 1)
        posts = planned if self._total == math.inf else max(int(self._total), planned)
        return max(math.ceil(posts / a_page), 2 * self.pages)

    def see(self, names: Sequence[str]) -> None:
        """Take a post by what it may be called. It may be the same again: a page that is cut off is read once more."""
        self._posts.add(names[0])
        for name in names:
            in_doubt, unsent = name in self._sought.in_doubt.ids, name in self._sought.unsent.ids
            if (in_doubt or unsent) and self._found.add(name):
                self._doubts_left -= in_doubt
                self._unsent_left -= unsent

    def turn(self, page: ListPage) -> None:
        """A page was read."""
        self.pages += 1
        self._barren = 0 if len(self._posts) > self._posts_before else self._barren + 1
        self._posts_before = len(self._posts)
        self._total = page.total
        shown = len(self._posts) >= page.total
        if self.has_all:
            self.over = self._whole = True
        elif page.cursor is None:
            # More than are shown, in a way that is not known here.
            self.over = True
            self._whole = (page.total == math.inf or shown) and page.is_last(self.pages)
        elif self._barren >= MAX_BARREN and shown:
            # How many there are in all is believed of a list that brings nothing more, and of no other.
            self.over = self._whole = True
        else:
            most = MAX_BARREN if page.total == math.inf else MAX_EMPTY
            self.endless = page.cursor in self._cursors or self._barren >= most
            self._cursors.add(page.cursor)

    def listed(self) -> Listed:
        """What it has shown."""
        return Listed(self._found, len(self._posts), self._whole)
