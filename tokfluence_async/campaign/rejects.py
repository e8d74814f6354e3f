"""The rows of an input that were refused, or left out for what another row says: what, where, why, and what to do.

Rows that are unsent or unknown are not among them: the load's own file goes on with those, and buys nothing twice,
while another load of them might.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from tokfluence_async.campaign import records, urls
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.disagreements import CONFLICT, Disagreements
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.money import FeeParser
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.skips import Skipped
from tokfluence_async.errors import InputError

__all__ = ["Reject", "read_rejects", "rejects_of"]

_PASSING: Final = frozenset(
    {"rate_limited", "upstream_error", "internal_error", "http_503", "http_504", "http_429"}
)
"""Codes that say nothing against the post itself."""
_DUPLICATE: Final = "duplicate"


@frozen(kw_only=True)
class Reject:
    """One row that was refused, or left out for what another one says."""

    url: str
    """What was sent, or what stands in the row's URL column; the whole row, where its columns can't be told.

    Where the row disagrees with another, ``conflict:`` stands before it: the video is bought for the other one, and a
    load of the rejects must not buy it once more."""
    creator_handle: str
    """Empty without one."""
    fee_cents: str
    """Whole cents; empty without a fee; what can't be read as cents, where it is what is wrong."""
    source: str
    row: int
    """Its line, or record, in the source."""
    outcome: str
    """``rejected`` by the API, ``invalid`` and never sent, or a ``duplicate`` that disagrees with another row."""
    code: str
    message: str
    retryable: bool
    """Whether the row may well be accepted as it stands: what was refused says nothing against it."""


def rejects_of(plan: Plan) -> Iterator[Reject]:
    """The rows that a plan does not send, plain duplicates apart, in the order of the input."""
    yield from _of_plan(plan, plan.posts(), plan.skipped(), plan.skipped())


def read_rejects(file: LoadFile) -> Iterator[Reject]:
    """The rows of a load that were refused, or not sent, plain duplicates apart: first those that were sent.

    Args:
        file: The load file, open.
    """
    plan = file.plan()
    with file.reading():
        for post, outcome, code, message in records.outcomes(file.db):
            if outcome == "rejected":
                source = plan.origins[post.origin].name if post.origin < len(plan.origins) else None
                yield _of_post(post, source or "", code, message)
        posts = (post for post, *_ in records.outcomes(file.db))
        yield from _of_plan(plan, posts, file.skipped(), file.skipped())


def _of_plan(
    plan: Plan, posts: Iterable[Post], skipped: Iterable[Skipped], again: Iterable[Skipped]
) -> Iterator[Reject]:
    disagreements = Disagreements(plan, posts, skipped)
    for each in again:
        if each.reason == CONFLICT:
            yield _of_conflict(each, disagreements.words(each))
        elif each.reason != _DUPLICATE:
            yield _of_skipped(each)


def _of_post(post: Post, source: str, code: str, message: str) -> Reject:
    return Reject(
        url=post.url,
        creator_handle=post.creator_handle or "",
        fee_cents=str(post.fee_cents),
        source=source,
        row=post.row,
        outcome="rejected",
        code=code,
        message=message,
        retryable=code in _PASSING,
    )


def _of_skipped(skipped: Skipped) -> Reject:
    fee = skipped.fee
    if isinstance(fee, str) and _reads_as_cents(fee):
        # In units it was wrong; as cents it would be taken for another amount, and for a right one.
        fee = f"? {fee}"
    return Reject(
        url=skipped.text if skipped.url is None else skipped.url,
        creator_handle=skipped.creator_handle or "",
        fee_cents="" if fee is None else str(fee),
        source=skipped.source or "",
        row=skipped.row,
        outcome="invalid",
        code=skipped.reason,
        message=skipped.message,
        retryable=False,
    )


def _reads_as_cents(text: str) -> bool:
    try:
        return FeeParser("cents").parse(text) is not None
    except InputError:
        return False


def _of_conflict(skipped: Skipped, message: str) -> Reject:
    url = f"{CONFLICT}:{skipped.text if skipped.url is None else skipped.url.strip()}"
    if not isinstance(urls.parse(url), urls.Refused):
        url = f"{CONFLICT}:{skipped.video_id}"
    return Reject(
        url=url,
        creator_handle=skipped.creator_handle or "",
        fee_cents="" if skipped.fee is None else str(skipped.fee),
        source=skipped.source or "",
        row=skipped.row,
        outcome=_DUPLICATE,
        code=skipped.reason,
        message=message,
        retryable=False,
    )
