"""The chart of what each creator cost against what their posts sold."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, copysign, expm1, floor, log, log1p, log10
from typing import Any, Final

from attrs import frozen

from tokfluence_async.models import Influencer
from tokfluence_async.reporting.charts import (
    AMOUNT_LABEL,
    GREEN,
    RED,
    SOFT,
    Chart,
    alt,
    inline,
    specification,
)

__all__ = ["spend_and_gmv"]

MOST_CREATORS: Final = 2000
_LARGEST: Final = 10**300
"""Cents beyond which an amount is drawn no farther."""
_ROOM: Final = 1.3
"""How far an axis with a straight part goes on behind the last amount."""
_MARGIN: Final = 0.08
"""How far one without goes on at either end, as a part of what it shows."""
_LEAST_ROOM: Final = 1.06
"""How far it goes on at least."""
_MOST_ROOM: Final = 10.0
"""How far at most: there are no numbers beyond some."""
_EVEN: Final = 0.7
"""Decades below which an axis names amounts at even distances."""
_FINE: Final = 2.5
"""Decades below which an axis names more than the powers of ten."""
_MOST_TICKS: Final = 7
_MIDDLE: Final = 0.4
"""Part of the way to the right at which a name begins, that it has room for on a narrow page."""
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
    frame = _Frame.of(points)
    dots = (
        alt.Chart(inline(points))
        .mark_circle(opacity=0.75, stroke="white", strokeWidth=0.8)
        .encode(
            x=alt.X(
                "spend:Q",
                title=f"spend, {currency}".rstrip(", "),
                scale=frame.spend.of_axis(),
                axis=_axis(frame.spend),
            ),
            y=alt.Y(
                "gmv:Q",
                title=f"GMV, {currency}".rstrip(", "),
                scale=frame.gmv.of_axis(),
                axis=_axis(frame.gmv),
            ),
            size=alt.Size("posts:Q", legend=None, scale=alt.Scale(range=[60, 420], domainMin=0)),
            color=alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=["GMV above spend", "GMV below spend"], range=[GREEN, RED]),
                legend=alt.Legend(orient="top", direction="vertical"),
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
    lines = [frame.line(times) for times, _ in _LINES]
    # Each beside its line, on the side where the other is not, and with room for it on a narrow page.
    begin = frame.spend.part(frame.spends(_LINES[0][0])[0])
    if begin < _MIDDLE:
        below = frame.label(*_LINES[0], at=(_MIDDLE - begin) / (1 - begin), align="left", dx=10, dy=12)
    else:
        below = frame.label(*_LINES[0], at=0, align="right", dx=-10, dy=0)
    above = frame.label(*_LINES[1], at=0.88, align="right", dx=-10, dy=-9)
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
    """What an axis has room for, and where on it an amount is drawn.

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
        least, most = min(sizes), max(max(values, default=0.0), min(sizes))
        if not values or min(values) <= 0:
            return cls(min([0.0, *values]) * _ROOM, most * _ROOM, least / _ROOM)
        room = min(max((most / least) ** _MARGIN, _LEAST_ROOM), _MOST_ROOM)
        return cls(least / room, most * room, 0.0)

    @property
    def first(self) -> float:
        """The least amount above 0 that is told apart from 0."""
        return self.straight or self.low

    def of_axis(self) -> Any:
        """It, for an axis."""
        domain = [self.low, self.high]
        if self.straight:
            return alt.Scale(type="symlog", constant=self.straight, domain=domain, nice=False)
        return alt.Scale(type="log", domain=domain, nice=False)

    def ticks(self) -> list[float]:
        """Round amounts to be named on it, few enough that their names do not meet."""
        decades = log10(self.high / self.first)
        if decades < _EVEN and not self.straight:
            return _even(self.low, self.high)
        parts = (1, 2, 5) if decades < _FINE else (1,)
        step = ceil(decades / _MOST_TICKS) if decades >= _FINE else 1
        powers = range(floor(log10(self.first)), ceil(log10(self.high)) + 1, step)
        found = [part * 10.0**power for power in powers for part in parts]
        above = [each for each in found if self.first <= each <= self.high]
        if not self.straight:
            return above
        return [-each for each in above[::-1] if -each >= self.low] + [0.0, *above]

    def part(self, value: float) -> float:
        """At which part of its way an amount is drawn, from its low end to its high one."""
        low, here, high = map(self._drawn, (self.low, value, self.high))
        return (here - low) / (high - low)

    def _drawn(self, value: float) -> float:
        return copysign(log1p(abs(value) / self.straight), value) if self.straight else log(value)

    def between(self, first: float, last: float, part: float) -> float:
        """The amount at a part of the way, as it is drawn, from one that is not below 0 to another."""
        if not self.straight:
            return float(first * (last / first) ** part)
        here, there = log1p(first / self.straight), log1p(last / self.straight)
        return float(self.straight * expm1(here + (there - here) * part))


@frozen
class _Frame:
    """The two axes: each has a domain of its own, so that creators are told apart however high their ROI is."""

    spend: _Scale
    gmv: _Scale

    @classmethod
    def of(cls, points: Sequence[dict[str, Any]]) -> _Frame:
        """A frame with room for all of these, and for the lines."""
        spend = _Scale.of([each["spend"] for each in points])
        most = max(times for times, _ in _LINES) * spend.high
        return cls(spend, _Scale.of([spend.first, most, *(each["gmv"] for each in points)]))

    def spends(self, times: int) -> tuple[float, float]:
        """Between which spends the line, on which the GMV is so many times the spend, is within the frame."""
        return max(self.spend.low, self.gmv.low / times, 0.0), min(self.spend.high, self.gmv.high / times)

    def line(self, times: int) -> Any:
        """That line, which bends with the axes."""
        spends = [self.spend.between(*self.spends(times), step / _STEPS) for step in range(_STEPS + 1)]
        return (
            alt.Chart(inline({"spend": each, "gmv": times * each} for each in spends))
            .mark_line(color=SOFT, strokeDash=[5, 4], strokeWidth=1)
            .encode(x="spend:Q", y="gmv:Q", order="spend:Q")
        )

    def label(self, times: int, label: str, *, at: float, **place: Any) -> Any:
        """The name of that line, at a part of its way."""
        spend = self.spend.between(*self.spends(times), at)
        return (
            alt.Chart(inline([{"spend": spend, "gmv": times * spend, "label": label}]))
            .mark_text(color=SOFT, fontSize=12, **place)
            .encode(x="spend:Q", y="gmv:Q", text="label:N")
        )


def _even(low: float, high: float) -> list[float]:
    """Round amounts at even distances."""
    rough = (high - low) / _MOST_TICKS
    power = 10.0 ** floor(log10(rough))
    step = power * next(each for each in (1, 2, 5, 10) if each * power >= rough)
    return [number * step for number in range(ceil(low / step), floor(high / step) + 1)]


def _axis(scale: _Scale) -> Any:
    return alt.Axis(values=scale.ticks(), labelExpr=AMOUNT_LABEL, labelOverlap="greedy")
