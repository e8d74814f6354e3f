"""Reconciling: what the campaign's own list says about batches whose outcome is in doubt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from attrs import define

from tokfluence_async.campaign import keyrecords, records
from tokfluence_async.campaign.idset import IdSet
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.judging import Case, Look, concede, give_up, judge, spare
from tokfluence_async.campaign.listing import Listed, PostList, Sought, Wanted
from tokfluence_async.campaign.purchase import video_id
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.campaign.records import BatchRow, Settlement, State
from tokfluence_async.campaign.settle import Keys
from tokfluence_async.campaign.telling import tell_settled, tell_settlement
from tokfluence_async.protocol.endpoints import POSTS_ANALYZE
from tokfluence_async.session.budget import Budget

__all__ = ["Reconciler"]

CHUNK: Final = 64
UNSENT_SHARE: Final = 10
"""What part of its price it may cost to look for what was not sent: a tenth."""
UNSENT_LEAST: Final = 20
"""Credits that it may cost all the same, where that is less; but not more than it."""


@define
class Reconciler:
    """Looks the batches in doubt up in the campaign: 2 credits, once for all of them (a page, if the list is paged).

    What is listed was applied. What is not listed was not, if the attempts prove so; otherwise it stays unknown.
    """

    reader: Reader
    journal: Journal
    budget: Budget
    posts: PostList
    credits_per_url: int
    created_here: bool
    """Whether this load created the campaign, so that whatever is in it was bought by this plan."""
    keys: Keys
    """Who may use the plan's keys."""

    async def run(self, look: Look) -> bool:
        """Reconcile every batch in doubt.

        Returns:
            Whether the list could be read; if not, nothing has changed.

        Raises:
            Stopped: The load is to stop.
        """
        listed = await self.posts.look_for(await self.journal.run(lambda db: self._sought(db, look)))
        if listed is None:
            return False
        if await self.journal.run(keyrecords.seen_elsewhere):
            self.keys = Keys.SHARED
        if await self._must_be_counted(listed, look):
            listed = await self.posts.counted(listed)
        if listed is None:
            return False
        # First what was reported as unknown before: what becomes so now is to be reported first.
        for state in (State.UNKNOWN, State.DOUBTFUL):
            in_doubt = await self.journal.run(partial(records.batches_after, state=state, after=0, limit=-1))
            await self._settle(in_doubt, lambda case: judge(case, listed, look))
        shown = listed.video_ids
        if self.created_here or look.resubmit:
            await self._settle(await self.journal.run(_to_be_bought_anew), lambda case: spare(case, shown))
        if look.unsent:
            unsent = await self.journal.run(_unsent)
            await self._settle(unsent, lambda case: concede(case, listed, old=look.old))
        return True

    async def give_up(self, batch: BatchRow) -> None:
        """Have a batch be unknown that there is no key for any more, and of which nothing is in doubt."""
        await self._settle([batch], give_up)

    def _sought(self, db: records.Connection, look: Look) -> Sought:
        """What is to be looked for, and what that may cost."""
        doubts, others = _in_doubt(db), _unsent(db)
        price = self.credits_per_url * sum(batch.urls for batch in others)
        in_doubt, unsent = _video_ids(db, doubts), Wanted()
        worth = math.inf if look.resubmit else self.credits_per_url * len(in_doubt)
        if look.unsent:
            least = max(price // UNSENT_SHARE, min(UNSENT_LEAST, price))
            unsent = Wanted(_video_ids(db, others), least, worth_if_found=price)
        doubtful = [batch for batch in doubts if batch.state is State.DOUBTFUL]
        optional = not (look.resubmit or look.old or any(self._is_forgotten(db, each) for each in doubtful))
        left, to_come = self.budget.remaining, records.credits_to_come(db, self.credits_per_url)
        return Sought(
            Wanted(in_doubt, worth, worth_if_found=worth),
            unsent,
            largest=max((batch.urls for batch in (*doubts, *(others if look.unsent else ()))), default=1),
            # What was never sent is still to be bought.
            room=None if left is None or look.final else left - to_come - self.posts.count_price,
            optional=optional,
            harmless=optional and not any(keyrecords.is_in_doubt(db, each) for each in doubtful),
        )

    async def _must_be_counted(self, listed: Listed, look: Look) -> bool:
        """Whether something would be sent because it is not listed, which its key does not keep from harm."""
        if listed.counted or not listed.whole:
            return False

        def any_is(db: records.Connection) -> bool:
            doubtful = records.batches_after(db, State.DOUBTFUL, 0, -1)
            settlements = (judge(self._case(db, batch), listed, look) for batch in doubtful)
            return any(look.old if each is None else each.children for each in settlements)

        return await self.journal.run(any_is)

    async def _settle(self, batches: Sequence[BatchRow], settle: Callable[[Case], Settlement | None]) -> None:
        """Settle batches, some in each transaction, or leave them as they are; count and tell what follows from it."""
        session, budget = self.reader.tok.session, self.budget
        for first in range(0, len(batches), CHUNK):
            some = batches[first : first + CHUNK]
            settled = await self.journal.run(partial(self._write, batches=some, settle=settle))
            for batch, settlement in settled:
                budget.correct(batch.charged, settlement.charge)
                tell_settled(session, budget, POSTS_ANALYZE.name, before=batch.charged, now=settlement.charge)
                tell_settlement(session, budget, settlement)

    def _write(
        self,
        db: records.Connection,
        batches: Sequence[BatchRow],
        settle: Callable[[Case], Settlement | None],
    ) -> list[tuple[BatchRow, Settlement]]:
        settled: list[tuple[BatchRow, Settlement]] = []
        for batch in batches:
            settlement = settle(self._case(db, batch))
            if settlement is not None:
                records.settle_batch(db, batch, settlement)
                settled.append((batch, settlement))
        return settled

    def _has_lapsed(self, db: records.Connection, batch: BatchRow) -> bool:
        ends = self.reader.wall_clock() + self.reader.tok.options.timeout_for(batch.urls)
        return keyrecords.has_lapsed(db, batch, ends)

    def _is_forgotten(self, db: records.Connection, batch: BatchRow) -> bool:
        """Whether the key of a batch in doubt may be forgotten, or is no good any more."""
        now = self.reader.wall_clock()
        return self._has_lapsed(db, batch) or keyrecords.may_be_forgotten(db, batch, now)

    def _case(self, db: records.Connection, batch: BatchRow) -> Case:
        """A batch, with all that is on record of it."""
        attempts, posts = records.attempts(db, batch.id), records.posts_of(db, batch.id)
        outcomes = records.outcomes_of(db, batch.id)
        accepted = set[str]()
        if batch.state is State.UNKNOWN:
            accepted = {post.url for post in posts} - {each.url for each in outcomes}
        return Case(
            batch=batch,
            posts=posts,
            credits_per_url=self.credits_per_url,
            attempts=attempts,
            named=[each for each in outcomes if each.outcome == "rejected"],
            accepted=accepted,
            created_here=self.created_here,
            keys=self.keys,
            forgotten=self._is_forgotten(db, batch),
            renewed=keyrecords.was_renewed(db, batch),
            lapsed=self._has_lapsed(db, batch),
        )


def _in_doubt(db: records.Connection) -> list[BatchRow]:
    """The batches that hold what is in doubt."""
    return [
        *records.batches_after(db, State.DOUBTFUL, 0, -1),
        *records.batches_after(db, State.UNKNOWN, 0, -1),
        *_to_be_bought_anew(db),
    ]


def _video_ids(db: records.Connection, batches: Sequence[BatchRow]) -> IdSet:
    ids = IdSet()
    for batch in batches:
        ids.update(
            str(each) if isinstance(each, int) else video_id(each)
            for each in records.addresses_of(db, batch.id)
        )
    return ids


def _unsent(db: records.Connection) -> list[BatchRow]:
    return records.batches_after(db, State.PENDING, 0, -1, again=False)


def _to_be_bought_anew(db: records.Connection) -> list[BatchRow]:
    return records.batches_after(db, State.PENDING, 0, -1, again=True)
