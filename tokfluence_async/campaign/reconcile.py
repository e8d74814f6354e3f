"""Reconciling: what the campaign's own list says about batches whose outcome is in doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, cast

from attrs import define, evolve, field

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.purchase import rejection, video_id
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.campaign.records import BatchRow, Rejection, Settlement, State
from tokfluence_async.campaign.settle import UNRESOLVED, Keys, Step, charge, settle, settle_absent
from tokfluence_async.campaign.telling import tell_settled, tell_settlement
from tokfluence_async.protocol.endpoints import CAMPAIGNS_POSTS, POSTS_ANALYZE
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.protocol.wire import MAX_BODY
from tokfluence_async.session.budget import Budget, Charge

__all__ = ["Reconciler"]

CHUNK: Final = 64
MAX_PAGES: Final = 10_000
MIN_PAGES: Final = 25
"""Pages of the list that are read however little is in doubt."""
MAX_BARREN: Final = 3
"""Pages in a row without a post that was not on an earlier one, after which the list is given up as unreadable."""
ENTRY: Final = 1024
"""Bytes of a post in the list, generously."""
MAX_LIST: Final = 128 * 1024 * 1024
"""Bytes of the list that are read at most, where the API does not page it."""

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
    campaign_id: int
    credits_per_url: int
    planned: int
    """URLs of the plan."""
    created_here: bool
    """Whether this load created the campaign, so that whatever is in it was bought by this plan."""
    keys: Keys
    """Who may use the plan's keys."""
    unread: Seen | None = field(default=None, init=False)
    """What was seen when the list could not be read, unless it was the cap that kept it from being read."""

    async def run(self, *, final: bool, resubmit: bool = False) -> bool:
        """Reconcile every batch in doubt.

        Args:
            final: Whether what is not listed is to be judged now. If not, only what is listed is taken off the doubt,
                and the rest is to be sent again under its old key.
            resubmit: Whether what was reported as unknown before, and is not listed now either, is to be bought anew.

        Returns:
            Whether the list could be read; if not, nothing has changed, and `unread` says why.
        """
        listed = await self._listed(await self.journal.run(self._wanted))
        if listed is None:
            return False
        if await self.journal.run(records.keys_seen_elsewhere):
            self.keys = Keys.SHARED
        # First what was reported as unknown before: what becomes so now is to be reported first.
        for state in (State.UNKNOWN, State.DOUBTFUL):
            after = 0
            while batches := await self._batches(state, after):
                after = batches[-1].id
                for batch in batches:
                    await self._judge(batch, listed, final=final, resubmit=resubmit)
        if self.created_here or resubmit:
            for batch in await self.journal.run(_to_be_bought_anew):
                await self._spare(batch, listed)
        return True

    async def _batches(self, state: State, after: int) -> list[BatchRow]:
        return await self.journal.run(lambda db: records.batches_after(db, state, after, CHUNK))

    @staticmethod
    def _wanted(db: records.Connection) -> set[str]:
        """The video ids that are in doubt."""
        return {
            video_id(post.url)
            for batches in (
                records.batches_after(db, State.DOUBTFUL, 0, -1),
                records.batches_after(db, State.UNKNOWN, 0, -1),
                _to_be_bought_anew(db),
            )
            for batch in batches
            for post in records.posts_of(db, batch.id)
        }

    async def _spare(self, batch: BatchRow, listed: set[str]) -> None:
        """Take what is listed by now out of a batch that was to buy it anew."""

        def work(db: records.Connection) -> Settlement | None:
            posts = records.posts_of(db, batch.id)
            there = tuple(post for post in posts if video_id(post.url) in listed)
            if not there:
                return None
            settlement = Settlement(State.APPLIED, batch.charged, accepted=len(there))
            if len(there) < len(posts):
                rest = tuple(post for post in posts if post not in there)
                child = (batch.step, batch.generation + 1, rest)
                settlement = evolve(settlement, state=State.REPLACED, children=(child,), kept=there)
            records.settle_batch(db, batch, settlement)
            return settlement

        settlement = await self.journal.run(work)
        if settlement is not None:
            tell_settlement(self.reader.tok.session, self.budget, settlement)

    async def _judge(self, batch: BatchRow, listed: set[str], *, final: bool, resubmit: bool) -> None:
        """Settle one batch by the list, in one transaction."""

        def work(db: records.Connection) -> Settlement | None:
            named = {
                each.url: each for each in records.outcomes_of(db, batch.id) if each.outcome == "rejected"
            }
            sent = records.posts_of(db, batch.id)
            posts = [post for post in sent if post.url not in named]
            history = records.history(db, batch.id)
            there = [video_id(post.url) in listed for post in posts]
            forgotten = records.may_be_forgotten(db, batch, self.reader.wall_clock())
            anew = resubmit and batch.state is State.UNKNOWN
            if sum(there) and not anew and not self.created_here and not _PROVING & {*history}:
                settlement = self._of_others(batch, posts, history)
            else:
                settlement = self._settlement(
                    batch, posts, there, history, tuple(named.values()), final=final, forgotten=forgotten
                )
            if settlement is None:
                return None
            if anew and settlement.unknown:
                settlement = _anew(batch, sent, settlement)
            records.settle_batch(db, batch, settlement)
            return settlement

        settlement = await self.journal.run(work)
        if settlement is not None:
            self.budget.correct(batch.charged, settlement.charge)
            session, budget = self.reader.tok.session, self.budget
            tell_settled(
                session,
                budget,
                POSTS_ANALYZE.name,
                before=batch.charged,
                now=settlement.charge,
            )
            tell_settlement(session, budget, settlement)

    def _settlement(
        self,
        batch: BatchRow,
        posts: list[Post],
        there: list[bool],
        history: list[Kind],
        named: tuple[Rejection, ...],
        *,
        final: bool,
        forgotten: bool,
    ) -> Settlement | None:
        """What the list makes of a batch: of its posts but those that an answer has named as rejected."""
        found = sum(there)
        per_url = self.credits_per_url
        price = per_url * batch.urls
        # Only what nobody else can have put there must have been charged to this load, and under this key: what an
        # earlier one did, and was paid back for, may be listed late.
        ours = self.created_here and batch.generation == 0 and _reached(history)
        sure = charge(history, price=price, sure=per_url * found if ours else 0)
        if found == len(posts):
            return Settlement(State.APPLIED, sure, accepted=found, rejected=len(named), outcomes=named)
        # A part that is there was bought by somebody: what was turned away buys nothing.
        keys = Keys.GIVEN if found and self.keys is Keys.OURS else self.keys
        verdict = settle_absent(history, keys)
        now = (
            final
            if verdict.step is not Step.REPORT
            else forgotten or _to_be_judged(history, found, final=final)
        )
        if batch.state is State.DOUBTFUL and not now:
            return None
        missing = [post for post, is_there in zip(posts, there, strict=True) if not is_there]
        if verdict.step is Step.REPEAT:
            return None if found else Settlement(State.PENDING, charge(history, price=price))
        if verdict.step is Step.NEW_KEY and batch.state is State.DOUBTFUL:
            kept = Charge(0, per_url * found)
            child = (batch.step, batch.generation + 1, tuple(missing))
            present = tuple(post for post, is_there in zip(posts, there, strict=True) if is_there)
            return Settlement(State.REPLACED, kept, accepted=found, children=(child,), kept=present)
        told = "it was sent, and whether it was applied can't be told"
        settlement = _unknown(missing, history, price, told)
        return evolve(
            settlement,
            charge=sure if found else settlement.charge,
            accepted=found,
            rejected=len(named),
            outcomes=(*named, *settlement.outcomes),
        )

    def _of_others(self, batch: BatchRow, posts: list[Post], history: list[Kind]) -> Settlement | None:
        """What is in a campaign that had posts before: somebody else may have put it there.

        To ask the old key would be to buy it, had the API forgotten the key.
        """
        if batch.state is State.UNKNOWN:
            return None
        told = "it was sent, and is in the campaign; whether that is why can't be told"
        return _unknown(posts, history, self.credits_per_url * batch.urls, told)

    async def _listed(self, wanted: set[str]) -> set[str] | None:
        """Those of the wanted video ids that the campaign lists; None if that can't be read now.

        Nothing is read after the page that has the last of them: each page costs 2 credits.
        """
        found: set[str] = set()
        cursors: set[str] = set()
        barren = 0
        query: tuple[tuple[str, str], ...] = ()
        max_body = max(MAX_BODY, min(self.planned * ENTRY, MAX_LIST))
        # To look any further would cost more than there is to be told.
        page_price = max(self.reader.tok.tariff.price(CAMPAIGNS_POSTS.name), 1)
        pages = max(MIN_PAGES, len(wanted) * self.credits_per_url // page_price)
        for _ in range(min(pages, MAX_PAGES)):
            payload, seen = await self.reader.read(
                CAMPAIGNS_POSTS, self.campaign_id, query, max_body=max_body
            )
            if seen is None:
                self.reader.stop.request(
                    "max_credits",
                    "outcomes are in doubt, and the cap leaves no room for the read that would tell (2 credits); "
                    "resume with a higher --max-credits",
                )
                return None
            if payload is None:
                self.unread = seen
                return None
            ids = _ids(payload)
            if ids is None:
                self.unread = Seen(Kind.GARBLED, message="it is no list of posts")
                return None
            barren = 0 if ids - found else barren + 1
            found |= ids
            cursor = _next_cursor(payload)
            total = _total(payload)
            if cursor is None or wanted <= found or len(found) >= total:
                return found
            if cursor in cursors or (barren >= MAX_BARREN and total == math.inf):
                break
            cursors.add(cursor)
            query = (("cursor", cursor),)
        self.unread = Seen(Kind.GARBLED, message="its pages have no end, or more than is worth their price")
        return None


def _to_be_judged(history: list[Kind], found: int, *, final: bool) -> bool:
    """Whether a batch of which nothing more can be proved is judged now, rather than sent again under its key."""
    # Some of it is there, so it was applied: sent again, it would be charged again if the API has forgotten its key.
    # Where nothing is there, the key itself can still tell, unless a repeat was answered already.
    return found > 0 or (final and settle(history).step is Step.RECONCILE)


def _unknown(posts: Sequence[Post], history: list[Kind], price: int, told: str) -> Settlement:
    lost = tuple(rejection(post, "unknown", "outcome_unknown", told) for post in posts)
    return Settlement(State.UNKNOWN, charge(history, price=price), unknown=len(posts), outcomes=lost)


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


def _to_be_bought_anew(db: records.Connection) -> list[BatchRow]:
    return records.batches_after(db, State.PENDING, 0, -1, again=True)


def _reached(history: list[Kind]) -> bool:
    """Whether an attempt of ours can have been the one that was applied."""
    return any(kind in UNRESOLVED or kind is Kind.APPLIED for kind in history)


def _next_cursor(payload: dict[str, Any]) -> str | None:
    meta = payload.get("meta")
    cursor = cast("dict[str, Any]", meta).get("next_cursor") if isinstance(meta, dict) else None
    return None if cursor in (None, "") else str(cursor)


def _total(payload: dict[str, Any]) -> float:
    """How many posts the list says it has; infinite if it does not."""
    meta = payload.get("meta")
    total: Any = cast("dict[str, Any]", meta).get("total") if isinstance(meta, dict) else None
    return total if type(total) is int and total >= 0 else math.inf


def _ids(payload: dict[str, Any]) -> set[str] | None:
    """The video ids in a list of posts, wherever each post carries it; None if that is no list of posts.

    What can't be read must not be taken for empty: that a post is not listed counts for something.
    """
    data = payload.get("data")
    if isinstance(data, dict):
        data = cast("dict[str, Any]", data).get("posts")
    if not isinstance(data, list):
        return None
    found: set[str] = set()
    for each in cast("list[object]", data):
        names = _names_of(cast("dict[str, Any]", each)) if isinstance(each, dict) else ()
        if not names:
            return None
        found.update(names)
    return found


def _names_of(post: dict[str, Any]) -> Sequence[str]:
    values: list[Any] = [post.get(name) for name in ("post_id", "postId", "video_id", "id")]
    names = [str(each) for each in values if isinstance(each, str | int) and not isinstance(each, bool)]
    url = post.get("url")
    return [*names, video_id(url)] if isinstance(url, str) else names
