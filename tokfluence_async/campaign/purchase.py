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
from tokfluence_async.campaign.settle import Belief, Step, Verdict, charge, settle
from tokfluence_async.models import Rejected
from tokfluence_async.models.analysis import read_results
from tokfluence_async.protocol.codec import rejected_urls
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.protocol.wire import Request
from tokfluence_async.session.budget import Charge
from tokfluence_async.session.session import Attempt

__all__ = [
    "Bought",
    "Order",
    "match_rejected",
    "rejection",
    "settlement_of",
    "verdict_of",
    "video_id",
    "video_ids",
]


_WHO: Final = re.compile(r"creator|handle|influencer|username|account|profile")
_ONE_POST: Final = re.compile(r"post|video|url|link")
_UNRESOLVED: Final = re.compile(
    r"not[ _]*(?:be[ _]*)?(?:found|exist|resolv)|no[ _]such|unknown|invalid|unresolv|(?:can|could).*not.*resolv"
)


_POST_NAMES: Final = ("url", "post_url", "postId", "post_id", "video_id", "id")
_NESTED: Final = ("post", "video")
_POINTS: Final = re.compile(
    r"(?!creator|influencer|account|user|request)(?:.*_)?(?:id|url|post|video|link|index|row)"
).match
"""What may tell which post of several is meant, in whatever form."""
_FAILED: Final = re.compile(r"reject|fail|error|invalid|denied|refus|skip|unresolv|unavail|\bnot")
"""States of a post's analysis that do not say that it was taken."""


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


def verdict_of(order: Order) -> Verdict:
    """What `settle` says of an order's history; what is too large, and can't be split any more, is left aside."""
    verdict = settle(order.history)
    if verdict.step is Step.SPLIT and len(order.posts) <= 1:
        return Verdict(verdict.belief, Step.QUARANTINE)
    return verdict


def settlement_of(order: Order, attempt: Attempt, verdict: Verdict) -> Settlement:
    """What an attempt's end changes of its batch.

    Args:
        order: The order, its history with this attempt's kind at the end.
        attempt: The attempt.
        verdict: What `verdict_of` says of it.
    """
    match verdict.step:
        case Step.DONE:
            return _applied(order, attempt)
        case Step.QUARANTINE:
            return _refused(order, attempt.seen)
        case Step.SPLIT:
            return split(order.batch, order.posts)
        case _:
            pass
    # A refunded attempt left no charge, but perhaps an effect: only the campaign's list can tell. What is bought
    # anew is looked for in any case, and not sent once more without another word.
    clear = verdict.belief is Belief.NOT_APPLIED and (order.batch.again or Kind.REFUNDED not in order.history)
    state = State.PENDING if clear else State.DOUBTFUL
    return Settlement(state, charge(order.history, price=order.price))


def split(batch: BatchRow, posts: Sequence[Post]) -> Settlement:
    """Two halves of what is too large, each under a key of its own: on whatever machine, the same."""
    middle = len(posts) // 2
    halves = posts[:middle], posts[middle:]
    children = tuple((f"{batch.step}.{place}", 0, tuple(half)) for place, half in enumerate(halves))
    return Settlement(State.REPLACED, Charge(0, 0), children=children)


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

    A rejection names its post by URL, as it was sent or in another spelling, or by video id; one that points to no
    post in any form, by the creator's handle. Then it means each post of the creator that the answer does not tell to
    be analyzed, now or later; unless its reason is one post's alone, and there are several.

    Args:
        posts: What was sent.
        listed: What the answer says was rejected.
        analyzed: Video ids that the answer says were analyzed, or will be.
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
        by_handle = _handle_of(each)
        names = _names_of(each)
        name = next((name for name in (*names, by_handle) if name and name in by_name), "")
        found = by_name[name] if name else set[int]()
        if name and name == by_handle:
            found = {place for place in found if video_id(posts[place].url) not in analyzed}
            if len(found) > 1 and not _of_creators(each):
                found = set[int]()
        unmatched += not found
        for place in found:
            refused[place] = (each.code or each.reason or "rejected", each.reason or "")
    return refused, unmatched


def _names_of(rejected: Rejected) -> list[str]:
    """What a rejection may call its post: by URL or video id, itself or in what it holds of the post."""
    places: list[dict[str, Any]] = [{"url": rejected.url}, rejected.extra]
    places += [each for name in _NESTED if isinstance(each := rejected.extra.get(name), dict)]
    texts = [
        str(place[name]) for place in places for name in _POST_NAMES if isinstance(place.get(name), str | int)
    ]
    return [name for text in texts if not text.startswith("@") for name in (text, video_id(text))]


def _handle_of(rejected: Rejected) -> str:
    """The creator whom a rejection names and nothing else, as ``@handle``; an empty string if it says more, or less.

    A handle says less than a URL: where the URL is none of the batch's, it may mean another post of the creator.
    """
    if rejected.url and not rejected.url.startswith("@"):
        return ""
    if any(value is not None and _POINTS(name) for name, value in rejected.extra.items()):
        return ""
    handle = rejected.url or rejected.extra.get("creator_handle") or rejected.extra.get("handle") or ""
    return f"@{str(handle).lstrip('@').lower()}" if handle else ""


def _of_creators(rejected: Rejected) -> bool:
    """Whether a rejection is of all that a creator has posted: by its code or reason, or because it gives neither."""
    told = (rejected.code or rejected.reason or "").lower()
    return not told or bool(_WHO.search(told) and _UNRESOLVED.search(told) and not _ONE_POST.search(told))


def _analyzed(payload: Any) -> set[str]:
    return {
        each.post_id
        for each in read_results(payload)
        if each.post_id and each.status and not _FAILED.search(each.status.lower())
    }


def video_ids(posts: Sequence[Post]) -> list[str]:
    """The video ids in the URLs of posts; in the place of a URL that has none, as a short link, the URL itself."""
    texts = [post.url for post in posts]
    usual = urls.parse_usual(texts)
    return [digits or video_id(text) for text, (_, _, digits) in zip(texts, usual, strict=True)]


def video_id(url: str) -> str:
    """The video id in a URL; the URL itself if it has none, as a short link."""
    found = urls.parse(url)
    return url if isinstance(found, urls.Refused) else found.video_id
