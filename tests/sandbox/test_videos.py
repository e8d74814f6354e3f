from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.sandbox.videos import Video, is_video_id, parse_video

ID = "7234567890123456789"


@pytest.mark.parametrize(
    ("url", "handle"),
    [
        (f"https://www.tiktok.com/@alice/video/{ID}", "alice"),
        (f"https://www.tiktok.com/@Alice/video/{ID}", "alice"),
        (f"http://m.tiktok.com:443/@alice/photo/{ID}/?lang=en#top", "alice"),
        (f"  tiktok.com/%40alice/video/{ID}  ", "alice"),
        (f"//www.tiktok.com/@/video/{ID}", None),
        (f"https://www.tiktok.com/embed/v2/{ID}", None),
        (f"https://www.tiktok.com/player/v1/{ID}", None),
        (f"https://www.tiktokv.com/share/video/{ID}/", None),
        (f"https://m.tiktok.com/v/{ID}.html", None),
    ],
)
def test_posts_are_recognised(url: str, handle: str | None) -> None:
    assert parse_video(url) == Video(ID, handle)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "https://www.tiktok.com/@alice",
        "https://www.tiktok.com/@alice/live",
        "https://www.tiktok.com/@alice/video/",
        "https://www.tiktok.com/@alice/video/12a34567",
        f"https://eviltiktok.com/@alice/video/{ID}",
        f"https://tiktok.com.evil.test/@alice/video/{ID}",
        f"https://tiktok.com@evil.test/@alice/video/{ID}",
        f"https://www.douyin.com/video/{ID}",
        f"ftp://www.tiktok.com/@alice/video/{ID}",
    ],
)
def test_everything_else_is_not(url: str) -> None:
    assert parse_video(url) is None


def test_a_short_link_always_leads_to_the_same_video() -> None:
    found = parse_video("https://vm.tiktok.com/ZMabc123/")
    assert found is not None
    assert is_video_id(found.id)
    assert found == parse_video("https://www.tiktok.com/t/ZMabc123") == parse_video("vt.tiktok.com/ZMabc123")
    assert found != parse_video("https://vm.tiktok.com/ZMabc124/")


@given(st.integers(10**17, 10**20 - 1), st.from_regex(r"[a-z0-9_.]{2,24}", fullmatch=True))
def test_id_and_handle_survive(video_id: int, handle: str) -> None:
    found = parse_video(f"https://www.tiktok.com/@{handle}/video/{video_id}?_t=1")
    assert found == Video(str(video_id), handle)


@given(st.text(max_size=80))
def test_any_text_can_be_asked_about(text: str) -> None:
    found = parse_video(text)
    assert found is None or is_video_id(found.id)
