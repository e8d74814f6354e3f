"""URLs of any site, taken apart as a browser would, from text as people paste it."""

from __future__ import annotations

import re
from urllib.parse import unquote

from attrs import define

from tokfluence_async.campaign.refusals import Refused

__all__ = ["Address", "clean", "split", "unwrap"]


@define(unsafe_hash=True)
class Address:
    """A URL in its parts.

    Attributes:
        host: In lower case, without user, port and final dot.
        segments: The path's segments, percent escapes resolved, without empty ones.
        user: What stood before the host and an ``@``; usually nothing.
    """

    host: str
    segments: tuple[str, ...]
    user: str = ""


# Soft hyphen, zero-width and directional marks, and the byte order mark: copied along, never seen.
_INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_QUOTES = "\"'`<>()[]{}\u00ab\u00bb\u2018\u2019\u201a\u201c\u201d\u201e\u2039\u203a"
_DROP_INVISIBLE = dict.fromkeys(map(ord, _INVISIBLE))
_AROUND = _BLANKS + _QUOTES
_BEFORE = _AROUND + "=*,;:|"
_AFTER = _AROUND + "*,;:|.!?\u2026"

_ESCAPED_WHOLE = re.compile(r"https?%3a%2f%2f", re.IGNORECASE).match
_ANOTHER_URL = re.compile(r"[\s,;|](?:(?:https?:)?//|(?:www\.|m\.)?tiktok\.com/)", re.IGNORECASE).search
_BLANK_INSIDE = re.compile(r"[\s\x00-\x1f\x7f]").search
_HTTP = re.compile(r"https?:/*", re.IGNORECASE).match
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*:(?!\d)", re.IGNORECASE).match
_AUTHORITY_END = re.compile(r"[/?#]")
# "&" is not in any post's path; it is there where the "?" before a query got lost.
_PATH_END = re.compile(r"[?#&]")
_MAX_PORT_DIGITS = 5


def clean(text: str) -> str:
    """Frees a text of invisible characters, and of blanks, quotes, brackets and punctuation around it."""
    return _drop_invisible(text).lstrip(_BEFORE).rstrip(_AFTER)


def unwrap(text: str) -> str:
    """The same as `clean`, but keeps punctuation: of blanks, quotes and brackets only."""
    return _drop_invisible(text).strip(_AROUND)


def split(text: str) -> Address | Refused:
    """Takes a URL apart as a browser would, whatever its site.

    Args:
        text: A URL, with or without a scheme, perhaps with noise around it.

    Returns:
        Its parts, or a refusal with ``empty``, ``not_a_url`` or ``several_urls``. Never raises.
    """
    cleaned = clean(text)
    if _ESCAPED_WHOLE(cleaned):
        cleaned = clean(unquote(cleaned))
    if not cleaned:
        return Refused.because("empty", cleaned)
    if _ANOTHER_URL(cleaned):
        return Refused.because("several_urls", cleaned)
    if _BLANK_INSIDE(cleaned):
        return Refused.because("not_a_url", cleaned)
    # Browsers read a backslash as a slash; reading it otherwise would let a host hide behind it.
    rest = cleaned.replace("\\", "/")
    scheme = _HTTP(rest)
    if scheme is not None:
        rest = rest[scheme.end() :]
    elif rest.startswith("//"):
        rest = rest.lstrip("/")
    elif _OTHER_SCHEME(rest) or rest.startswith("@") or "." not in _AUTHORITY_END.split(rest, maxsplit=1)[0]:
        return Refused.because("not_a_url", cleaned)
    end = _AUTHORITY_END.search(rest)
    authority, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    user, _, place = authority.rpartition("@")
    host = _host(place)
    if host is None:
        return Refused.because("not_a_url", cleaned)
    path = _PATH_END.split(unquote(_PATH_END.split(path, maxsplit=1)[0]), maxsplit=1)[0]
    segments = (unwrap(part) for part in path.replace("\\", "/").split("/"))
    return Address(host, tuple(part for part in segments if part), user)


def _host(place: str) -> str | None:
    """The host of ``host:port``; None if the port is not one, or there is no host."""
    host, _, port = unquote(place).partition(":")
    if place.startswith("["):  # an IPv6 address, which has colons of its own
        host, port = place, ""
    if port and not (port.isascii() and port.isdigit() and len(port) <= _MAX_PORT_DIGITS):
        return None
    host = host.lower().removesuffix(".")
    return None if not host or _BLANK_INSIDE(host) or _AUTHORITY_END.search(host) or "@" in host else host


def _drop_invisible(text: str) -> str:
    return text if text.isascii() else text.translate(_DROP_INVISIBLE)
