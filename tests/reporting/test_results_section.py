"""A campaign's results as HTML, whatever the API says of it: they are paid for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
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
    low, high = dots["encoding"]["x"]["scale"]["domain"]
    for layer, label, roi in ((even, labels[0], 0), (double, labels[1], 1)):
        for place in (*values(layer), *values(label)):
            assert place["gmv"] - place["spend"] == pytest.approx(roi * place["spend"], rel=1e-6)
            assert low <= place["spend"] <= high * (1 + 1e-9)
            assert low <= place["gmv"] <= high * (1 + 1e-9)
        assert values(layer)[-1]["gmv"] == pytest.approx(high)
        assert values(layer)[0]["spend"] == pytest.approx(max(low, 0))


@pytest.mark.parametrize("amounts", AMOUNTS.values(), ids=AMOUNTS)
def test_every_creator_is_within_the_frame(amounts: list[tuple[int, int]]) -> None:
    dots = spend_chart(*amounts)[2]
    assert len(values(dots)) == len(amounts)
    scale = dots["encoding"]["x"]["scale"]
    assert scale == dots["encoding"]["y"]["scale"]
    low, high = scale["domain"]
    for each in values(dots):
        assert low <= each["spend"] <= high
        assert low <= each["gmv"] <= high
    assert scale["type"] == ("log" if min(min(each) for each in amounts) > 0 else "symlog")


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
