"""The calls that change something: create and delete a campaign, and analyze."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from tokfluence_async.sandbox.arguments import RefusedError, as_count, as_list, as_object, as_text, invalid
from tokfluence_async.sandbox.jobs import ApiCall, Job, price
from tokfluence_async.sandbox.posts import numbers
from tokfluence_async.sandbox.replies import Reply, success
from tokfluence_async.sandbox.state import Resolved
from tokfluence_async.sandbox.videos import parse_video

if TYPE_CHECKING:
    from tokfluence_async.sandbox.accounts import Account
    from tokfluence_async.sandbox.campaigns import Campaign
    from tokfluence_async.sandbox.jobs import Preparation
    from tokfluence_async.sandbox.state import State

_CURRENCY = re.compile("[A-Z]{3}")
_LONGEST_NAME = 255


@frozen
class Submission:
    """A post as it was submitted."""

    url: str
    handle: str | None = None
    fee_cents: int = 0


@frozen
class Rejection:
    """A post that was not taken."""

    url: str
    code: str
    reason: str


def _no_resolved() -> list[Resolved]:
    return []


def _no_rejections() -> list[Rejection]:
    return []


@define
class Batch:
    """Submitted posts, sorted into those that are taken and those that are not."""

    resolved: list[Resolved] = field(factory=_no_resolved)
    rejected: list[Rejection] = field(factory=_no_rejections)
    billed: tuple[str, ...] = ()
    """The URLs that are paid for."""


def _submissions(entries: Any) -> list[Submission]:
    found: list[Submission] = []
    for place, each in enumerate(as_list(entries, "posts")):
        name = f"posts[{place}]"
        entry = as_object(each, name)
        handle = entry.get("creator_handle")
        if handle is not None and not isinstance(handle, str):
            raise invalid(f"{name}.creator_handle must be a string")
        fee = entry.get("fee_cents")
        found.append(
            Submission(
                as_text(entry.get("url"), f"{name}.url"),
                handle or None,
                0 if fee is None else as_count(fee, f"{name}.fee_cents"),
            )
        )
    return found


def _resolve(state: State, submission: Submission) -> Resolved | Rejection:
    video = parse_video(submission.url)
    if video is None:
        return Rejection(submission.url, "invalid_url", "This is not the URL of a TikTok post.")
    if submission.handle is None and state.switches.handle_required:
        return Rejection(submission.url, "missing_parameter", "creator_handle is required.")
    handle = submission.handle or video.handle or f"user_{numbers(video.id)[0]:05d}"
    creator = state.creators.resolve(handle)
    if creator is None:
        return Rejection(submission.url, "creator_not_found", "The creator's handle can't be resolved.")
    return Resolved(video.id, creator, submission.fee_cents)


def _batch(state: State, submissions: list[Submission]) -> Batch:
    most = state.switches.max_batch
    if most is not None and len(submissions) > most:
        raise RefusedError(
            413, "payload_too_large", f"A request may hold {most} URLs; this one has {len(submissions)}."
        )
    batch, billed = Batch(), list[str]()
    for submission in submissions:
        outcome = _resolve(state, submission)
        if isinstance(outcome, Resolved):
            batch.resolved.append(outcome)
        else:
            batch.rejected.append(outcome)
        if isinstance(outcome, Resolved) or state.switches.charge_rejected:
            billed.append(submission.url)
    batch.billed = tuple(billed)
    return batch


def _results(state: State, batch: Batch) -> list[dict[str, Any]]:
    return [{"postId": post.video_id, "status": state.status_of(post.video_id)} for post in batch.resolved]


def _rejected(state: State, batch: Batch) -> list[Any]:
    if state.switches.rejected_form == "strings":
        return [each.url for each in batch.rejected]
    return [{"url": each.url, "reason": each.reason, "code": each.code} for each in batch.rejected]


def _check_name(account: Account, name: str) -> None:
    if account.has_campaign_named(name):
        raise RefusedError(422, "invalid_campaign", "There is a campaign of that name in this account.")


@frozen
class NewCampaign:
    """A campaign that is acceptable."""

    name: str
    currency: str
    batch: Batch


def _new_campaign(state: State, account: Account, body: dict[str, Any]) -> NewCampaign:
    name = as_text(body.get("name"), "name")
    if len(name) > _LONGEST_NAME:
        raise RefusedError(422, "invalid_campaign", f"name is longer than {_LONGEST_NAME} characters.")
    currency = body.get("currency")
    if currency is None:
        currency = state.switches.currency
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise RefusedError(422, "invalid_campaign", "currency must be an ISO-4217 code, such as USD.")
    posts = body.get("posts")
    batch = _batch(state, [] if posts is None else _submissions(posts))
    _check_name(account, name)
    return NewCampaign(name, currency, batch)


def create_seeded(state: State, account: Account, body: dict[str, Any], number: int | None) -> int:
    """Open a campaign outside the API, free of charge; returns its number.

    Raises:
        RefusedError: If the API would refuse it.
        ValueError: If the number is taken.
    """
    new = _new_campaign(state, account, body)
    campaign = state.create_campaign(account, new.name, new.currency, campaign_id=number)
    for post in new.batch.resolved:
        state.track(campaign, post)
    return campaign.id


def _create(state: State, account: Account, call: ApiCall) -> Job:
    new = _new_campaign(state, account, as_object(call.body, "the body"))
    batch = new.batch

    def perform() -> Reply:
        # The name was free when the request was accepted; another may have taken it while the work went on.
        _check_name(account, new.name)
        campaign = state.create_campaign(account, new.name, new.currency)
        created = sum(state.track(campaign, post) for post in batch.resolved)
        meta = {
            "tracked_posts_created": created,
            "api_results": _results(state, batch),
            "rejected": _rejected(state, batch),
        }
        return success(campaign.payload(state.clock), meta, status=201)

    return Job(
        price(call.name, len(batch.billed)),
        perform,
        urls=batch.billed,
        seconds=state.switches.analyze_latency * len(batch.billed),
    )


def _analyze(state: State, account: Account, call: ApiCall) -> Job:
    body = as_object(call.body, "the body")
    posts, urls = body.get("posts"), body.get("urls")
    if posts is None and urls is None:
        raise invalid("posts or urls is required")
    if posts is not None and urls is not None and state.switches.both_keys == "refuse":
        raise invalid("send posts or urls, not both")
    submissions = [] if posts is None else _submissions(posts)
    if urls is not None:
        submissions += [
            Submission(as_text(url, f"urls[{place}]")) for place, url in enumerate(as_list(urls, "urls"))
        ]
    if not submissions:
        raise invalid("there is no URL to analyze")
    campaign: Campaign | None = None
    reference = body.get("campaign_id")
    if reference is not None:
        campaign = account.campaign(as_count(reference, "campaign_id"))
    batch = _batch(state, submissions)

    def perform() -> Reply:
        created = 0
        if campaign is None:
            for post in batch.resolved:
                state.analyse(post)
        else:
            current = account.campaign(campaign.id)
            created = sum(state.track(current, post) for post in batch.resolved)
        results = _results(state, batch)
        data: dict[str, Any] = {"submitted": len(submissions), "accepted": len(results)}
        if campaign is not None:
            data["campaign_id"] = campaign.id
        return success(data, _analyze_meta(state, batch, results, created))

    return Job(
        price(call.name, len(batch.billed)),
        perform,
        urls=batch.billed,
        campaign_id=campaign.id if campaign is not None else None,
        seconds=state.switches.analyze_latency * len(batch.billed),
    )


def _analyze_meta(
    state: State, batch: Batch, results: list[dict[str, Any]], created: int
) -> dict[str, Any] | None:
    form = state.switches.analyze_meta
    if form == "none":
        return None
    if form == "misspelt":
        return {"trackedPosts": created, "apiResult": results, "rejectedPosts": _rejected(state, batch)}
    return {"tracked_posts_created": created, "api_results": results, "rejected": _rejected(state, batch)}


def _delete(_state: State, account: Account, call: ApiCall) -> Job:
    campaign_id = account.campaign(call.target).id

    def perform() -> Reply:
        del account.campaigns[account.campaign(campaign_id).id]
        return Reply(204)

    return Job(price(call.name), perform, campaign_id=campaign_id)


WRITE_CALLS: dict[str, Preparation] = {
    "campaigns.create": _create,
    "campaigns.delete": _delete,
    "posts.analyze": _analyze,
}
"""How each writing call is prepared, by its name."""
