"""Reconciling: what the campaign's own list says about batches whose outcome is in doubt."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from itertools import compress
from typing import Final

from attrs import define, evolve

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.listing import Listed, PostList, Sought
from tokfluence_async.campaign.purchase import rejection, video_id
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.campaign.records import BatchRow, Rejection, Settlement, State
from tokfluence_async.campaign.settle import (
    EXPLAINING,
    UNRESOLVED,
    Belief,
    Keys,
    Step,
    Verdict,
    charge,
    settle,
    settle_absent,
)
from tokfluence_async.campaign.telling import tell_settled, tell_settlement
from tokfluence_async.protocol.endpoints import POSTS_ANALYZE
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Budget, Charge

__all__ = ["Reconciler"]

CHUNK: Final = 64
UNSENT_SHARE: Final = 10
"""What part of its price it may cost to look for what was not sent: a tenth."""
UNSENT_LEAST: Final = 20
"""Credits that it may cost all the same, where that is less; but not more than it."""

_PROVING: Final = frozenset({Kind.SEEN_BEFORE, Kind.GARBLED, Kind.APPLIED})
"""Answers that say that something was done under the key."""


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

    async def run(
        self, *, final: bool, resubmit: bool = False, unsent: bool = False, old: bool = False
    ) -> bool:
        """Reconcile every batch in doubt.

        Args:
            final: Whether what is not listed is to be judged now. If not, only what is listed is taken off the doubt,
                and the rest is to be sent again under its old key.
            resubmit: Whether what was reported as unknown before, and is not listed now either, is to be bought anew.
            unsent: Whether what was never sent is looked for as well, because others may have bought it.
            old: Whether they may have done so under keys that the API has forgotten by now.

        Returns:
            Whether the list could be read; if not, nothing has changed.
        """
        listed = await self._look(final=final, resubmit=resubmit, unsent=unsent, old=old)
        if listed is None:
            return False
        if await self.journal.run(records.keys_seen_elsewhere):
            self.keys = Keys.SHARED
        listed = await self._counted(listed, final=final)
        if listed is None:
            return False
        # First what was reported as unknown before: what becomes so now is to be reported first.
        for state in (State.UNKNOWN, State.DOUBTFUL):
            await self._judge_all(state, listed, final=final, resubmit=resubmit, old=old)
        if self.created_here or resubmit:
            for batch in await self.journal.run(_to_be_bought_anew):
                await self._spare(batch, listed.video_ids)
        if unsent:
            for batch in await self.journal.run(_unsent):
                await self._concede(batch, listed.video_ids, listed.hidden, old=old)
        return True

    async def _look(self, *, final: bool, resubmit: bool, unsent: bool, old: bool) -> Listed | None:
        def sought(db: records.Connection) -> Sought:
            return self._sought(db, final=final, resubmit=resubmit, unsent=unsent, old=old)

        return await self.posts.look_for(await self.journal.run(sought))

    def _sought(
        self, db: records.Connection, *, final: bool, resubmit: bool, unsent: bool, old: bool
    ) -> Sought:
        """What is to be looked for, and what that may cost."""
        now = self.reader.wall_clock()
        doubts, others = _in_doubt(db), _unsent(db)
        in_doubt = _video_ids(db, doubts)
        price = self.credits_per_url * sum(batch.urls for batch in others)
        left = self.budget.remaining
        return Sought(
            in_doubt,
            worth=None if resubmit else self.credits_per_url * len(in_doubt),
            unsent=_video_ids(db, others) if unsent else (),
            unsent_worth=max(price // UNSENT_SHARE, min(UNSENT_LEAST, price)),
            bought_worth=price,
            largest=max((batch.urls for batch in (*doubts, *(others if unsent else ()))), default=1),
            # What was never sent is still to be bought.
            room=None if left is None or final else left - price - self.posts.count_price,
            optional=not (resubmit or old or any(records.may_be_forgotten(db, each, now) for each in doubts)),
        )

    async def _counted(self, listed: Listed, *, final: bool) -> Listed | None:
        """The list; where a new key would be made for what is not in it, only once the campaign itself was asked."""
        asked = not final or listed.counted or not listed.whole
        if asked or not await self.journal.run(lambda db: self._would_renew(db, listed)):
            return listed
        return await self.posts.counted(listed)

    def _would_renew(self, db: records.Connection, listed: Listed) -> bool:
        """Whether a batch would be sent under a new key, because it is not listed."""
        for batch in records.batches_after(db, State.DOUBTFUL, 0, -1):
            posts = records.posts_of(db, batch.id)
            _, missing = _divided(posts, listed.video_ids)
            keys = self._keys_of(db, batch, listed_too=len(missing) < len(posts))
            if missing and settle_absent(records.history(db, batch.id), keys).step is Step.NEW_KEY:
                return True
        return False

    async def _judge_all(
        self, state: State, listed: Listed, *, final: bool, resubmit: bool, old: bool
    ) -> None:
        after = 0
        while batches := await self._batches(state, after):
            after = batches[-1].id
            for batch in batches:
                await self._judge(batch, listed, final=final, resubmit=resubmit, old=old)

    async def _batches(self, state: State, after: int) -> list[BatchRow]:
        return await self.journal.run(lambda db: records.batches_after(db, state, after, CHUNK))

    async def _spare(self, batch: BatchRow, listed: Collection[str]) -> None:
        """Take what is listed by now out of a batch that was to buy it anew."""

        def work(db: records.Connection) -> Settlement | None:
            there, rest = _divided(records.posts_of(db, batch.id), listed)
            if not there:
                return None
            settlement = Settlement(State.APPLIED, batch.charged, accepted=len(there))
            if rest:
                child = (batch.step, batch.generation + 1, rest)
                settlement = evolve(settlement, state=State.REPLACED, children=(child,), kept=there)
            records.settle_batch(db, batch, settlement)
            return settlement

        await self._write(batch, work)

    async def _concede(self, batch: BatchRow, listed: Collection[str], hidden: int, *, old: bool) -> None:
        """Take for bought what was not sent from here, and is in the campaign all the same.

        Batches are bought whole: what is missing of one was rejected, or is listed late. A short link is never seen in
        the list, which has the video that it leads to: only its key tells, for as long as that is remembered.
        """

        def work(db: records.Connection) -> Settlement | None:
            posts = records.posts_of(db, batch.id)
            there, rest = _divided(posts, listed)
            absent = len(rest) > hidden and all(map(_can_be_seen, posts))
            if not there and (absent or not old):
                return None
            settlement = evolve(
                _unknown(rest, "it was not bought from here, but perhaps from a copy of the load file"),
                state=State.UNKNOWN if rest else State.APPLIED,
                charge=Charge(0, self.credits_per_url * batch.urls),
                accepted=len(there),
                again=bool(rest),
            )
            records.settle_batch(db, batch, settlement)
            return settlement

        await self._write(batch, work)

    async def _write(self, batch: BatchRow, work: Callable[[records.Connection], Settlement | None]) -> None:
        """Run what settles a batch, or leaves it as it is; count and tell what follows from it."""
        settlement = await self.journal.run(work)
        if settlement is None:
            return
        session, budget = self.reader.tok.session, self.budget
        budget.correct(batch.charged, settlement.charge)
        tell_settled(session, budget, POSTS_ANALYZE.name, before=batch.charged, now=settlement.charge)
        tell_settlement(session, budget, settlement)

    async def _judge(
        self, batch: BatchRow, listed: Listed, *, final: bool, resubmit: bool, old: bool
    ) -> None:
        """Settle one batch by the list, in one transaction."""

        def work(db: records.Connection) -> Settlement | None:
            named = {
                each.url: each for each in records.outcomes_of(db, batch.id) if each.outcome == "rejected"
            }
            sent = records.posts_of(db, batch.id)
            posts = [post for post in sent if post.url not in named]
            history = records.history(db, batch.id)
            forgotten = records.may_be_forgotten(db, batch, self.reader.wall_clock())
            anew = resubmit and batch.state is State.UNKNOWN
            listed_too = any(video_id(post.url) in listed.video_ids for post in posts)
            keys = self._keys_of(db, batch, listed_too=listed_too)
            if listed_too and not anew and not self.created_here and not _PROVING & {*history}:
                settlement = self._of_others(batch, posts, history)
            else:
                settlement = self._settlement(
                    batch,
                    posts,
                    listed,
                    history,
                    tuple(named.values()),
                    keys=keys,
                    final=final,
                    forgotten=forgotten,
                    old=old,
                )
            if settlement is None:
                return None
            if anew and settlement.unknown > listed.hidden:
                settlement = _anew(batch, sent, settlement)
            records.settle_batch(db, batch, settlement)
            return settlement

        await self._write(batch, work)

    def _keys_of(self, db: records.Connection, batch: BatchRow, *, listed_too: bool) -> Keys:
        """Who may have used the key of a batch.

        Args:
            db: The load file.
            batch: The batch.
            listed_too: Whether a part of it is listed.
        """
        # A part that is there was bought by somebody: what was turned away buys nothing.
        keys = Keys.GIVEN if listed_too and self.keys is Keys.OURS else self.keys
        # A key that was used up so long ago would be forgotten by now: the 409 tells of somebody else.
        return Keys.SHARED if records.explained_too_late(db, batch.id, EXPLAINING[keys]) else keys

    def _settlement(
        self,
        batch: BatchRow,
        posts: list[Post],
        listed: Listed,
        history: list[Kind],
        named: tuple[Rejection, ...],
        *,
        keys: Keys,
        final: bool,
        forgotten: bool,
        old: bool,
    ) -> Settlement | None:
        """What the list makes of a batch: of its posts but those that an answer has named as rejected."""
        present, missing = _divided(posts, listed.video_ids)
        found = len(present)
        per_url = self.credits_per_url
        price = per_url * batch.urls
        # Only what nobody else can have put there must have been charged to this load, and under this key: what an
        # earlier one did, and was paid back for, may be listed late.
        ours = self.created_here and batch.generation == 0 and _reached(history)
        # Of what was bought under other keys, the attempts under its own tell nothing.
        of_others = batch.again and batch.state is State.UNKNOWN
        spent = charge(history, price=price)
        if of_others:
            spent = Charge(0, max(spent.max, batch.charged.max))
        sure = charge(history, price=price, sure=per_url * found if ours else 0)
        if found == len(posts):
            return Settlement(State.APPLIED, sure, accepted=found, rejected=len(named), outcomes=named)
        # What was not looked for to the end of the list is not absent from it, nor what may be hidden.
        told = listed.whole and len(missing) > listed.hidden and not of_others
        verdict = settle_absent(history, keys) if told else Verdict(Belief.UNKNOWN, Step.REPORT)
        # What was paid back was bought by others all the same, if a part of it is there: its key may be forgotten.
        taken = old and found > 0 and verdict.step is Step.REPEAT
        if batch.state is State.DOUBTFUL and not taken:
            proved = verdict.step is not Step.REPORT
            if not (final if proved else forgotten or _to_be_judged(history, found, final=final)):
                return None
        if verdict.step is Step.REPEAT and not taken:
            return None if found else Settlement(State.PENDING, charge(history, price=price))
        if verdict.step is Step.NEW_KEY and batch.state is State.DOUBTFUL:
            kept = Charge(0, per_url * found)
            child = (batch.step, batch.generation + 1, missing)
            return Settlement(State.REPLACED, kept, accepted=found, children=(child,), kept=present)
        settlement = _unknown(missing, "it was sent, and whether it was applied can't be told")
        return evolve(
            settlement,
            charge=Charge(0, price) if taken else sure if found else spent,
            accepted=found,
            again=taken,
            rejected=len(named),
            outcomes=(*named, *settlement.outcomes),
        )

    def _of_others(self, batch: BatchRow, posts: list[Post], history: list[Kind]) -> Settlement | None:
        """What is in a campaign that had posts before: somebody else may have put it there.

        To ask the old key would be to buy it, had the API forgotten the key.
        """
        if batch.state is State.UNKNOWN:
            return None
        settlement = _unknown(posts, "it was sent, and is in the campaign; whether that is why can't be told")
        return evolve(settlement, charge=charge(history, price=self.credits_per_url * batch.urls))


def _divided(posts: Sequence[Post], listed: Collection[str]) -> tuple[tuple[Post, ...], tuple[Post, ...]]:
    """The posts that are listed, and the others."""
    there = [video_id(post.url) in listed for post in posts]
    return tuple(compress(posts, there)), tuple(compress(posts, map(operator.not_, there)))


def _can_be_seen(post: Post) -> bool:
    """Whether the list would show a post by the id that it is known by here."""
    return video_id(post.url) != post.url


def _to_be_judged(history: list[Kind], found: int, *, final: bool) -> bool:
    """Whether a batch of which nothing more can be proved is judged now, rather than sent again under its key."""
    # Some of it is there, so it was applied: sent again, it would be charged again if the API has forgotten its key.
    # Where nothing is there, the key itself can still tell, unless a repeat was answered already.
    return found > 0 or (final and settle(history).step is Step.RECONCILE)


def _unknown(posts: Sequence[Post], told: str) -> Settlement:
    """All of some posts unknown; whoever asks adds the charge."""
    lost = tuple(rejection(post, "unknown", "outcome_unknown", told) for post in posts)
    return Settlement(State.UNKNOWN, Charge(0, 0), unknown=len(posts), outcomes=lost)


def _anew(batch: BatchRow, sent: list[Post], settlement: Settlement) -> Settlement:
    """The same, but with a new batch for what is unknown; what that may have been charged stays on the old one."""
    lost = {each.url for each in settlement.outcomes if each.outcome == "unknown"}
    child = (batch.step, batch.generation + 1, tuple(post for post in sent if post.url in lost))
    return evolve(
        settlement,
        state=State.REPLACED,
        unknown=0,
        outcomes=tuple(each for each in settlement.outcomes if each.outcome != "unknown"),
        children=(child,),
        kept=tuple(post for post in sent if post.url not in lost),
        again=True,
    )


def _in_doubt(db: records.Connection) -> list[BatchRow]:
    """The batches that hold what is in doubt."""
    return [
        *records.batches_after(db, State.DOUBTFUL, 0, -1),
        *records.batches_after(db, State.UNKNOWN, 0, -1),
        *_to_be_bought_anew(db),
    ]


def _video_ids(db: records.Connection, batches: Sequence[BatchRow]) -> set[str]:
    return {video_id(post.url) for batch in batches for post in records.posts_of(db, batch.id)}


def _unsent(db: records.Connection) -> list[BatchRow]:
    return records.batches_after(db, State.PENDING, 0, -1, again=False)


def _to_be_bought_anew(db: records.Connection) -> list[BatchRow]:
    return records.batches_after(db, State.PENDING, 0, -1, again=True)


def _reached(history: list[Kind]) -> bool:
    """Whether an attempt of ours can have been the one that was applied."""
    return any(kind in UNRESOLVED or kind is Kind.APPLIED for kind in history)
