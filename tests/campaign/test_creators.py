"""A column that is guessed to hold the creators must agree with the URLs, and who disagrees is counted."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import Column, InputOptions
from tokfluence_async.campaign.creators import GuessedCreators
from tokfluence_async.campaign.items import Item
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan

pytestmark = pytest.mark.anyio


def url(number: int, handle: str = "tea_1") -> str:
    return f"https://www.tiktok.com/@{handle}/video/73012345678901{number:05}"


def without_name(number: int) -> str:
    return f"https://m.tiktok.com/v/73012345678901{number:05}.html"


def of_csv(name: str, *values: str, options: InputOptions | None = None) -> Plan:
    lines = [f"post_url,{name}", *(f"{url(number)},{value}" for number, value in enumerate(values))]
    file = io.BytesIO("\n".join(lines).encode())
    file.name = "posts.csv"
    return CampaignBuilder("Spring").add_file(file, options).plan()


def handles(plan: Plan) -> list[str | None]:
    return [post.creator_handle for post in plan.posts()]


@pytest.mark.parametrize(
    "name", ["creator_id", "channel", "user", "account", "author", "profile", "unique_id"]
)
def test_a_guessed_column_that_mostly_disagrees_with_the_urls_is_not_taken(name: str) -> None:
    plan = of_csv(name, "1717", "organic", "tea_1", "")
    assert handles(plan) == ["tea_1"] * 4
    assert (plan.other_creators, plan.handles_from_url) == (0, 4)
    choice, doubt = plan.notes
    assert choice == f"posts.csv: URL from 'post_url' (guessed); ignored: '{name}'"
    assert doubt.startswith(
        f"posts.csv: creator not taken from '{name}': in 2 of the first 3 rows that tell, "
    )
    assert f"--handle-column {name} takes it all the same" in doubt


def test_a_column_that_is_told_is_taken_and_counted() -> None:
    plan = of_csv("channel", "organic", "paid", "TEA_1", "", options=InputOptions(handle_column="channel"))
    assert handles(plan) == ["organic", "paid", "TEA_1", "tea_1"]
    assert (plan.other_creators, plan.other_creators_at) == (2, (("posts.csv", 2), ("posts.csv", 3)))


@pytest.mark.parametrize("name", ["creator_handle", "Creator", "influencer", "TikTok handle", "username"])
def test_a_name_that_says_creators_is_taken_at_its_word(name: str) -> None:
    plan = of_csv(name, "other_1", "other_2")
    assert (handles(plan), plan.other_creators) == (["other_1", "other_2"], 2)


def test_collaborations_among_others_are_taken_and_counted() -> None:
    plan = of_csv("creator", "tea_1", "@Tea_1", "friend", "tkc_a1b2")
    assert handles(plan) == ["tea_1", "Tea_1", "friend", "tkc_a1b2"]
    assert (plan.other_creators, plan.other_creators_at) == (1, (("posts.csv", 4),))
    assert "creator from 'creator' (guessed)" in plan.notes[0]


def test_tracked_ids_do_not_disagree() -> None:
    for name in ("creator", "creator_id"):
        plan = of_csv(name, "tkc_1", "tkc_2", "tkc_3")
        assert (handles(plan), plan.other_creators, len(plan.notes)) == (["tkc_1", "tkc_2", "tkc_3"], 0, 1)
    # They do not speak for the others either, unless it is ids that the column should hold.
    assert handles(of_csv("channel", "tkc_1", "tkc_2", "paid")) == ["tea_1"] * 3
    assert handles(of_csv("creator_id", "tkc_1", "tkc_2", "paid")) == ["tkc_1", "tkc_2", "paid"]


def test_a_column_of_ids_needs_evidence() -> None:
    for value in ("1717", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"):
        file = io.BytesIO(f"url,creator_id\n{without_name(1)},{value}\n".encode())
        plan = CampaignBuilder("Spring").add_file(file).plan()
        assert (handles(plan), plan.invalid, plan.without_handle) == ([None], 0, 1)
        assert "neither a tkc_ id nor the username in the URL" in plan.notes[1]
    assert handles(of_csv("creator_id", "tea_1", "Tea_1")) == ["tea_1", "Tea_1"]


def test_other_columns_are_taken_where_the_urls_do_not_tell() -> None:
    file = io.BytesIO(f"url,creator\n{without_name(1)},maker\n".encode())
    assert handles(CampaignBuilder("Spring").add_file(file).plan()) == ["maker"]


def test_a_display_name_is_told_of_row_by_row() -> None:
    plan = of_csv("creator", "Kitchen Lab", "tea_1")
    assert (plan.reasons, handles(plan)) == ({"bad_handle": 1}, ["tea_1"])


def test_it_is_judged_by_the_first_rows_that_tell_however_late_they_come() -> None:
    blanks = [""] * 3000
    plan = of_csv("channel", *blanks, "organic", "paid")
    assert set(handles(plan)) == {"tea_1"}
    assert "in 2 of the first 2 rows that tell" in plan.notes[1]
    plan = of_csv("channel", *blanks, *["tea_1"] * 300, *["organic"] * 600)
    assert handles(plan).count("organic") == plan.other_creators == 600


def test_without_a_header_the_first_rows_are_judged_together() -> None:
    rows = [f"@friend,{url(0)}", f"@tea_1,{url(1)}", f"@tea_1,{url(2)}"]
    plan = CampaignBuilder("Spring").add_file(io.BytesIO("\n".join(rows).encode())).plan()
    assert (handles(plan), plan.other_creators_at) == (["friend", "tea_1", "tea_1"], (("open file", 1),))
    rows = [f"@brand,{url(0)}", f"@brand,{url(1)}"]
    plan = CampaignBuilder("Spring").add_file(io.BytesIO("\n".join(rows).encode())).plan()
    assert handles(plan) == ["tea_1", "tea_1"]
    assert "--handle-column 'column 1'" in plan.notes[1]


def test_json_and_mappings_are_judged_by_name_whatever_their_shapes() -> None:
    items: list[Any] = [
        {"url": url(0)},
        {"url": url(1), "creator_id": 1717, "x": 1},
        {"creator_id": 4242, "url": url(2)},
        url(3),
        {"url": url(4), "creator": "tea_1"},
        {"url": url(5), "creator": "friend"},
    ]
    lines = io.BytesIO(b"\n".join(map(orjson.dumps, items)))
    lines.name = "posts.jsonl"
    for plan in (
        CampaignBuilder("Spring").add_items(items).plan(),
        CampaignBuilder("Spring").add_file(lines).plan(),
    ):
        assert handles(plan) == ["tea_1"] * 5 + ["friend"]
        assert (plan.invalid, plan.other_creators) == (0, 1)
        assert "creator not taken from 'creator_id': in 2 of the first 2 rows" in plan.notes[1]


async def test_async_items_are_judged_too() -> None:
    async def items() -> AsyncIterator[Item]:
        for number in range(600):
            yield {"url": url(number), "channel": "paid" if number else None}

    plan = (await CampaignBuilder("Spring").add_items_async(items())).plan()
    assert set(handles(plan)) == {"tea_1"}
    assert plan.urls == 600
    assert [each.row for each in plan.posts()] == list(range(1, 601))
    assert plan.notes[0] == "mappings: URL from 'url' (guessed); ignored: 'channel'"


def test_tables_of_arrow_are_judged_too() -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"url": [url(0), url(1)], "channel": ["organic", None]})
    plan = CampaignBuilder("Spring").add_table(table).plan()
    assert handles(plan) == ["tea_1", "tea_1"]
    assert "creator not taken from 'channel': in 1 of the first 1 row that tells" in plan.notes[1]


def test_it_takes_no_more_memory_for_more_rows() -> None:
    creators = GuessedCreators(Column(1, "channel", guessed=True))
    creators.judge([url(0)], ["tea_1"])
    creators.judge([url(0)] * 100, ["organic"] * 100)
    assert (creators.settled, creators.refused, creators.notes) == (True, False, ())


def test_every_way_to_name_another_creator_is_counted() -> None:
    builder = CampaignBuilder("Spring")
    builder.add(url(0), creator_handle="friend").add(url(1), creator_handle="TEA_1")
    builder.add(f"  '{url(2)}?_t=8x' ", creator_handle="friend").add(without_name(3), creator_handle="friend")
    builder.add(url(4), creator_handle="tkc_1").add_items([(url(5), "friend"), (url(6), None)], name="more")
    builder.add("nonsense", creator_handle="friend")
    plan = builder.plan()
    assert plan.other_creators_at == ((None, 1), (None, 3), ("more", 1))
    assert plan.other_creators == 3


def test_only_the_first_places_are_kept() -> None:
    plan = of_csv("creator", *["friend"] * 20, options=InputOptions(handle_column="creator"))
    assert plan.other_creators == 20
    assert [row for _, row in plan.other_creators_at] == [2, 3, 4, 5, 6]


def test_a_load_file_keeps_the_count(tmp_path: Path) -> None:
    plan = of_csv("creator_handle", "friend", "tea_1")
    file = LoadFile.create(tmp_path / "x.tokload", plan)
    try:
        kept = file.plan()
    finally:
        file.close()
    assert (kept.other_creators, kept.other_creators_at) == (1, (("posts.csv", 2),))


def test_what_is_said_of_a_column_can_be_kept_whatever_its_name(tmp_path: Path) -> None:
    plan = CampaignBuilder("Spring").add_items([{"url": url(0), "channel \ud83d": "paid"}]).plan()
    assert "--handle-column 'channel \\ud83d'" in plan.notes[1]
    file = LoadFile.create(tmp_path / "x.tokload", plan)
    try:
        assert file.plan().notes == plan.notes
    finally:
        file.close()
