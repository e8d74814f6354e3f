"""The charts of a report, as Vega-Lite specifications with their data in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from tokfluence_async.errors import MissingExtraError
from tokfluence_async.models import CampaignPost, Influencer, TagCount
from tokfluence_async.reporting.ledger import Moment

try:
    import altair as alt
except ImportError:
    raise MissingExtraError("a report", "report") from None

__all__ = ["Chart", "progress", "rate", "reasons", "spend_and_gmv", "tags", "views_over_time"]

Chart: TypeAlias = dict[str, Any]
"""A Vega-Lite specification."""

API_LIMIT: Final = 600
"""Requests that the API takes of an IP address in any minute."""
MOST_CREATORS: Final = 2000
MOST_BARS: Final = 12
_BLUE, _GREEN, _RED, _SOFT = "#2f5fd0", "#1f9d72", "#d6453d", "#5d6678"
_CONFIG: Final[Chart] = {
    "background": "transparent",
    "font": 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    "view": {"stroke": None},
    "axis": {
        "labelColor": _SOFT,
        "titleColor": _SOFT,
        "titleFontWeight": "normal",
        "gridColor": "#e9edf3",
        "domainColor": "#cfd6e2",
        "tickColor": "#cfd6e2",
        "labelFontSize": 11,
        "titleFontSize": 12,
    },
}


def _spec(chart: Any, height: int) -> Chart:
    spec: Chart = chart.properties(width="container", height=height).to_dict()
    # The library's own theme would win otherwise; the address of the schema is nobody's business here.
    spec["config"] = _CONFIG
    spec.pop("$schema", None)
    return spec


def _data(values: Iterable[dict[str, Any]]) -> Any:
    return alt.InlineData(values=list(values))


def progress(timeline: Sequence[Moment], urls: int) -> Chart:
    """URLs that were settled, over time.

    Args:
        timeline: The points.
        urls: URLs that the plan sends.
    """
    unit, per = _unit(timeline)
    base = alt.Chart(
        _data({"t": each.seconds / per, "urls": each.urls, "credits": each.credits} for each in timeline)
    )
    area = base.mark_area(
        line={"color": _GREEN, "strokeWidth": 2}, color=_GREEN, opacity=0.18, interpolate="step-after"
    ).encode(
        x=alt.X("t:Q", title=unit),
        # Unstacked: moments that fall together, as in a quick load, would be drawn on top of each other.
        y=alt.Y("urls:Q", title="URLs", stack=None, scale=alt.Scale(domain=[0, max(urls, 1)])),
        tooltip=[
            alt.Tooltip("t:Q", title=unit, format=",.1f"),
            alt.Tooltip("urls:Q", title="URLs settled", format=","),
            alt.Tooltip("credits:Q", title="credits charged", format=","),
        ],
    )
    return _spec(area + _limit(urls, "planned", at_end=False), 220)


def rate(timeline: Sequence[Moment]) -> Chart:
    """Requests in the minute before each moment, against the API's limit."""
    most = max((each.requests for each in timeline), default=0)
    unit, per = _unit(timeline)
    base = alt.Chart(_data({"t": each.seconds / per, "requests": each.requests} for each in timeline))
    line = base.mark_line(color=_BLUE, strokeWidth=2).encode(
        x=alt.X("t:Q", title=unit),
        y=alt.Y(
            "requests:Q",
            title="requests in the minute before",
            scale=alt.Scale(domain=[0, max(most, API_LIMIT) * 1.1]),
        ),
        tooltip=[
            alt.Tooltip("t:Q", title=unit, format=",.1f"),
            alt.Tooltip("requests:Q", title="requests in the minute before", format=","),
        ],
    )
    return _spec(line + _limit(API_LIMIT, f"the API's limit: {API_LIMIT} a minute", at_end=True), 220)


def _unit(timeline: Sequence[Moment]) -> tuple[str, float]:
    """What time is told in, and its seconds."""
    total = timeline[-1].seconds if timeline else 0.0
    if total < 600:
        return "seconds", 1.0
    return ("minutes", 60.0) if total < 36_000 else ("hours", 3600.0)


def _limit(value: int, label: str, *, at_end: bool) -> Any:
    data = _data([{"value": value, "label": label}])
    rule = alt.Chart(data).mark_rule(color=_RED if at_end else _SOFT, strokeDash=[5, 4]).encode(y="value:Q")
    words = (
        alt.Chart(data)
        .mark_text(align="left", baseline="bottom", dx=4, dy=-3, color=_RED if at_end else _SOFT, fontSize=11)
        .encode(y="value:Q", x=alt.value(0), text="label:N")
    )
    return rule + words


def _bars(values: Sequence[tuple[str, int]], title: str, color: str) -> Chart:
    """Horizontal bars with their figures, in the order given."""
    names = [name for name, _ in values]
    base = alt.Chart(_data({"name": name, "count": count} for name, count in values)).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False)),
        x=alt.X("count:Q", axis=None),
        tooltip=[alt.Tooltip("name:N", title=" "), alt.Tooltip("count:Q", title=title, format=",")],
    )
    bars = base.mark_bar(color=color, cornerRadiusEnd=3)
    figures = base.mark_text(align="left", dx=4, color=_SOFT, fontSize=11).encode(
        text=alt.Text("count:Q", format=",")
    )
    return _spec(bars + figures, 26 * max(len(values), 1))


def reasons(values: Sequence[tuple[str, int]]) -> Chart:
    """Why requests failed, and how often."""
    return _bars(values[:MOST_BARS], "requests", _RED)


def tags(values: Sequence[TagCount]) -> Chart:
    """The most frequent hashtags."""
    return _bars([(f"#{each.value}", each.count or 0) for each in values[:MOST_BARS]], "posts", _BLUE)


def spend_and_gmv(influencers: Sequence[Influencer], currency: str) -> Chart:
    """What each creator cost against what their posts sold, with the line on which both are the same."""
    points: list[dict[str, Any]] = [
        {
            "creator": each.username or each.id,
            # A chart needs no exact cents, and no table is made of these.
            "spend": ((each.creator_fee_cents or 0) + (each.agency_fee_cents or 0)) / 100,
            "gmv": (each.gmv_cents or 0) / 100,
            "posts": each.tracked_posts_count or 0,
        }
        for each in influencers
    ]
    points.sort(key=lambda each: -each["spend"])
    points = points[:MOST_CREATORS]
    for each in points:
        each["roi"] = each["gmv"] / each["spend"] if each["spend"] else None
        each["side"] = "GMV above spend" if each["gmv"] >= each["spend"] else "GMV below spend"
    low, high, scale = _money_scale([each[name] for each in points for name in ("spend", "gmv")])
    dots = (
        alt.Chart(_data(points))
        .mark_circle(opacity=0.75, stroke="white", strokeWidth=0.8)
        .encode(
            x=alt.X("spend:Q", title=f"spend, {currency}".rstrip(", "), scale=scale, axis=_money_axis()),
            y=alt.Y("gmv:Q", title=f"GMV, {currency}".rstrip(", "), scale=scale, axis=_money_axis()),
            size=alt.Size("posts:Q", legend=None, scale=alt.Scale(range=[60, 420], domainMin=0)),
            color=alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=["GMV above spend", "GMV below spend"], range=[_GREEN, _RED]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("creator:N", title="creator"),
                alt.Tooltip("spend:Q", title="spend", format=",.2f"),
                alt.Tooltip("gmv:Q", title="GMV", format=",.2f"),
                alt.Tooltip("roi:Q", title="GMV / spend", format=",.2f"),
                alt.Tooltip("posts:Q", title="posts"),
            ],
        )
    )
    even = (
        # Both axes bend alike, so that it is straight.
        alt.Chart(_data([{"value": low}, {"value": high}]))
        .mark_line(color=_SOFT, strokeDash=[5, 4], strokeWidth=1.5)
        .encode(x="value:Q", y="value:Q")
    )
    words = (
        alt.Chart(_data([{"value": high, "label": "ROI = 1"}]))
        .mark_text(align="right", dx=-8, dy=2, color=_SOFT, fontSize=12)
        .encode(x="value:Q", y="value:Q", text="label:N")
    )
    return _spec(even + words + dots, 360)


def _money_axis() -> Any:
    return alt.Axis(format="~s", tickCount=6)


def _money_scale(values: Sequence[float]) -> tuple[float, float, Any]:
    """The ends of a scale for both axes, and the scale.

    Amounts differ by orders of magnitude: it is logarithmic, but for a straight part from 0 where there is a 0.
    """
    some = [value for value in values if value > 0] or [1.0, 10.0]
    low, high = min(some) / 1.3, max(some) * 1.3
    if min(values, default=0) <= 0:
        return 0.0, high, alt.Scale(type="symlog", constant=low, domain=[0, high])
    return low, high, alt.Scale(type="log", domain=[low, high], nice=False)


def views_over_time(posts: Sequence[CampaignPost]) -> Chart:
    """Views by the day, or the week, on which their posts were published."""
    days = [post.published_at.date() for post in posts if post.published_at is not None]
    weekly = bool(days) and (max(days) - min(days)).days > 62
    views: defaultdict[date, int] = defaultdict(int)
    counts: Counter[date] = Counter()
    for post in posts:
        if post.published_at is None:
            continue
        day = post.published_at.date()
        begins = day - timedelta(days=day.weekday()) if weekly else day
        views[begins] += post.views or 0
        counts[begins] += 1
    title = "week of publication" if weekly else "day of publication"
    width = timedelta(days=7 if weekly else 1)
    values = [
        {
            "day": f"{day:%d %B %Y}",
            "from": _milliseconds(day),
            "to": _milliseconds(day + width),
            "views": views[day],
            "posts": counts[day],
        }
        for day in sorted(views)
    ]
    chart = (
        alt.Chart(_data(values))
        .mark_bar(color=_BLUE, cornerRadiusEnd=2, orient="vertical", stroke="white", strokeWidth=1)
        .encode(
            # In UTC, so that no reader's zone moves a day.
            x=alt.X("from:T", title=title, scale=alt.Scale(type="utc")),
            x2="to",
            # Stacked, as bars are by default, they would have no width between two ends.
            y=alt.Y("views:Q", title="views", axis=alt.Axis(format="~s"), stack=None),
            tooltip=[
                alt.Tooltip("day:N", title=title),
                alt.Tooltip("views:Q", title="views", format=","),
                alt.Tooltip("posts:Q", title="posts"),
            ],
        )
    )
    return _spec(chart, 220)


def _milliseconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000
