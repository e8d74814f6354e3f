"""Every spelling of a TikTok post's address, reduced to its video id, offline.

`parse` answers with a `PostURL` or says, as a `Refused`, why the text is not the address of one post. It
never raises and never touches the network, so it costs no credits.

Accepted are ``/@handle/video/ID``, ``/@handle/photo/ID``, the same without a handle or with a secUid in its
place, ``/video/ID``, ``/share/video/ID``, ``/embed/ID``, ``/embed/v2/ID``, ``/player/v1/ID`` and
``/v/ID.html`` on ``tiktok.com``, ``www.`` and ``m.`` (and ``tiktokv.com``), whatever the scheme, port, letter
case, query, fragment, percent escapes, repeated slashes, and quotes, blanks or punctuation around. A bare
number is not an address, although it might be a video id: spreadsheets round such numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from attrs import define

from tokfluence_async.campaign.addresses import Address, clean, split
from tokfluence_async.campaign.refusals import REFUSAL_REASONS, RefusalReason, Refused

__all__ = [
    "REFUSAL_REASONS",
    "PostURL",
    "RefusalReason",
    "Refused",
    "canonical_url",
    "created_at",
    "is_short_link",
    "is_username",
    "parse",
    "parse_thoroughly",
    "parse_usual",
]


# Not frozen: freezing triples what making one costs, and a load makes a million.
@define(unsafe_hash=True)
class PostURL:
    """One TikTok post. Treat it as a value: its hash is that of its fields.

    Attributes:
        video_id: The post's id, 1 to 20 decimal digits; unique over all of TikTok, and kept as text.
        handle: The creator's username without ``@``, spelt as in the URL; usernames are compared without
            regard to case. None if the URL does not tell it.
        kind: ``video``, or ``photo`` for a photo post.
        given: Without a handle, the URL as it was given, freed of query, fragment, port and surrounding noise;
            None with one.
    """

    video_id: str
    handle: str | None
    kind: str
    given: str | None = None

    @property
    def canonical(self) -> str | None:
        """``https://www.tiktok.com/@handle/video/ID`` (or ``/photo/``); None without a handle."""
        # Made on demand, since a duplicate never needs it.
        return None if self.handle is None else canonical_url(self.handle, self.kind, self.video_id)

    @property
    def url(self) -> str:
        """What to send to the API: the canonical form; without a handle the given one."""
        return self.canonical or self.given or f"{_SITE}/video/{self.video_id}"


_SITE = "https://www.tiktok.com"
_ROOT = f"{_SITE}/@"
_POST_HOSTS = frozenset(
    f"{sub}{site}" for site in ("tiktok.com", "tiktokv.com") for sub in ("", "www.", "m.")
)
_SHORT_HOSTS = frozenset(("vm.tiktok.com", "vt.tiktok.com", "t.tiktok.com"))
_LOOKALIKE = re.compile(r"t[^./]k-?t[^./]k")

# The spelling of nearly every row. Whatever is unusual in the least is left to `parse_thoroughly`: separators
# in the query, for example, since a second URL may stand behind one. Possessive, so that a mismatch is quick.
_USUAL_SPELLING = (
    r"(?:https?://)?+(?:www\.|m\.)?+tiktok\.com/@(?!\d{15,}/)([\w.]{1,24}+)(?<!\.)/(video|photo)/"
    r"([1-9]\d{0,18}+)/?+(?:\?[!-+\--:<-{}~]*+)?+"
)
_USUAL = re.compile(_USUAL_SPELLING, re.ASCII).fullmatch
_USUAL_LINES = re.compile(rf"^(?:{_USUAL_SPELLING}|.*)$", re.ASCII | re.MULTILINE).findall
# Fifteen digits and more are a numeric user id: a redirect knows it, the API's creator_handle does not.
_USERNAME = re.compile(r"(?!\d{15,}\Z)[\w.]{1,24}(?<!\.)", re.ASCII).fullmatch

_VERSION = re.compile(r"v\d{1,2}", re.ASCII).fullmatch
_MAX_ID = 2**64 - 1
_MAX_ID_DIGITS = 20
_TIMED_ID_DIGITS = 19

_PAGES: dict[str, RefusalReason] = {
    "live": "live",
    "music": "music",
    "tag": "tag",
    "sticker": "sticker",
    "effect": "sticker",
    "collection": "collection",
    "playlist": "collection",
    "discover": "discover",
    "search": "search",
}


def parse(text: str) -> PostURL | Refused:
    """Reduces one spelling of a post's address to the post.

    Args:
        text: A cell of a table, or whatever else a person pasted.

    Returns:
        The post, or why it is not the address of one. Never raises.
    """
    usual = _USUAL(text)
    if usual is None:
        return parse_thoroughly(text)
    handle, kind, video_id = usual.groups()
    return PostURL(video_id, handle, kind)


def is_short_link(text: str) -> bool:
    """Whether a text is a short link, which only its site can tell the video of."""
    found = parse(text)
    return isinstance(found, Refused) and found.reason == "short_link"


def parse_usual(texts: Sequence[str]) -> list[tuple[str, str, str]]:
    """Handle, kind and video id of each text that has the spelling of nearly every row.

    One search through all of them takes half the time of one for each.

    Args:
        texts: Cells of a table.

    Returns:
        As many parts as there are texts: three empty ones where `parse` must have a closer look.
    """
    lines = "\n".join(texts)
    if lines.count("\n") < len(texts):
        return _USUAL_LINES(lines) if texts else []
    found = map(_USUAL, texts)  # a line end inside a cell
    return [("", "", "") if each is None else (each[1], each[2], each[3]) for each in found]


def parse_thoroughly(text: str) -> PostURL | Refused:
    """The same as `parse`, without its shortcut for the usual spellings; several times slower."""
    address = split(text)
    if isinstance(address, Refused):
        return address
    host, segments = address.host, address.segments
    if host in _SHORT_HOSTS or (host in _POST_HOSTS and segments[:1] in {("t",), ("T",)}):
        code = segments if host in _SHORT_HOSTS else segments[1:]
        if not code:
            return Refused.because("no_video_id", clean(text))
        on_host = host if host in _SHORT_HOSTS else "www.tiktok.com/t"
        return Refused.because("short_link", f"https://{on_host}/{_path(code)}/")
    if host not in _POST_HOSTS:
        return Refused.because(_foreign(address), clean(text), f" ({host[:80]})")
    found = _post(address)
    return found if isinstance(found, PostURL) else Refused.because(found, clean(text))


def canonical_url(handle: str, kind: str, video_id: str) -> str:
    """The canonical URL of a post.

    Args:
        handle: The creator's username, without ``@``.
        kind: ``video`` or ``photo``.
        video_id: The post's id.
    """
    return f"{_ROOT}{handle}/{kind}/{video_id}"


def created_at(video_id: str) -> datetime | None:
    """When a post was made, as its id tells: ids of 19 digits carry Unix seconds in their upper 32 bits.

    Args:
        video_id: Decimal digits, as in `PostURL.video_id`.

    Returns:
        An aware datetime in UTC, perhaps in the future: an id with such a time was mistyped or made up, and
        it is for the caller to compare with its clock. None for ids of other lengths, which carry no time.
    """
    if len(video_id) != _TIMED_ID_DIGITS or not (video_id.isascii() and video_id.isdigit()):
        return None
    return datetime.fromtimestamp(int(video_id) >> 32, tz=UTC)


def is_username(text: str) -> bool:
    """Whether a text, without ``@``, can be a TikTok username. A secUid or a numeric user id is none."""
    return _USERNAME(text) is not None


def _path(segments: tuple[str, ...]) -> str:
    return "/".join(quote(part, safe="@", errors="ignore") for part in segments)


def _foreign(address: Address) -> RefusalReason:
    if address.host.endswith(".tiktok.com"):
        return "not_a_post"
    # Full-width and other compatibility letters look like the plain ones that they fold to.
    looks = _LOOKALIKE.search(unicodedata.normalize("NFKC", address.host).lower())
    return "lookalike_host" if looks or _LOOKALIKE.search(address.user.lower()) else "not_tiktok"


def _post(address: Address) -> PostURL | RefusalReason:
    """The post that a path on one of TikTok's own hosts names, or why it names none."""
    segments = address.segments
    words = tuple(part.lower() for part in segments)
    handle: str | None = None
    kind = "video"
    match words:
        case (("video" | "photo") as kind, video_id) | ("share", ("video" | "photo") as kind, video_id):
            pass
        case (owner, ("video" | "photo") as kind, video_id) if owner.startswith("@"):
            name = segments[0][1:]
            handle = name if is_username(name) else None
        case ("embed" | "player", version, video_id) if _VERSION(version):
            pass
        case ("embed", video_id) if not (_VERSION(video_id) or video_id.startswith("@")):
            pass
        case ("v", video_id):
            video_id = video_id.removesuffix(".html")
        case _:
            return _page(words)
    if not _is_video_id(video_id):
        return "bad_video_id"
    given = f"https://{address.host}/{_path(segments)}" if handle is None else None
    return PostURL(video_id, handle, kind, given)


def _page(words: tuple[str, ...]) -> RefusalReason:
    """What a path is that names no post."""
    match words:
        case () | ("video" | "photo" | "v" | "embed" | "player",) | ("share", "video" | "photo"):
            reason: RefusalReason = "no_video_id"
        case ("embed" | "player", version) if _VERSION(version):
            reason = "no_video_id"
        case (owner, "video" | "photo") if owner.startswith("@"):
            reason = "no_video_id"
        case (owner,) | ("embed", owner) if owner.startswith("@"):
            reason = "profile"
        case ("share", "user", *_):
            reason = "profile"
        case (owner, page, *_) if owner.startswith("@"):
            reason = _PAGES.get(page, "not_a_post")
        case _:
            page = words[0]
            reason = _PAGES.get(page, "not_a_post")
    return reason


def _is_video_id(text: str) -> bool:
    return (
        text.isascii()
        and text.isdigit()
        and len(text) <= _MAX_ID_DIGITS
        and not text.startswith("0")
        and int(text) <= _MAX_ID
    )
