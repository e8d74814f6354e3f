from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokfluence_async.campaign.urls import REFUSAL_REASONS, PostURL, is_username, parse, parse_thoroughly

ID = "7301234567890123456"
CANONICAL = f"https://www.tiktok.com/@kitchen.lab.07/video/{ID}"
SEC_UID = "MS4wLjABAAAAv7iSuuXDJGDvJkmH_vz1qkDZYo1apxgzaxdBSeIuPiM"

# Pieces that combine to nearly valid URLs far more often than random text would.
_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(
                    "https://",
                    "http://",
                    "HTTPS://",
                    "//",
                    "www.",
                    "m.",
                    "vm.",
                    "tiktok.com",
                    "tiktokv.com",
                    "TikTok.com",
                ),
                *(
                    "/@",
                    "/%40",
                    "/",
                    "//",
                    "\\",
                    "kitchen.lab.07",
                    "a.",
                    SEC_UID,
                    "6812345678901234567",
                    ".",
                    "@",
                    ":443",
                ),
                *(
                    "/video/",
                    "/photo/",
                    "/Video/",
                    "/share/video/",
                    "/embed/v2/",
                    "/v/",
                    "/t/",
                    "/live",
                    ".html",
                    ID,
                    "0",
                ),
                *(
                    "18446744073709551616",
                    "?lang=en",
                    "?",
                    "#x",
                    "&y=1",
                    ",",
                    ";",
                    "|",
                    " ",
                    "\u200b",
                    "\u00a0",
                    '"',
                    "%2F",
                ),
                *(
                    "%3F",
                    "%20",
                    "%",
                    "\0",
                    "\ud800",
                    "\uff54",
                    "\n",
                    "https%3A%2F%2F",
                    "user:pw@",
                    ".evil.test",
                ),
            ]
        ),
        st.text(max_size=3),
    ),
    max_size=10,
).map("".join)


@given(text=st.one_of(_PIECES, st.text()))
@example(text=CANONICAL)
@example(text=f"{CANONICAL}?x=1,http://tiktok.com/@h/video/1")
@example(text="https://www.tiktok.com/@\ud800/video/1")
@settings(max_examples=600, deadline=None)
def test_parsing_never_raises_agrees_with_the_thorough_way_and_is_idempotent(text: str) -> None:
    found = parse(text)
    assert found == parse_thoroughly(text)
    if isinstance(found, PostURL):
        assert parse(found.url) == found
        assert parse_thoroughly(found.url) == found
        assert 0 < int(found.video_id) < 2**64
        assert found.url.isascii()
        assert found.canonical in {None, found.url}
    else:
        assert found.reason in REFUSAL_REASONS


@given(
    scheme=st.sampled_from(["https://", "http://", "", "//"]),
    host=st.sampled_from(
        ["www.tiktok.com", "m.tiktok.com", "tiktok.com", "TIKTOK.com", "www.tiktok.com:443"]
    ),
    handle=st.from_regex(r"[A-Za-z0-9_.]{0,23}[A-Za-z0-9_]", fullmatch=True),
    kind=st.sampled_from(["video", "photo"]),
    video_id=st.integers(1, 2**64 - 1),
    tail=st.from_regex(r"(/?(\?[ -~]{0,30})?)?", fullmatch=True),
)
@settings(max_examples=300, deadline=None)
def test_usual_urls_agree_both_ways(
    scheme: str, host: str, handle: str, kind: str, video_id: int, tail: str
) -> None:
    text = f"{scheme}{host}/@{handle}/{kind}/{video_id}{tail}"
    found = parse(text)
    assert found == parse_thoroughly(text)
    if isinstance(found, PostURL):
        assert (found.video_id, found.kind) == (str(video_id), kind)
        assert found.handle == (handle if is_username(handle) else None)
    else:
        assert found.reason in {"several_urls", "not_a_url"}
