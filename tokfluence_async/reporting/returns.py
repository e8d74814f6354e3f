"""The chart of what each creator cost against what their posts sold."""

from __future__ import annotations

from collections.abc import Sequence
from math import copysign, expm1, log1p, sqrt
from typing import Any, Final

from attrs import frozen

from tokfluence_async.models import Influencer
from tokfluence_async.reporting.charts import GREEN, RED, SOFT, Chart, alt, inline, specification

__all__ = ["spend_and_gmv"]

MOST_CREATORS: Final = 2000
_LARGEST: Final = 10**300
"""Cents beyond which an amount is drawn no farther."""
_ROOM: Final = 1.3
"""How far the axes go on behind the last amount."""
_STEPS: Final = 40
"""Parts of a line that bends with the axes."""
_LINES: Final = ((1, "ROI 0: GMV = spend"), (2, "ROI 1"))
"""How many times the spend the GMV is on a line, and its label: the API's ROI is (GMV - spend) / spend."""


def spend_and_gmv(influencers: Sequence[Influencer], currency: str) -> Chart:
    """What each creator cost against what their posts sold, with the lines on which the API's ROI is 0 and 1.

    Args:
        influencers: The creators; those with the largest spend are drawn, if there are very many.
        currency: Of the amounts; empty where it is not known.
    """
    points = sorted(map(_point, influencers), key=lambda each: -each["spend"])[:MOST_CREATORS]
    scale = _Scale.of([each[name] for each in points for name in ("spend", "gmv")])
    axis = alt.Axis(format="~s", tickCount=6)
    dots = (
        alt.Chart(inline(points))
        .mark_circle(opacity=0.75, stroke="white", strokeWidth=0.8)
        .encode(
            x=alt.X("spend:Q", title=f"spend, {currency}".rstrip(", "), scale=scale.of_axis(), axis=axis),
            y=alt.Y("gmv:Q", title=f"GMV, {currency}".rstrip(", "), scale=scale.of_axis(), axis=axis),
            size=alt.Size("posts:Q", legend=None, scale=alt.Scale(range=[60, 420], domainMin=0)),
            color=alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=["GMV above spend", "GMV below spend"], range=[GREEN, RED]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("creator:N", title="creator"),
                alt.Tooltip("spend:Q", title="spend", format=",.2f"),
                alt.Tooltip("gmv:Q", title="GMV", format=",.2f"),
                alt.Tooltip("roi:Q", title="ROI", format=",.2f"),
                alt.Tooltip("posts:Q", title="posts"),
            ],
        )
    )
    lines = [_line(scale, times) for times, _ in _LINES]
    # Each beside its line, on the side where the other is not.
    below = _label(scale, *_LINES[0], at=0.7, align="left", dx=10, dy=12)
    above = _label(scale, *_LINES[1], at=0.88, align="right", dx=-10, dy=-4)
    return specification(alt.layer(*lines, dots, below, above), 360)


def _point(creator: Influencer) -> dict[str, Any]:
    # A chart needs no exact cents, and no table is made of these.
    spend = _units((creator.creator_fee_cents or 0) + (creator.agency_fee_cents or 0))
    gmv = _units(creator.gmv_cents or 0)
    return {
        "creator": creator.username or creator.id,
        "spend": spend,
        "gmv": gmv,
        "posts": creator.tracked_posts_count or 0,
        "roi": (gmv - spend) / spend if spend > 0 else None,
        "side": "GMV above spend" if gmv >= spend else "GMV below spend",
    }


def _units(cents: int) -> float:
    return min(max(cents, -_LARGEST), _LARGEST) / 100


@frozen
class _Scale:
    """What both axes have in common.

    Amounts differ by orders of magnitude: it is logarithmic, but for a straight part around 0 where there are amounts
    of 0, or below it.
    """

    low: float
    high: float
    straight: float
    """Half the width of the straight part; 0 where there is none."""

    @classmethod
    def of(cls, values: Sequence[float]) -> _Scale:
        """A scale with room for all of these."""
        sizes = [abs(value) for value in values if value] or [1.0, 10.0]
        least, most = min(sizes) / _ROOM, max(max(values, default=0.0), min(sizes)) * _ROOM
        if not values or min(values) <= 0:
            return cls(min([0.0, *values]) * _ROOM, most, least)
        # Narrower than this, it would have no room for the upper line.
        wider = sqrt(max(4 * least / most, 1.0))
        return cls(least / wider, most * wider, 0.0)

    def of_axis(self) -> Any:
        """It, for an axis."""
        domain = [self.low, self.high]
        if self.straight:
            return alt.Scale(type="symlog", constant=self.straight, domain=domain)
        return alt.Scale(type="log", domain=domain, nice=False)

    def spend(self, part: float, most: float) -> float:
        """The amount at a part of the way, as it is drawn, from the least that can be spent to another amount."""
        if not self.straight:
            return float(self.low * (most / self.low) ** part)
        drawn = log1p(abs(most) / self.straight)
        return copysign(self.straight * expm1(drawn * part), most)


def _line(scale: _Scale, times: int) -> Any:
    """The line on which the GMV is so many times the spend, from a spend of 0 or the least to the upper edge."""
    most = scale.high / times
    spends = [scale.spend(step / _STEPS, most) for step in range(_STEPS + 1)]
    return (
        alt.Chart(inline({"spend": each, "gmv": times * each} for each in spends))
        .mark_line(color=SOFT, strokeDash=[5, 4], strokeWidth=1)
        .encode(x="spend:Q", y="gmv:Q", order="spend:Q")
    )


def _label(scale: _Scale, times: int, label: str, *, at: float, **place: Any) -> Any:
    gmv = scale.spend(at, scale.high)
    return (
        alt.Chart(inline([{"spend": gmv / times, "gmv": gmv, "label": label}]))
        .mark_text(color=SOFT, fontSize=12, **place)
        .encode(x="spend:Q", y="gmv:Q", text="label:N")
    )
