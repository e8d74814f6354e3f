"""The charts of a report, as Vega-Lite specifications with their data in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from tokfluence_async.errors import MissingExtraError
from tokfluence_async.models import CampaignPost, TagCount
from tokfluence_async.reporting.ledger import Moment

try:
    import altair as alt
except ImportError:
    raise MissingExtraError("a report", "report") from None

__all__ = [
    "AMOUNT_LABEL",
    "Chart",
    "alt",
    "inline",
    "progress",
    "rate",
    "reasons",
    "specification",
    "tags",
    "views_over_time",
]

Chart: TypeAlias = dict[str, Any]
"""A Vega-Lite specification."""

API_LIMIT: Final = 600
"""Requests that the API takes of an IP address in any minute."""
MOST_BARS: Final = 12
_DAY: Final = 86_400_000
"""Milliseconds."""
BLUE, GREEN, RED, SOFT = "#2f5fd0", "#1f9d72", "#d6453d", "#5d6678"
AMOUNT_LABEL: Final = (
    "abs(datum.value) >= 1e15 ? format(datum.value, '~e') : "
    "abs(datum.value) < 1 ? format(datum.value, '~g') : replace(format(datum.value, '~s'), 'G', 'B')"
)
"""How an axis names amounts: ``20k``, ``5M``, ``1.2B``; not ``500m`` for a half."""
_MOST_DAYS: Final = 7
"""Days, or weeks, that an axis names at most, and shows at least."""
_CONFIG: Final[Chart] = {
    "background": "transparent",
    "font": 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "titleFontWeight": "normal",
        "gridColor": "#e9edf3",
        "domainColor": "#cfd6e2",
        "tickColor": "#cfd6e2",
        "labelFontSize": 11,
        "titleFontSize": 12,
    },
}


def specification(chart: Any, height: int) -> Chart:
    """What draws a chart, as wide as its place.

    Args:
        chart: The chart.
        height: Its height, in pixels.
    """
    spec: Chart = chart.properties(width="container", height=height).to_dict()
    # The library's own theme would win otherwise; the address of the schema is nobody's business here.
    spec["config"] = _CONFIG
    spec.pop("$schema", None)
    return spec


def inline(values: Iterable[dict[str, Any]]) -> Any:
    """Data that stands in the chart itself."""
    return alt.InlineData(values=list(values))


def progress(timeline: Sequence[Moment], urls: int) -> Chart:
    """URLs that were settled, over time.

    Args:
        timeline: The points.
        urls: URLs that the plan sends.
    """
    unit, per = _unit(timeline)
    base = alt.Chart(
        inline({"t": each.seconds / per, "urls": each.urls, "credits": each.credits} for each in timeline)
    )
    area = base.mark_area(
        line={"color": GREEN, "strokeWidth": 2}, color=GREEN, opacity=0.18, interpolate="step-after"
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
    return specification(area + _limit(urls, "planned", at_end=False), 220)


def rate(timeline: Sequence[Moment]) -> Chart:
    """Requests in the minute before each moment, against the API's limit."""
    most = max((each.requests for each in timeline), default=0)
    unit, per = _unit(timeline)
    base = alt.Chart(inline({"t": each.seconds / per, "requests": each.requests} for each in timeline))
    line = base.mark_line(color=BLUE, strokeWidth=2).encode(
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
    return specification(line + _limit(API_LIMIT, f"the API's limit: {API_LIMIT} a minute", at_end=True), 220)


def _unit(timeline: Sequence[Moment]) -> tuple[str, float]:
    """What time is told in, and its seconds."""
    total = timeline[-1].seconds if timeline else 0.0
    if total < 600:
        return "seconds", 1.0
    return ("minutes", 60.0) if total < 36_000 else ("hours", 3600.0)


def _limit(value: int, label: str, *, at_end: bool) -> Any:
    data = inline([{"value": value, "label": label}])
    rule = alt.Chart(data).mark_rule(color=RED if at_end else SOFT, strokeDash=[5, 4]).encode(y="value:Q")
    words = (
        alt.Chart(data)
        .mark_text(align="left", baseline="bottom", dx=4, dy=-3, color=RED if at_end else SOFT, fontSize=11)
        .encode(y="value:Q", x=alt.value(0), text="label:N")
    )
    return rule + words


def _bars(values: Sequence[tuple[str, int]], title: str, color: str) -> Chart:
    """Horizontal bars with their figures, in the order given."""
    names = [name for name, _ in values]
    base = alt.Chart(inline({"name": name, "count": count} for name, count in values)).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False)),
        x=alt.X("count:Q", axis=None),
        tooltip=[alt.Tooltip("name:N", title=" "), alt.Tooltip("count:Q", title=title, format=",")],
    )
    bars = base.mark_bar(color=color, cornerRadiusEnd=3)
    figures = base.mark_text(align="left", dx=4, color=SOFT, fontSize=11).encode(
        text=alt.Text("count:Q", format=",")
    )
    return specification(bars + figures, 26 * max(len(values), 1))


def reasons(values: Sequence[tuple[str, int]]) -> Chart:
    """Why requests failed, and how often."""
    return _bars(values[:MOST_BARS], "requests", RED)


def tags(values: Sequence[TagCount]) -> Chart:
    """The most frequent hashtags."""
    return _bars([(f"#{each.value}", each.count or 0) for each in values[:MOST_BARS]], "posts", BLUE)


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
    years = {each.year for each in views}
    form = "%-d %b" if len(years) == 1 else "%-d %b %Y"
    width = (7 if weekly else 1) * _DAY
    values = [
        {
            "day": f"{day:%d %B %Y}",
            "from": _milliseconds(day),
            # Not as a date: behind the last that there is, is none.
            "to": _milliseconds(day) + width,
            "views": views[day],
            "posts": counts[day],
        }
        for day in sorted(views)
    ]
    chart = (
        alt.Chart(inline(values))
        .mark_bar(color=BLUE, cornerRadiusEnd=2, orient="vertical", stroke="white", strokeWidth=1)
        .encode(
            # A number, and its name in UTC, so that no reader's zone moves a day, and none is parted into hours.
            x=alt.X(
                "from:Q",
                title=f"{title}, {min(years)}" if len(years) == 1 else title,
                scale=alt.Scale(domain=_room(values, width), nice=False, zero=False),
                axis=alt.Axis(
                    values=_ticks(values, width),
                    labelExpr=f"utcFormat(datum.value - {width // 2}, '{form}')",
                    labelOverlap="greedy",
                    grid=False,
                ),
            ),
            x2="to",
            # Stacked, as bars are by default, they would have no width between two ends.
            y=alt.Y("views:Q", title="views", axis=alt.Axis(labelExpr=AMOUNT_LABEL, tickCount=6), stack=None),
            tooltip=[
                alt.Tooltip("day:N", title=title),
                alt.Tooltip("views:Q", title="views", format=","),
                alt.Tooltip("posts:Q", title="posts"),
            ],
        )
    )
    return specification(chart, 220)


def _room(bars: Sequence[dict[str, Any]], width: int) -> list[int]:
    """From when to when the axis of some bars goes: with room for a few, so that one alone is a bar and no block."""
    first, last = bars[0]["from"], bars[-1]["to"]
    aside = max(_MOST_DAYS * width - (last - first), 0) // 2
    return [first - aside, last + aside]


def _ticks(bars: Sequence[dict[str, Any]], width: int) -> list[int]:
    """The middles of the days, or weeks, that the axis names: whole ones apart."""
    first, last = bars[0]["from"], bars[-1]["from"]
    step = ((last - first) // width // _MOST_DAYS + 1) * width
    return list(range(first + width // 2, last + width, step))


def _milliseconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * _DAY
