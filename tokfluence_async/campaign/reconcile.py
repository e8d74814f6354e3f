"""Reconciling: what the campaign's own list says about batches whose outcome is in doubt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

from attrs import define

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.purchase import rejection, video_id
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.campaign.records import BatchRow, Settlement, State
from tokfluence_async.campaign.settle import Step, charge, settle_absent
from tokfluence_async.protocol.endpoints import CAMPAIGNS_POSTS
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Budget, Charge

__all__ = ["Reconciler"]

CHUNK: Final = 64
MAX_PAGES: Final = 10_000


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
    created_here: bool
    """Whether this load created the campaign, so that whatever is in it was bought by this plan."""

    async def run(self, *, final: bool) -> None:
        """Reconcile every batch in doubt.

        Args:
            final: Whether what is not listed is to be judged now. If not, only what is listed is taken off the doubt,
                and the rest is to be sent again under its old key.
        """
        listed = await self._listed()
        if listed is None:
            return
        for state in (State.DOUBTFUL, State.UNKNOWN):
            after = 0
            while batches := await self._batches(state, after):
                after = batches[-1].id
                for batch in batches:
                    await self._judge(batch, listed, final=final)

    async def _batches(self, state: State, after: int) -> list[BatchRow]:
        return await self.journal.run(lambda db: records.batches_after(db, state, after, CHUNK))

    async def _judge(self, batch: BatchRow, listed: set[str], *, final: bool) -> None:
        """Settle one batch by the list, in one transaction."""

        def work(db: records.Connection) -> Charge | None:
            posts, history = records.posts_of(db, batch.id), records.history(db, batch.id)
            there = [video_id(post.url) in listed for post in posts]
            settlement = self._settlement(batch, posts, there, history, final=final)
            if settlement is None:
                return None
            records.settle_batch(db, batch, settlement)
            return settlement.charge

        now = await self.journal.run(work)
        if now is not None:
            self.budget.correct(batch.charged, now)

    def _settlement(
        self, batch: BatchRow, posts: list[Post], there: list[bool], history: list[Kind], *, final: bool
    ) -> Settlement | None:
        found = sum(there)
        per_url = self.credits_per_url
        price = per_url * len(posts)
        # Only what nobody else can have put there must have been charged to this load.
        ours = self.created_here and _reached(history)
        sure = charge(history, price=price, sure=per_url * found if ours else 0)
        if found == len(posts):
            return Settlement(State.APPLIED, sure, accepted=found)
        if not final:
            return None
        missing = [post for post, is_there in zip(posts, there, strict=True) if not is_there]
        verdict = settle_absent(history)
        if verdict.step is Step.NEW_KEY and batch.state is not State.UNKNOWN:
            kept = Charge(0, per_url * found)
            child = (batch.step, batch.generation + 1, tuple(missing))
            present = tuple(post for post, is_there in zip(posts, there, strict=True) if is_there)
            return Settlement(State.REPLACED, kept, accepted=found, children=(child,), kept=present)
        return Settlement(
            State.UNKNOWN,
            sure if found else charge(history, price=price),
            accepted=found,
            unknown=len(missing),
            outcomes=tuple(
                rejection(
                    post,
                    "unknown",
                    "outcome_unknown",
                    "it was sent, and whether it was applied can't be told",
                )
                for post in missing
            ),
        )

    async def _listed(self) -> set[str] | None:
        """The video ids that the campaign lists; None if that can't be read now."""
        found: set[str] = set()
        cursors: set[str] = set()
        query: tuple[tuple[str, str], ...] = ()
        for _ in range(MAX_PAGES):
            payload, seen = await self.reader.read(CAMPAIGNS_POSTS, self.campaign_id, query)
            if seen is None:
                self.reader.stop.request(
                    "max_credits",
                    "outcomes are in doubt, and the cap leaves no room for the read that would tell (2 credits); "
                    "resume with a higher --max-credits",
                )
                return None
            if payload is None:
                return None
            found.update(_ids(payload))
            cursor = _next_cursor(payload)
            if cursor is None or cursor in cursors:
                return found
            cursors.add(cursor)
            query = (("cursor", cursor),)
        return found


def _reached(history: list[Kind]) -> bool:
    """Whether an attempt of ours can have been the one that was applied."""
    return any(kind in {Kind.LOST, Kind.GARBLED, Kind.REDIRECTED, Kind.APPLIED} for kind in history)


def _next_cursor(payload: dict[str, Any]) -> str | None:
    meta = payload.get("meta")
    cursor = cast("dict[str, Any]", meta).get("next_cursor") if isinstance(meta, dict) else None
    return None if cursor in (None, "") else str(cursor)


def _ids(payload: dict[str, Any]) -> Iterable[str]:
    """The video ids in a list of posts, wherever each post carries it."""
    data = payload.get("data")
    for each in cast("list[object]", data) if isinstance(data, list) else []:
        if not isinstance(each, dict):
            continue
        post = cast("dict[str, Any]", each)
        for name in ("post_id", "postId", "video_id", "id"):
            if isinstance(post.get(name), str | int) and not isinstance(post.get(name), bool):
                yield str(post[name])
        if isinstance(post.get("url"), str):
            yield video_id(post["url"])
