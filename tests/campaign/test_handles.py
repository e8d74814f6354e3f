from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async.campaign.handles import handle_key, parse_handle


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("run_club_22", "run_club_22"),
        ("@run_club_22", "run_club_22"),
        ("  @Run_Club_22 ", "Run_Club_22"),
        ('"@kitchen.lab.07"', "kitchen.lab.07"),
        ("\u200b@kitchen.lab.07\u00a0", "kitchen.lab.07"),
        ("tkc_8fQ2", "tkc_8fQ2"),
        (" tkc_" + "8" * 40, "tkc_" + "8" * 40),
        ("https://www.tiktok.com/@kitchen.lab.07", "kitchen.lab.07"),
        ("https://www.tiktok.com/@kitchen.lab.07.", "kitchen.lab.07"),
        ("tiktok.com/@kitchen.lab.07/?lang=en", "kitchen.lab.07"),
        ("https://m.tiktok.com/%40Kitchen.lab.07?_t=1", "Kitchen.lab.07"),
    ],
)
def test_handles(text: str, handle: str) -> None:
    assert parse_handle(text) == handle


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "@",
            "Kitchen Lab",
            "ends.",
            "a" * 25,
            "6812345678901234567",
            "caf\u00e9",
            "a,b",
            "tkc_" + "8" * 65,
        ),
        *("https://www.tiktok.com/@h/video/5", "https://www.tiktok.com/@h/live"),
        *("https://photos.example/@h", "https://tiktok.com.evil.test/@h", "https://www.tiktok.com/embed/@h"),
        *("https://www.tiktok.com/@MS4wLjABAAAAv7iSuuXDJGDvJkmH", "https://vm.tiktok.com/ZM1/"),
    ],
)
def test_what_is_no_handle(text: str) -> None:
    assert parse_handle(text) is None


def test_usernames_compare_without_case_and_ids_with_it() -> None:
    assert handle_key("Run_Club_22") == handle_key("run_club_22")
    assert handle_key("tkc_8fQ2") != handle_key("tkc_8fq2")


@given(text=st.text())
@settings(deadline=None)
def test_what_is_a_handle_stays_one(text: str) -> None:
    handle = parse_handle(text)
    assert handle is None or parse_handle(handle) == handle
