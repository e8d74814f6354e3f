"""A purchase: one POST of a load, and what the end of an attempt changes of it. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

from attrs import define, frozen

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.records import BatchRow, Rejection, Settlement, State
from tokfluence_async.campaign.settle import Belief, Step, Verdict, charge
from tokfluence_async.models import Rejected
from tokfluence_async.models.analysis import read_results
from tokfluence_async.protocol.codec import rejected_urls
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.protocol.wire import Request
from tokfluence_async.session.budget import Charge
from tokfluence_async.session.session import Attempt

__all__ = ["Bought", "Order", "match_rejected", "rejection", "settlement_of", "video_id"]


_WHO: Final = re.compile(r"creator|handle|influencer|username|account|profile")
_ONE_POST: Final = re.compile(r"post|video|url|link")
_UNRESOLVED: Final = re.compile(
    r"not[ _]*(?:be[ _]*)?(?:found|exist|resolv)|no[ _]such|unknown|invalid|unresolv|(?:can|could).*not.*resolv"
)


@define
class Order:
    """One POST to be bought: a batch, or the create."""

    batch: BatchRow
    request: Request
    price: int
    """Credits, should it be applied."""
    posts: Sequence[Post]
    history: list[Kind]
    """The attempts so far under its key, those of earlier runs included."""
    charged: Charge
    """What is on record of its charge."""
    under_way: bool = False
    """Whether an attempt may have left whose outcome is not on record."""
    tries: int = 0
    """Attempts in this run, those not counted that the rate limit turned away."""
    turned_away: int = 0
    """Attempts in this run that the rate limit turned away."""


@frozen
class Bought:
    """An attempt to buy that has ended and is on record."""

    attempt: Attempt
    verdict: Verdict
    settlement: Settlement

    @property
    def seen(self) -> Seen:
        """What the attempt's outcome says."""
        return self.attempt.seen


def settlement_of(order: Order, attempt: Attempt, verdict: Verdict) -> Settlement:
    """What an attempt's end changes of its batch.

    Args:
        order: The order, its history with this attempt's kind at the end.
        attempt: The attempt.
        verdict: What `settle` says of the history.
    """
    urls_sent = order.batch.urls
    match verdict.step:
        case Step.DONE:
            return _applied(order, attempt)
        case Step.QUARANTINE:
            return _refused(order, attempt.seen)
        case Step.SPLIT if urls_sent > 1:
            return Settlement(State.REPLACED, Charge(0, 0), children=_halves(order))
        case Step.SPLIT:
            return _refused(order, attempt.seen)
        case _:
            pass
    # A refunded attempt left no charge, but perhaps an effect: only the campaign's list can tell.
    clear = verdict.belief is Belief.NOT_APPLIED and Kind.REFUNDED not in order.history
    state = State.PENDING if clear else State.DOUBTFUL
    return Settlement(state, charge(order.history, price=order.price))


def _halves(order: Order) -> tuple[tuple[str, int, tuple[Post, ...]], ...]:
    middle = len(order.posts) // 2
    halves = order.posts[:middle], order.posts[middle:]
    return tuple((f"{order.batch.step}.{place}", 0, tuple(half)) for place, half in enumerate(halves))


def _refused(order: Order, seen: Seen) -> Settlement:
    # What is bought anew and refused may have been accepted before.
    again, urls = order.batch.again, order.batch.urls
    outcome = "unknown" if again else "rejected"
    return Settlement(
        State.UNKNOWN if again else State.REFUSED,
        charge(order.history, price=order.price),
        rejected=0 if again else urls,
        unknown=urls if again else 0,
        outcomes=tuple(
            rejection(post, outcome, seen.code or f"http_{seen.status}", seen.message) for post in order.posts
        ),
    )


def rejection(post: Post, outcome: str, code: str, message: str) -> Rejection:
    """A post that was not accepted."""
    return Rejection(post.row, post.url, post.creator_handle, post.fee_cents, outcome, code, message)


def _applied(order: Order, attempt: Attempt) -> Settlement:
    if not order.posts:
        return Settlement(State.APPLIED, Charge(order.price, order.price))
    listed = rejected_urls(attempt.seen.payload)
    analyzed = _analyzed(attempt.seen.payload) if listed else ()
    refused, unmatched = match_rejected(order.posts, listed, analyzed)
    per_url = order.price // len(order.posts)
    # If the API rejects URLs without saying which, none of the others can be called accepted.
    unnamed = ("unnamed_rejection", "the API rejected a URL of the batch that it did not name")
    outcomes = [
        rejection(post, "rejected" if place in refused else "unknown", *refused.get(place, unnamed))
        for place, post in enumerate(order.posts)
        if place in refused or unmatched
    ]
    unknown = len(outcomes) - len(refused)
    sure = 0 if unmatched else order.price - per_url * len(refused)
    return Settlement(
        State.UNKNOWN if unknown else State.APPLIED,
        charge(order.history, price=order.price, sure=sure),
        accepted=len(order.posts) - len(outcomes),
        rejected=len(refused),
        unknown=unknown,
        outcomes=tuple(outcomes),
    )


def match_rejected(
    posts: Sequence[Post], listed: Sequence[Rejected], analyzed: Collection[str] = ()
) -> tuple[dict[int, tuple[str, str]], int]:
    """Which of the posts (by place) an answer rejects, with code and reason; and how many rejections name none of them.

    A rejection names its post by URL, as it was sent or in another spelling, or by video id; one that gives neither, by
    the creator's handle. Then it means each post of the creator that the answer does not tell to be analyzed; unless
    its reason is one post's alone, and there are several.

    Args:
        posts: What was sent.
        listed: What the answer says was rejected.
        analyzed: Video ids that the answer says were analyzed.
    """
    if not listed:
        return {}, 0
    by_name: defaultdict[str, set[int]] = defaultdict(set)
    for place, post in enumerate(posts):
        for name in (post.url, video_id(post.url), f"@{(post.creator_handle or '').lower()}"):
            by_name[name].add(place)
    refused: dict[int, tuple[str, str]] = {}
    unmatched = 0
    for each in listed:
        post_id = str(each.extra.get("postId") or each.extra.get("post_id") or "")
        handle = str(each.extra.get("creator_handle") or each.extra.get("handle") or "").lstrip("@").lower()
        # A handle says less than a URL: where the URL is none of the batch's, it may mean another post of the creator.
        by_handle = f"@{handle}" if handle and not each.url and not post_id else ""
        names = (each.url, video_id(each.url) if each.url else "", post_id, by_handle)
        name = next((name for name in names if name and name in by_name), "")
        found = by_name[name] if name else set[int]()
        if name and name == by_handle:
            found = {place for place in found if video_id(posts[place].url) not in analyzed}
            if len(found) > 1 and not _of_creators(each):
                found = set[int]()
        unmatched += not found
        for place in found:
            refused[place] = (each.code or each.reason or "rejected", each.reason or "")
    return refused, unmatched


def _of_creators(rejected: Rejected) -> bool:
    """Whether a rejection is of all that a creator has posted: by its code or reason, or because it gives neither."""
    told = (rejected.code or rejected.reason or "").lower()
    return not told or bool(_WHO.search(told) and _UNRESOLVED.search(told) and not _ONE_POST.search(told))


def _analyzed(payload: Any) -> set[str]:
    return {each.post_id for each in read_results(payload) if each.post_id and each.status == "analyzed"}


def video_id(url: str) -> str:
    """The video id in a URL; the URL itself if it has none, as a short link."""
    found = urls.parse(url)
    return url if isinstance(found, urls.Refused) else found.video_id
