"""The part of a report that shows what a campaign came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tokfluence_async.models import CampaignPost
from tokfluence_async.reporting import charts
from tokfluence_async.reporting.figures import amount, compact, money, percent, quotient, ratio, whole
from tokfluence_async.reporting.markup import Markup, element, link, table
from tokfluence_async.reporting.parts import card, chart, tile, tiles
from tokfluence_async.reporting.results import Results, creator_of, engagement_of, gmv_of
from tokfluence_async.reporting.returns import spend_and_gmv

__all__ = ["results_section"]

_LISTED: Final = 10
"""Posts at the top, and at the bottom."""
_ROI: Final = (
    "The API's ROI is (GMV − spend) / spend: 0 where the GMV is the spend, 1 where it is twice the spend."
)


def results_section(results: Results) -> Markup:
    """A campaign's results as HTML."""
    return element("section", *_parts(results))


def _parts(results: Results) -> Iterator[Markup]:
    metrics, currency = results.metrics, results.currency
    badge = (
        element("span", f"{results.pending:,} {_posts_of(results.pending)} pending", class_="badge warn")
        if results.pending
        else element("span", "analysis complete", class_="badge good")
    )
    yield element("h2", "Results ", badge)
    return_of = quotient(metrics.gmv_cents, metrics.spend_cents)
    yield tiles(
        tile("Spend", amount(metrics.spend_cents), _fees(results), unit=currency),
        tile(
            "GMV",
            amount(metrics.gmv_cents),
            f"{ratio(return_of)} × spend" if return_of else "",
            unit=currency,
        ),
        tile("ROI", ratio(metrics.roi), "as the API tells it"),
        tile("Views", compact(metrics.total_views), f"CPM {money(metrics.cpm_cents, currency)}"),
        tile("Engagement", compact(metrics.total_engagement), f"{percent(metrics.engagement_rate)} of views"),
        tile("Posts", whole(len(results.posts)), f"{whole(metrics.posts_published)} published"),
        tile("Creators", whole(len(results.influencers))),
    )
    if results.influencers:
        yield card(
            "Spend against GMV, creator by creator",
            chart("spend", spend_and_gmv(results.influencers, currency)),
            element("p", _ROI, class_="note"),
        )
    done = [post for post in results.posts if post.views is not None]
    if any(post.published_at is not None for post in done):
        yield card("Views by publication", chart("views", charts.views_over_time(done)))
    ranked = sorted(done, key=lambda post: -(post.views or 0))
    if ranked:
        yield card("Top posts by views", _posts(ranked[:_LISTED], results))
    if len(ranked) > _LISTED:
        bottom = ranked[max(_LISTED, len(ranked) - _LISTED) :]
        yield card("Bottom posts by views", _posts(bottom[::-1], results))
    if metrics.top_hashtags:
        yield card("Hashtags", chart("hashtags", charts.tags(metrics.top_hashtags)))


def _posts_of(number: int) -> str:
    return "post" if number == 1 else "posts"


def _fees(results: Results) -> str:
    metrics = results.metrics
    if not metrics.agency_fee_cents:
        return ""
    return (
        f"creators {money(metrics.creator_fee_cents, results.currency)}, "
        f"agencies {money(metrics.agency_fee_cents, results.currency)}"
    )


def _posts(posts: Sequence[CampaignPost], results: Results) -> Markup:
    rows: list[list[Markup | str]] = [
        [
            link(post.url, (post.caption or post.url or post.post_id or "")[:90]),
            element("span", creator_of(post)),
            "" if post.published_at is None else element("time", f"{post.published_at:%Y-%m-%d}"),
            whole(post.views),
            percent(quotient(engagement_of(post), post.views)),
            money(post.fee_cents, results.currency),
            money(gmv_of(post), results.currency),
        ]
        for post in posts
    ]
    heads = ("Post", "Creator", "Published", "Views", "Engagement", "Fee", "GMV")
    return table(heads, rows, numbers=[3, 4, 5, 6])
