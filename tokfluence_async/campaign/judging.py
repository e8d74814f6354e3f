"""Judging: what the campaign's list, and the attempts on record, make of a batch. Pure."""

from __future__ import annotations

import operator
from collections.abc import Collection, Container, Sequence
from itertools import compress
from typing import Final

from attrs import evolve, frozen

from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.listing import Listed
from tokfluence_async.campaign.purchase import rejection, split, video_ids
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
    used_up_at,
)
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Charge

__all__ = ["Case", "Look", "concede", "give_up", "judge", "spare"]

_PROVING: Final = frozenset({Kind.SEEN_BEFORE, Kind.GARBLED, Kind.APPLIED})
"""Answers that say that something was done under the key."""


@frozen
class Look:
    """What a look into the campaign's list is for."""

    final: bool
    """Whether what is not listed is to be judged now. If not, only what is listed is taken off the doubt, and the rest
    is to be sent again under its old key."""
    resubmit: bool = False
    """Whether what was reported as unknown before, and is not listed now either, is to be bought anew."""
    unsent: bool = False
    """Whether what was never sent is looked for as well, because others may have bought it."""
    old: bool = False
    """Whether they may have done so under keys that the API has forgotten by now."""


@frozen(kw_only=True)
class Case:
    """A batch, with all that is on record of it."""

    batch: BatchRow
    posts: Sequence[Post]
    credits_per_url: int
    attempts: Sequence[tuple[Kind, float]] = ()
    """The attempts under its key, each with when it was begun, oldest first."""
    named: Sequence[Rejection] = ()
    """What an answer has named as rejected."""
    accepted: Container[str] = ()
    """URLs of it that are on record as accepted."""
    created_here: bool = True
    """Whether whatever is in the campaign was bought by this plan."""
    keys: Keys = Keys.OURS
    """Who may use the plan's keys."""
    forgotten: bool = False
    """Whether the API may have forgotten its key, though it is in doubt."""
    renewed: bool = False
    """Whether something of it was sent under another key before."""
    lapsed: bool = False
    """Whether the API may have forgotten that the first key was used up, so that others may buy it under that one."""

    @property
    def price(self) -> int:
        """Credits, should it be applied."""
        return self.credits_per_url * self.batch.urls

    @property
    def history(self) -> list[Kind]:
        """The attempts' kinds."""
        return [kind for kind, _ in self.attempts]


def judge(case: Case, listed: Listed, look: Look) -> Settlement | None:
    """What becomes of a batch that is in doubt; None where it stays as it is."""
    batch = case.batch
    rejected = {each.url for each in case.named}
    posts = [post for post in case.posts if post.url not in rejected]
    present, missing = _divided(posts, listed.video_ids, case.accepted)
    anew = look.resubmit and batch.state is State.UNKNOWN
    if present and not anew and not case.created_here and not _PROVING & {*case.history}:
        return _of_others(case, posts)
    settlement: Settlement | None
    if not missing:
        settlement = Settlement(
            State.APPLIED,
            _charged_as_listed(case, len(present)),
            accepted=len(present),
            rejected=len(case.named),
            outcomes=tuple(case.named),
        )
    else:
        settlement = _of_missing(case, present, missing, listed, look)
    if settlement is not None and anew and settlement.unknown > listed.hidden:
        return _anew(batch, case.posts, settlement)
    return settlement


def _of_missing(
    case: Case, present: tuple[Post, ...], missing: tuple[Post, ...], listed: Listed, look: Look
) -> Settlement | None:
    """What becomes of a batch of which some, or all, is not listed."""
    batch, history = case.batch, case.history
    # Of what was bought under other keys, the attempts under its own tell nothing.
    of_others = batch.again and batch.state is State.UNKNOWN
    # What was not looked for to the end of the list is not absent from it, nor what may be hidden.
    told = listed.whole and len(missing) > listed.hidden and not of_others
    verdict = _absent(case) if told else Verdict(Belief.UNKNOWN, Step.REPORT)
    doubtful = batch.state is State.DOUBTFUL
    # Others may have bought it under a key that is forgotten: if a part is there of what was paid back, they have.
    taken = look.old and ((doubtful and not told) or (bool(present) and verdict.step is Step.REPEAT))
    due = look.final or case.forgotten
    if doubtful and verdict.step in {Step.NEW_KEY, Step.SPLIT}:
        # Under its first key they may do so now, and under a new one they may have; and where a part is there, they may
        # be about to buy the rest, in halves of a batch that was too large.
        taken = taken or case.lapsed or (bool(present) and due)
    if doubtful and not taken:
        proved = verdict.step is not Step.REPORT
        judged = due if proved else case.forgotten or _to_be_judged(case, present, final=look.final)
        if not judged:
            return None
    if verdict.step is Step.REPEAT and not taken:
        return None if present else Settlement(State.PENDING, charge(history, price=case.price))
    if verdict.step is Step.SPLIT and doubtful and not taken and len(missing) > 1:
        return split(batch, missing)
    if verdict.step in {Step.NEW_KEY, Step.SPLIT} and doubtful and not taken:
        child = (batch.step, batch.generation + 1, missing)
        return Settlement(State.REPLACED, Charge(0, 0), children=(child,))
    settlement = _unknown(missing, "it was sent, and whether it was applied can't be told")
    spent = charge(history, price=case.price)
    if of_others:
        spent = Charge(0, max(spent.max, batch.charged.max))
    if taken or present:
        spent = _charged_as_listed(case, len(present))
    if taken:
        spent = Charge(spent.min, case.price)
    return evolve(
        settlement,
        charge=spent,
        accepted=len(present),
        again=taken,
        rejected=len(case.named),
        outcomes=(*case.named, *settlement.outcomes),
    )


def _absent(case: Case) -> Verdict:
    """What is believed of what is not listed."""
    # A key that was used up long before would be forgotten by now: the 409 tells of somebody else.
    explained = used_up_at(case.attempts, EXPLAINING[case.keys]) is not None
    return settle_absent(case.history, case.keys if explained else Keys.SHARED)


def _charged_as_listed(case: Case, found: int) -> Charge:
    """What a batch was charged of which so many posts are listed."""
    # Only what nobody else can have put there must have been charged to this load, and under this key: what an
    # earlier one did, and was paid back for, may be listed late.
    reached = any(kind in UNRESOLVED or kind is Kind.APPLIED for kind in case.history)
    alone = case.created_here and case.keys is not Keys.SHARED
    ours = alone and reached and not (case.renewed or case.batch.again)
    return charge(case.history, price=case.price, sure=case.credits_per_url * found if ours else 0)


def _to_be_judged(case: Case, present: Collection[Post], *, final: bool) -> bool:
    """Whether a batch of which nothing more can be proved is judged now, rather than sent again under its key."""
    # Some of it is there, so it was applied: sent again, it would be charged again if the API has forgotten its key.
    # Where nothing is there, the key itself can still tell, unless a repeat was answered already.
    return bool(present) or (final and settle(case.history).step is Step.RECONCILE)


def _of_others(case: Case, posts: Sequence[Post]) -> Settlement | None:
    """What is in a campaign that had posts before: somebody else may have put it there.

    To ask the old key would be to buy it, had the API forgotten the key.
    """
    if case.batch.state is State.UNKNOWN:
        return None
    settlement = _unknown(posts, "it was sent, and is in the campaign; whether that is why can't be told")
    # Whether a refund stands is not known either; and what was there once is not sent again should it be there no more.
    possible = Kind.REFUNDED in case.history or charge(case.history, price=case.price).max
    return evolve(settlement, charge=Charge(0, case.price if possible else 0), again=True)


def _anew(batch: BatchRow, sent: Sequence[Post], settlement: Settlement) -> Settlement:
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


def spare(case: Case, listed: Container[str]) -> Settlement | None:
    """Take what is listed by now out of a batch that was to buy it anew; None if none of it is."""
    there, rest = _divided(case.posts, listed)
    if not there:
        return None
    charged = case.batch.charged
    if Kind.REFUNDED in case.history:
        charged = _charged_as_listed(case, len(there))  # whether the refund stands is not known
    settlement = Settlement(State.APPLIED, charged, accepted=len(there))
    if rest:
        child = (case.batch.step, case.batch.generation + 1, rest)
        settlement = evolve(settlement, state=State.REPLACED, children=(child,), kept=there)
    return settlement


def concede(case: Case, listed: Listed, *, old: bool) -> Settlement | None:
    """Take for bought what was not sent from here, and is in the campaign all the same; None if it is not.

    Batches are bought whole: what is missing of one was rejected, or is listed late. A short link is never seen in
    the list, which has the video that it leads to: only its key tells, for as long as that is remembered.

    Args:
        case: The batch.
        listed: The list.
        old: Whether others may have bought it under a key that the API has forgotten by now.
    """
    there, rest = _divided(case.posts, listed.video_ids)
    if not there and (not old or (len(rest) > listed.hidden and _can_be_seen(rest))):
        return give_up(case) if case.lapsed else None
    return _perhaps_of_a_copy(case, there, rest)


def give_up(case: Case) -> Settlement:
    """What becomes of what was never sent under its key, and whose key has lapsed: it is in no list that is known."""
    return _perhaps_of_a_copy(case, (), case.posts)


def _perhaps_of_a_copy(case: Case, there: Sequence[Post], rest: Sequence[Post]) -> Settlement:
    return evolve(
        _unknown(rest, "it was not bought from here, but perhaps from a copy of the load file"),
        state=State.UNKNOWN if rest else State.APPLIED,
        charge=Charge(0, case.price),
        accepted=len(there),
        again=bool(rest),
    )


def _divided(
    posts: Sequence[Post], listed: Container[str], accepted: Container[str] = ()
) -> tuple[tuple[Post, ...], tuple[Post, ...]]:
    """The posts that are listed, or whose URL is known to be accepted, and the others."""
    ids = video_ids(posts)
    there = [each in listed or post.url in accepted for each, post in zip(ids, posts, strict=True)]
    return tuple(compress(posts, there)), tuple(compress(posts, map(operator.not_, there)))


def _can_be_seen(posts: Sequence[Post]) -> bool:
    """Whether the list would show each of some posts by the id that it is known by here."""
    return all(each != post.url for each, post in zip(video_ids(posts), posts, strict=True))


def _unknown(posts: Sequence[Post], told: str) -> Settlement:
    """All of some posts unknown; whoever asks adds the charge."""
    lost = tuple(rejection(post, "unknown", "outcome_unknown", told) for post in posts)
    return Settlement(State.UNKNOWN, Charge(0, 0), unknown=len(posts), outcomes=lost)
