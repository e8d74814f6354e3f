"""A campaign's results as the API gives them: lists that may be paged, and tables of them."""

from __future__ import annotations

from contextlib import aclosing

from tokfluence_async.client import Tokfluence
from tokfluence_async.export.comments import Comments
from tokfluence_async.export.position import Position, place_of
from tokfluence_async.export.schema import Resource, Row, schema_of
from tokfluence_async.export.table import Table
from tokfluence_async.models import CampaignPost, Page
from tokfluence_async.protocol.endpoints import CAMPAIGNS_POSTS
from tokfluence_async.resources.pagination import Cursor, Paginator

__all__ = ["read_table", "tracked_posts"]


def tracked_posts(tok: Tokfluence, campaign_id: int, *, cursor: Cursor = None) -> Paginator[CampaignPost]:
    """A campaign's posts one by one: 2 credits, or 2 a page should the API page the list.

    Args:
        tok: An open client.
        campaign_id: The campaign's number.
        cursor: Where to begin; a `Paginator.cursor` takes an earlier iteration up again.

    Returns:
        The posts, read as they are iterated.
    """

    async def fetch(at: Cursor) -> Page[CampaignPost]:
        items = await tok.campaigns.posts(campaign_id, extra_query={"cursor": at})
        page = Page[CampaignPost](data=items.data, meta=items.meta, extra=items.extra)
        page.response = items.response
        return page

    endpoint = CAMPAIGNS_POSTS
    return Paginator(fetch, cursor=cursor, method=endpoint.method, path=endpoint.path(campaign_id))


async def read_table(
    tok: Tokfluence, campaign_id: int, resource: Resource, *, resume: Position | str | None = None
) -> Table:
    """One resource of a campaign as a table in memory.

    It costs 2 credits for posts (a page), influencers and metrics; for comments 2 for the list of posts and 2 a page of
    200 comments, of as many posts at once as the client's `concurrency`. ``tok.budget(max_credits=…)`` bounds that.

    Args:
        tok: An open client.
        campaign_id: The campaign's number.
        resource: What to read.
        resume: For comments: where to begin, as a `Position` or its text.

    Raises:
        ConfigurationError: There is no such resource, or `resume` is no place in one. Nothing was sent.
        CampaignNotFoundError: There is none with this id in the account.
        BudgetExceededError: The cap leaves no room for the next call.
    """
    schema, resume = schema_of(resource), place_of(resource, resume)
    rows: list[Row] = []
    match resource:
        case "posts":
            rows += schema.rows([post async for post in tracked_posts(tok, campaign_id)], campaign_id)
        case "influencers":
            rows += schema.rows(await tok.campaigns.influencers(campaign_id), campaign_id)
        case "metrics":
            rows += schema.rows([await tok.campaigns.metrics(campaign_id)], campaign_id)
        case "comments":
            posts = [post async for post in tracked_posts(tok, campaign_id)]
            reader = Comments.of_posts(tok, posts, resume=resume, concurrency=tok.options.concurrency)
            async with aclosing(reader):
                async for post_id, comment in reader:
                    rows += schema.rows([comment], campaign_id, post_id)
    return Table(schema, rows)
