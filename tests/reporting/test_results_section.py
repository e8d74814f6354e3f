"""A campaign's results as HTML, whatever the API says of it: they are paid for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

import pytest
from browser import browser, find_chromium

from tokfluence_async.models import Campaign, CampaignPost, Influencer, Metrics, TagCount
from tokfluence_async.reporting import Results, write_report

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

CHROMIUM = find_chromium()
NOW = datetime(2026, 5, 15, 10, tzinfo=UTC)
NASTY = "</script><b>\u202egnp.exe\u061c\u200b\x1b[31m <!-- \u2028"
SPENT = [(50_000, 120_000), (20_000, 20_000), (400_000, 100_000), (10_000, 90_000)]


def creators(*amounts: tuple[int, int], **more: Any) -> list[Influencer]:
    return [
        Influencer(
            id=f"tkc_{number}",
            username=f"maker_{number}",
            creator_fee_cents=spend,
            gmv_cents=gmv,
            tracked_posts_count=number,
            **more,
        )
        for number, (spend, gmv) in enumerate(amounts)
    ]


def post(number: int, **more: Any) -> CampaignPost:
    known: dict[str, Any] = {"post_id": str(number), "views": 1000, "published_at": NOW, "status": "analyzed"}
    return CampaignPost(**(known | more))


def results(
    influencers: list[Influencer], posts: list[CampaignPost] | None = None, **metrics: Any
) -> Results:
    return Results(
        campaign=Campaign(id=7, name="Spring", currency="USD"),
        metrics=Metrics(**metrics),
        posts=[post(1)] if posts is None else posts,
        influencers=influencers,
        read_at=NOW,
    )


def section(found: Results) -> str:
    from tokfluence_async.reporting.results_section import results_section  # noqa: PLC0415 - needs the extra

    return results_section(found).html


def spend_chart(*amounts: tuple[int, int]) -> list[dict[str, Any]]:
    """The layers of the chart: the lines of ROI 0 and 1, the creators, and the labels of the lines."""
    block = re.search(r'id="chart-spend">(.*?)</script>', section(results(creators(*amounts))))
    assert block is not None
    spec: dict[str, Any] = json.loads(block[1])
    return [{**layer, "values": spec["datasets"][layer["data"]["name"]]} for layer in spec["layer"]]


def values(layer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = layer["values"]
    return found


AMOUNTS: dict[str, list[tuple[int, int]]] = {
    "logarithmic": SPENT,
    "one": [(50_000, 50_000)],
    "with a 0": [*SPENT, (0, 500), (500, 0)],
    "negative": [*SPENT, (-100, -500), (500, -90_000)],
    "only negative": [(-100, -500)],
    "nothing": [(0, 0)],
    "huge": [(2**63, 2**64), (1, 1), (10**400, 10**400)],
}


@pytest.mark.parametrize("amounts", AMOUNTS.values(), ids=AMOUNTS)
def test_the_lines_are_where_the_roi_of_the_api_is_0_and_1(amounts: list[tuple[int, int]]) -> None:
    even, double, dots, *labels = spend_chart(*amounts)
    assert [values(each)[0]["label"] for each in labels] == ["ROI 0: GMV = spend", "ROI 1"]
    x, y = (dots["encoding"][axis]["scale"]["domain"] for axis in "xy")
    for layer, label, roi in ((even, labels[0], 0), (double, labels[1], 1)):
        for place in (*values(layer), *values(label)):
            assert place["gmv"] - place["spend"] == pytest.approx(roi * place["spend"], rel=1e-6)
            assert x[0] * (1 - 1e-9) <= place["spend"] <= x[1] * (1 + 1e-9)
            assert y[0] <= place["gmv"] <= y[1] * (1 + 1e-9)
        # From one side of the frame to the other.
        assert values(layer)[-1]["spend"] == pytest.approx(x[1])
        assert values(layer)[0]["spend"] == pytest.approx(max(x[0], 0))


@pytest.mark.parametrize("amounts", AMOUNTS.values(), ids=AMOUNTS)
def test_every_creator_is_within_the_frame(amounts: list[tuple[int, int]]) -> None:
    dots = spend_chart(*amounts)[2]
    assert len(values(dots)) == len(amounts)
    for place, (axis, name) in enumerate((("x", "spend"), ("y", "gmv"))):
        scale, ticks = dots["encoding"][axis]["scale"], dots["encoding"][axis]["axis"]["values"]
        low, high = scale["domain"]
        assert all(low <= each[name] <= high for each in values(dots))
        assert scale["type"] == ("log" if min(each[place] for each in amounts) > 0 else "symlog")
        assert ticks == sorted(set(ticks))
        assert 2 <= len(ticks) <= 14
        assert low <= ticks[0] < ticks[-1] <= high * (1 + 1e-9)


@pytest.mark.parametrize("times", [0.001, 1, 300])
def test_creators_are_told_apart_however_high_the_roi_is(times: float) -> None:
    amounts = [
        (spend, round(spend * times * (1 + number / 9)))
        for number, spend in enumerate(range(43_000, 47_000, 500))
    ]
    dots = spend_chart(*amounts)[2]
    low, high = dots["encoding"]["x"]["scale"]["domain"]
    spends = [each["spend"] for each in values(dots)]
    assert log(max(spends) / min(spends)) > 0.4 * log(high / low)


@pytest.mark.parametrize(
    ("days", "unit", "ticks"),
    [([0], "day", 1), ([0, 3], "day", 4), (range(40), "day", 7), (range(0, 400, 9), "week", 7)],
)
def test_days_are_named_whole_days_apart(days: Iterable[int], unit: str, ticks: int) -> None:
    posts = [post(number, published_at=NOW + timedelta(days=number)) for number in days]
    block = re.search(r'id="chart-views">(.*?)</script>', section(results([], posts)))
    assert block is not None
    encoding = json.loads(block[1])["encoding"]["x"]
    named, (first, last) = encoding["axis"]["values"], encoding["scale"]["domain"]
    width = {"day": 1, "week": 7}[unit] * 86_400_000
    assert encoding["title"].startswith(f"{unit} of publication")
    assert {(later - earlier) % width for earlier, later in pairwise(named)} <= {0}
    assert len(named) <= ticks
    assert last - first >= 7 * width
    assert named[0] - width // 2 >= first
    assert (named[0] - width // 2) % 86_400_000 == 0


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.parametrize("width", [360, 500, 1200])
def test_nothing_is_cut_on_a_narrow_page(tmp_path: Path, width: int) -> None:
    assert CHROMIUM is not None
    posts = [
        post(number, caption="Three things nobody tells you about gaming @comedy.daily #gaming", fee_cents=12_345_678,
             creator_handle="comedy.daily", published_at=NOW + timedelta(days=number), views=10**7)
        for number in range(20)
    ]  # fmt: skip
    chosen = [SPENT, AMOUNTS["only negative"], [(43_000, 9_000_000), (45_000, 8_000_000)]]
    wider = "(each) => each.scrollWidth > each.clientWidth + 1"
    outside = (
        "[...document.querySelectorAll('.chart svg')]"
        ".flatMap((svg) => [...svg.querySelectorAll('text')].filter((text) => "
        "{ const a = svg.getBoundingClientRect(), b = text.getBoundingClientRect(); "
        "return b.left < a.left - 1 || b.right > a.right + 1; }).map((text) => text.textContent))"
    )
    scripts = (
        "chartsDrawn.then(() => document.documentElement.scrollWidth <= innerWidth)",
        f"[...document.querySelectorAll('.card, .tile, td')].filter({wider}).map((each) => each.textContent)",
        outside,
        "Math.min(...[...document.querySelectorAll('td a, td:first-child')].map((each) => each.clientWidth || 999))",
    )
    with browser(CHROMIUM) as chromium:
        for amounts in chosen:
            path = write_report(tmp_path / "page.html", results=results(creators(*amounts), posts))
            page = chromium.open(path.as_uri(), *scripts, width=width)
            assert page.problems == []
            assert page.values[:3] == [True, [], []]
            assert page.values[3] > 200


def test_a_creators_roi_is_the_apis() -> None:
    found = {each["spend"]: each["roi"] for each in values(spend_chart(*SPENT, (0, 5))[2])}
    # What the API answers for a spend of 500 and a GMV of 1,200 is 1.4.
    assert found == {500: pytest.approx(1.4), 200: 0, 4000: -0.75, 100: 8, 0: None}


def test_the_definition_stands_below_the_chart() -> None:
    assert "ROI is (GMV − spend) / spend: 0 where the GMV is the spend" in section(results(creators((1, 1))))


ODD: dict[str, Any] = {
    "the last day": results([], [post(1, published_at=datetime(9999, 12, 31, 23, tzinfo=UTC)), post(2)]),
    "the first day": results([], [post(1, published_at=datetime(1, 1, 1, tzinfo=UTC)), post(2)]),
    "only the last day": results([], [post(1, published_at=datetime(9999, 12, 31, tzinfo=UTC))]),
    "views beyond 64 bits": results([], [post(each, views=2**63 + 5) for each in range(40)]),
    "views beyond a float": results([], [post(1, views=10**400, likes=1), post(2, views=1, likes=10**400)]),
    "negative": results(
        creators((-100, -500), (100, -500)),
        [post(1, views=-5, fee_cents=-100, likes=-1)],
        roi=-0.5, gmv_cents=-5, spend_cents=0, cpm_cents=-1, engagement_rate=-0.1,
    ),
    "huge figures": results(
        creators((2**64, 2**64)),
        roi=1e308, engagement_rate=1e308, total_views=2**64, gmv_cents=10**400, spend_cents=1,
    ),
    "nothing": results([], []),
    "names": results(
        [Influencer(id="tkc_1", username=NASTY), Influencer(id="", username="")],
        [post(1, caption=NASTY, creator_handle=NASTY), CampaignPost(url="javascript:x", views=0)],
        top_hashtags=[TagCount(value=NASTY, count=2**70), TagCount(value="", count=-1)],
        currency=NASTY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_a_report_is_made_of_whatever_was_answered(found: Results) -> None:
    html = section(found)
    assert "<h2>Results" in html
    for block in re.findall(r'<script type="application/json" id="[^"]*">(.*?)</script>', html):
        json.loads(block)
    assert not re.search("[\u202e\u061c\u200b\x1b]", html)
    assert not re.search(r"\\u(202e|061c|200b|001b)", html)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_a_browser_draws_whatever_was_answered(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    scripts = (
        "chartsDrawn.then(() => document.documentElement.dataset.charts)",
        "document.querySelectorAll('script[type=\"application/json\"]').length",
        "document.title",
    )
    chosen = [*ODD.values(), *(results(creators(*each)) for each in AMOUNTS.values())]
    with browser(CHROMIUM) as chromium:
        for number, found in enumerate(chosen):
            path = write_report(tmp_path / f"{number}.html", results=found)
            page = chromium.open(path.as_uri(), *scripts)
            assert page.problems == [], number
            assert page.values[0] == str(page.values[1])
            assert page.values[2] == "Spring"
