"""A plan of more videos than memory shall hold is the same plan."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async.campaign import blobs, dedupe, videostore
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.rows import BadRow, Row
from tokfluence_async.errors import InputError

MEBIBYTE = 1024 * 1024
URLS = [
    *(f"https://www.tiktok.com/@maker.{number}/video/730123456789012345{number}" for number in range(8)),
    "https://m.tiktok.com/v/7301234567890123450.html",
    "https://www.tiktok.com/@maker.1/photo/7301234567890123451?lang=en",
    "https://www.tiktok.com/video/7",  # no time in it
    "https://www.tiktok.com/@a/video/9301234567890123459",  # from the future
    "https://www.tiktok.com/@a/video/18446744073709551615",  # the last id
    "https://vm.tiktok.com/ZMabc/",
    "https://vm.tiktok.com/ZMabd/",
    "vm.tiktok.com/ZMabc",
    "nonsense",
]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(URLS),
        st.sampled_from([None, "maker.1", "Maker.1", "other", "tkc_1"]),
        st.sampled_from([None, 0, 5000, 7000]),
    ),
    max_size=40,
)


@pytest.fixture
def cramped() -> Iterator[pytest.MonkeyPatch]:
    """Next to nothing is held in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedupe, "MOST_HELD", 4)
        patch.setattr(blobs, "MOST_HELD", 40)
        yield patch


def seen(plan: Plan) -> object:
    """All that a plan says, but for its id."""
    told = plan.to_dict(requests_per_minute=570, concurrency=8)
    del told["plan_id"]
    return told, plan.conflicts, list(plan.posts()), list(plan.skipped())


def planned(
    rows: list[tuple[str, str | None, int | None]], rule: Literal["fail", "first", "last"], block: int
) -> CampaignBuilder:
    builder = CampaignBuilder("Spring", batch_size=3, on_conflict=rule, short_links="send")
    for first in range(0, len(rows), block):
        some: list[Row | BadRow] = [
            Row(first + place + 1, url, handle, fee, [url])
            for place, (url, handle, fee) in enumerate(rows[first : first + block])
        ]
        builder.add_rows(some, name="posts.csv")
    return builder


@pytest.mark.parametrize("rule", ["fail", "first", "last"])
@given(rows=ROWS, more=ROWS, block=st.integers(1, 10))
@settings(max_examples=60)
def test_a_plan_is_the_same_wherever_it_is_kept(
    rule: Literal["fail", "first", "last"],
    rows: list[tuple[str, str | None, int | None]],
    more: list[tuple[str, str | None, int | None]],
    block: int,
) -> None:
    def both() -> list[object]:
        builder = planned(rows, rule, block)
        first = builder.plan()
        told = seen(first)
        builder.add_items(more, name="more")
        second = builder.plan()
        assert seen(first) == told, "a plan stays as it was made"
        return [told, seen(second)]

    held = both()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedupe, "MOST_HELD", 4)
        patch.setattr(blobs, "MOST_HELD", 40)
        assert both() == held


def test_a_stored_plan_outlives_its_builder(
    cramped: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    items = [f"https://www.tiktok.com/@maker/video/{7_301_234_567_890_000_000 + each}" for each in range(500)]
    plan = CampaignBuilder("Spring").add_items([*items, *items[:50]]).plan()
    gc.collect()
    path = tmp_path_factory.mktemp("large") / "spring.tokload"
    LoadFile.create(path, plan).close()
    assert [post.url for post in plan.posts()] == items
    file = LoadFile.read(path)
    assert [each.row for each in file.skipped()] == list(range(501, 551))
    file.close()


def test_memory_does_not_grow_with_the_input(cramped: pytest.MonkeyPatch) -> None:
    cramped.setattr(dedupe, "MOST_HELD", 2000)
    cramped.setattr(blobs, "MOST_HELD", 20_000)

    def peak(rows: int) -> int:
        gc.collect()
        tracemalloc.start()
        try:
            items = (
                (
                    f"https://www.tiktok.com/@maker.{each % 9000}/video/{7_301_234_567_890_000_000 + each * 9 // 10}",
                    None,
                    each % 7,
                )
                for each in range(rows)
            )
            plan = CampaignBuilder("Spring", on_conflict="last").add_items(items).plan()
            assert plan.urls == rows * 9 // 10
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(10_000), peak(40_000)
    assert large < small + MEBIBYTE // 4, f"{small / MEBIBYTE:.2f} MiB and {large / MEBIBYTE:.2f} MiB"


def test_no_room_for_temporary_files_is_told(cramped: pytest.MonkeyPatch) -> None:
    cramped.setattr(videostore, "_SETTINGS", ("max_page_count = 3",))
    builder = CampaignBuilder("Spring")
    items = (
        f"https://www.tiktok.com/@maker.{each}/video/{7_301_234_567_890_000_000 + each}"
        for each in range(5000)
    )
    with pytest.raises(InputError, match=r"does not fit into the folder for temporary files .*full.*TMPDIR"):
        builder.add_items(items)
    with pytest.raises(InputError, match="read in part only"):
        builder.plan()
