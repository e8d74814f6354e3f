"""What is submitted for analysis, checked before it costs 25 credits each."""

from __future__ import annotations

from collections.abc import Sequence

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol.codec import PostEntry

__all__ = ["checked_entries"]


def checked_entries(posts: Sequence[str] | Sequence[PostEntry]) -> list[PostEntry]:
    """Posts to submit, as entries of URL, creator's handle, and fee in cents.

    Raises:
        ConfigurationError: They are no list, an entry is not of that form, or a URL is in it twice and would be
            charged twice.
    """
    if isinstance(posts, str):
        raise ConfigurationError("posts must be a list of URLs, not a single string")
    entries: list[PostEntry] = [(post, None, 0) if isinstance(post, str) else post for post in posts]
    seen: set[str] = set()
    for entry in entries:
        url = _url_of(entry)
        if url in seen:
            raise ConfigurationError(f"{url!r} is submitted twice, and would be charged twice")
        seen.add(url)
    return entries


def _url_of(entry: object) -> str:
    match entry:
        case (str(url), None | str(), int(fee)) if url.strip() and fee >= 0 and not isinstance(fee, bool):
            return url
        case _:
            raise ConfigurationError(
                f"a post is a URL, or a URL, a creator's handle and a fee in whole cents, not {entry!r}"
            )
