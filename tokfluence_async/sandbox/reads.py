"""The calls that read: campaigns, posts, comments, creators, and both searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokfluence_async.sandbox.arguments import RefusedError, as_object, as_text, invalid, query_count
from tokfluence_async.sandbox.campaigns import tracked_payload
from tokfluence_async.sandbox.creators import creator_payload, creator_video_ids, interpret
from tokfluence_async.sandbox.jobs import ApiCall, Job, price
from tokfluence_async.sandbox.posts import comment_payload, comments_total
from tokfluence_async.sandbox.replies import success
from tokfluence_async.sandbox.state import Resolved

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokfluence_async.sandbox.accounts import Account
    from tokfluence_async.sandbox.campaigns import Campaign
    from tokfluence_async.sandbox.creators import Creator
    from tokfluence_async.sandbox.jobs import Preparation
    from tokfluence_async.sandbox.replies import Reply
    from tokfluence_async.sandbox.state import State

_COMMENTS_PAGE, _MOST_COMMENTS = 50, 200
_CREATORS_PAGE, _MOST_CREATORS = 20, 50


def _page(items: list[Any], query: dict[str, str], size: int) -> tuple[list[Any], dict[str, Any]]:
    cursor = query_count(query, "cursor", 0)
    return items[cursor : cursor + size], _paging(len(items), cursor + size)


def _paging(total: int, following: int) -> dict[str, Any]:
    return {"total": total, "next_cursor": following if following < total else None}


def _of_campaign(read: Callable[[State, Campaign, ApiCall], Reply]) -> Preparation:
    def prepare(state: State, account: Account, call: ApiCall) -> Job:
        campaign = account.campaign(call.target)
        query_count(call.query, "cursor", 0)

        def perform() -> Reply:
            return read(state, account.campaign(call.target), call)

        return Job(price(call.name), perform, campaign_id=campaign.id)

    return prepare


def _campaign(state: State, campaign: Campaign, _call: ApiCall) -> Reply:
    return success(campaign.payload(state.clock))


def _metrics(state: State, campaign: Campaign, _call: ApiCall) -> Reply:
    return success(campaign.metrics(state.clock.now()))


def _tracked_posts(state: State, campaign: Campaign, call: ApiCall) -> Reply:
    listed = campaign.listed(state.clock.now())
    size = state.switches.campaign_posts_page_size
    meta = None
    if size is not None:
        listed, meta = _page(listed, call.query, size)
    return success([tracked_payload(post, state.clock) for post in listed], meta)


def _influencers(state: State, campaign: Campaign, _call: ApiCall) -> Reply:
    return success(campaign.influencers(state.clock))


def _post(state: State, video_id: str) -> dict[str, Any]:
    post = state.readable_post(video_id)
    if post is None:
        raise RefusedError(
            404, "post_not_found", "The post is not in the index; submit its URL to analyze first."
        )
    return post


def _show_post(state: State, _account: Account, call: ApiCall) -> Job:
    post = _post(state, call.target)
    return Job(price(call.name), lambda: success(post))


def _comments(state: State, _account: Account, call: ApiCall) -> Job:
    cursor = query_count(call.query, "cursor", 0)
    limit = query_count(call.query, "limit", _COMMENTS_PAGE, most=_MOST_COMMENTS)
    if not limit:
        raise invalid("limit must be an integer from 1")
    _post(state, call.target)

    def perform() -> Reply:
        total = comments_total(call.target)
        places = range(cursor, min(cursor + limit, total))
        page = [comment_payload(call.target, place) for place in places]
        return success(page, _paging(total, cursor + limit))

    return Job(price(call.name), perform)


def _creator(state: State, reference: str) -> Creator:
    creator = state.creators.find(reference)
    if creator is None:
        raise RefusedError(404, "creator_not_found", "There is no such creator.")
    return creator


def _show_creator(state: State, _account: Account, call: ApiCall) -> Job:
    creator = _creator(state, call.target)
    return Job(price(call.name), lambda: success(creator_payload(creator)))


def _creator_posts(state: State, _account: Account, call: ApiCall) -> Job:
    creator = _creator(state, call.target)

    def perform() -> Reply:
        videos = creator_video_ids(creator)
        for video_id in videos:
            # What was fetched is in the index from then on, at once: there is nothing left to analyse.
            state.analyse(Resolved(video_id, creator, 0)).ready_at = state.clock.now()
        return success([_post(state, video_id) for video_id in videos], {"total": len(videos)})

    return Job(price(call.name), perform)


def _search_creators(state: State, _account: Account, call: ApiCall) -> Job:
    size = query_count(call.query, "limit", _CREATORS_PAGE, most=_MOST_CREATORS)
    if not size:
        raise invalid("limit must be an integer from 1")
    page, meta = _page(state.creators.search(call.query), call.query, size)
    return Job(price(call.name), lambda: success(page, meta))


def _ai_search(state: State, _account: Account, call: ApiCall) -> Job:
    body = as_object(call.body, "the body")
    query = as_text(body.get("query"), "query")
    most = body.get("max_results", _CREATORS_PAGE)
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= _MOST_CREATORS:
        raise invalid(f"max_results must be an integer from 1 to {_MOST_CREATORS}")

    def perform() -> Reply:
        filters = interpret(query)
        found = state.creators.search({name: str(value) for name, value in filters.items()})
        meta = {
            "interpreted_filters": filters,
            "total_matches": len(found),
            "model": "sandbox-1",
            "cost": price(call.name),
        }
        return success(found[:most], meta)

    return Job(price(call.name), perform)


READ_CALLS: dict[str, Preparation] = {
    "campaigns.show": _of_campaign(_campaign),
    "campaigns.metrics": _of_campaign(_metrics),
    "campaigns.posts": _of_campaign(_tracked_posts),
    "campaigns.influencers": _of_campaign(_influencers),
    "posts.show": _show_post,
    "posts.comments": _comments,
    "creators.show": _show_creator,
    "creators.posts": _creator_posts,
    "creators.search": _search_creators,
    "ai_search": _ai_search,
}
"""How each reading call is prepared, by its name."""
