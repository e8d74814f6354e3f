"""Setting a sandbox up: wallets, creators, campaigns, posts and used request ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from tokfluence_async.sandbox.accounts import Account, Standing, is_key
from tokfluence_async.sandbox.arguments import RefusedError, as_count, as_list, as_object, as_text
from tokfluence_async.sandbox.state import Resolved
from tokfluence_async.sandbox.videos import is_video_id, parse_video
from tokfluence_async.sandbox.writes import create_seeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokfluence_async.sandbox.creators import Creator
    from tokfluence_async.sandbox.state import State

_PARTS = ("wallets", "creators", "campaigns", "posts", "request_ids")


def sow(state: State, seeds: Mapping[str, Any]) -> dict[str, Any]:
    """Set up what is asked for, free of charge.

    ::

        {
            "wallets": [{"key": KEY, "credits": 50, "standing": "active"}],
            "creators": ["alice"],
            "campaigns": [
                {
                    "key": KEY,
                    "id": 4711,
                    "name": "Spring",
                    "currency": "EUR",
                    "posts": [{"url": URL, "creator_handle": "alice", "fee_cents": 50000}],
                }
            ],
            "posts": [URL_OR_VIDEO_ID],
            "request_ids": [{"key": KEY, "request_id": "…"}],
        }

    Every part is optional. ``credits``, ``standing`` (active, revoked, banned, no_plan, forbidden), ``id``,
    ``currency`` and ``posts`` may be left out. ``posts`` are put into the index, readable at once.

    Returns:
        What was made: ``{"campaigns": [ids], "creators": [ids], "posts": [video ids]}``.

    Raises:
        ValueError: If something is not acceptable. What stands before it has been set up by then.
    """
    unknown = sorted(set(seeds) - set(_PARTS))
    if unknown:
        raise ValueError(f"nothing can be seeded by the name of {', '.join(unknown)}")
    made: dict[str, Any] = {"campaigns": [], "creators": [], "posts": []}
    try:
        for each in as_list(seeds.get("wallets", []), "wallets"):
            _sow_wallet(state, as_object(each, "a wallet"))
        for each in as_list(seeds.get("creators", []), "creators"):
            made["creators"].append(_creator(state, as_text(each, "a creator")).id)
        for each in as_list(seeds.get("campaigns", []), "campaigns"):
            made["campaigns"].append(_sow_campaign(state, as_object(each, "a campaign")))
        for each in as_list(seeds.get("posts", []), "posts"):
            made["posts"].append(_sow_post(state, as_text(each, "a post")))
        for each in as_list(seeds.get("request_ids", []), "request_ids"):
            used = as_object(each, "a request id")
            request_id = as_text(used.get("request_id"), "request_id")
            _account(state, used).ids.burn(request_id, state.clock.now())
    except RefusedError as refused:
        raise ValueError(refused.message) from None
    return made


def _account(state: State, seed: dict[str, Any]) -> Account:
    key = as_text(seed.get("key"), "key")
    if not is_key(key):
        raise ValueError("a key is 'tkf_live_' and 32 letters or digits")
    return state.account(key)


def _sow_wallet(state: State, seed: dict[str, Any]) -> None:
    account = _account(state, seed)
    if "credits" in seed:
        state.set_wallet(account, as_count(seed["credits"], "credits"))
    standing = seed.get("standing", account.standing)
    if standing not in get_args(Standing):
        raise ValueError(f"standing is one of {', '.join(get_args(Standing))}")
    account.standing = standing


def _creator(state: State, handle: str) -> Creator:
    creator = state.creators.resolve(handle)
    if creator is None:
        raise ValueError(f"the handle {handle!r} can't be resolved in this sandbox")
    return creator


def _sow_campaign(state: State, seed: dict[str, Any]) -> int:
    account = _account(state, seed)
    number = seed.get("id")
    wanted = None if number is None else as_count(number, "id")
    return create_seeded(state, account, seed, wanted)


def _sow_post(state: State, reference: str) -> str:
    video = None if is_video_id(reference) else parse_video(reference)
    video_id = reference if video is None else video.id
    if not is_video_id(video_id):
        raise ValueError(f"{reference!r} is neither a video id nor the URL of a post")
    handle = (video.handle if video else None) or f"user_{video_id[-8:]}"
    state.analyse(Resolved(video_id, _creator(state, handle), 0)).ready_at = state.clock.now()
    return video_id
