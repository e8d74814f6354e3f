from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tokfluence_async.campaign.addresses import Address, split
from tokfluence_async.campaign.urls import (
    REFUSAL_REASONS,
    PostURL,
    Refused,
    created_at,
    is_username,
    parse,
)

ID = "7301234567890123456"
CANONICAL = f"https://www.tiktok.com/@kitchen.lab.07/video/{ID}"
SEC_UID = "MS4wLjABAAAAv7iSuuXDJGDvJkmH_vz1qkDZYo1apxgzaxdBSeIuPiM"

WITH_HANDLE = [
    CANONICAL,
    f"http://www.tiktok.com/@kitchen.lab.07/video/{ID}",
    f"HTTP://WWW.TIKTOK.COM/@kitchen.lab.07/video/{ID}",
    f"https://tiktok.com/@kitchen.lab.07/video/{ID}",
    f"https://m.tiktok.com/@kitchen.lab.07/video/{ID}",
    f"www.tiktok.com/@kitchen.lab.07/video/{ID}",
    f"tiktok.com/@kitchen.lab.07/video/{ID}",
    f"//www.tiktok.com/@kitchen.lab.07/video/{ID}",
    f"https:/www.tiktok.com/@kitchen.lab.07/video/{ID}",
    f"https:\\\\www.tiktok.com\\@kitchen.lab.07\\video\\{ID}",
    f"https://www.tiktok.com:443/@kitchen.lab.07/video/{ID}",
    f"www.tiktok.com:80/@kitchen.lab.07/video/{ID}",
    f"https://www.tiktok.com./@kitchen.lab.07/video/{ID}",
    f"https://someone:secret@www.tiktok.com/@kitchen.lab.07/video/{ID}",
    f"https://www.tiktok.com//@kitchen.lab.07///video/{ID}//",
    f"https://www.tiktok.com/%40kitchen.lab.07/video/{ID}",
    f"https://www.tiktok.com/@kitchen%2Elab.07/%76ideo/{ID}",
    f"https://www.tiktok.com/@kitchen.lab.07/Video/{ID}",
    f"https://www%2Etiktok.com/@kitchen.lab.07/video/{ID}",
    f"https%3A%2F%2Fwww.tiktok.com%2F%40kitchen.lab.07%2Fvideo%2F{ID}%3Flang%3Den",
    f"{CANONICAL}?is_from_webapp=1&sender_device=pc&web_id=7412345678901234567",
    f"{CANONICAL}/?lang=de-DE",
    f"{CANONICAL}?_r=1&_t=ZN-8tQkWmVb1cD",
    f"{CANONICAL}#comments",
    f"{CANONICAL}?a=b#c?d",
    f"{CANONICAL}?",
    f"{CANONICAL}%3Flang=en",
    f"{CANONICAL}&lang=en",
    f"{CANONICAL}?list=1,2;3|4",
    f"{CANONICAL}?next=https://www.tiktok.com/@other/video/1",
    f"{CANONICAL}%20",
    f"  {CANONICAL}\t\r\n",
    f'"{CANONICAL}"',
    f"'{CANONICAL}'",
    f"<{CANONICAL}>",
    f"({CANONICAL}).",
    f"\u201c{CANONICAL}\u201d",
    f'="{CANONICAL}"',
    f"\u00a0{CANONICAL}\u00a0",
    f"\ufeff{CANONICAL}",
    f"\u200b{CANONICAL}\u200b,",
    CANONICAL.replace("7301", "73\u200b01"),
    f"{CANONICAL}!",
    f"{CANONICAL}\u2026",
]
WITHOUT_HANDLE = [
    (f"https://www.tiktok.com/@/video/{ID}", f"https://www.tiktok.com/@/video/{ID}"),
    (f"https://www.tiktok.com/@{SEC_UID}/video/{ID}?x=1", f"https://www.tiktok.com/@{SEC_UID}/video/{ID}"),
    (
        f"https://www.tiktok.com/@6812345678901234567/video/{ID}",
        f"https://www.tiktok.com/@6812345678901234567/video/{ID}",
    ),
    (
        f"https://www.tiktok.com/@a b/video/{ID}".replace(" ", "%20"),
        f"https://www.tiktok.com/@a%20b/video/{ID}",
    ),
    (f"https://www.tiktok.com/@ends./video/{ID}", f"https://www.tiktok.com/@ends./video/{ID}"),
    (f"www.tiktok.com/video/{ID}", f"https://www.tiktok.com/video/{ID}"),
    (f"http://www.tiktok.com/share/video/{ID}/", f"https://www.tiktok.com/share/video/{ID}"),
    (f"https://www.tiktokv.com/share/video/{ID}/", f"https://www.tiktokv.com/share/video/{ID}"),
    (f"https://www.tiktok.com/embed/{ID}", f"https://www.tiktok.com/embed/{ID}"),
    (f"https://www.tiktok.com/embed/v2/{ID}?lang=en", f"https://www.tiktok.com/embed/v2/{ID}"),
    (f"https://www.tiktok.com/player/v1/{ID}?music_info=1", f"https://www.tiktok.com/player/v1/{ID}"),
    (f"https://m.tiktok.com/v/{ID}.html?u_code=0", f"https://m.tiktok.com/v/{ID}.html"),
    (
        f"user:pw@m.tiktok.com:443/v/{ID}.HTML".replace("user:pw@", "https://user:pw@"),
        f"https://m.tiktok.com/v/{ID}.HTML",
    ),
]
REFUSED = [
    ("", "empty"),
    (" \u200b\ufeff\n", "empty"),
    ('""', "empty"),
    (ID, "not_a_url"),
    ("n/a", "not_a_url"),
    ("@kitchen.lab.07", "not_a_url"),
    ("see the brief", "not_a_url"),
    (f"{CANONICAL} (reposted)", "not_a_url"),
    ("https://www.tiktok.com/@h/video/73\x0001", "not_a_url"),
    ("https://", "not_a_url"),
    (f"https://www.tiktok.com:port/@h/video/{ID}", "not_a_url"),
    (f"ftp://www.tiktok.com/@h/video/{ID}", "not_a_url"),
    ("javascript:alert(1)//tiktok.com", "not_a_url"),
    ("snssdk1233://aweme/detail/7301234567890123456", "not_a_url"),
    ("mailto:someone@tiktok.com", "not_a_url"),
    (f"{CANONICAL} {CANONICAL}", "several_urls"),
    (f"{CANONICAL}\n{CANONICAL}", "several_urls"),
    (f"{CANONICAL},{CANONICAL}", "several_urls"),
    (f"{CANONICAL}?lang=en;www.tiktok.com/@other/video/1", "several_urls"),
    (f"{CANONICAL}?lang=en,https://www.tiktok.com/@other/video/1", "several_urls"),
    ("https://www.douyin.com/video/7301234567890123456", "not_tiktok"),
    ("https://photos.example/p/DBx91kQ/", "not_tiktok"),
    (f"https://evil.test/www.tiktok.com/@h/video/{ID}", "not_tiktok"),
    (f"https://evil.test\\@www.tiktok.com/@h/video/{ID}", "not_tiktok"),
    (f"https://[::1]/@h/video/{ID}", "not_tiktok"),
    (f"https://localhost/@h/video/{ID}", "not_tiktok"),
    (f"https://eviltiktok.com/@h/video/{ID}", "lookalike_host"),
    (f"https://tiktok.com.evil.test/@h/video/{ID}", "lookalike_host"),
    (f"https://tiktok.com@evil.test/@h/video/{ID}", "lookalike_host"),
    (f"https://www.tiktok.com:443@evil.test/@h/video/{ID}", "lookalike_host"),
    (f"https://tikt0k.com/@h/video/{ID}", "lookalike_host"),
    (f"https://tik-tok.com/@h/video/{ID}", "lookalike_host"),
    (f"https://\uff54\uff49\uff4b\uff54\uff4f\uff4b.com/@h/video/{ID}", "lookalike_host"),
    (f"https://t\u0456kt\u043ek.com/@h/video/{ID}", "lookalike_host"),
    (f"https://www.tiktok.co/@h/video/{ID}", "lookalike_host"),
    ("https://vm.tiktok.com/ZMhKq7Xw2/", "short_link"),
    ("vt.tiktok.com/ZSrA4cB1p", "short_link"),
    ("https://t.tiktok.com/ZSrA4cB1p?k=1", "short_link"),
    ("https://www.tiktok.com/t/ZTdLm8Qe5/", "short_link"),
    ("https://vm.tiktok.com/", "no_video_id"),
    ("https://www.tiktok.com/@kitchen.lab.07", "profile"),
    ("https://www.tiktok.com/@kitchen.lab.07/?lang=en", "profile"),
    ("https://www.tiktok.com/embed/@kitchen.lab.07", "profile"),
    ("https://www.tiktok.com/share/user/6812345678901234567", "profile"),
    ("https://www.tiktok.com/@kitchen.lab.07/live", "live"),
    ("https://www.tiktok.com/live/gaming", "live"),
    (f"https://www.tiktok.com/music/original-sound-{ID}", "music"),
    ("https://www.tiktok.com/tag/baking", "tag"),
    ("https://www.tiktok.com/sticker/glow-1234567", "sticker"),
    (f"https://www.tiktok.com/@kitchen.lab.07/collection/best-{ID}", "collection"),
    (f"https://www.tiktok.com/@kitchen.lab.07/playlist/best-{ID}", "collection"),
    (f"https://www.tiktok.com/collection/best-{ID}", "collection"),
    ("https://www.tiktok.com/discover/baking", "discover"),
    ("https://www.tiktok.com/search?q=baking", "search"),
    ("https://www.tiktok.com/foryou", "not_a_post"),
    (f"https://www.tiktok.com/@kitchen.lab.07/video/{ID}/analytics", "not_a_post"),
    (f"https://ads.tiktok.com/@h/video/{ID}", "not_a_post"),
    ("https://www.tiktok.com", "no_video_id"),
    ("https://www.tiktok.com/@kitchen.lab.07/video/", "no_video_id"),
    ("https://www.tiktok.com/@kitchen.lab.07/photo", "no_video_id"),
    ("https://www.tiktok.com/video", "no_video_id"),
    ("https://www.tiktok.com/embed/v2/", "no_video_id"),
    ("https://m.tiktok.com/v/", "no_video_id"),
    ("https://www.tiktok.com/@h/video/73012345x", "bad_video_id"),
    ("https://www.tiktok.com/@h/video/0123", "bad_video_id"),
    ("https://www.tiktok.com/@h/video/0", "bad_video_id"),
    ("https://www.tiktok.com/@h/video/18446744073709551616", "bad_video_id"),
    ("https://www.tiktok.com/@h/video/123456789012345678901", "bad_video_id"),
    ("https://www.tiktok.com/@h/video/\u0667\u0668", "bad_video_id"),
    ("https://www.tiktok.com/@h/video/7.30123E+18", "bad_video_id"),
    ("https://m.tiktok.com/v/abc.html", "bad_video_id"),
]


def post(text: str) -> PostURL:
    found = parse(text)
    assert isinstance(found, PostURL), found
    return found


@pytest.mark.parametrize("text", WITH_HANDLE)
def test_every_spelling_with_a_handle_has_one_canonical_form(text: str) -> None:
    found = post(text)
    assert found == PostURL(ID, "kitchen.lab.07", "video")
    assert found.url == found.canonical == CANONICAL


@pytest.mark.parametrize(("text", "sent"), WITHOUT_HANDLE)
def test_without_a_handle_the_rows_own_form_is_sent(text: str, sent: str) -> None:
    found = post(text)
    assert found == PostURL(ID, None, "video", sent)
    assert (found.url, found.canonical) == (sent, None)
    assert parse(sent) == found


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_not_a_post_is_refused_with_its_own_reason(text: str, reason: str) -> None:
    found = parse(text)
    assert isinstance(found, Refused), found
    assert found.reason == reason
    assert found.message


def test_every_reason_is_tested() -> None:
    assert {reason for _, reason in REFUSED} == set(REFUSAL_REASONS)


def test_photo_posts_stay_photos() -> None:
    found = post(f"http://m.tiktok.com/@run_club_22/photo/{ID}?lang=en")
    assert found == PostURL(ID, "run_club_22", "photo")
    assert found.url == found.canonical == f"https://www.tiktok.com/@run_club_22/photo/{ID}"


def test_a_post_made_by_hand_has_a_url() -> None:
    assert parse(PostURL(ID, None, "video").url) == PostURL(
        ID, None, "video", f"https://www.tiktok.com/video/{ID}"
    )


def test_a_handle_keeps_its_spelling() -> None:
    found = parse(f"https://www.tiktok.com/@Run_Club_22/video/{ID}")
    assert isinstance(found, PostURL)
    assert found.handle == "Run_Club_22"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://VM.tiktok.com/ZMhKq7Xw2?k=1", "https://vm.tiktok.com/ZMhKq7Xw2/"),
        ("vt.tiktok.com//ZSrA4cB1p//", "https://vt.tiktok.com/ZSrA4cB1p/"),
        ("https://m.tiktok.com/t/ZTdLm8Qe5", "https://www.tiktok.com/t/ZTdLm8Qe5/"),
    ],
)
def test_a_short_link_has_one_spelling_and_advice(text: str, url: str) -> None:
    found = parse(text)
    assert isinstance(found, Refused)
    assert found.url == url
    assert "open it" in found.message


def test_a_foreign_host_is_named() -> None:
    found = parse(f"https://tiktok.com.evil.test/@h/video/{ID}")
    assert isinstance(found, Refused)
    assert "tiktok.com.evil.test" in found.message


def test_the_largest_id_is_accepted() -> None:
    found = parse("https://www.tiktok.com/@h/video/18446744073709551615")
    assert isinstance(found, PostURL)
    assert found.video_id == "18446744073709551615"


def test_values_hash_and_compare() -> None:
    assert len({parse(CANONICAL), parse(CANONICAL + "?lang=en"), parse("n/a"), parse("n/a")}) == 2


@pytest.mark.parametrize("name", ["a", "run_club_22", "kitchen.lab.07", "_x_", "A" * 24, "22"])
def test_usernames(name: str) -> None:
    assert is_username(name)


@pytest.mark.parametrize(
    "name", ["", "a b", "ends.", "A" * 25, SEC_UID, "6812345678901234567", "@h", "h\n", "caf\u00e9"]
)
def test_what_is_no_username(name: str) -> None:
    assert not is_username(name)


def test_ids_of_19_digits_carry_their_time() -> None:
    when = datetime(2026, 3, 2, 12, 30, 5, tzinfo=UTC)
    assert created_at(str((int(when.timestamp()) << 32) | 12345)) == when


def test_a_time_in_the_future_is_told_as_it_is() -> None:
    when = datetime(2043, 1, 1, tzinfo=UTC)
    assert created_at(str(int(when.timestamp()) << 32)) == when


@pytest.mark.parametrize(
    "video_id", ["", "5", "730123456789012345", "18446744073709551615", "x" * 19, "\u0667" * 19]
)
def test_other_ids_carry_no_time(video_id: str) -> None:
    assert created_at(video_id) is None


def test_split_takes_any_site_apart() -> None:
    assert split("https://me:pw@Shop.Example:8080/a//b%20c/?q#f") == Address(
        "shop.example", ("a", "b c"), "me:pw"
    )
