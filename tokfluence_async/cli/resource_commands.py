"""The commands for single calls: `campaign`, `post`, `creator` and `ai-search`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tokfluence_async.cli.arguments import Text
from tokfluence_async.cli.connection import NO_CONNECTION, ConnectionFlags
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.parameters import (
    AsJSON,
    CampaignArgument,
    CreatorArgument,
    PostArgument,
    Yes,
    example,
)

__all__ = ["register"]

campaign: App = App(
    name="campaign",
    help="Look at a campaign, or delete it.",
    help_epilogue=example("tokfluence campaign metrics 4711"),
)
post: App = App(
    name="post",
    help="Look at a post, or have posts analysed.",
    help_epilogue=example("tokfluence post show 7568533133424000001"),
)
creator: App = App(
    name="creator",
    help="Search creators, or look at one.",
    help_epilogue=example("tokfluence creator search --region US --min-followers 50000"),
)


@campaign.command(name="show", help_epilogue=example("tokfluence campaign show 4711"))
def campaign_show(
    campaign_id: CampaignArgument,
    /,
    *,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Show a campaign's basic facts: 1 credit."""
    from tokfluence_async.cli.resources import show_campaign  # noqa: PLC0415 - what a help text does not need

    return show_campaign(campaign_id, metrics=False, as_json=as_json, connection=connection)


@campaign.command(name="metrics", help_epilogue=example("tokfluence campaign metrics 4711 --json"))
def campaign_metrics(
    campaign_id: CampaignArgument,
    /,
    *,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Show a campaign's spend, GMV, ROI, views and engagement: 2 credits."""
    from tokfluence_async.cli.resources import show_campaign  # noqa: PLC0415 - what a help text does not need

    return show_campaign(campaign_id, metrics=True, as_json=as_json, connection=connection)


@campaign.command(name="posts", help_epilogue=example("tokfluence campaign posts 4711"))
def campaign_posts(
    campaign_id: CampaignArgument,
    /,
    *,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """List a campaign's posts with their latest figures: 2 credits. For a file, see `export`."""
    from tokfluence_async.cli.resources import list_campaign  # noqa: PLC0415 - what a help text does not need

    return list_campaign(campaign_id, posts=True, as_json=as_json, connection=connection)


@campaign.command(name="influencers", help_epilogue=example("tokfluence campaign influencers 4711"))
def campaign_influencers(
    campaign_id: CampaignArgument,
    /,
    *,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """List a campaign's creators with their fees and GMV: 2 credits."""
    from tokfluence_async.cli.resources import list_campaign  # noqa: PLC0415 - what a help text does not need

    return list_campaign(campaign_id, posts=False, as_json=as_json, connection=connection)


@campaign.command(name="delete", help_epilogue=example("tokfluence campaign delete 4711"))
def campaign_delete(
    campaign_id: CampaignArgument,
    /,
    *,
    yes: Annotated[bool, Parameter(help="Agree to it; asked for where there is a terminal.")] = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Delete a campaign and its tracked posts for good: free. Its creators stay in the account's lists."""
    from tokfluence_async.cli.resources import delete_campaign  # noqa: PLC0415 - what a help text does not need

    return delete_campaign(campaign_id, yes=yes, connection=connection)


@post.command(name="show", help_epilogue=example("tokfluence post show 7568533133424000001"))
def post_show(
    post_id: PostArgument, /, *, as_json: AsJSON = False, connection: ConnectionFlags = NO_CONNECTION
) -> Exit:
    """Show a post as the API's index has it: 1 credit."""
    from tokfluence_async.cli.resources import show_post  # noqa: PLC0415 - what a help text does not need

    return show_post(post_id, as_json=as_json, connection=connection)


@post.command(
    name="comments", help_epilogue=example("tokfluence post comments 7568533133424000001 --limit 400")
)
def post_comments(
    post_id: PostArgument,
    /,
    *,
    limit: Annotated[
        int, Parameter(validator=Number(gte=1), help="Comments at most.", show_default=True)
    ] = 50,
    cursor: Annotated[int, Parameter(validator=Number(gte=0), help="Comments to skip.")] = 0,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """List a post's comments: 2 credits for each 200."""
    from tokfluence_async.cli import resources  # noqa: PLC0415 - what a help text does not need

    return resources.post_comments(
        post_id, limit=limit, cursor=cursor, as_json=as_json, connection=connection
    )


@post.command(
    name="analyze",
    help_epilogue=example("tokfluence post analyze https://m.tiktok.com/v/7568533133424000001.html"),
)
def post_analyze(
    urls: Annotated[list[Text], Parameter(help="URLs of posts, each of another video.")],
    /,
    *,
    campaign_id: Annotated[
        int | None,
        Parameter(name="--campaign-id", validator=Number(gte=1), help="The campaign that is to track them."),
    ] = None,
    idempotency_key: Annotated[
        Text | None, Parameter(help="The key of an earlier try whose outcome is unknown.")
    ] = None,
    yes: Yes = False,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Submit posts for analysis: 25 credits each. For many, see `load`, which can be resumed."""
    from tokfluence_async.cli.resources import analyze  # noqa: PLC0415 - what a help text does not need

    return analyze(
        urls,
        campaign_id=campaign_id,
        key=idempotency_key,
        yes=yes,
        as_json=as_json,
        connection=connection,
    )


@creator.command(
    name="search",
    help_epilogue=example(
        "tokfluence creator search --region US --min-followers 50000",
        "tokfluence creator search --filter language=en --limit 60 --json",
    ),
)
def creator_search(
    *,
    min_followers: Annotated[int | None, Parameter(help="Followers at least.")] = None,
    max_followers: Annotated[int | None, Parameter(help="Followers at most.")] = None,
    min_engagement_rate: Annotated[
        float | None, Parameter(help="Engagement over views at least: 0.07 is 7 %.")
    ] = None,
    region: Annotated[Text | None, Parameter(help="Region, such as US.")] = None,
    hashtag: Annotated[Text | None, Parameter(help="A hashtag, without #.")] = None,
    filter_: Annotated[
        list[Text] | None, Parameter(name="--filter", help="Any other filter, as NAME=VALUE.")
    ] = None,
    limit: Annotated[
        int, Parameter(validator=Number(gte=1), help="Read pages until there are so many.", show_default=True)
    ] = 20,
    cursor: Annotated[Text | None, Parameter(help="Where an earlier search stopped, as it said.")] = None,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Search creators: 1 credit a page."""
    from tokfluence_async.cli import resources  # noqa: PLC0415 - what a help text does not need

    filters: dict[str, str | int | float | None] = {
        "min_followers": min_followers,
        "max_followers": max_followers,
        "min_engagement_rate": min_engagement_rate,
        "region": region,
        "hashtag": hashtag,
        **resources.parse_filters(filter_ or []),
    }
    return resources.search_creators(
        filters, limit=limit, cursor=cursor, as_json=as_json, connection=connection
    )


@creator.command(name="show", help_epilogue=example("tokfluence creator show tkc_0123456789abcdef"))
def creator_show(
    creator_id: CreatorArgument,
    /,
    *,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Show a creator: 1 credit."""
    from tokfluence_async.cli.resources import show_creator  # noqa: PLC0415 - what a help text does not need

    return show_creator(creator_id, as_json=as_json, connection=connection)


@creator.command(name="posts", help_epilogue=example("tokfluence creator posts tkc_0123456789abcdef --yes"))
def creator_posts(
    creator_id: CreatorArgument,
    /,
    *,
    yes: Yes = False,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """List a creator's posts: 25 credits, however many there are."""
    from tokfluence_async.cli import resources  # noqa: PLC0415 - what a help text does not need

    return resources.creator_posts(creator_id, yes=yes, as_json=as_json, connection=connection)


def ai_search(
    query: Annotated[Text, Parameter(help="What to look for, in plain English.")],
    /,
    *,
    max_results: Annotated[
        int | None, Parameter(validator=Number(gte=1, lte=50), help="Creators at most; 20 by default.")
    ] = None,
    yes: Yes = False,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Search creators in plain English: 25 credits."""
    from tokfluence_async.cli import resources  # noqa: PLC0415 - what a help text does not need

    return resources.ai_search(
        query, max_results=max_results, yes=yes, as_json=as_json, connection=connection
    )


def register(app: App) -> None:
    """Add the commands."""
    for group in (campaign, post, creator):
        app.command(group)
    app.command(
        ai_search, help_epilogue=example('tokfluence ai-search "US cooking creators above 50k" --yes')
    )
