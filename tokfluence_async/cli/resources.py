"""Single calls from the command line: campaigns, posts, creators and searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from tokfluence_async.cli.connection import ConnectionFlags, run
from tokfluence_async.cli.consent import consents
from tokfluence_async.cli.counting import counted
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.output import Line, print_json, print_lines, say
from tokfluence_async.cli.records import Field, print_answer, print_items
from tokfluence_async.errors import ConfigurationError, InputError, OutcomeUnknownError

if TYPE_CHECKING:
    from tokfluence_async.client import Tokfluence
    from tokfluence_async.resources.pagination import Paginator

__all__ = [
    "ai_search",
    "analyze",
    "creator_posts",
    "delete_campaign",
    "list_campaign",
    "post_comments",
    "search_creators",
    "show_campaign",
    "show_creator",
    "show_post",
]


def _text(name: str, head: str | None = None) -> Field:
    return Field(head or name, lambda item: getattr(item, name))


def _number(name: str, head: str | None = None) -> Field:
    return Field(head or name, lambda item: getattr(item, name), right=True)


_PUBLISHED: Final = Field(
    "published", lambda item: None if item.published_at is None else f"{item.published_at:%Y-%m-%d}"
)
_CAPTION: Final = Field("caption", lambda item: item.caption, elastic=True)
_CAMPAIGN_POSTS: Final = (
    _text("post_id"), _text("status"), _PUBLISHED, _number("views"), _number("likes"), _number("fee_cents"), _CAPTION,
)  # fmt: skip
_INFLUENCERS: Final = (
    _text("id"), _text("username"), _text("status"), _number("tracked_posts_count", "posts"),
    _number("creator_fee_cents"), _number("agency_fee_cents"), _number("gmv_cents"),
)  # fmt: skip
_POSTS: Final = (
    _text("post_id"), _PUBLISHED, _number("views"), _number("likes"), _number("comments"), _CAPTION,
)  # fmt: skip
_COMMENTS: Final = (
    _text("comment_id"), _PUBLISHED, _number("likes"), _number("reply_count", "replies"),
    _text("author_username", "author"), Field("text", lambda item: item.text, elastic=True),
)  # fmt: skip
_CREATORS: Final = (
    _text("id"), _text("username"), _number("follower_count", "followers"), _number("engagement_rate"),
    _text("region"),
)  # fmt: skip


def show_campaign(campaign_id: int, *, metrics: bool, as_json: bool, connection: ConnectionFlags) -> Exit:
    """Show a campaign's basic facts, or its key figures."""

    async def main(tok: Tokfluence) -> Exit:
        if metrics:
            print_answer("campaigns.metrics", await tok.campaigns.metrics(campaign_id), as_json=as_json)
        else:
            print_answer("campaigns.show", await tok.campaigns.show(campaign_id), as_json=as_json)
        return Exit.DONE

    return run(connection, main)


def list_campaign(campaign_id: int, *, posts: bool, as_json: bool, connection: ConnectionFlags) -> Exit:
    """List a campaign's posts, or its creators."""
    from tokfluence_async.export import tracked_posts  # noqa: PLC0415 - a help text needs none

    async def main(tok: Tokfluence) -> Exit:
        if posts:
            found = [post async for post in tracked_posts(tok, campaign_id)]
            print_items("campaigns.posts", found, _CAMPAIGN_POSTS, as_json=as_json)
        else:
            listed = await tok.campaigns.influencers(campaign_id)
            print_items(
                "campaigns.influencers", listed, _INFLUENCERS, as_json=as_json, response=listed.response
            )
        return Exit.DONE

    return run(connection, main)


def delete_campaign(campaign_id: int, *, yes: bool, connection: ConnectionFlags) -> Exit:
    """Delete a campaign, once that is agreed to."""
    if not consents(0, yes=yes, question=f"Delete campaign {campaign_id} and its tracked posts for good?"):
        say("Not agreed to: nothing was sent.")
        return Exit.FAILED

    async def main(tok: Tokfluence) -> Exit:
        await tok.campaigns.delete(campaign_id)
        print_lines([Line(f"Campaign {campaign_id} is deleted.")])
        return Exit.DONE

    return run(connection, main)


def _video_id(post: str) -> str:
    """The video id that an argument names.

    Raises:
        InputError: It names none.
    """
    from tokfluence_async.campaign.urls import PostURL, parse  # noqa: PLC0415 - a help text needs none

    if post.isascii() and post.isdecimal():
        return post
    found = parse(post)
    if not isinstance(found, PostURL):
        raise InputError(f"{post!r} names no post: {found.message}. Nothing was sent")
    return found.video_id


def show_post(post: str, *, as_json: bool, connection: ConnectionFlags) -> Exit:
    """Show a post as the index has it."""
    post_id = _video_id(post)

    async def main(tok: Tokfluence) -> Exit:
        print_answer("posts.show", await tok.posts.show(post_id), as_json=as_json)
        return Exit.DONE

    return run(connection, main)


async def _some(paginator: Paginator[Any], limit: int) -> list[Any]:
    """The first items of a paged list: no page more is paid for than they need."""
    found: list[Any] = []
    async for item in paginator:
        found.append(item)
        if len(found) == limit:
            break
    return found


def post_comments(post: str, *, limit: int, cursor: int, as_json: bool, connection: ConnectionFlags) -> Exit:
    """List a post's comments, from a place on."""
    post_id = _video_id(post)

    async def main(tok: Tokfluence) -> Exit:
        paginator = tok.posts.comments(post_id, cursor=cursor or None, limit=min(limit, 200))
        found = await _some(paginator, limit)
        more = cursor + len(found)
        print_items(
            "posts.comments",
            found,
            _COMMENTS,
            as_json=as_json,
            meta={"next_cursor": None if paginator.exhausted and len(found) < limit else more},
        )
        if not as_json and len(found) == limit:
            say(f"There may be more: --cursor {more}")
        return Exit.DONE

    return run(connection, main)


def analyze(
    urls: Sequence[str],
    *,
    campaign_id: int | None,
    key: str | None,
    yes: bool,
    as_json: bool,
    connection: ConnectionFlags,
) -> Exit:
    """Submit URLs for analysis, once the price is agreed to."""
    from tokfluence_async.campaign.urls import PostURL, parse  # noqa: PLC0415 - a help text needs none

    seen: dict[str, str] = {}
    for url in urls:
        post = parse(url)
        if not isinstance(post, PostURL):
            raise InputError(f"{url!r} names no post: {post.message}. Nothing was sent")
        if post.video_id in seen:
            raise InputError(
                f"{url!r} and {seen[post.video_id]!r} are the same video, and would be charged twice. "
                "Nothing was sent"
            )
        seen[post.video_id] = url
    key = key or str(uuid4())

    async def main(tok: Tokfluence) -> Exit:
        total = tok.tariff.price("posts.analyze", urls=len(urls))
        say(f"Analysing {counted(len(urls), 'post')} costs 25 × {len(urls):,} = {total:,} credits.")
        if not consents(total, yes=yes):
            say("Not agreed to: nothing was sent.")
            return Exit.FAILED
        try:
            done = await tok.posts.analyze(list(urls), campaign_id=campaign_id, idempotency_key=key)
        except OutcomeUnknownError:
            say(
                f"Under the same key it is not charged twice: repeat it with --idempotency-key {key}",
                "yellow",
            )
            raise
        rejected = {each.url: each.reason or "" for each in done.rejected}
        if as_json:
            print_json(
                {
                    "schema": "tokfluence.posts.analyze/1",
                    "submitted": len(urls),
                    "rejected": [each.to_dict() for each in done.rejected],
                    "results": [each.to_dict() for each in done.results],
                    "request_id": done.response.request_id,
                    "credits_remaining": done.response.credits_remaining,
                }
            )
        else:
            print_lines(
                Line(f"rejected  {url}  {rejected[url]}", "red")
                if url in rejected
                else Line(f"accepted  {url}")
                for url in urls
            )
        return Exit.INCOMPLETE if rejected else Exit.DONE

    return run(connection, main)


def parse_filters(pairs: Sequence[str]) -> dict[str, str]:
    """``name=value`` pairs as filters.

    Raises:
        ConfigurationError: One is no such pair.
    """
    filters: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.isidentifier() or name in {"cursor", "call"}:
            raise ConfigurationError(f"--filter takes NAME=VALUE, such as language=en, not {pair!r}")
        filters[name] = value
    return filters


def search_creators(
    filters: dict[str, Any],
    *,
    limit: int,
    cursor: str | None,
    as_json: bool,
    connection: ConnectionFlags,
) -> Exit:
    """Search creators by filters."""

    async def main(tok: Tokfluence) -> Exit:
        paginator = tok.creators.search(cursor=cursor, **filters)
        found: list[Any] = []
        async for page in paginator.pages():
            found += page
            if len(found) >= limit:
                break
        following = paginator.cursor
        print_items("creators.search", found, _CREATORS, as_json=as_json, meta={"next_cursor": following})
        if not as_json and following is not None:
            say(f"There are more: --cursor {following}")
        return Exit.DONE

    return run(connection, main)


def show_creator(creator_id: str, *, as_json: bool, connection: ConnectionFlags) -> Exit:
    """Show a creator."""

    async def main(tok: Tokfluence) -> Exit:
        print_answer("creators.show", await tok.creators.show(creator_id), as_json=as_json)
        return Exit.DONE

    return run(connection, main)


def creator_posts(creator_id: str, *, yes: bool, as_json: bool, connection: ConnectionFlags) -> Exit:
    """List a creator's posts, once the price is agreed to."""

    async def main(tok: Tokfluence) -> Exit:
        price = tok.tariff.price("creators.posts")
        say(f"A creator's posts cost {price} credits, however many there are.")
        if not consents(price, yes=yes):
            say("Not agreed to: nothing was sent.")
            return Exit.FAILED
        found = await tok.creators.posts(creator_id)
        print_items("creators.posts", found, _POSTS, as_json=as_json, response=found.response)
        return Exit.DONE

    return run(connection, main)


def ai_search(
    query: str, *, max_results: int | None, yes: bool, as_json: bool, connection: ConnectionFlags
) -> Exit:
    """Search creators in plain English, once the price is agreed to."""

    async def main(tok: Tokfluence) -> Exit:
        price = tok.tariff.price("ai_search")
        say(f"A search costs {price} credits.")
        if not consents(price, yes=yes):
            say("Not agreed to: nothing was sent.")
            return Exit.FAILED
        found = await tok.ai_search(query, max_results=max_results)
        if not as_json:
            say(f"Read as: {found.interpreted_filters}")
        print_items("ai_search", found, _CREATORS, as_json=as_json, response=found.response, meta=found.meta)
        return Exit.DONE

    return run(connection, main)
