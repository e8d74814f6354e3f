from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.cli.preview import Preview, duration

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def url(number: int, handle: str = "@maker") -> str:
    return f"https://www.tiktok.com/{handle}/video/75685331334240{number:05}"


def text_of(plan: Plan) -> str:
    return "\n".join(
        each.text
        for each in Preview(plan=plan, source="posts.csv", eta_seconds=200, next_command="go").lines()
    )


def builder() -> CampaignBuilder:
    return CampaignBuilder("Spring", currency="EUR", now=NOW)


def test_the_funnel_and_the_sum_are_spelled_out() -> None:
    plan = builder().add(url(1)).add(url(2)).add(url(1)).add("https://vm.tiktok.com/abc/").plan()
    text = text_of(plan)
    for line in (
        "Campaign  'Spring'",
        "Currency  EUR",
        "          4  rows",
        "         -1  invalid",
        "          3  valid",
        "         -1  duplicate",
        "          2  unique, to send",
        "Credits   1 + 25 × 2 = 51",
        "Saved     50: 2 rows not sent, at 25 each",
        "Requests  1 create, 1 of up to 50 URLs; about 3 min 20 s",
        "Besides   2 credits a page, and 1, to look into the campaign, if an answer is lost or a day passes",
        "             row 4: https://vm.tiktok.com/abc/",
        "Nothing was sent.",
        "Next: go",
    ):
        assert line in text.splitlines()
    assert "--short-links send" in text


def test_an_undecided_conflict_is_named_with_both_its_rows() -> None:
    rows = builder().add(url(1), fee_cents=5000).add(url(2)).add(url(1), fee_cents=7000)
    text = text_of(rows.plan())
    assert "--conflict first or --conflict last" in text
    assert "row 3 against row 1, video 7568533133424000001: fee_cents 7000 against 5000" in text


def test_a_decided_conflict_asks_for_nothing() -> None:
    rows = CampaignBuilder("Spring", on_conflict="last", now=NOW)
    rows.add(url(1), fee_cents=5000).add(url(1), fee_cents=7000)
    assert "Undecided" not in text_of(rows.plan())


def test_urls_without_a_creator_and_from_the_future_are_warned_of() -> None:
    future = int(datetime(2031, 1, 1, tzinfo=UTC).timestamp()) << 32
    rows = builder().add("https://www.tiktok.com/video/7568533133424000009")
    text = text_of(rows.add(f"https://www.tiktok.com/@maker/video/{future}").plan())
    assert "Warning: 1 URL without a creator" in text
    assert "Warning: 1 video id from the future" in text
    assert "Creator taken from the URL in 1 row." in text


def test_nothing_to_send_costs_nothing() -> None:
    text = text_of(builder().add("not a url").plan())
    assert "Credits   0: no row can be sent, so nothing would be bought" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7200, "2 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_time_is_said_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text
